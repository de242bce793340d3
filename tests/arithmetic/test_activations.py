"""Every activation in every interpretation: values, slopes, series, suprema and granted errors."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from enclosing import as_fraction, enclosed
from flint import arb

from oracle.arithmetic import slopes
from oracle.arithmetic.adjoint import Adjoint
from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.ball_series import BallSeries
from oracle.arithmetic.float64 import VALUES, Float64
from oracle.arithmetic.inverses import inverse_with_slope, invertible
from oracle.arithmetic.mp import Mp
from oracle.arithmetic.pairs import Pairs
from oracle.arithmetic.rational import Rational, slope_at, value_at
from oracle.arithmetic.rounding import Rounded, Rounding
from oracle.arithmetic.scatter import Scatter, Scattered
from oracle.arithmetic.series import Series, SeriesArithmetic
from oracle.arithmetic.slopes import slopes_over, steepest
from oracle.arithmetic.suprema import bounded_slopes, derivatives, slope_range, supremum
from oracle.arithmetic.symbolic import Symbolic
from oracle.arithmetic.tangent import Dual, Tangent
from oracle.equations.activations import ACTIVATIONS
from oracle.errors import KinkError, NotDecidable
from oracle.records.exact import Atom, Constant
from oracle.records.names import CATALOGUE, activation_name
from oracle.records.precision import PRECISIONS

OTHERS = (
    "softplus(20,2)",
    "softplus(inf,0.5)",
    "elu(0.5)",
    "elu(2)",
    "square(0.04,3)",
    "hardtanh(-2,3)",
    "leaky-relu(-1)",
)
WRITTEN = ("z / (1 + exp(-z))", "z / (1 + abs(z))", "log(1 + z**2) - sqrt(2 + sin(z)) / 3", "relu(z - 1)**2 + 0.1 * z")
EVERY = (*CATALOGUE, *OTHERS, *(activation_name(text) for text in WRITTEN))
ANALYTIC = tuple(name for name in EVERY if ACTIVATIONS[name].analytic)
BITS, DIGITS = 160, 60
Z = np.array([[-9.25, -3.5, -1.125, -0.4375], [0.3125, 0.875, 2.25, 10.75]])  # (units, columns); 0 and +-1 are kinks


def in_balls(name: str, z: Any = Z, bits: int = BITS) -> Any:
    """s(z)."""
    with precision(bits):
        return Ball().act(name, Ball().lift(z))


@pytest.mark.parametrize("name", EVERY)
def test_values_lie_in_their_balls(name: str) -> None:
    """mpmath, SymPy, tangents, adjoints and series agree with balls of 160 bits to 40 digits or so."""
    balls, wide = in_balls(name), in_balls(name, bits=120)
    ops, symbols = Mp(DIGITS), Symbolic()
    found = ops.act(name, ops.lift(Z))
    assert enclosed(wide, found)
    written = symbols.act(name, symbols.lift(Z))
    assert enclosed(wide, np.array([entry.evalf(DIGITS) for entry in written.ravel()], dtype=object))
    over: Any = Tangent(ops)
    assert np.all(over.act(name, Dual(ops.lift(Z), None)).value == found)
    back: Any = Adjoint(ops)
    assert np.all(back.act(name, back.leaf(ops.lift(Z))).value == found)
    assert max(float(entry.rad()) for entry in balls.entries()) < 2.0**-130


@pytest.mark.parametrize("name", EVERY)
def test_floats_are_near_their_balls(name: str) -> None:
    """float64 and the scatter's value within the error that float64 programs are granted."""
    exact, bound = in_balls(name), granted(name, "float64")
    floats = Float64().act(name, Z)
    for value, ball, allowed in zip(floats.ravel(), exact.entries(), bound.ravel(), strict=True):
        assert abs(arb(float(value)) - ball) <= arb(float(allowed))
    assert np.array_equal(Scatter().act(name, Scattered(Z, np.zeros_like(Z))).value, floats)
    assert Float64(np.float32).act(name, Z.astype(np.float32)).dtype == np.float32


