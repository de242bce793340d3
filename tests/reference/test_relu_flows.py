"""Certified flows with kinks: regions, switches located to the working precision, grazing."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb, arb_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import by_regions

import oracle
from oracle.arithmetic.ball import precision
from oracle.arithmetic.suprema import derivatives
from oracle.equations.activations import ACTIVATIONS
from oracle.reference import certified, regions, step_length
from oracle.reference.defect import Watched
from oracle.reference.enclosure import exact
from oracle.reference.limits import NotProved
from oracle.strategies import networks

DIGITS = 25


def test_one_unit_in_closed_form() -> None:
    """h' = -h + relu(2h - 1) from 0.2, 0.75 and 1.5: with z > 0 it is h - 1, growing away from 1 as e^t, and below 1/2
    it decays; from 0.75 the unit switches off at 1 - e^t/4 = 1/2, at t = ln 2. Planted fault: no switch is outside."""
    net = oracle.Network.rate([[2.0]], None, [-1.0], activation="relu")
    ctx = mpmath.MPContext()
    ctx.dps = 60
    t = ctx.mpf(3) / 2
    truth = [ctx.mpf(0.2) * ctx.exp(-t), ctx.exp(ctx.log(2) - t) / 2, 1 + ctx.exp(t) / 2]
    for start, value in zip((0.2, 0.75, 1.5), truth, strict=True):
        assert oracle.reference(net, h0=[start], times=["1.5"], digits=DIGITS).contains([[value]]).all()
    never = 1 - ctx.exp(t) / 4
    assert not oracle.reference(net, h0=[0.75], times=["1.5"], digits=DIGITS).contains([[never]]).any()


def touching(height: Fraction) -> Any:
    """h1 = t - t^2/2 peaks at 1/2 for t = 1; the second unit sees relu(h1 - 1/2 + height) from rest and grazes its kink
    for height = 0. h2(2) = int e^{-(2 - t)} (height - (t-1)^2/2) over |t - 1| < sqrt(2 height)."""
    net = oracle.Network(
        A=[0.0, -1.0],
        B=[[0.0, 0.0], [0.0, 1.0]],
        W=[[0.0, 0.0], [1.0, 0.0]],
        M=[[0.0], [0.0]],
        b=np.array([Fraction(0), height - Fraction(1, 2)], dtype=object),
        E=[[1.0], [0.0]],
        activation="relu",
    )
    return oracle.reference(net, oracle.sampled([[1.0], [-1.0]], 2), [0.0, 0.0], [2], digits=DIGITS)


@pytest.mark.parametrize("height", [Fraction(0), Fraction(-1, 10**6), Fraction(-1, 10**30), Fraction(1, 10**34)])
def test_grazing_needs_no_decision(height: Fraction) -> None:
    """Touching the kink, missing it by less than the working precision or crossing it for less: the state is enclosed
    all the same; below the kink exactly 0, above it at most 2 sqrt(2) height^(3/2)."""
    found = touching(height)
    most = 3 * max(Fraction(0), height) * Fraction(1, 10**15) if height > 0 else Fraction(0)
    assert found.digits >= DIGITS
    assert exact(found.mid[0, 1]) - exact(found.rad[0, 1]) <= most
    assert exact(found.mid[0, 1]) + exact(found.rad[0, 1]) >= 0


@pytest.mark.parametrize("height", [Fraction(1, 10**2), Fraction(1, 10**10)])
def test_a_short_excursion_is_seen(height: Fraction) -> None:
    """Above the kink for 2 sqrt(2 height): the integral in closed form, int e^{-(1-u)} (height - u^2/2) du, is inside;
    planted fault: 0 is not."""
    ctx = mpmath.MPContext()
    ctx.dps = 60
    e = ctx.mpf(height.numerator) / height.denominator
    a = ctx.sqrt(2 * e)
    # int e^{u-1} (e - u^2/2) du = e^{u-1} (e - u^2/2 + u - 1)
    truth = ctx.exp(a - 1) * (a - 1) - ctx.exp(-a - 1) * (-a - 1)
    found = touching(height)
    assert found.contains([[ctx.zero, truth]]).all()
    assert not found.contains([[ctx.zero, ctx.zero]])[0, 1]


def test_from_rest_with_every_unit_at_its_kink() -> None:
    """h0 = 0 and b = 0 with an input that rises from 0: every z is 0 at the beginning, and the regions that follow are
    found. Twice the signal is twice the state (relu is positively homogeneous); without input it stays at 0 exactly."""
    rng = np.random.default_rng(5)
    net = oracle.Network.rate(1.5 * rng.normal(size=(3, 3)), rng.normal(size=(3, 1)), None, activation="relu")
    values = np.array([[0.0], [1.0], [-1.0]])
    once, twice = (oracle.reference(net, oracle.sampled(k * values, 1), None, [2], digits=DIGITS) for k in (1, 2))
    gaps = [abs(2 * exact(a) - exact(b)) for a, b in zip(once.mid[0], twice.mid[0], strict=True)]
    sums = [2 * exact(a) + exact(b) for a, b in zip(once.rad[0], twice.rad[0], strict=True)]
    assert all(gap <= total for gap, total in zip(gaps, sums, strict=True))
    assert once.float64().max() > 0.1
    still = oracle.reference(net, None, None, [2], digits=DIGITS)
    assert still.contains(np.zeros((1, 3))).all()


def by_exponentials(net: oracle.Network, h0: Any, last: float, digits: int) -> Any:
    """The flow without input by another way: e^{tJ} region by region in mpmath, switches by bisection of the sign."""
    ctx = mpmath.MPContext()
    ctx.dps = digits
    A, B, W = (ctx.matrix(np.asarray(m if np.ndim(m) == 2 else np.diag(m)).tolist()) for m in (net.A, net.B, net.W))
    b, h, t, N = ctx.matrix(net.b.tolist()), ctx.matrix(h0.tolist()), ctx.mpf(0), len(h0)

    def moved(pattern: list[bool], h: Any, s: Any) -> Any:
        D = ctx.diag([int(p) for p in pattern])
        big = ctx.zeros(N + 1)
        big[:N, :N], big[:N, N] = A + B * D * W, B * D * b
        return (ctx.expm(big * s) * ctx.matrix([*h, 1]))[:N]

    def signs(h: Any) -> list[bool]:
        return [z > 0 for z in W * h + b]

    while t < last:
        pattern, low, high = signs(h), ctx.zero, min(ctx.mpf(1) / 4, last - t)
        if signs(moved(pattern, h, high)) != pattern:
            for _ in range(int(3.4 * digits)):
                middle = (low + high) / 2
                low, high = (middle, high) if signs(moved(pattern, h, middle)) == pattern else (low, middle)
        h, t = moved(pattern, h, high), t + high
    return list(h)


@pytest.mark.parametrize("seed", [4])
def test_against_matrix_exponentials_region_by_region(seed: int) -> None:
    """Three units, some switches: the same flow by matrix exponentials and bisection, to 30 digits, is inside."""
    rng = np.random.default_rng(seed)
    net = oracle.Network(A=-1.0, B=np.eye(3), W=2 * rng.normal(size=(3, 3)), b=rng.normal(size=3), activation="relu")
    h0 = rng.normal(size=3)
    found = oracle.reference(net, h0=h0, times=[1], digits=12)
    assert found.contains([by_exponentials(net, h0, 1.0, 30)]).all()


@settings(max_examples=4)
@given(networks(units=4, inputs=1, activations=("relu",), gain=1.5), st.integers(0, 2**32 - 1))
def test_the_radius_holds_for_a_longer_computation(net: oracle.Network, seed: int) -> None:
    """The answer to 12 digits contains the answer to 24, for drawn networks with held input that jumps twice."""
    rng = np.random.default_rng(seed)
    slow = net.rescale(Fraction(1, 8))
    signal, h0 = oracle.held(rng.normal(size=(3, net.I)), Fraction(1, 2)), rng.normal(size=net.N)
    short, long = (oracle.reference(slow, signal, h0, ["1.5"], digits=digits) for digits in (12, 24))
    assert short.contains(long.mid).all()
    assert long.digits >= 24


def test_a_hard_tanh_in_closed_form() -> None:
    """h' = -h + hardtanh(2h) from 1/4: e^t/4 until 2h = 1 at ln 2, then 1 - e^(ln 2 - t)/2; from 1 (beyond the kink at
    once) it stays, from -1/4 it is the mirror image. Planted fault: e^t/4 for ever is outside."""
    net = oracle.Network.rate([[2.0]], activation="hardtanh")
    ctx = mpmath.MPContext()
    ctx.dps = 60
    t = ctx.mpf(3) / 2
    truth = 1 - ctx.exp(ctx.log(2) - t) / 2
    for start, value in ((0.25, truth), (1.0, ctx.one), (-0.25, -truth)):
        assert oracle.reference(net, h0=[start], times=["1.5"], digits=DIGITS).contains([[value]]).all()
    assert not oracle.reference(net, h0=[0.25], times=["1.5"], digits=DIGITS).contains([[ctx.exp(t) / 4]]).any()


@pytest.mark.parametrize("alpha", [1, 3])
def test_an_elu_by_quadrature(alpha: int) -> None:
    """u = h - 1 of h' = -h + elu(h - 1): u' = -1 - u + elu(u) is -1 from 1/2 until t = 1/2, and below 0 takes the time
    int du/(1 + u + alpha (1 - e^u)) from u to 0. Planted fault: for the other alpha it is outside."""
    ctx = mpmath.MPContext()
    ctx.dps = 30
    u = -ctx.mpf(1) / 4
    last = ctx.mpf(1) / 2 + ctx.quad(lambda v: 1 / (1 + v + alpha * (1 - ctx.exp(v))), [u, 0])
    last = Fraction(int(ctx.floor(last * 10**25)), 10**25)  # u moves by less than 10^-24 from here to the true instant
    for name, inside in ((f"elu({alpha})", True), (f"elu({4 - alpha})", False)):
        net = oracle.Network.rate([[1.0]], None, [-1.0], activation=name)
        assert oracle.reference(net, h0=[1.5], times=[last], digits=20).contains([[1 + u]]).all() == inside


KINKED = ("hardtanh", "hardtanh(-0.25,2)", "elu", "elu(3)", "leaky-relu(0.2)")


@pytest.mark.parametrize(
    ("name", "form"), [*((name, "rate") for name in sorted(by_regions.BRANCHES)), ("hardtanh", "current")]
)
def test_kinks_against_mpmath_alone(name: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three units that leave their regions: a program in mpmath, at twice the digits, is inside. Planted fault: not
    with the branch beyond a kink taken a millionth steeper."""
    rng = np.random.default_rng(len(name))
    W, M, b, tau = (
        1.2 * rng.normal(size=(3, 3)),
        rng.normal(size=(3, 2)),
        rng.normal(size=3) / 4,
        rng.uniform(0.5, 2, 3),
    )
    X, h0, last = rng.normal(size=(2, 2)), rng.normal(size=3), Fraction(1)
    net = getattr(oracle.Network, form)(W, M, b, tau=tau, activation=name)
    found = oracle.reference(net, oracle.held(X, last / 2), h0, [last], digits=12)

    def inside() -> bool:
        truth = by_regions.flow(form, (W, M, b, tau), name, h0, X, last, 24)
        return bool(found.contains(np.array(truth, dtype=object)[None]).all())

    assert inside()
    kinks, (*below, beyond) = by_regions.BRANCHES[name]
    steeper = (*below, lambda c, z: beyond(c, z) * (1 + c.mpf(10) ** -6))
    monkeypatch.setitem(by_regions.BRANCHES, name, (kinks, steeper))
    assert not inside()


