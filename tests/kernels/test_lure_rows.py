"""The kernel against its interpretations: residuals against balls, ratios against residual / published bound."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import oracle
from oracle.arithmetic.ball import Ball, precision, upper_floats
from oracle.arithmetic.float64 import Float64
from oracle.check import survey as survey_room
from oracle.check.evidence import gather
from oracle.check.judge import judge
from oracle.equations.catalogue import advance
from oracle.kernels import block_product as block_room
from oracle.kernels import growths as growths_room
from oracle.kernels import lure_rows as room
from oracle.kernels import outer as outer_room
from oracle.kernels import tables
from oracle.kernels.growths import growths
from oracle.kernels.lure_rows import LureRows
from oracle.kernels.restated import restated
from oracle.records.exact import Array
from oracle.records.precision import PRECISIONS
from oracle.tolerance import residuals as residuals_room
from oracle.tolerance.step import one_step_bound

BITS = 300
U = 2.0**-53


def record(form: str, activation: str = "tanh", N: int = 24, gain: float = 1.0) -> Any:
    """Records the kernel restates: elman, leaky, exponential Euler, two biases, no input."""
    rng = np.random.default_rng(7)
    W, M, b = rng.standard_normal((N, N)) * gain / np.sqrt(N), rng.standard_normal((N, 3)), rng.standard_normal(N)
    per_unit = np.linspace(0.2, 0.95, N) ** 2
    if form == "elman":
        return oracle.Recurrence.elman(W, M, b, activation=activation)
    if form == "leaky":
        return oracle.Recurrence.leaky(W, M, (b, b[::-1].copy()), alpha=0.3, activation=activation)
    if form == "no input":
        return oracle.Recurrence.leaky(W, alpha=0.75, activation=activation)
    if form == "leaky per unit":
        return oracle.Recurrence.leaky(W, M, (b, b[::-1].copy()), alpha=per_unit, activation=activation)
    if form == "inside":
        return oracle.Recurrence.leaky(W, M, b, alpha=0.3, sigma="inside", activation=activation)
    if form == "inside per unit":
        return oracle.Recurrence.leaky(W, alpha=per_unit, sigma="inside", activation=activation)
    kind, _, scheme = form.rpartition(", ")
    tau = per_unit if "per unit" in kind else 0.3
    make = oracle.Network.current if kind.startswith("current") else oracle.Network.rate
    return make(W, M, b, tau=tau, activation=activation).discretize(step=0.1, scheme=scheme)


FORMS = ("elman", "leaky", "no input", "euler", "exponential-euler")
PER_UNIT = ("leaky per unit", "per unit, euler", "per unit, exponential-euler")
INSIDE = ("inside", "inside per unit", "current, euler", "current per unit, exponential-euler")
ALL = FORMS + PER_UNIT + INSIDE


def steps(rec: Any, columns: int = 30, dtype: str = "float64", size: float = 1.0) -> tuple[Array, Array, Array]:
    """States, float64 (or float32) steps from them, inputs; rows are steps."""
    rng = np.random.default_rng(11)
    h = (rng.standard_normal((rec.N, columns)) * size).astype(dtype).astype(float)
    x = rng.standard_normal((rec.I, columns)).astype(dtype).astype(float)
    ops = Float64(dtype)
    y = advance(ops, rec, ops.lift(h), ops.lift(x)).astype(float)
    return tuple(np.ascontiguousarray(part.T) for part in (h, y, x))  # type: ignore[return-value]


def exact(rec: Any, h: Array, y: Array, x: Array, found: Array) -> tuple[Array, Array]:
    """|r| and |r - found| from balls, rounded up."""
    with precision(BITS):
        ops = Ball()
        r = ops.lift(y.T) - advance(ops, rec, ops.lift(h.T), ops.lift(x.T))
        return upper_floats(r).T, upper_floats(r - ops.lift(np.ascontiguousarray(found.T))).T


def kernel(rec: Any, model: str = "float64") -> LureRows:
    """The kernel of a record."""
    form = restated(rec)
    assert form is not None
    return LureRows(form, growths(rec, form, PRECISIONS[model]))


def kernel_is_right(rec: Any, model: str = "float64", size: float = 1.0) -> None:
    """Residuals are enclosed, ratios are upper bounds and not wasteful; with zero tolerance."""
    h, y, x = steps(rec, dtype=model, size=size)
    found = kernel(rec, model).judged(h, y, x)
    r, missed = exact(rec, h, y, x, found.residual)
    claimed = U * (found.error.astype(float) + 4 * np.abs(found.residual))
    ratio = r / one_step_bound(rec, h.T, x.T, PRECISIONS[model]).T
    assert np.all(missed <= claimed)
    assert np.all(ratio <= found.ratio)
    assert np.all(found.ratio <= 1.1 * ratio + 0.004)
    assert found.ratio.max() < 0.5


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "identity"])
@pytest.mark.parametrize("gain", [1.0, 60.0])
def test_residuals_and_ratios_hold(form: str, activation: str, gain: float) -> None:
    """Also for saturated units, whose arguments leave the table."""
    rec = record(form, activation, gain=gain)
    assert restated(rec)
    kernel_is_right(rec)


@pytest.mark.parametrize("form", ALL)
def test_float32_runs_are_judged_as_well(form: str) -> None:
    """The same kernel with the growths of float32."""
    W = record("elman").W.astype(np.float32)
    kernel_is_right(oracle.Recurrence.elman(W, activation="tanh") if form == "elman" else record(form), "float32")


@pytest.mark.parametrize("size", [1e-12, 1e-3, 1e6])
def test_states_of_any_ordinary_size(size: float) -> None:
    """Tiny states beside a bias, whose column sets the scale; huge ones."""
    kernel_is_right(record("elman"), size=size)


def glance_is_right(rec: Any, model: str = "float64", size: float = 1.0) -> Array:
    """Residuals are enclosed and ratios are upper bounds, with zero tolerance; the ratios."""
    h, y, x = steps(rec, dtype=model, size=size)
    found = kernel(rec, model).glanced(h, y, x)
    r, missed = exact(rec, h, y, x, found.residual)
    assert np.all(missed <= U * (found.error.astype(float) + 4 * np.abs(found.residual)))
    assert np.all(r / one_step_bound(rec, h.T, x.T, PRECISIONS[model]).T <= found.ratio)
    return found.ratio


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "identity"])
@pytest.mark.parametrize("gain", [1.0, 60.0])
def test_a_glance_holds(form: str, activation: str, gain: float) -> None:
    """One product in blocks; for float32 it is as good as three."""
    rec = record(form, activation, gain=gain)
    assert np.mean(glance_is_right(rec) <= 1) > 0.9
    assert glance_is_right(rec, "float32").max() < 0.5


@pytest.mark.parametrize("size", [1e-300, 1e-30, 1e-12, 1e-3, 1e6])
@pytest.mark.parametrize("form", ["elman", "no input"])
def test_a_glance_at_states_of_any_size(size: float, form: str) -> None:
    """Below what float32 holds nothing is passed that is not inside; without a bias nothing else sets the scale."""
    glance_is_right(record(form), size=size)


@pytest.mark.parametrize(("N", "most"), [(64, 0.45), (256, 0.3), (600, 0.2)])
def test_a_glance_settles_honest_steps(N: int, most: float) -> None:
    """Its own error is a fraction of the bound that shrinks with the length of the sums."""
    assert glance_is_right(record("elman", N=N)).max() < most


def _one_after_the_other(self: Any, given: Array, out: Array, work: Array) -> None:
    """Blocks of products, each summed in the given order: as the BLAS may do it."""
    out[...] = 0.0
    for j, part in enumerate(self.parts):
        work[...] = 0.0
        for i, row in enumerate(part):
            work += given[:, j * self.width + i, None] * row
        out += work


def _summed_badly(patch: pytest.MonkeyPatch, activation: str) -> None:
    """1 + 0.99 u + 0.99 u + ..: every addition in the first block, and some of those of blocks, lose all they can."""
    patch.setattr(block_room.Blocks, "product", _one_after_the_other)
    rec = oracle.Recurrence.elman(np.where(np.eye(96)[0], 1.0, 0.99 * U) * np.ones((96, 1)), activation=activation)
    h, x = np.ones((3, 96)), np.zeros((3, 0))
    y = np.full_like(h, 1.0 if activation == "identity" else np.tanh(1.0))
    found = kernel(rec).glanced(h, y, x)
    _, missed = exact(rec, h, y, x, found.residual)
    assert np.all(missed <= U * (found.error.astype(float) + 4 * np.abs(found.residual)))


@pytest.mark.parametrize("activation", ["tanh", "identity"])
def test_a_glance_allows_for_the_worst_order_of_a_sum(activation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many roundings as a term may see, all in one direction; with half as many the enclosure breaks."""
    _summed_badly(monkeypatch, activation)
    monkeypatch.setattr(block_room.Blocks, "roundings", property(lambda self: self.width // 2))
    with pytest.raises(AssertionError):
        _summed_badly(monkeypatch, activation)


def _a_block_less(patch: pytest.MonkeyPatch) -> None:
    real = block_room.blocks
    patch.setattr(room, "blocks", lambda *a: block_room.Blocks(real(*a).parts[:-1], real(*a).width))


GLANCE_FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str, str]] = {
    "a block left out": (_a_block_less, "elman", "tanh"),
    "products that round nothing": (
        lambda p: p.setattr(block_room.Blocks, "roundings", property(lambda self: 0)),
        "elman",
        "tanh",
    ),
    "one step's input for all": (
        lambda p: p.setattr(
            LureRows, "_given", lambda k, h, x, real=LureRows._given: real(k, h, np.broadcast_to(x[:1], x.shape))
        ),
        "leaky",
        "relu",
    ),
    "an inner activation that is off": (
        lambda p: p.setattr(
            LureRows,
            "_inside",
            lambda k, h, real=LureRows._inside: (real(k, h)[0] * (1 + 512 * U), None, real(k, h)[2]),
        ),
        "inside",
        "tanh",
    ),
}


