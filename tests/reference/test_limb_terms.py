"""Every term of the limb engine's bounds is needed: each case makes one of them the largest.

The defect of a flow is the sum of what rounding adds in a dozen places, each an ulp or so; here one of them is made a
million ulp, or a Taylor coefficient is what the truncation is made of.
"""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import mpmath
import numba
import numpy as np
import pytest
from flint import arb

import oracle
from oracle.arithmetic.ball import precision
from oracle.kernels import limb_field, limb_squash, limb_steps
from oracle.kernels.limb_field import Field, Misfit, Series
from oracle.kernels.limb_record import Map, Steps
from oracle.kernels.limbs import from_integers, ulp_bits
from oracle.reference import limb_engine, limb_flow, lognorm
from oracle.reference.enclosure import exact, to_mpf
from oracle.reference.growth import Contraction, Scalar
from oracle.reference.system import State
from oracle.reference.weighted import Norm

assert numba.__version__, "test files that import an absent package are left out"

M, P = 5, 6  # limbs and order
ULP = 2.0 ** -ulp_bits(M)
MANY = 1e6  # of what is to count, in ulp
NONE = np.zeros(4)


def field(activation: str = "tanh", order: int = P, A: float = -0.5, B: float = 1.0) -> Field:
    """One unit."""
    net = oracle.Network(A=[[A]], B=[[B]], W=[[1.0]], activation=activation)
    return Field.of(net.field, M, order)


def sizes(*coefficients: float, order: int = P) -> Any:
    """Absolute Taylor coefficients of one unit."""
    found = np.zeros((order + 1, 1))
    found[: len(coefficients), 0] = np.abs(coefficients)
    return found


def test_products_beyond_the_order_of_the_series() -> None:
    """z = sigma^P/4: tanh z is z - z^3/3, and all that s = z leaves out is of order 3 P."""
    z = sizes(*[0.0] * P, 0.25)
    _, rest = field()._squash_misfit(z, z, sizes(1.0), 0.0, NONE)
    assert 0.25 - np.tanh(0.25) <= rest[0]


@pytest.mark.parametrize("v", [0.05, 0.2])
def test_the_first_coefficient_left_out(v: float) -> None:
    """z = 1/2 + v sigma and s its Taylor polynomial of degree 1."""
    t = np.tanh(0.5)
    s, u = (t, (1 - t**2) * v), (1 - t**2, -2 * t * (1 - t**2) * v)
    _, rest = field(order=1)._squash_misfit(sizes(0.5, v, order=1), sizes(*s, order=1), sizes(*u, order=1), 0.0, NONE)
    assert abs(np.tanh(0.5 + v) - s[0] - s[1]) <= rest[0]


def test_arguments_that_are_all_off() -> None:
    """Every coefficient of z is off by zeta: at the end z is off by (P + 1) zeta, and the slope is 1 at z = 0."""
    zeta = MANY * ULP
    rounding, _ = field()._squash_misfit(sizes(), sizes(), sizes(1.0), zeta, NONE)
    assert (P + 1) * zeta <= rounding[0]


@pytest.mark.parametrize(("which", "share"), [(0, 0.5), (1, 1.0), (2, 1.0)])
def test_products_that_leave_something_out(which: int, share: float) -> None:
    """A quarter of an ulp for each pair of limbs left out of u (which moves s by V times that), of s and of z."""
    counts = NONE.copy()
    counts[which] = MANY
    rounding, _ = field()._squash_misfit(sizes(0.0, 0.5), sizes(0.0, 0.5), sizes(1.0), 0.0, counts)
    assert share * MANY / 4 * ULP <= rounding[0]


def test_the_first_value_is_that_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """s(z(0)) is off by what the kernel of the activation is."""
    monkeypatch.setattr(limb_field, "activation_error", lambda *_: MANY)
    rounding, _ = field()._squash_misfit(sizes(), sizes(), sizes(1.0), 0.0, NONE)
    assert rounding[0] >= MANY * ULP


def series(
    c: tuple[float, ...] = (), force: float = 0.0, counts: Any = NONE, length: Fraction = Fraction(1, 2)
) -> Series:
    """A series of one unit whose digits do not count; the last force is of order P."""
    forces = np.zeros((P + 1, 1))
    forces[P] = force
    digits = from_integers([int(v * 2 ** ulp_bits(M)) for v in (*c, *[0.0] * (P + 1 - len(c)))], M)
    return Series(np.ascontiguousarray(digits.T[:, :, None]), np.zeros((3, P + 1, 1)), forces, counts, length)


