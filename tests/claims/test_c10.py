"""C10, fixed points: Newton and Krawczyk, the identities, both inequalities of Runge-Kutta, spurious fixed points."""

from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import general, network, setting
from flint import arb

import oracle
from oracle import data
from oracle.claims import c10
from oracle.claims import krawczyk as room
from oracle.claims.fixed_points import fixed_point, fixed_points, krawczyk, rounded
from oracle.procedures import discretize

SEEDS = range(12)


@pytest.mark.parametrize("seed", SEEDS)
def test_holds(seed):
    """Every form and activation: exact for Euler and exponential Euler, inside both bounds for Runge-Kutta."""
    net = network(seed)
    for scheme in ("euler", "exponential-euler", "rk4", "heun", "midpoint"):
        options = {**setting(seed, net), "step": 0.01}
        result = c10.CLAIM.verify(net, scheme=scheme, **options)
        assert result.verdict == "holds", result
        if scheme in ("rk4", "heun", "midpoint"):
            assert 1 <= result.slack < 1.25
        else:
            assert result.measured == 0


def test_holds_for_the_normal_form():
    """Dense A, B, E, c; exponential Euler is not asked for."""
    assert c10.CLAIM.verify(general(2)).verdict == "holds"
    assert c10.CLAIM.verify(general(2), scheme="rk4", step=0.01).verdict == "holds"


def test_a_large_step_is_not_covered():
    """Where p(Delta L) >= 2 the claim does not apply, and says with which number."""
    result = c10.CLAIM.verify(c10.spurious(), scheme="rk4", step=1.5)
    assert result.verdict == "not applicable"
    assert "p(Delta L) <= 5.125" in result.assumptions[1].evidence


def test_at_an_exact_equilibrium():
    """At h = 1/2 of h' = -h - relu(h) + 1 the RK4 step stays, exactly."""
    result = c10.CLAIM.verify(c10.spurious(), scheme="rk4", step=0.25, at=[0.5])
    assert (result.verdict, result.measured) == ("holds", 0)


def test_the_bound_is_attained():
    """h' = L h: |Phi(h) - h| is Delta |F| p(Delta L) to all digits of the balls."""
    net = oracle.Network(A=0.75, B=0, W=[[0.0]], activation="identity")
    result = c10.CLAIM.verify(net, scheme="rk4", step=0.5, at=[0.3])
    assert result.verdict in ("holds", "undecided")  # the ends of the two balls touch
    assert abs(result.bound - float(0.3 * 0.75 * 0.5 * c10.stage_factor(c10.TABLEAUS["rk4"], 0.375))) < 1e-15


def test_the_exact_spurious_fixed_point():
    """15/22 and -4/11, in rationals."""
    assert c10.rectified().gap == Fraction(4, 11)
    true = fixed_point(c10.spurious())
    assert abs(true.h[0] - Fraction(1, 2)) <= Fraction(true.radius)


def test_the_spurious_fixed_point_of_tanh():
    """h = .3091267.. is fixed by RK4 with Delta = 3/2 and no equilibrium: bisection in mpmath finds the same."""
    import mpmath

    def step(h):
        def F(v):
            return -v - mpmath.tanh(v)

        d = mpmath.mpf(3) / 2
        a = F(h)
        b = F(h + d / 2 * a)
        c = F(h + d / 2 * b)
        return h + d / 6 * (a + 2 * b + 2 * c + F(h + d * c))

    point, size = c10.smooth()
    with mpmath.workdps(40):
        root = mpmath.findroot(lambda h: step(h) - h, (0.25, 0.35), solver="anderson", tol=1e-60)
        assert abs(mpmath.mpf(point.h[0].numerator) / point.h[0].denominator - root) < mpmath.mpf(10) ** -35
    assert abs(float(point.h[0]) - 0.3091267) < 1e-7
    assert point.radius < 1e-50
    assert size > 0.6


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 8, 9, 20])
def test_certified_equilibria_are_equilibria(seed):
    """Newton's method in mpmath with 60 digits ends inside the enclosure (zero tolerance)."""
    import mpmath

    net = network(seed)
    point = fixed_point(net, np.ones(net.I) / 4)
    assert point, point
    with mpmath.workdps(80):
        A, B, W, M = (_mp(getattr(net.field, name).expanded) for name in "ABWM")
        z0 = (
            M * _mp(np.ones((net.I, 1)) / 4) + _mp(_total(net.field.b, W.rows))
            if net.I
            else _mp(_total(net.field.b, W.rows))
        )
        E, c = _mp(net.field.E.expanded), _mp(_total(net.field.c, net.N))
        out = E * _mp(np.ones((net.I, 1)) / 4) + c if net.I else c
        value, slope = {
            "tanh": (mpmath.tanh, lambda v: 1 - mpmath.tanh(v) ** 2),
            "logistic": (
                lambda v: 1 / (1 + mpmath.exp(-v)),
                lambda v: mpmath.exp(-v) / (1 + mpmath.exp(-v)) ** 2,
            ),
            "relu": (lambda v: max(v, mpmath.mpf(0)), lambda v: mpmath.mpf(int(v > 0))),
            "identity": (lambda v: v, lambda v: mpmath.mpf(1)),
        }[net.activation]
        h = _mp(rounded(point)[:, None])
        for _ in range(8):
            z = W * h + z0
            F = A * h + B * z.apply(value) + out
            h = h - mpmath.lu_solve(A + B * mpmath.diag([slope(v) for v in z]) * W, F)
        far = max(abs(h[i] - mpmath.mpf(q.numerator) / q.denominator) for i, q in enumerate(point.h))
        assert far <= mpmath.mpf(point.radius)


