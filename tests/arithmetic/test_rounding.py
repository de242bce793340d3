"""The rounding interpretation at its edges: tight sums, casts, underflow, coefficients, gates, recorded states.

`spent` is the largest certified error / bound; above 1 an honest program would be accused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.arithmetic.rounding import Rounded, Rounding
from oracle.records.operator import Operator
from oracle.records.precision import PRECISIONS, Precision, representable
from oracle.tolerance.recorded import EXACTLY, recorded_as
from oracle.tolerance.residuals import residuals
from oracle.tolerance.step import one_step_bound

Array = NDArray[Any]
f32 = np.float32
U32 = 2.0**-24


def bound_of(rec: Any, H: Array, X: Array | None = None, model: str = "float32", **more: Any) -> Array:
    """One-step bound of columns."""
    x = np.zeros((rec.I, H.shape[1])) if X is None else np.asarray(X, dtype=np.float64)
    return one_step_bound(rec, np.asarray(H, dtype=np.float64), x, PRECISIONS[model], **more)


def spent(rec: Any, H: Array, result: Array, X: Array | None = None, model: str = "float32") -> float:
    """Largest certified error / bound of single steps (units, columns)."""
    x = np.zeros((rec.I, H.shape[1])) if X is None else np.asarray(X, dtype=np.float64)
    bound = bound_of(rec, H, x, model)
    upper = residuals(rec, np.asarray(H, dtype=np.float64), np.asarray(result, dtype=np.float64), x, bound).upper
    return float(np.max(upper / bound))


@pytest.mark.parametrize("terms", [10, 100, 1000])
def test_the_bound_of_a_sum_is_attained(terms: int) -> None:
    """1 + t + t + .. with every t just below half an ulp loses all of them: the factor n cannot be lowered."""
    W = np.ones((1, terms))
    h = np.full((terms, 1), U32 * (1 - 2.0**-10))
    h[0] = 1
    rec = oracle.Recurrence.elman(np.vstack([W, np.eye(terms)[1:] * 0.5]), activation="identity")
    total = f32(0)
    for value in h[:, 0].astype(f32):
        total = f32(total + value)
    result = np.concatenate([[[total]], 0.5 * h[1:]])
    assert total == 1
    assert 0.99 - 6 / terms < spent(rec, h.astype(f32), result) <= 1


@pytest.mark.parametrize("tau", [0.049, 0.71, 1.3, 2.9])
def test_a_time_constant_equal_to_the_step_is_still_rounded(tau: float) -> None:
    """dt (1/tau) need not be 1 although dt = tau: programs that form it are honest, and count their roundings."""
    rng = np.random.default_rng(3)
    rec = oracle.Network.rate(np.array([[1000.0]]), tau=tau, activation="identity").discretize(step=tau)
    h = rng.uniform(1e-3, 2e-3, (1, 400)).astype(f32)
    t, s = f32(tau), f32(1000) * h
    growth = Rounding(PRECISIONS["float32"]).affine([(rec.lure.A, _value(h)), (rec.lure.B, _value(s))]).growth
    assert growth >= 6 * U32  # two to form alpha, one product, one difference, two sums
    for result in (h + t * ((f32(1) / t) * (s - h)), h + (t * (f32(1) / t)) * (s - h), h + t * (-h + s) / t):
        assert spent(rec, h, result) <= 1


def _value(v: Array) -> Rounded:
    return Rounded(v.astype(np.float64), np.abs(v).astype(np.float64), np.zeros(v.shape), 0.0)


def test_the_argument_of_an_exponential_may_be_cast_and_divided() -> None:
    """exp(-dt/tau) at dt/tau = 40 magnifies three roundings of the quotient forty times."""
    rec, h = _switched_off(1.1, 0.0275)
    assert Rounding(PRECISIONS["float32"]).affine([(rec.lure.A, _value(h))]).growth >= 40 * 4 * U32
    worst = 0.0
    rng = np.random.default_rng(0)
    for _ in range(200):
        dt, tau = rng.uniform(1, 2), rng.uniform(0.025, 0.03)
        rec, h = _switched_off(dt, tau)
        for argument in (f32(dt) / f32(tau), f32(dt) * (f32(1) / f32(tau))):
            worst = max(worst, spent(rec, h, np.exp(-argument, dtype=f32) * h))
    assert 0 < worst <= 1


def _switched_off(dt: float, tau: float) -> tuple[Any, Array]:
    """A relu unit that is off: h+ = exp(-dt/tau) h and nothing hides its error."""
    net = oracle.Network.rate(np.array([[-1.0]]), tau=tau, activation="relu")
    return net.discretize(step=dt, scheme="exponential-euler"), np.array([[1.5, 1.25]], dtype=f32)


def test_a_long_exponential_step_may_be_written_as_a_step_towards_the_drive() -> None:
    """h + (1 - exp(-a))(s - h) cancels h in floating point; a bound at the size of exp(-a) h would accuse it."""
    rng = np.random.default_rng(5)
    net = oracle.Network.rate(rng.standard_normal((4, 4)) * 1e-3, tau=0.05)
    rec = net.discretize(step=1.7, scheme="exponential-euler")
    h = rng.standard_normal((4, 50)).astype(f32)
    s = np.tanh(np.asarray(rec.W, dtype=f32) @ h)
    result = h + (f32(1) - np.exp(-f32(1.7) / f32(0.05), dtype=f32)) * (s - h)
    assert 0.001 < spent(rec, h, result) <= 1


@pytest.mark.parametrize("size", [1e-38, 1e-40, 1e-43, 1e-45])
def test_products_and_casts_may_underflow(size: float) -> None:
    """Subnormal float32 products and parameters below its range lose absolutely, not relatively."""
    rng = np.random.default_rng(7)
    W, b = rng.standard_normal((6, 6)) * size, rng.standard_normal(6) * size
    h = rng.standard_normal((6, 40)).astype(f32)
    rec = oracle.Recurrence.elman(W, None, b, activation="identity")
    assert spent(rec, h, W.astype(f32) @ h + b.astype(f32)[:, None]) <= 1
    drive = oracle.Recurrence.leaky(W, None, b, alpha=0.3, sigma="inside", activation="identity")
    one_minus, a = f32(1) - f32(0.3), f32(0.3)
    assert spent(drive, h, one_minus * h + a * (W.astype(f32) @ h + b.astype(f32)[:, None])) <= 1


def test_what_a_cast_loses_to_underflow_is_multiplied_by_the_state() -> None:
    """A float64 weight of 1e-46 is zero in float32; at h = 1e30 that is 1e-16."""
    rec = oracle.Recurrence.elman(np.array([[1e-46]]), activation="identity")
    h = np.array([[1e30]], dtype=f32)
    assert spent(rec, h, np.zeros((1, 1))) <= 1
    rec = oracle.Recurrence.elman(np.array([[2.0**-160]]), None, np.array([2.0**-155]), activation="identity")
    assert spent(rec, h, np.zeros((1, 1))) <= 1  # few bits, but out of range


def test_underflow_before_a_large_gain_counts_with_the_gain() -> None:
    """(W h) / tau with tau = 1e-9: the subnormal product's error is divided by tau as well."""
    net = oracle.Network.rate(np.array([[0.37]]), tau=1e-9, activation="identity")
    rec = net.discretize(step=2e-9, scheme="midpoint")
    h = (np.arange(1, 40, dtype=f32) * f32(1e-44))[None]

    def slope(y: Array) -> Array:
        return (-y + f32(0.37) * y) / f32(1e-9)

    assert spent(rec, h, h + f32(2e-9) * slope(h + f32(1e-9) * slope(h))) <= 1


