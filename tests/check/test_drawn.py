"""Hypothesis draws the network and the program: honest ones never fail, wrong ones never pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from diagnosis.planted import SQUASH
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

import oracle
from oracle.records.exact import exact_object
from oracle.strategies import inputs, recurrences

Array = NDArray[Any]
FORMS = ("elman", "leaky", "leaky-inside", "leak_inside")
ORDERS = ("left", "right", "shuffled", "blas")
LEAKS = ("convex", "increment", "three terms")


def squash(name: str, z: Array) -> Array:
    """The activation, written plainly; empty arrays as they are, because not every way to write one takes them."""
    with np.errstate(over="ignore"):
        return np.asarray(SQUASH[name](z)) if z.size else z


def total(order: str, W: Array, v: Array) -> Array:
    """W v in an order of summation."""
    if order == "blas":
        return np.asarray(W @ v)
    columns = list(range(W.shape[1]))
    if order == "right":
        columns.reverse()
    if order == "shuffled":
        columns = np.random.default_rng(len(columns)).permutation(len(columns)).tolist()
    sum_ = np.zeros(len(W), dtype=W.dtype)
    for j in columns:
        sum_ = sum_ + W[:, j] * v[j]
    return sum_


def leak(kind: str, h: Array, s: Array, a: Array) -> Array:
    """(1 - a) h + a s in three ways."""
    one = np.ones((), dtype=h.dtype)
    return {"convex": (one - a) * h + a * s, "increment": h + a * (s - h), "three terms": h - a * h + a * s}[kind]


def program(rec: Any, order: str, arrangement: str) -> Any:
    """A step of a record, from the arguments it was made with."""
    made = rec.origin.arguments
    dtype = np.dtype(rec.dtype)
    W, M = made["W"].astype(dtype), made["M"].astype(dtype)
    b = sum((part.astype(dtype) for part in made["b"]), np.zeros(rec.N, dtype=dtype))
    a = np.asarray(made.get("alpha", 1), dtype=object)
    alpha = np.array([float(v) for v in a.ravel()]).reshape(a.shape).astype(dtype)
    name, form = made["activation"], rec.form + ("-inside" if made.get("sigma") == "inside" else "")

    def step(h: Array, x: Array) -> Array:
        def affine(v: Array) -> Array:
            return total(order, W, v) + (total(order, M, x) + b)

        if form == "elman":
            return squash(name, affine(h))
        if form == "leaky":
            return leak(arrangement, h, squash(name, affine(h)), alpha)
        if form == "leaky-inside":
            return leak(arrangement, h, affine(squash(name, h)), alpha)
        return squash(name, leak(arrangement, h, affine(h), alpha))

    return step


@st.composite
def questions(draw: st.DrawFn) -> tuple[Any, Array, Array, Any]:
    """A record, inputs, an initial state and an honest program."""
    rec = draw(recurrences(units=9, forms=FORMS))
    X = draw(inputs(rec, draw(st.integers(1, 12))))
    h0 = np.random.default_rng(draw(st.integers(0, 1000))).standard_normal(rec.N).astype(rec.dtype)
    return rec, X, h0, program(rec, draw(st.sampled_from(ORDERS)), draw(st.sampled_from(LEAKS)))


@given(questions())
def test_honest_programs_never_fail(question: tuple[Any, Array, Array, Any]) -> None:
    """Every form, activation, precision, order and arrangement passes, and is named as what was stated."""
    rec, X, h0, step = question
    result = oracle.check(step, rec, inputs=X, h0=h0, kind="step")
    assert result, result.summary()
    assert result.explained_by is not None


CHANGES = ("one weight", "one bias", "alpha", "activation", "transposed")


def changed(rec: Any, change: str, where: int) -> Any:
    """Another record: one thing changed by 1 % of the scale of the weights."""
    made = {name: value for name, value in rec.origin.arguments.items() if name != "step"}
    W, size = exact_object(made["W"]), rec.N
    if change == "one weight":
        W = W.copy()
        W[where % size, where // size % size] += (
            W[where % size, where // size % size] / 100 + 1 / exact_object(np.array([128.0]))[0]
        )
        made["W"] = W
    elif change == "transposed":
        made["W"] = made["W"].T
    elif change == "one bias":
        made["b"] = (*made["b"], np.eye(size)[where % size] / 64)
    elif change == "activation":
        made["activation"] = "tanh" if made["activation"] != "tanh" else "logistic"
    elif "alpha" in made:
        made["alpha"] = made["alpha"] * 17 / 16
    return getattr(oracle.Recurrence, rec.form)(**made)


def visible(rec: Any, other: Any, H: Array, X: Array) -> bool:
    """Whether the other record's step differs somewhere by more than any rounding: 2^-14 of the size of the states."""
    if other.same_map(rec):
        return False
    for h, x in zip(H[:-1], X, strict=True):
        one, two = (oracle.simulate(r, x[None], h)[1] for r in (rec, other))
        terms = 1 + np.abs(h).max(initial=0) * (1 + np.abs(np.asarray(rec.W, dtype=float)).sum()) + np.abs(x).sum()
        if np.max(np.abs(one - two)) > 2.0**-14 * terms:
            return True
    return False


@given(questions(), st.sampled_from(CHANGES), st.integers(0, 80))
def test_wrong_programs_never_pass(question: tuple[Any, Array, Array, Any], change: str, where: int) -> None:
    """A program that differs visibly in one thing fails, whatever else it does right."""
    rec, X, h0, step = question
    other = changed(rec, change, where)
    H = [h0]
    for x in X:
        H.append(step(H[-1], x))
    assume(visible(rec, other, np.array(H), X))
    result = oracle.check(step, other, inputs=X, h0=h0, kind="step", promised=rec.dtype)
    assert result.verdict == "fail", result.summary()
    assert result.worst > 1