@pytest.mark.parametrize("fault", GLANCE_FAULTS)
def test_a_fault_planted_in_a_glance_is_caught(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them breaks an enclosure."""
    plant, form, activation = GLANCE_FAULTS[fault]
    rec = record(form, activation, N=120)
    glance_is_right(rec)
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        glance_is_right(rec)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300, 1e20])
@pytest.mark.parametrize("where", ["before", "after", "X"])
@pytest.mark.parametrize("form", ["leaky", "inside"])
@pytest.mark.parametrize("stage", ["glanced", "judged"])
def test_what_is_out_of_range_is_never_passed(bad: float, where: str, form: str, stage: str) -> None:
    """NaN, infinities and numbers beyond float32 leave their step undecided or outside, and no other step."""
    rec = record(form)
    parts = dict(zip(("before", "after", "X"), steps(rec), strict=True))
    parts[where][5, 1] = bad
    found = getattr(kernel(rec), stage)(**parts)
    passed = (found.ratio <= 1).all(axis=1)
    assert not passed[5]
    assert np.delete(passed, 5).all()


@pytest.mark.parametrize("stage", ["glanced", "judged"])
def test_weights_beyond_float32_pass_nothing(stage: str) -> None:
    """A bound of infinity would pass everything."""
    W = record("elman").W.copy()
    W[2, 3] = 1e60
    rec = oracle.Recurrence.elman(W)
    h, y, x = steps(rec)
    found = getattr(kernel(rec), stage)(h, y + 1.0, x)
    assert not (found.ratio <= 1).any()


@pytest.mark.parametrize("relative", [1e-13, 1e-9, 1e-3])
@pytest.mark.parametrize("form", FORMS)
def test_deviations_are_not_passed(form: str, relative: float) -> None:
    """Wherever the residual is outside the published bound, so is the kernel's ratio."""
    rec = record(form)
    h, y, x = steps(rec)
    y[::3] *= 1 + relative
    r, _ = exact(rec, h, y, x, np.zeros_like(y))
    outside = r > one_step_bound(rec, h.T, x.T, PRECISIONS["float64"]).T
    assert outside.any()
    for found in (kernel(rec).glanced(h, y, x), kernel(rec).judged(h, y, x)):
        assert not (found.ratio[outside] <= 1).any()


def test_what_is_not_of_the_form_has_no_kernel() -> None:
    """The leak inside, Runge-Kutta, gates, weights that are no floats, B and W both dense, gains beyond float32."""
    W, thirds = record("elman").W, [[Fraction(1, 3)]]
    dense = {"A": np.eye(24) / 2, "B": W}
    assert restated(oracle.Recurrence(B=W, W=np.eye(24), E=W[:, :2], c=W[0])) is None  # W is dense, if by chance I
    assert restated(oracle.Recurrence.leak_inside(W, alpha=0.5)) is None
    assert restated(oracle.Network.rate(W, tau=0.5).discretize(step=0.1, scheme="rk4")) is None
    assert restated(oracle.Recurrence.gru(np.concatenate([W, W, W]))) is None
    assert restated(oracle.Recurrence.elman(thirds)) is None
    assert restated(oracle.Recurrence(**dense, W=W)) is None
    assert restated(oracle.Recurrence(W=W, B=np.full(24, 1e15))) is None


def test_float32_products_have_24_bits() -> None:
    """Here they do; TF32 and bfloat16 would be noticed."""
    assert room.float32_is_float32()


def run(rec: Any, K: int = 60) -> tuple[Array, Array, Array]:
    """A run by another honest program: its states, inputs, h0."""
    rng = np.random.default_rng(13)
    X, h0 = rng.standard_normal((K, rec.I)), rng.standard_normal(rec.N)
    return oracle.simulate(rec, inputs=X, h0=h0), X, h0


def verdicts(rec: Any, H: Array, X: Array, h0: Array, patch: Any) -> list[Any]:
    """By the kernel, by pairs, by balls: the results before any diagnosis, and what was kept of the residuals."""
    found = []
    question = {"promised": None, "recorded": None, "batch_first": None, "kind": None}
    for kernel, pairs in ((0, 0), (10**9, 0), (10**9, 10**9)):
        patch.setattr(survey_room, "FEWEST", kernel)
        patch.setattr(residuals_room, "FEWEST", pairs)
        found.append(judge(gather(H, rec, inputs=X, h0=h0, **question)))
    return found


@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("fault", [0.0, 1e-14, 1e-12, 1e-6])
def test_kernel_pairs_and_balls_give_one_verdict(
    form: str, activation: str, fault: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same verdict and first violation; `worst` within the stated 5 % above 1/2, and never below that of balls."""
    rec = record(form, activation, N=16, gain=1.3)
    H, X, h0 = run(rec)
    H[20, 3] += fault * abs(H[20, 3])
    (kernel, kept), (pairs, _), (balls, _) = verdicts(rec, H, X, h0, monkeypatch)
    assert np.isinf(kept.upper).all() == (kernel.verdict == "pass")  # it was the kernel that passed it
    assert kernel.verdict == pairs.verdict == balls.verdict
    for other, least in ((kernel, survey_room.GLANCED), (pairs, 0.0)):
        assert balls.worst * (1 - 2.0**-40) <= other.worst <= max(least, 1.05 * balls.worst)
        assert (other.first is None) == (balls.first is None)
        if balls.first is not None:
            assert (other.first.step, other.first.unit) == (balls.first.step, balls.first.unit)
        assert other.residuals.shape == other.bounds.shape == (len(X),)
        assert np.all(other.residuals <= other.bounds) == (balls.verdict == "pass")


def test_steps_the_kernel_leaves_are_settled_by_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent trajectory among forty, without bias: nothing for float32 to compare there, and yet a pass."""
    rec = record("no input")
    h0, X = np.random.default_rng(17).standard_normal((40, rec.N)), np.zeros((5, 40, 0))
    h0[3] = 0.0
    monkeypatch.setattr(survey_room, "FEWEST", 0)
    asked: list[int] = []
    real = survey_room.residuals
    monkeypatch.setattr(survey_room, "residuals", lambda *a, **k: asked.append(a[1].shape[1]) or real(*a, **k))
    assert oracle.check(oracle.simulate(rec, inputs=X, h0=h0), rec, inputs=X, h0=h0)
    assert asked[0] == 5


def _table_off(patch: pytest.MonkeyPatch) -> None:
    def faulty(activation: str, gain: Any) -> Any:
        made = tables.table(activation, gain)
        return made._replace(head=np.nextafter(made.head, 2))

    patch.setattr(outer_room, "table", faulty)


def _halved(patch: pytest.MonkeyPatch) -> None:
    """gamma of the crossed products a thousandth, the leading product with too many bits."""
    real = room.split

    def faulty(*matrix: Array | None) -> Any:
        made = real(*matrix)
        return type(made)(made.joined, made.error / 1000, made.size, made.bits + 8)

    patch.setattr(room, "split", faulty)


def _no_crossed(patch: pytest.MonkeyPatch) -> None:
    real = room.split

    def faulty(*matrix: Array | None) -> Any:
        made = real(*matrix)
        joined = made.joined.copy()
        joined[:, joined.shape[1] // 2 :] = 0
        return type(made)(joined, made.error, made.size, made.bits)

    patch.setattr(room, "split", faulty)


def _growth(name: str, factor: float) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(patch: pytest.MonkeyPatch) -> None:
        real = growths_room.growths
        patch.setitem(globals(), "growths", lambda *a: (g := real(*a))._replace(**{name: factor * getattr(g, name)}))

    return plant


def _half_gone(patch: pytest.MonkeyPatch) -> None:
    """Coefficients of 26 bits, their other half dropped."""
    real = outer_room.rows_of

    def faulty(factor: Any) -> Any:
        return real(factor)._replace(low=0.0, rest=0.0)

    patch.setattr(outer_room, "rows_of", faulty)
    patch.setattr(room, "rows_of", faulty)


def _not_halved(patch: pytest.MonkeyPatch) -> None:
    def faulty(x: Array, high: Array, low: Array) -> None:
        high[...], low[...] = x, 0.0

    patch.setattr(outer_room, "halve", faulty)
    patch.setattr(room, "halve", faulty)


def _inner_rounded(patch: pytest.MonkeyPatch) -> None:
    real = LureRows._inside
    patch.setattr(LureRows, "_inside", lambda *a: (real(*a)[0], None, real(*a)[2]))


def _always_on(patch: pytest.MonkeyPatch) -> None:
    """relu with the slope of the identity, also where it is off."""
    real = outer_room.Linear.reach

    def faulty(self: Any, slope: Array, eps: Array, out: Array) -> Any:
        off = real(self, slope, eps, out)
        slope[...] = self.slope
        return off

    patch.setattr(outer_room.Linear, "reach", faulty)


def _one_for_all(patch: pytest.MonkeyPatch) -> None:
    real = growths_room.growths
    patch.setitem(globals(), "growths", lambda *a: (g := real(*a))._replace(state=np.max(g.state)))


def _next_point(patch: pytest.MonkeyPatch) -> None:
    """The table is read one point beside the nearest one."""
    real = outer_room.Curved.__init__

    def faulty(self: Any, *given: Any) -> None:
        real(self, *given)
        self.first += 1

    patch.setattr(outer_room.Curved, "__init__", faulty)


FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str, str]] = {
    "crossed products dropped": (_no_crossed, "elman", "tanh"),
    "leading products that are rounded": (_halved, "elman", "tanh"),
    "a table off by one ulp": (_table_off, "elman", "tanh"),
    "a table read beside the point": (_next_point, "leaky", "logistic"),
    "a larger bound for the activation": (_growth("value", 1.1), "elman", "tanh"),
    "a larger bound for the sum": (_growth("slope", 1.1), "elman", "tanh"),
    "a larger bound for the leak": (_growth("state", 1.1), "leaky", "tanh"),
    "no error of the table": (lambda p: p.setattr(room, "SLACK", 2.0**-20), "elman", "tanh"),
    "half of every gain dropped": (_half_gone, "leaky per unit", "tanh"),
    "half of every linear gain dropped": (_half_gone, "leaky per unit", "identity"),
    "long heads times gains": (lambda p: p.setattr(outer_room, "shortened", lambda t: t), "leaky per unit", "tanh"),
    "states and products that are not halved": (_not_halved, "leaky per unit", "relu"),
    "one leak for all": (_one_for_all, "leaky per unit", "tanh"),
    "relu on where it is off": (_always_on, "leaky per unit", "relu"),
    "a larger bound for linear sums": (_growth("slope", 1.1), "elman", "identity"),
    "an inner activation that is rounded": (_inner_rounded, "inside", "tanh"),
    "a larger bound for the inner activation": (_growth("weights", 1.5), "inside per unit", "tanh"),
    "a larger bound for the inner logistic": (_growth("constant", 2.0), "inside per unit", "logistic"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them breaks an enclosure, or a ratio that has to be an upper bound."""
    plant, form, activation = FAULTS[fault]
    rec = record(form, activation, N=120)
    kernel_is_right(rec)
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        kernel_is_right(rec)


@pytest.mark.parametrize("relative", [0.0, 1e-14])
def test_units_that_are_off_and_have_decayed(relative: float) -> None:
    """Their states are far below float32; the leak is judged nevertheless, also one that is a little off."""
    rec = record("leaky per unit", "relu")
    h, y, x = steps(rec)
    off = np.arange(rec.N) % 3 == 0  # a third of the units, wherever they are
    h[:, off] = np.ldexp(h[:, off], -600)
    y = advance(Float64(), rec, h.T, x.T).T * (1 + relative)
    found, bound = kernel(rec).judged(h, y, x), one_step_bound(rec, h.T, x.T, PRECISIONS["float64"]).T
    r, _ = exact(rec, h, y, x, found.residual)
    faded = (np.abs(h) < 2.0**-500) & (np.sign(y) == np.sign(h)) & (y != 0) & (np.abs(y) < 2.0**-500)
    assert faded.any()
    assert np.all(r[faded] / bound[faded] <= found.ratio[faded])
    assert (found.ratio[faded] <= 1).all() == (relative == 0)


def test_units_that_are_off_pass_only_as_zeros() -> None:
    """Where relu is off, without a leak, 0 has no residual and no bound; anything else is outside."""
    rec = record("elman", "relu")
    h, y, x = steps(rec)
    off = y == 0
    assert off.any()
    assert (kernel(rec).judged(h, y, x).ratio[off] == 0).all()
    y[off] = 1e-300
    assert not (kernel(rec).judged(h, y, x).ratio[off] <= 1).any()