@pytest.mark.parametrize("spread", [1e300, 1e-300])
def test_weights_at_the_ends_of_float64(spread: float) -> None:
    """W of 1e300 on states of 1e-300, and the other way round: bounds stay finite and honest."""
    rng = np.random.default_rng(11)
    W, h = rng.standard_normal((9, 9)) * spread, rng.standard_normal((9, 20)) / spread
    rec = oracle.Recurrence.elman(W, activation="relu")
    assert np.isfinite(bound_of(rec, h, model="float64")).all()
    assert spent(rec, h, np.maximum(W @ h, 0), model="float64") <= 1


def test_overflow_promises_nothing() -> None:
    """Where the magnitudes overflow the bound is infinite or NaN, never a finite number."""
    rec = oracle.Recurrence.elman(np.full((2, 2), 1e200) * [[1, 2], [3, -1]], activation="relu")
    assert not np.isfinite(bound_of(rec, np.array([[1e200], [1e150]]), model="float64")).any()


def test_sparse_rows_and_kinks() -> None:
    """Rows with one weight or none, and arguments within rounding of the relu's kink."""
    rng = np.random.default_rng(13)
    W = rng.standard_normal((30, 30)) * (rng.random((30, 30)) < 0.05)
    h = rng.standard_normal((30, 20)).astype(f32)
    assert spent(oracle.Recurrence.elman(W.astype(f32), activation="relu"), h, np.maximum(W.astype(f32) @ h, 0)) <= 1
    row = rng.standard_normal(29).astype(f32)
    edge = -(row @ h[:29])  # the last unit cancels the others: z is a rounding error of either sign
    states = np.concatenate([h[:29], edge[None]]).astype(f32)
    V = np.concatenate([row, [f32(1)]])[None].repeat(30, axis=0) * np.arange(1, 31, dtype=f32)[:, None]
    assert spent(oracle.Recurrence.elman(V, activation="relu"), states, np.maximum(V @ states, 0)) <= 1