def granted(name: str, model: str, z: Any = Z) -> Any:
    """The bound of the rounding error of s at arguments that are known."""
    return Rounding(PRECISIONS[model]).act(name, Rounded(z, np.abs(z), np.zeros_like(z), 0.0)).bound()


@pytest.mark.parametrize("name", EVERY)
def test_pairs_hold_the_value(name: str) -> None:
    """head + tail is within its error of the value, which is far below float64's."""
    ops = Pairs()
    found = ops.act(name, ops.lift(Z))
    parts = (np.broadcast_to(part, Z.shape).ravel().tolist() for part in found)
    for head, tail, error, ball in zip(*parts, in_balls(name, bits=300).entries(), strict=True):
        with precision(300):
            assert abs(arb(head) + arb(tail) - ball) <= arb(error) + arb(2) ** -250
        assert error <= 2.0**-55 * max(abs(head), 1.0)


POINTS = (-3.5, -0.4375, 2.25)


@pytest.mark.parametrize("name", EVERY)
def test_slopes_and_their_derivatives(name: str) -> None:
    """The first three derivatives by series, and the first by tangents, against differences of s in mpmath.

    Central differences with step 10^-40 at 200 digits are right to 10^-70 or so.
    """
    ops = Mp(200)
    step = ops.context.mpf(10) ** -40

    def s(z: Any) -> Any:
        return ops.act(name, np.array([[z]], dtype=object))[0, 0]

    with precision(120):
        found = derivatives(name, [arb(z) for z in POINTS], 3)
        z = Ball().lift(np.array([POINTS]))
        moved = Tangent(Ball()).act(name, Dual(z, Ball().one(z))).tangent.entries()
        for i, point in enumerate(map(ops.context.mpf, POINTS)):
            far, low, here, high, over = (s(point + k * step) for k in (-2, -1, 0, 1, 2))
            expected = [
                (high - low) / (2 * step),
                (high - 2 * here + low) / step**2,
                (over - 2 * high + 2 * low - far) / (2 * step**3),
            ]
            for order, value in enumerate(expected, 1):
                assert abs(found[order][i] - arb(mpmath.nstr(value, 40))) < arb(10) ** -28
            assert moved[i].overlaps(found[1][i])


@pytest.mark.parametrize("name", ANALYTIC)
def test_series_by_two_ways(name: str) -> None:
    """s(z(t)) by the lazy relation and by power series of balls: the same coefficients."""
    length, coefficients = 7, [Fraction(3, 8), Fraction(-5, 4), Fraction(7, 8)]
    with precision(BITS, length):
        lazy = SeriesArithmetic(Ball()).act(
            name, Series(lambda k: Ball().lift(np.array([_entry(coefficients, k)], object)))
        )
        ops = BallSeries(length)
        row = np.array([[_entry(coefficients, k) for k in range(length)]], dtype=object)
        whole = ops.act(name, Ball().lift(row)).entries()
        for k in range(length):
            ours = lazy[k][0, 0]
            assert ours.overlaps(whole[k])
            assert ours.rad() < arb(2) ** -100


def _entry(coefficients: list[Fraction], k: int) -> Fraction:
    return coefficients[k] if k < len(coefficients) else Fraction(0)


@pytest.mark.parametrize("name", [name for name in EVERY if not ACTIVATIONS[name].analytic])
def test_kinks_are_refused(name: str) -> None:
    """No series, and no tangent in a ball that holds a kink where s' jumps."""
    with pytest.raises(KinkError):
        SeriesArithmetic(Rational()).act(name, Series(lambda k: Rational().lift(np.array([Fraction(1, 3)]))))[1]


@pytest.mark.parametrize("name", EVERY)
def test_exact_values_and_slopes_are_what_balls_say(name: str) -> None:
    """Rationals and constants, evaluated in balls."""
    for q in (Fraction(-5, 2), Fraction(0), Fraction(3, 8)):
        if q in ACTIVATIONS[name].kinks:
            continue
        with precision(BITS):
            z = Ball().lift(np.array([[q]], dtype=object))
            s = Ball().act(name, z)
            assert Ball().number(value_at(name, q)).overlaps(s[0, 0])
            assert Ball().number(slope_at(name, q)).overlaps(ACTIVATIONS[name].slope(Ball(), s, z)[0, 0])