def _mp(array):
    import mpmath

    made = mpmath.matrix(*array.shape)
    for (i, j), entry in np.ndenumerate(array):
        q = Fraction(entry)
        made[i, j] = mpmath.mpf(q.numerator) / q.denominator
    return made


def _total(parts, size):
    total = np.full((size, 1), Fraction(0), dtype=object)
    for part in parts:
        total[:, 0] += [Fraction(entry) for entry in part]
    return total


def test_memory_states_of_the_trained_network():
    """The flip-flop trained here has several certified equilibria, in pairs h, -h where it has no bias."""
    net = data.flipflop()
    found = fixed_points(net, None, np.random.default_rng(0).normal(size=(8, net.N)))
    assert len(found) >= 3
    for point in found:
        assert point.radius < 1e-40
        assert point.unique_within > point.radius


def test_a_double_zero_is_not_proved():
    """F = h - tanh h has a triple zero at 0: no box passes, and nothing is claimed."""
    net = oracle.Network(A=-1, W=[[1.0]])
    assert krawczyk(net, np.zeros(1), np.array([])).status == "undecided"
    assert not fixed_point(net, None, [0.5])


def test_what_is_no_fixed_point_is_not_proved():
    """A candidate off by 1/4 is polished to the true one, or refused; never certified where it was put."""
    net = oracle.Network.rate([[0.5]], None, [0.25], tau=1)
    true = fixed_point(net)
    shifted = krawczyk(net, np.array([float(true.h[0]) + 0.25]), np.array([]))
    assert not shifted or abs(shifted.h[0] - true.h[0]) <= Fraction(shifted.radius) + Fraction(true.radius)
    none = oracle.Network(A=0, W=[[1.0]], activation="logistic")  # h' = s(h) > 0 everywhere
    assert not fixed_point(none)
    assert not krawczyk(none, np.array([-30.0]), np.array([]))


def test_a_kink_in_the_box():
    """relu at its kink: the secants [0, 1] still prove one equilibrium, h = 0 of h' = -h + relu(h)/4."""
    net = oracle.Network(A=-1, B=0.25, W=[[1.0]], activation="relu")
    point = krawczyk(net, np.array([2.0**-30]), np.array([]))
    assert point
    assert abs(point.h[0]) <= Fraction(point.radius)


FAULTS = {
    "Euler steps half": (discretize, "euler", lambda right: lambda field, step: right(field, step / 2), "euler"),
    "gain of exponential Euler": (
        discretize,
        "_effective_step",
        lambda right: lambda a, step, exp: step,
        "exponential-euler",
    ),
    "p without stages": (c10, "stage_factor", lambda right: lambda tableau, z: 0 * z + 0.5, "rk4"),
    "L negative": (c10, "lipschitz", lambda right: lambda field: -right(field), "rk4"),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_fault_is_reported(fault, monkeypatch, planted):
    """A wrong step or a wrong constant is violated."""
    place, name, make, scheme = FAULTS[fault]
    monkeypatch.setattr(place, name, make(getattr(place, name)))
    net = oracle.Network(A=0.5, B=1, W=[[1.5]], activation="identity")
    result = c10.CLAIM.verify(net, scheme=scheme, step=0.25)
    planted(fault, result)


def test_uniqueness_stops_at_the_next_equilibrium(monkeypatch):
    """h' = -h + tanh 2h has 0 and +-.9575..: the box around 0 is smaller, and without kappa it would not be."""
    net = oracle.Network(A=-1, W=[[2.0]])
    others = fixed_points(net, None, ([0.0], [1.0], [-1.0]))
    assert len(others) == 3
    nearest = min(abs(float(p.h[0])) for p in others[1:])
    assert fixed_point(net).unique_within < nearest
    monkeypatch.setattr(room, "contraction", lambda *arguments: lambda radius: arb(0))
    assert fixed_point(net).unique_within > nearest