@pytest.mark.parametrize(("name", "share"), [("A", 1.0), ("B", 3.0), ("W", 3.0)])
def test_linear_maps_that_are_off(name: str, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A map is off by MANY ulp at every order: h' by sum 1/(k + 1) of it, through A or B, or z and B = 3 times s."""
    known = field("identity", B=3.0)
    off = known.maps[name]
    real = Map.error
    monkeypatch.setattr(Map, "error", lambda self, V, m: MANY if self is off else real(self, V, m))
    least = 0.5 * MANY * ULP * (sum(1 / (k + 1) for k in range(P)) if name != "W" else share)
    assert least <= known.misfit(series(), Fraction(1)).rounding[0]


def test_coefficients_that_leave_something_out() -> None:
    """A quarter of an ulp for each pair left out of c; and the force of order P, which nothing cancels."""
    counts = np.array([0.0, 0.0, 0.0, MANY])
    assert field().misfit(series(counts=counts), Fraction(1)).rounding[0] >= MANY / 4 * ULP
    for q in (Fraction(1), Fraction(1, 2)):
        truth = 0.5 * float(q) / (P + 1) * float(q) ** P
        assert truth <= field().misfit(series(force=1.0), q).truncation[0] * (1 + 2.0**-30)


# ------------------------------------------------------------------------------------------------------------- a step


def run(mu: float, monkeypatch: pytest.MonkeyPatch, misfit: Misfit) -> limb_flow.Run:
    """A run of h' = mu h with a given defect."""
    net = oracle.Network(A=[[mu]], W=[[0.0]], activation="identity")
    monkeypatch.setattr(Field, "misfit", lambda *_: misfit)
    with precision(64):
        norm = next(norm for norm in lognorm.norms(net.field) if norm.name == "infinity")
    return limb_flow.Run(net.field, norm, Field.of(net.field, M, P), -100.0)


@pytest.mark.parametrize("mu", [1.0, -1.0])
def test_what_a_step_does_to_errors(mu: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors grow as e^{mu t}, a defect d that is there all the time is added; at the end and everywhere before it."""
    d, up, nothing = 0.25, 1 + 2.0**-40, np.zeros(1)
    known = run(mu, monkeypatch, Misfit(nothing, np.array([d])))
    found, state = series(length=Fraction(1)), State(Fraction(0), None, arb("0.5"), arb("0.125"))
    added = sum(known._sizes(found, _Constant(), Fraction(1)))
    assert max(d, d * np.expm1(mu) / mu) <= added * up
    step = known._finished(state, found, Fraction(1), added)
    for theta in np.linspace(0, 1, 9):
        assert 0.5 * np.exp(mu * theta) + d * np.expm1(mu * theta) / mu <= float(step.error) * up
        assert 0.125 * np.exp(mu * theta) <= float(step.spread) * up
    assert 0.5 * np.exp(mu) + d * np.expm1(mu) / mu <= float(step.end.error) * up
    assert 0.125 * np.exp(mu) <= float(step.end.spread) * up


class _Constant:
    """A piece of an input that is what it seems."""

    def beyond(self, time: Fraction, length: int) -> None:
        """Nothing."""


class _Off(_Constant):
    """One that has a quarter beyond its polynomial."""

    def beyond(self, time: Fraction, length: int) -> list[Any]:  # type: ignore[override]
        """A quarter."""
        return [arb("0.25")]


def test_an_input_that_is_off() -> None:
    """h' = 3 x: off by 3/4 of the length of a step."""
    net = oracle.Network(A=[[0.0]], W=[[0.0]], E=[[3.0]], activation="identity")
    with precision(64):
        norm = next(norm for norm in lognorm.norms(net.field) if norm.name == "infinity")
    known = limb_flow.Run(net.field, norm, Field.of(net.field, M, P), -100.0)
    _, truncation = known._sizes(series(), _Off(), Fraction(1))
    assert truncation >= 0.75 * 0.5


def test_the_end_of_a_step_is_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """p(5/8) of digits to the last place, and nothing else that could be off."""
    known = run(0.0, monkeypatch, Misfit(np.zeros(1), np.zeros(1)))
    found = series(c=tuple(Fraction((-1) ** k, 3 + k) for k in range(P + 1)))
    p = [Fraction(int(v)) for v in _integers(found.c)]
    step = known._finished(State(Fraction(0), None, arb(0), arb(0)), found, Fraction(5, 8), 0.0)
    off = abs(Fraction(int(_integers(step.digits[None])[0])) - sum(v * Fraction(5, 8) ** k for k, v in enumerate(p)))
    assert 0 < off <= exact(to_mpf(step.end.error)) * 2 ** ulp_bits(M)


def _integers(c: Any) -> list[int]:
    """Whole numbers of ulp from digits (orders, m, 1)."""
    return [sum(int(d) << (28 * (M - 1 - p)) for p, d in enumerate(digits[:, 0])) for digits in c]


# ------------------------------------------------------------------------------------------------- one step in limbs


def linear(dense: int = 1, left: int = 0, diag: int = 0, scale: int = 0) -> limb_steps.Linear:
    """Flags alone: two columns."""
    flat = np.zeros((1, 1), np.int32)
    return limb_steps.Linear(dense, left, diag, scale, np.zeros((1, 2, 1), np.int32), flat, flat)


def test_every_source_of_error_of_a_linear_map() -> None:
    """Missing digits of two entries times V; what a product leaves out; a shift by 2^3; a factor of 5; a diagonal."""
    missing, out = 1000 * ULP, 1000.0
    error = limb_steps.linear_error
    assert error(linear(), limb_steps.Sizes(missing, 1.0, 1.0), 3.0, M) >= 2 * 3 * 1000
    assert error(linear(), limb_steps.Sizes(0.0, 1.0, 1.0, out), 3.0, M) >= out
    assert error(linear(scale=3), limb_steps.Sizes(0.0, 1.0, 1.0, out), 3.0, M) >= 8 * out
    assert error(linear(left=1), limb_steps.Sizes(0.0, 1.0, 5.0, out), 3.0, M) >= 5 * out
    assert error(linear(left=1), limb_steps.Sizes(0.0, 1000.0, 5.0), 3.0, M) >= 0.5 * 1000 * 3  # the factor is rounded
    assert error(linear(0, diag=1), limb_steps.Sizes(0.0, 0.0, 1.0), 1000.0, M) >= 500  # and so is the diagonal
    assert error(linear(0, diag=2), limb_steps.Sizes(0.0, 0.0, 1.0), 1000.0, M) == 0


@pytest.mark.parametrize("m", [4, 12])
@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_the_kernel_of_an_activation_is_off_by_what_it_says(activation: str, m: int) -> None:
    """A hundred arguments against mpmath, in ulp: inside the bound, and not at all exact."""
    bits, ctx = ulp_bits(m), mpmath.MPContext()
    ctx.prec = 2 * bits + 60
    z = [int(v * 2**bits) for v in np.random.default_rng(3).normal(scale=3, size=100)]
    digits, s = from_integers(z, m), np.zeros((m, 100), np.int32)
    limb_squash.activate(
        limb_steps.KINDS[activation], digits, s, *limb_steps.tables(activation, m), limb_steps.work_space(m, 100)
    )
    worst = 0.0
    for value, column in zip(z, s.T, strict=True):
        at = ctx.mpf(value) / 2**bits
        truth = ctx.tanh(at) if activation == "tanh" else 1 / (1 + ctx.exp(-at))
        worst = max(worst, float(abs(_whole(column[:, None]) - truth * 2**bits)))
    assert 0.25 < worst <= limb_steps.activation_error(activation, m)


def test_limbs_that_are_dropped_are_counted() -> None:
    """An error of 2^-60 needs few limbs: the ones that are cut off h are added to it."""
    rec, m = oracle.Recurrence.elman([[0.5]]), 12
    full = Steps.of(rec.parameters, [np.zeros((0, 1))], 1, m)
    h = from_integers([(2 ** ulp_bits(m)) // 3], m)
    scalar = Scalar(Contraction(0.5, Norm.plain("two", 1)))
    scalar.add(arb(2) ** -60)
    cut, kept = limb_engine._cut(full, h, [scalar], SimpleNamespace(spread=1.0), 1.0)
    assert cut.m < m
    left_out = abs(Fraction(_whole(h), 2 ** ulp_bits(m)) - Fraction(_whole(kept), 2 ** ulp_bits(cut.m)))
    assert 0 < left_out <= exact(to_mpf(scalar.e)) - Fraction(1, 2**60)


def _whole(digits: Any) -> int:
    """Of a number in limbs, in its ulp."""
    return sum(int(d) << (28 * (len(digits) - 1 - p)) for p, d in enumerate(digits[:, 0]))