def test_constants_of_activations_are_polynomials_in_few_functions() -> None:
    """silu(q) is q logistic(q); the slope of softplus is a logistic; a power is rational; erf(0) is 0."""
    assert value_at("silu", Fraction(1, 2)) == Constant.atom("value", Fraction(1, 2), "logistic") * Fraction(1, 2)
    assert slope_at("softplus", Fraction(1, 3)) == Constant.atom("value", Fraction(1, 3), "logistic")
    assert value_at("square(0.04)", Fraction(3)) == Fraction(9, 25)
    assert value_at("leaky-relu(0.2)", Fraction(-2)) == Fraction(-2, 5)
    assert value_at("erf", Fraction(0)) == value_at("gelu", Fraction(0)) == 0
    with pytest.raises(NotDecidable):
        value_at("erf", Constant({((Atom("exp", Fraction(1)), 1),): Fraction(1)}))


# -- suprema ----------------------------------------------------------------------------------------------------------
KNOWN = {
    ("tanh", 2): 4 / (3 * np.sqrt(3)),
    ("logistic", 3): 1 / 8,
    ("erf", 1): 2 / np.sqrt(np.pi),
    ("softplus", 2): 1 / 4,
    ("arctan", 2): 3 * np.sqrt(3) / 8,
    ("gelu", 2): np.sqrt(2 / np.pi),
    ("silu", 2): 1 / 2,
    ("sin", 3): 1.0,
    ("square(0.04)", 2): 0.08,
}


@pytest.mark.parametrize(("name", "order"), KNOWN)
def test_suprema_are_the_known_ones(name: str, order: int) -> None:
    """Closed forms, to 2^-48."""
    found = supremum(name, order)
    assert found.low <= KNOWN[name, order] * (1 + 2.0**-50)
    assert found.high >= KNOWN[name, order] * (1 - 2.0**-50)
    assert found.high - found.low <= 2.0**-47