@pytest.mark.parametrize("name", KINKED)
def test_units_with_kinks_against_a_longer_computation(name: str) -> None:
    """Four driven units that cross their kinks: 12 digits contain what 24 say, and a Runge-Kutta run is near."""
    rng = np.random.default_rng(4)
    W, M, b, h0 = rng.normal(size=(4, 4)), 3 * rng.normal(size=(4, 1)), rng.normal(size=4), rng.normal(size=4)
    net, x = oracle.Network.rate(W, M, b, activation=name), oracle.sampled([[0.0], [1.0], [-1.0]], 1)
    short, long = (oracle.reference(net, x, h0, [2], digits=digits) for digits in (12, 24))
    assert short.status == "proved"
    assert short.contains(long.mid).all()
    assert len(oracle.switches(net, x, h0, 2, digits=10)) > 3
    F, h, dt = ACTIVATIONS[name].floats, h0, 1 / 512
    assert F is not None
    for k in range(1024):
        u = [float(np.interp(k / 512 + c * dt, range(3), [0.0, 1.0, -1.0])) for c in (0, 0.5, 1)]
        k1 = -h + F(W @ h + M[:, 0] * u[0] + b)
        middle = h + dt / 2 * k1
        h = h + dt * (-middle + F(W @ middle + M[:, 0] * u[1] + b))
    np.testing.assert_allclose(h, short.float64()[0], rtol=1e-3, atol=1e-4)  # the midpoint method at step 1/512


