"""Where an unexplained step goes wrong: leak, activation or pre-activation, told from the residuals alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import planted
import pytest
from planted import Code, Net, runs

import oracle

PLANTED: dict[str, Any] = {
    "leak": lambda c, h, x: planted.rate(c, h, x) - 0.01 * h**3,
    "activation": lambda c, h, x: (1 - c.a) * h + c.a * np.sign(c.z(h, x)) * np.log1p(np.abs(c.z(h, x))),
    "": lambda c, h, x: planted.rate(c, h, x) + 1e-3 * np.sin(40 * (h * h[::-1] + x.sum())),
}


@pytest.mark.parametrize("where", PLANTED)
def test_the_sub_expression_is_told(where: str) -> None:
    """A cubic decay, a logarithm for tanh, and a fault that is in none of them."""
    net = Net(6, 2, "tanh", gain=0.9, seed=3)
    h0, X = net.run_data(80)
    result = oracle.check(runs(Code.of(net), PLANTED[where]), net.record(), inputs=X, h0=h0, kind="run")
    assert result.verdict == "fail"
    assert result.explained_by is None, result.summary()
    assert result.diagnosis[0].parameters.get("site", "") == where, result.summary()


def test_other_weights_are_no_precision() -> None:
    """Weights wrong by 1e-4 leave residuals of TF32's size, but these are a function of state and input."""
    net = Net(6, 2, "tanh", gain=0.9, seed=3)
    h0, X = net.run_data(80)

    def step(c: Code, h: Any, x: Any) -> Any:
        return (1 - c.a) * h + c.a * np.tanh(c.z(h, x) + 1e-4 * (c.W.T @ h + 2 * x.sum()))

    result = oracle.check(runs(Code.of(net), step), net.record(), inputs=X, h0=h0, kind="run")
    assert result.explained_by == "wrong-weights", result.summary()
    assert result.diagnosis[0].parameters["site"] == "pre-activation"
