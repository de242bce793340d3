"""Whatever is called, the state of mpmath, flint, NumPy and Python stays as it was.

To add a public function: one line in CALLS, a function of nothing that calls it.
"""

from __future__ import annotations

import os
import pickle
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flint
import mpmath
import numpy as np
import pytest
import sympy  # its import, not its use, adds a warning filter
from specimens import H, M, N, W, X, recurrences

import oracle
from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.mp import Mp
from oracle.arithmetic.symbolic import Symbolic
from oracle.equations.catalogue import advance

NET = oracle.Network.rate(W, M, tau=0.5)
REC = recurrences()["rk4"]
LEAKY = oracle.Recurrence.leaky(W, M, alpha=0.25)
INPUTS = np.linspace(-1.0, 2.0, 8).reshape(4, 2)


def stepped(ops: Any) -> Any:
    """One step in an arithmetic."""
    return advance(ops, REC, ops.lift(H), ops.lift(X))


def in_balls() -> Any:
    """One step in balls of an unusual precision."""
    with precision(211):
        return stepped(Ball())


def failing_in_balls() -> None:
    """An error inside the precision context."""
    with pytest.raises(ZeroDivisionError), precision(211):
        _ = 1 / 0


def refused() -> None:
    """A record that cannot be."""
    with pytest.raises(oracle.BadInput):
        oracle.Network.rate([[float("nan")]])


def public(name: str, *args: Any, **kwargs: Any) -> Callable[[], Any]:
    """A call of a public function that may not be there yet."""

    def call() -> Any:
        if not callable(getattr(oracle, name, None)):
            pytest.skip(f"oracle.{name} is not there")
        return getattr(oracle, name)(*args, **kwargs)

    return call


def follow(h: Any, x: Any) -> Any:
    """The leaky step in NumPy."""
    return 0.75 * h + 0.25 * np.tanh(W @ h + M @ x)


CALLS: dict[str, Callable[[], Any]] = {
    "Network": lambda: oracle.Network.rate(W, M, tau=0.1),
    "discretize": lambda: NET.discretize(step=0.1, scheme="exponential-euler"),
    "linearize": lambda: NET.rescale(3).linearize().collapsed(),
    "repr": lambda: repr(NET.linearize()),
    "pickle": lambda: pickle.loads(pickle.dumps(REC)),
    "views": lambda: NET.discretize(step=0.1, scheme="exponential-euler").A,
    "bad input": refused,
    "mpmath": lambda: stepped(Mp(77)),
    "balls": in_balls,
    "balls that fail": failing_in_balls,
    "symbols": lambda: stepped(Symbolic()),
    "simulate": public("simulate", LEAKY, inputs=INPUTS),
    "reference": public("reference", LEAKY, inputs=INPUTS, digits=40),
    "reference of a flow": public("reference", NET, inputs=X[:, 0], h0=H[:, 0], times=[0.0, 0.125], digits=20),
    "tolerance": public("tolerance", LEAKY, inputs=INPUTS, precision="float32", kind="step"),
    "check": public("check", follow, LEAKY, inputs=INPUTS, h0=H[:, 0], kind="step"),
    "identify": public("identify", follow, W=W, M=M, b=np.zeros(N), inputs=INPUTS),
    "probe": public("probe", LEAKY),
    "gradient": public("gradient", LEAKY, inputs=INPUTS),
    "check_gradient": public("check_gradient", {"W": np.zeros((N, N))}, LEAKY, inputs=INPUTS),
    "Cube": public("Cube", NET, tau=4, step=0.125, at=(H[:, 0], X[:, 0])),
    "relate": public("relate", LEAKY, REC),
}


def state() -> dict[str, Any]:
    """Everything global that arithmetic could touch."""
    kind, keys, position, *rest = np.random.get_state(legacy=True)  # noqa: NPY002 - the state to be left alone
    return {
        "sympy": sympy.__version__,
        "mpmath": (mpmath.mp.dps, mpmath.mp.prec, mpmath.mp.pretty, mpmath.iv.prec),
        "flint": (flint.ctx.prec, flint.ctx.dps, flint.ctx.cap),
        "errors": np.geterr(),
        "printing": str(np.get_printoptions()),
        "random": (kind, bytes(np.asarray(keys)), position, rest, random.getstate()),
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
    }


@pytest.mark.parametrize("name", CALLS)
def test_nothing_global_changes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Precisions, random states, error modes and the rest are the same afterwards, from unusual values."""
    monkeypatch.setattr(mpmath.mp, "dps", 19)
    monkeypatch.setattr(flint.ctx, "prec", 61)
    with np.errstate(under="warn", invalid="raise"):
        before = state()
        CALLS[name]()
        assert state() == before


@pytest.mark.parametrize(
    "touch",
    [
        lambda: setattr(mpmath.mp, "dps", 50),
        lambda: setattr(flint.ctx, "prec", 100),
        lambda: np.seterr(over="ignore"),
        lambda: np.random.random(),  # noqa: NPY002 - the planted fault
        lambda: random.random(),
        lambda: warnings.simplefilter("ignore"),
    ],
)
def test_a_change_is_noticed(touch: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: each of these changes the state that is compared."""
    monkeypatch.setattr(mpmath.mp, "dps", mpmath.mp.dps)
    monkeypatch.setattr(flint.ctx, "prec", flint.ctx.prec)
    with np.errstate(), warnings.catch_warnings():
        before = state()
        touch()
        assert state() != before