@pytest.mark.parametrize("name", [*KINKED, "relu"])
def test_branches_are_the_activation(name: str) -> None:
    """The value and the slope that a region reads are those of the activation between its kinks. Planted fault: the
    region next to it reads another value."""
    kind = ACTIVATIONS[name]
    ends = [min(kink for kink in kind.kinks) - 3, *kind.kinks, max(kink for kink in kind.kinks) + 3]
    for below, (low, high) in enumerate(itertools.pairwise(ends)):
        with precision(80, 2):
            points = [low + (high - low) * Fraction(k, 7) for k in range(1, 7)]
            z = arb_mat(len(points), 2, [c for p in points for c in (arb(p.numerator) / p.denominator, arb(1))])

            def read(pattern: int, z: arb_mat = z) -> list[Any]:
                found: list[Any] = Watched(2, None, (pattern,) * z.nrows()).act(name, z).tolist()
                return found

            exactly, slopes = derivatives(name, [row[0] for row in z.tolist()], 1)
            for (value, slope), v, s in zip(read(below), exactly, slopes, strict=True):
                assert value.overlaps(v)
                assert slope.overlaps(s)
            other = below - 1 if below else below + 1
            assert not any(value.overlaps(v) for (value, _), v in zip(read(other), exactly, strict=True))