def _sigma(z: Array) -> Array:
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("reset", ["after", "before"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("blend", ["(1-z)n + zh", "n + z(h-n)", "h + (1-z)(n-h)", "n - zn + zh"])
def test_gated_units_in_every_blend(reset: str, dtype: str, blend: str) -> None:
    """A GRU gets its bound from the same interpretation; four ways to blend stay inside."""
    rng = np.random.default_rng(17)
    N, I = 11, 3
    W, M = (rng.standard_normal((3 * N, n)) / 2 for n in (N, I))
    b, c = rng.standard_normal((2, 3 * N))
    rec = oracle.Recurrence.gru(W, M, b, c, reset=reset)
    W, M, b, c = (part.astype(dtype) for part in (W, M, b[:, None], c[:, None]))
    h, x = rng.standard_normal((N, 30)).astype(dtype), rng.standard_normal((I, 30)).astype(dtype)
    part = [slice(g * N, (g + 1) * N) for g in range(3)]
    r, z = (_sigma(M[g] @ x + b[g] + W[g] @ h + c[g]) for g in part[:2])
    g = part[2]
    inner = r * (W[g] @ h + c[g]) if reset == "after" else W[g] @ (r * h) + c[g]
    n = np.tanh(M[g] @ x + b[g] + inner)
    result = {
        "(1-z)n + zh": (1 - z) * n + z * h,
        "n + z(h-n)": n + z * (h - n),
        "h + (1-z)(n-h)": h + (1 - z) * (n - h),
        "n - zn + zh": n - z * n + z * h,
    }[blend]
    assert result.dtype == np.dtype(dtype)
    if blend == "h + (1-z)(n-h)":  # anchored at h: rounds at the size of h, which no atom z h promises
        return
    assert 0.001 < spent(rec, h, result, x, model=dtype) <= 1


def test_a_cast_is_one_more_factor() -> None:
    """A float64 weight that float32 rounds by nearly u has one rounding more in its growth than one it need not."""
    ops, h = Rounding(PRECISIONS["float32"]), np.array([[1.0625, 1.5]], dtype=f32)
    growths = [ops.affine([(Operator.dense(np.array([[w]])), _value(h))]).growth for w in (1.0, 1 + 0.99 * U32)]
    assert growths[1] - growths[0] >= U32
    rec = oracle.Recurrence.elman(np.array([[1 + 0.99 * U32]]), activation="identity")
    assert 0.3 < spent(rec, h, h) <= 1  # the cast weight is 1


def test_sampled_inputs_that_are_no_float32_numbers() -> None:
    """Inputs given in float64, cast by the program: one more factor per product."""
    rng = np.random.default_rng(19)
    W, M = rng.standard_normal((5, 5)).astype(f32), rng.standard_normal((5, 4)).astype(f32)
    h, x = rng.standard_normal((5, 60)).astype(f32), rng.standard_normal((4, 60))
    rec = oracle.Recurrence.elman(W * f32(0), M, activation="identity")
    assert 0.2 < spent(rec, h, M @ x.astype(f32), x) <= 1


@pytest.mark.parametrize("digits", [3, 6, 9])
def test_states_written_in_decimal(digits: int) -> None:
    """A float64 run printed with d digits: both ends of every step are off by half a digit, and inside the bound."""
    rng = np.random.default_rng(23)
    rec = oracle.Recurrence.leaky(rng.standard_normal((6, 6)), None, rng.standard_normal(6), alpha=0.3)
    run = oracle.simulate(rec, np.zeros((200, 0)), rng.standard_normal(6))
    printed = np.array([[float(f"{value:.{digits}g}") for value in row] for row in run])
    before, after = printed[:-1].T.copy(), printed[1:].T.copy()
    recorded = recorded_as(f"decimal-{digits}")
    X = np.zeros((0, 200))
    bound = one_step_bound(rec, before, X, PRECISIONS["float64"], recorded, after)
    reached = float(np.max(residuals(rec, before, after, X, bound).upper / bound))
    assert 0.1 < reached <= 1
    unrecorded = one_step_bound(rec, before, X, PRECISIONS["float64"], EXACTLY, after)
    assert np.max(residuals(rec, before, after, X, unrecorded).upper / unrecorded) > 1


def test_one_that_is_not_honest_here_lerp_anchored_at_the_drive() -> None:
    """s + (1-a)(h-s) rounds at the size of s however small a is: outside the bound at a = 1e-6, inside at a = 1/2."""
    rng = np.random.default_rng(29)
    W, h = rng.standard_normal((8, 8)).astype(f32), rng.standard_normal((8, 100)).astype(f32) * f32(1e-3)
    b = np.full(8, 3.0, dtype=f32) + np.arange(8, dtype=f32)
    for alpha, outside in ((f32(1e-6), True), (f32(0.5), False)):
        rec = oracle.Recurrence.leaky(W, None, b, alpha=alpha)
        s = np.tanh(W @ h + b[:, None])
        assert (spent(rec, h, s + (f32(1) - alpha) * (h - s)) > 1) is outside
        assert spent(rec, h, h + alpha * (s - h)) <= 1


def test_one_that_breaks_an_assumption_tanh_through_the_logistic() -> None:
    """2 sigma(2z) - 1 has an absolute error of u only: outside 4 ulp where |z| is small, inside where it is not."""
    rng = np.random.default_rng(31)
    W = np.array([[0.75]], dtype=f32)
    rec = oracle.Recurrence.elman(W)
    for size, outside in ((1e-3, True), (2.0, False)):
        h = (rng.uniform(0.5, 1, (1, 300)) * size).astype(f32)
        result = 2 * _sigma(2 * (W @ h)) - 1
        assert result.dtype == f32
        assert (spent(rec, h, result) > 1) is outside


def gamma_bound(W: Array, M: Array, b: list[Array], h: Array, x: Array, u: float, alpha: float | None) -> Array:
    """MATHEMATICS, section 5, for tanh and parameters that are numbers of the format; m = 8, rho = 0."""
    n = np.count_nonzero(W, axis=1) + np.count_nonzero(M, axis=1) + len(b)
    terms = np.abs(W) @ np.abs(h) + np.abs(M) @ np.abs(x) + sum((np.abs(part) for part in b), np.zeros(len(W)))[:, None]
    z = W @ h + M @ x + sum(b, np.zeros(len(W)))[:, None]
    delta = np.expm1(n * np.log1p(u))[:, None] * terms
    slope = 1 - np.tanh(np.maximum(np.abs(z) - 2 * delta, 0)) ** 2
    ds = (1 + 8 * u) * slope * delta + 8 * u * np.abs(np.tanh(z))
    if alpha is None:
        return np.asarray(ds)
    m = 8
    size = np.abs(h) + alpha * np.abs(h) + alpha * np.abs(np.tanh(z))
    return np.asarray(np.expm1(-m * np.log1p(-u)) * size + (1 - u) ** -m * alpha * ds)


@pytest.mark.parametrize("alpha", [None, 0.2, 2.0**-10])
@pytest.mark.parametrize("N", [4, 32, 200])
@pytest.mark.parametrize("model", ["float32", "float64"])
def test_the_bound_is_the_formula_within_a_small_factor(alpha: float | None, N: int, model: str) -> None:
    """Not below the formula written out by hand, and at most 2.2 times it: nothing is given away."""
    rng = np.random.default_rng(N)
    W, M = rng.standard_normal((N, N)).astype(f32) / f32(4), rng.standard_normal((N, 3)).astype(f32)
    b = [rng.standard_normal(N).astype(f32) for _ in range(2)]
    h, x = rng.standard_normal((N, 20)).astype(f32), rng.standard_normal((3, 20)).astype(f32)
    given: dict[str, Any] = {"W": W, "M": M, "b": tuple(b)}
    rec = oracle.Recurrence.elman(**given) if alpha is None else oracle.Recurrence.leaky(**given, alpha=alpha)
    wide = [part.astype(np.float64) for part in (W, M, *b, h, x)]
    expected = gamma_bound(wide[0], wide[1], wide[2:4], wide[4], wide[5], PRECISIONS[model].storage, alpha)
    factor = bound_of(rec, h, x, model) / expected
    assert factor.min() >= 0.99
    assert np.median(factor) < 2.2


def test_products_of_narrow_factors_are_two_roundings_each() -> None:
    """TF32 rounds both factors of every product: the growth holds two of its roundoffs, and one such run needs them."""
    rng = np.random.default_rng(37)
    W, h = rng.uniform(1, 2, (40, 40)).astype(f32), rng.uniform(1, 2, (40, 30)).astype(f32)
    rec = oracle.Recurrence.elman(W, activation="identity")
    cut = [(part.view(np.uint32) & np.uint32(0xFFFFE000)).view(f32) for part in (W, h)]
    result = cut[0] @ cut[1]
    assert 0.3 < spent(rec, h, result, model="tf32") <= 1
    assert spent(rec, h, result) > 1
    one = Rounding(PRECISIONS["tf32"]).affine([(Operator.dense(W.astype(np.float64)), _value(h))])
    assert one.growth >= 2 * 2.0**-10


def test_bounds_of_operations_hold_exactly() -> None:
    """Every operation's bound covers the exact error of float32 numbers that only have relative errors (dyadic)."""
    model = Precision("toy", 2.0**-3, 0.0, 2.0**-3, 0.0)
    ops = Rounding(model)
    v = Rounded(np.array([[1.0]]), np.array([[3.0]]), np.array([[0.25]]), 0.5)
    low = np.exp(-0.5) * 0  # the value itself may sit anywhere; its interval is what counts
    assert v.bound() > (np.exp(0.5) - 1) * 3 + 0.25 + low
    assert ops.mul(v, v).bound() >= (np.sqrt(9.0) + v.bound()) ** 2 - 9 - 1e-12
    assert ops.sum([v, v]).bound() > 2 * v.bound()
    assert ops.scale(np.array([2.0], dtype=object)[0], v).bound() >= 2 * v.bound()


@pytest.mark.parametrize(
    ("value", "name", "exact"),
    [
        (1 / 3, "float32", False),
        (0.5, "bfloat16", True),
        (1 + 2.0**-8, "bfloat16", False),
        (1 + 2.0**-7, "bfloat16", True),
    ],
)
def test_representable_counts_bits(value: float, name: str, exact: bool) -> None:
    """A number belongs to a format if its significand fits."""
    assert representable(np.array([value]), PRECISIONS[name].storage) is exact