@pytest.mark.parametrize("name", [*CATALOGUE, *OTHERS])
def test_no_point_exceeds_a_supremum_and_one_attains_it(name: str) -> None:
    """400 points in balls, far ones too, and the point that is said to be a maximum."""
    kinks = [float(kink) for kink in ACTIVATIONS[name].kinks]
    points = [z for z in (*np.linspace(-40, 40, 399), -1e3, 1e3) if z not in kinks]
    with precision(96):
        found = derivatives(name, [arb(float(z)) for z in points], 3)
        for order in (1, 2, 3):
            sup = supremum(name, order)
            if not np.isfinite(sup.high):
                assert order < ACTIVATIONS[name].degree
                continue
            assert all(abs(value) <= arb(sup.high) + arb(2) ** -80 for value in found[order])
            there = abs(derivatives(name, [arb(sup.at)], order)[order][0])
            assert there >= sup.low * (1 - 1e-15)
            if order > 1 or name not in ("softplus", "softplus(20)"):  # whose slope only tends to 1
                assert sup.low >= sup.high * (1 - 1e-6)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_supremum_that_is_too_small_is_noticed(name: str) -> None:
    """Planted fault: a part in a million less, and the point of the maximum is above."""
    sup = supremum(name, 1)
    if np.isfinite(sup.high) and name not in ("softplus", "softplus(20)"):
        with precision(96):
            there = abs(derivatives(name, [arb(sup.at)], 1)[1][0])
        assert there > sup.high * (1 - 1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_slopes_over_intervals_hold_divided_differences(name: str) -> None:
    """Random intervals, narrow and wide, and points; from exact values in balls."""
    rng = np.random.default_rng(7)
    low = rng.normal(0, 4, 100)
    high = low + 2.0 ** rng.uniform(-20, 4, 100)
    least, most = slopes_over(name, low, high)
    with precision(200):
        ends = [Ball().act(name, Ball().lift(part[None])).entries() for part in (low, high)]
        for a, b, x, y, l, m in zip(*ends, low, high, least, most, strict=True):
            quotient = (b - a) / (arb(float(y)) - arb(float(x)))
            assert np.isinf(l) or quotient >= arb(float(l)) - arb(2) ** -100
            assert np.isinf(m) or quotient <= arb(float(m)) + arb(2) ** -100
    if slope_range(name)[1] is not None:
        assert np.all(most <= np.nextafter(float(slope_range(name)[1]), np.inf))  # type: ignore[arg-type]


def test_narrow_intervals_have_sharp_slopes() -> None:
    """The table of gelu is off by no more than a cell's change, 2^-5 sup|s''|."""
    z = np.linspace(-5, 5, 101)
    sharp = np.array([float(v) for v in derivatives_at("gelu", z)])
    assert np.all(np.abs(steepest("gelu", z, z) - np.abs(sharp)) <= 2.0**-5)
    assert np.all(np.isnan(steepest("gelu", np.array([np.nan]), np.array([np.nan]))))


def derivatives_at(name: str, z: Any) -> list[Any]:
    """s' at points."""
    with precision(96):
        return [value.mid() for value in derivatives(name, [arb(float(entry)) for entry in z], 1)[1]]


def test_unbounded_slopes_say_so() -> None:
    """A power, a jump and an expression nothing is known of."""
    for name in ("square", "softplus(20)", "z / (1 + exp(-z))"):
        with pytest.raises(NotDecidable, match="unbounded"):
            bounded_slopes(name)


# -- what programs are granted ----------------------------------------------------------------------------------------
def arrangements(f: Any, dtype: Any) -> dict[str, list[Any]]:
    """Programs of NumPy that people write, in one precision."""
    one, half = dtype(1), dtype(0.5)
    erf = VALUES["erf"]
    root, gain, cubic = dtype(np.sqrt(0.5)), dtype(np.sqrt(2 / np.pi)), dtype(0.044715)

    def sigmoid(z: Any) -> Any:
        return one / (one + np.exp(-z))

    def by_tanh(z: Any) -> Any:
        return half * (one + np.tanh(half * z))

    return {
        "softplus": [
            lambda z: np.log(one + np.exp(z)),
            lambda z: np.log1p(np.exp(z)),
            lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
        ],
        "silu": [lambda z: z * sigmoid(z), lambda z: z * by_tanh(z), lambda z: z / (one + np.exp(-z))],
        "gelu": [
            lambda z: half * z * (one + erf(z * root)),
            lambda z: z * (half * (one + erf(z / dtype(np.sqrt(2))))),
        ],
        "gelu-tanh": [
            lambda z: half * z * (one + np.tanh(gain * (z + cubic * z * z * z))),
            lambda z: z * sigmoid(dtype(2) * gain * (z + cubic * z**3)),
        ],
        "elu": [lambda z: np.where(z > 0, z, np.expm1(z)), lambda z: np.where(z > 0, z, np.exp(z) - one)],
        "leaky-relu(0.2)": [lambda z: np.where(z > 0, z, dtype(0.2) * z), lambda z: np.maximum(z, dtype(0.2) * z)],
        "square(0.04)": [
            lambda z: dtype(0.04) * np.maximum(z, 0) ** 2,
            lambda z: np.maximum(z, 0) * (np.maximum(z, 0) * dtype(0.04)),
        ],
        "hardtanh": [lambda z: np.clip(z, -1, 1), lambda z: np.minimum(np.maximum(z, -one), one)],
        "arctan": [np.arctan],
        "sin": [np.sin],
        "erf": [erf],
    }


@pytest.mark.parametrize("model", ["float64", "float32"])
def test_honest_programs_are_granted_their_errors(model: str) -> None:
    """Every arrangement, from far below zero to far above, is inside the bound; float64 is not all of it.

    Planted faults: the other form of gelu, another slope, and float32 in place of float64 are outside.
    """
    dtype: Any = np.dtype(model).type
    z = np.concatenate([np.linspace(-30, 30, 121), 2.0 ** -np.arange(1.0, 20), -(2.0 ** -np.arange(1.0, 20))])
    z = np.asarray(z, dtype=dtype)[None]
    for name, programs in arrangements(None, dtype).items():
        exact, bound = in_balls(name, z.astype(np.float64)), granted(name, model, z.astype(np.float64))
        for program in programs:
            with np.errstate(over="ignore"):
                made = np.asarray(program(z), dtype=np.float64)
            assert outside(made, exact, bound) == 0, name
            if dtype is np.float64 and name not in ("hardtanh",):
                narrow = arrangements(None, np.float32)[name][programs.index(program)]
                with np.errstate(over="ignore"):
                    coarse = np.asarray(narrow(z.astype(np.float32)), dtype=np.float64)
                    assert outside(coarse, exact, bound) > 10, name
    gelu = granted("gelu", model, z.astype(np.float64))
    assert outside(VALUES["gelu-tanh"](z.astype(np.float64)), in_balls("gelu", z.astype(np.float64)), gelu) > 10
    leaky = granted("leaky-relu(0.2)", model, z.astype(np.float64))
    assert (
        outside(0.3 * np.minimum(z, 0.0) + np.maximum(z, 0.0), in_balls("leaky-relu(0.2)", z.astype(np.float64)), leaky)
        > 10
    )


def outside(made: Any, exact: Any, bound: Any) -> int:
    """How many values are certainly farther from the exact ones than the bound."""
    with precision(BITS):
        triples = zip(made.ravel().tolist(), exact.entries(), bound.ravel().tolist(), strict=True)
        return sum(bool(abs(arb(value) - ball) > arb(allowed)) for value, ball, allowed in triples)


def test_the_jump_of_a_threshold_is_granted_where_the_argument_may_be_on_either_side() -> None:
    """softplus(20) at 20: z on one side, log(1 + e^z) on the other, 2e-9 apart. Away from it there is no choice."""
    z = np.array([[20.0]])
    known = granted("softplus(20)", "float64", z - 0.5)
    unsure = Rounding(PRECISIONS["float64"]).act("softplus(20)", Rounded(z, z, np.full_like(z, 1e-14), 0.0)).bound()
    assert known[0, 0] < 1e-13
    assert unsure[0, 0] > 2.06e-9
    assert np.log1p(np.exp(-20.0)) < unsure[0, 0] < 2.1e-9


@pytest.mark.parametrize("name", [name for name in CATALOGUE if invertible(name)])
def test_inverses(name: str) -> None:
    """s^-1(s(z)) is z where s is monotone, with the slope there."""
    z = np.array([0.0625, 0.5, 0.75, 0.9375])
    found, slope = inverse_with_slope(name, VALUES[name](z))
    assert np.allclose(found, z, rtol=1e-13)
    assert np.allclose(slope, [float(v) for v in derivatives_at(name, z)], rtol=1e-12)


def test_exact_numbers_survive_where_nothing_rounds() -> None:
    """Pieces of lines and powers on dyadic numbers are the rationals, in float64 and mpmath."""
    for name in ("leaky-relu(0.25)", "hardtanh", "square(0.5,3)", "relu"):
        truth = Rational().act(name, Rational().lift(Z)).ravel()
        assert [as_fraction(v) for v in Float64().act(name, Z).ravel()] == list(truth)
        ops = Mp(DIGITS)
        assert [as_fraction(v) for v in ops.act(name, ops.lift(Z)).ravel()] == list(truth)


@pytest.mark.parametrize("name", ["tanh", "logistic", "erf", "arctan"])
def test_a_slope_of_one_function_is_read_once(name: str) -> None:
    """The same as piece by piece, which asks the function at both ends of every piece; also across 0 and at it."""
    pieces = ACTIVATIONS[name].pieces
    apart = tuple(piece._replace(slope=lambda z, slope=piece.slope: slope(z)) for piece in pieces)
    rng = np.random.default_rng(5)
    low = np.concatenate([rng.normal(0, 4, 200), [-1.0, 0.0, 0.0, -0.0, -800.0, np.nan, 300.0]])
    high = low + np.concatenate([rng.exponential(2.0, 200), [1.0, 0.0, 3.0, 2.0, 1.0, 1.0, 900.0]])
    for ends in ((low, high), (low, low)):
        once, twice = slopes._by_pieces(pieces, *ends), slopes._by_pieces(apart, *ends)
        assert len(pieces) == 2
        for a, b in zip(once, twice, strict=True):
            np.testing.assert_array_equal(a[~np.isnan(low)], b[~np.isnan(low)])