def test_a_threshold_that_is_not_reached_and_one_that_is() -> None:
    """softplus(20) below its threshold is softplus; a unit that grows to it ends the proof there, in three parts."""
    rng = np.random.default_rng(4)
    W, b, h0 = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3)
    plain, cut = (oracle.Network.rate(W, None, b, activation=name) for name in ("softplus", "softplus(20)"))
    one, other = (oracle.reference(net, None, h0, [1], digits=15) for net in (plain, cut))
    assert (one.mid == other.mid).all()
    rising = oracle.Network(A=0.0, B=1.0, W=[[1.0]], activation="softplus(20)")  # e^h grows like e^t
    assert oracle.reference(rising, None, [19.0], ["0.05"], digits=12).digits >= 12
    with pytest.raises(NotProved, match="comes to 20") as caught:
        oracle.reference(rising, None, [19.0], ["0.06"], digits=12)
    assert "What to do" in str(caught.value)


def test_a_step_over_a_kink_costs_what_it_is_off() -> None:
    """Planted fault: units that cross their kink unseen make the enclosure of the closed form fail; with the distance
    beyond the kink in the defect they only make it wide."""
    z = arb_mat(1, 3, [0.25, -1.0, 0.5])
    with precision(80):
        kinks = (Fraction(0),)
        seen = regions.exits(z, (1,), kinks, Fraction(1), arb(2) ** -60, 80)
        assert seen.leaving == {0: -1}
        assert abs(float(seen.q) - (1 - np.sqrt(0.5))) < 1e-12
        silent = regions.exits(z, (0,), kinks, Fraction(1, 4), arb(2) ** -60, 80)
        assert silent.misplaced == {0: 1}


@pytest.mark.parametrize("times", [-3.0, -1.5, -0.5, 0.5, 1.5, 3.0])
def test_next_to_a_kink_one_region_is_right(times: float) -> None:
    """z starts some tolerances from its kink and rises: of both regions one at least is not misplaced."""
    tolerance, kinks = arb(2) ** -60, (Fraction(0),)
    z = arb_mat(1, 2, [arb(times) * tolerance, arb(1)])
    with precision(80):
        seen = [regions.exits(z, (below,), kinks, Fraction(1), tolerance, 80).misplaced for below in (0, 1)]
    assert not all(seen)


def test_a_steep_zero_is_located_to_the_tolerance() -> None:
    """z = 2^10 t - 2^10/3 in 53 bits: where the region is left z is about zero. Planted fault: it is not at the nearest
    multiple of 2^-49."""
    tolerance, steep = arb(2) ** -46, 1 << 10
    with precision(53):
        seen = regions.exits(arb_mat(1, 2, [-arb(steep) / 3, steep]), (0,), (Fraction(0),), Fraction(1), tolerance, 49)
    off = [abs(steep * t - Fraction(steep, 3)) for t in (seen.q, Fraction(round(Fraction(1, 3) * 2**49), 2**49))]
    assert seen.leaving == {0: 1}
    assert off[0] <= Fraction(1, 2**43) < off[1]


def test_crossing_unseen_is_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: an engine that never leaves a region (no exits) misses the closed form of the single unit."""
    net = oracle.Network.rate([[2.0]], None, [-1.0], activation="relu")
    ctx = mpmath.MPContext()
    ctx.dps = 40
    truth = ctx.exp(ctx.log(2) - ctx.mpf(3) / 2) / 2
    for module in (certified, step_length):
        monkeypatch.setattr(module, "exits", lambda z, p, k, q, *_: regions.Exit(q, [arb(0)] * len(p), {}, {}))
    assert not oracle.reference(net, h0=[0.75], times=["1.5"], digits=12).contains([[truth]]).any()
