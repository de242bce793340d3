"""No wrong precision passes and no honest one fails: a thin matrix, exact probes, and each instrument alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.check import evidence
from oracle.check import judge as judging
from oracle.check import survey as surveying
from oracle.records.precision import NAMES, PRECISIONS, Parts, honours, precision_model
from oracle.tolerance.promise_probes import PromiseProbe, promise_probes

from .emulated import stepper
from .matrix import broken, cell, cells, parameters, prepare, question, run, verdict

Array = NDArray[Any]
THIN = ("float64", "float32", "tf32", "float8-e4m3", "float16-accumulated-float32", "bfloat16", "float32-flushed")


@pytest.mark.parametrize(("N", "order"), [(16, "tree"), (33, "descending")])
def test_every_cell_is_right(N: int, order: str) -> None:
    """A promise that is kept passes, and one that is not fails, for seven formats."""
    found = list(cells(N, order, THIN))
    assert len(found) == len(THIN) ** 2
    assert [c for c in found if not c.right] == []
    assert {c.honest for c in found} == {True, False}


@pytest.mark.parametrize("order", ["tree", "sequential", "lanes", "descending"])
def test_probes_alone_tell_all_formats_apart(order: str) -> None:
    """For all pairs of named formats, a probe fails exactly where the promise is not kept."""
    for promised in NAMES:
        probes, model = prepare(promise_probes(PRECISIONS[promised], 5)), PRECISIONS[promised]
        for computed in NAMES:
            kept = honours(_parts(computed), _parts(model.name))
            assert (not broken(computed, order, probes)) == kept, (promised, computed)


def _parts(name: str) -> Parts:
    parts = precision_model(name).parts
    assert parts is not None
    return parts


def _held(values: Array, form: Any, flushed: bool) -> bool:
    used = np.abs(values[values != 0])
    _, exponent = np.frexp(used)
    spacing = np.ldexp(1.0, np.maximum(exponent - form.bits, form.lowest))
    smallest = 2.0 ** (form.normal if flushed else form.lowest)
    return bool(
        np.all(used / spacing == np.rint(used / spacing)) and np.all((used >= smallest) & (used <= form.largest))
    )


def exact_by_counting(probe: PromiseProbe, parts: Parts) -> bool:
    """Factors and results are numbers of their formats, and all partial sums, in any order, of the accumulator.

    Products are multiples of a unit, and their absolute values add up to no more than 2^bits units: nothing is rounded.
    """
    W, _, b = parameters(probe.rec)
    h = probe.h0
    for state in probe.exact:
        kept = [(h, parts.storage), (h, parts.state_factor), (W, parts.weights), (W, parts.weight_factor)]
        products = np.abs(W * h)
        used = products[products != 0]
        mantissa, exponent = np.frexp(used)
        bits = np.array([53 - ((int(m * 2.0**53) & -int(m * 2.0**53)).bit_length() - 1) for m in mantissa])
        unit = float(np.min(exponent - bits, initial=2000))
        sums = np.ldexp(products.sum(axis=1), -int(unit)) if used.size else np.zeros(1)
        sums = np.where(np.count_nonzero(products, axis=1) <= 2, 0.0, sums)  # two terms: each, and their sum, is held
        kept += [(state, parts.storage), (np.concatenate([used, state, *b]), parts.accumulation)]
        if not (np.all(sums <= 2.0**parts.accumulation.bits) and all(_held(v, f, parts.flushed) for v, f in kept)):
            return False
        h = state
    return True


@pytest.mark.parametrize("N", [4, 16, 61])
@pytest.mark.parametrize("name", NAMES)
def test_probes_that_round_nothing_round_nothing(name: str, N: int) -> None:
    """Exhaustive over the entries of every probe whose states have to be exact."""
    parts = _parts(name)
    probes = [p for p in promise_probes(PRECISIONS[name], N) if not p.allowed.any()]
    assert {p.name for p in probes} >= {"factors", "weights", "sums", "small", "tiny weights", "tiny biases", "large"}
    for probe in probes:
        assert exact_by_counting(probe, parts), probe.name


def test_counting_notices_a_probe_of_another_promise() -> None:
    """Planted: float32's probes round in float16, and float16's smallest states round in nothing wider."""
    assert not any(exact_by_counting(p, _parts("float16")) for p in promise_probes(PRECISIONS["float32"], 16)[:3])


# Each instrument disabled lets a wrong precision through.


def test_only_the_bound_sees_one_narrow_unit() -> None:
    """One unit in bfloat16 is no precision of the whole: the bound fails it, and without it nothing would."""
    rec, X, h0 = question(64)
    whole, narrow = (stepper(_parts(f), "tree", *parameters(rec), "tanh") for f in ("float32", "bfloat16"))
    states = [h0]
    for x in X:
        h, v = states[-1][:, None], x[:, None]
        states.append(np.where(np.arange(64) == 3, narrow(h, v)[:, 0], whole(h, v)[:, 0]))
    H = np.stack(states)
    result = verdict(H, rec, X, h0, "float32")
    assert (result.verdict, result.label) == ("fail", "proved")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "one_step_bound", lambda rec, start, *more: np.ones_like(start))
        assert verdict(H, rec, X, h0, "float32")


@pytest.mark.parametrize(
    ("promised", "computed"),
    [("bfloat16-products", "float8-e4m3"), ("float16", "bfloat16"), ("bfloat16", "float8-e4m3")],
)
def test_only_the_statistic_sees_a_recorded_run_inside_its_bound(promised: str, computed: str) -> None:
    """Casts of factors and grids of states: without the look at them the run passes."""
    rec, X, h0 = question(256)
    H = run(computed, "tree", rec, X, h0)
    result = verdict(H, rec, X, h0, promised)
    assert (result.verdict, result.label) == ("fail", "observed")
    assert result.computed_in == computed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "coarseness", lambda *evidence: None)
        assert verdict(H, rec, X, h0, promised)


@pytest.mark.parametrize("computed", ["float32-flushed", "float32-chopped"])
def test_only_probes_see_what_never_occurs_in_a_run(computed: str) -> None:
    """No subnormal number and no long sum in the run: bound and statistic pass it, and a probe does not."""
    rec, X, h0 = question(16)
    H = run(computed, "tree", rec, X, h0)
    assert verdict(H, rec, X, h0, "float32")
    assert (
        cell(16, "float32", computed, "tree", H, prepare(promise_probes(PRECISIONS["float32"], 16))).verdict == "fail"
    )
    assert cell(16, "float32", computed, "tree", H, ()).verdict == "pass"


def mixed(
    N: int, K: int, narrow: tuple[int, ...], truncated: bool, inputs_too: bool = True
) -> tuple[oracle.Recurrence, Array, Array]:
    """A run in float32 with factors of TF32 in some of its steps: record, inputs, states."""
    rng = np.random.default_rng(N)

    def cast(v: Array) -> Array:
        bits = v.view(np.uint32) + np.uint32(0 if truncated else 2**12)
        return (bits & np.uint32(0xFFFFE000)).view(np.float32)

    W = (1.2 * rng.standard_normal((N, N)) / np.sqrt(N)).astype(np.float32)
    M, X = rng.standard_normal((N, 2)).astype(np.float32), rng.standard_normal((K, 2)).astype(np.float32)
    H = [rng.standard_normal(N).astype(np.float32)]
    for k, x in enumerate(X):
        W_, h = (cast(v) for v in (W, H[-1])) if k in narrow else (W, H[-1])
        M_, x = (cast(v) for v in (M, x)) if k in narrow and inputs_too else (M, x)
        H.append(np.tanh(W_ @ h + M_ @ x))
    return oracle.Recurrence.elman(W, M), X, np.array(H)


@pytest.mark.slow
def test_a_coarser_format_in_one_step_is_seen_inside_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """1536 units, one step of 12 in TF32 that no sample falls on: the steps nearest to their bound are looked at."""
    rec, X, H = mixed(1536, 12, (5,), truncated=False)
    monkeypatch.setattr(surveying, "NARROWER", 4)
    question: dict[str, Any] = {"inputs": X, "h0": H[0], "promised": "float32"}
    result = oracle.check(H, rec, **question)
    assert (result.verdict, result.label, result.explained_by) == ("fail", "observed", "precision:tf32")
    assert result.worst < 1
    assert "in 1 of 12 steps" in result.summary()
    monkeypatch.setattr(surveying, "NEAREST", 0)
    assert oracle.check(H, rec, **question), "without them it passes"


@pytest.mark.parametrize("inputs_too", [True, False])
@pytest.mark.parametrize("narrow", [(7,), tuple(range(20))])
def test_a_coarser_format_outside_the_bound_is_no_other_equation(narrow: tuple[int, ...], inputs_too: bool) -> None:
    """TF32, truncated, in one step or in all, in both products or in the recurrent one: named as such, and not as the
    weights that would explain it as well.
    """
    rec, X, H = mixed(256, 20, narrow, True, inputs_too)
    result = oracle.check(H, rec, inputs=X, h0=H[0], promised="float32")
    assert result.worst > 1
    assert result.explained_by == "precision:tf32"
    assert result.computed_in == "tf32"


@pytest.mark.parametrize("order", ["sequential", "descending"])
def test_long_honest_sums_of_one_sign_pass(order: str) -> None:
    """2000 positive terms in float32, one after the other: residuals as large as TF32's in short sums, and honest."""
    rng = np.random.default_rng(0)
    N = 2000
    W = np.zeros((N, N))
    W[:40] = rng.uniform(0.25, 1, (40, N)).astype(np.float32) / 2.0**11
    W[40:] = np.eye(N)[40:] / 2
    rec = oracle.Recurrence.elman(W, activation="relu")
    h0, X = rng.uniform(0.5, 1.5, N).astype(np.float32).astype(np.float64), np.zeros((1, 0))
    H = run("float32", order, rec, X, h0)
    assert verdict(H, rec, X, h0, "float32")


def test_names_read_as_parts_and_unknown_ones_name_their_neighbours() -> None:
    """The grammar, its short forms, torch's names, and a three-part error."""
    model = precision_model("float16-accumulated-float32-chopped-flushed")
    assert (model.storage, model.accumulation, model.underflow) == (2.0**-11, 2.0**-23, 2.0**-14)
    assert precision_model("tf32").products == 2.0**-10
    assert precision_model("tf32-nearest").products == 2.0**-11
    assert precision_model("float8_e4m3fn") == precision_model("float8-e4m3")
    assert precision_model("bfloat16-weights-float32").parameters == 2.0**-24
    for name in ("flaot16", "float32-products", "float32-weights-tf32", "float32-chopped-chopped", "int8"):
        with pytest.raises(oracle.BadInput, match="nearest"):
            precision_model(name)
    with pytest.raises(oracle.BadInput, match="nearest: float16"):
        precision_model("flaot16")
