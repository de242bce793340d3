"""`identify` names the equation of a program from its weights: forms, activations, leak known or fitted."""

from __future__ import annotations

from typing import Any

import numpy as np
import planted
import pytest
from planted import Code, Net, Run, runs

import oracle


def _alpha(net: Net) -> Any:
    return np.asarray(0.3, dtype=net.dtype)


PROGRAMS: dict[str, tuple[str, Any]] = {
    "rate": ("form-rate", planted.rate),
    "current": ("form-current", planted.current),
    "leak inside": ("leak-inside", planted.leak_inside),
    "elman": ("elman", planted.elman),
}


def asked(net: Net, program: Run, **known: Any) -> oracle.CheckResult:
    """identify with the weights of a net."""
    h0, X = net.run_data(10)
    return oracle.identify(program, W=net.W, M=net.M, b=net.b, inputs=X, h0=h0, kind="run", promised=net.dtype, **known)


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "identity"])
@pytest.mark.parametrize("form", PROGRAMS)
@pytest.mark.parametrize(("dtype", "known"), [("float64", True), ("float32", False)])
def test_form_and_activation_are_named(form: str, activation: str, dtype: str, known: bool) -> None:
    """Every form with every activation, alpha given or fitted, in both precisions."""
    net = Net(7, 3, activation, dtype, gain=0.8, seed=2)
    name, step = PROGRAMS[form]
    alpha = {"alpha": float(_alpha(net))} if known else {}
    result = asked(net, runs(Code.of(net, _alpha(net)), step), **alpha)
    assert result, result.summary()
    assert result.record.activation == activation
    assert name in (result.explained_by or "").split("|") or (activation == "identity" and result.explained_by)
    if form != "elman" and activation != "identity":
        assert float(result.record.alpha) == pytest.approx(0.3, rel=1e-6)


@pytest.mark.parametrize("given", [0.3, None])
def test_a_linear_network_has_one_form(given: float | None) -> None:
    """With the identity, the three leaky forms are one record, and it is one of their names that is given."""
    net = Net(6, 2, "identity", gain=0.6)
    result = asked(net, runs(Code.of(net, _alpha(net)), planted.current), **({"alpha": given} if given else {}))
    assert {"form-rate", "form-current", "leak-inside"} & set((result.explained_by or "").split("|"))


@pytest.mark.parametrize("per_unit", [False, True])
def test_exponential_euler_with_known_times(per_unit: bool) -> None:
    """tau and step known: 1 - exp(-dt/tau) in place of dt/tau is told from forward Euler."""
    net = Net(6, 2, "tanh", per_unit=per_unit)
    code = Code.of(net, -np.expm1(-net.dt / net.tau))
    result = asked(net, runs(code), tau=net.tau, step=float(net.dt))
    assert "exponential-euler" in (result.explained_by or "").split("|"), result.summary()
    euler = asked(net, runs(Code.of(net)), tau=net.tau, step=float(net.dt))
    assert "form-rate" in (euler.explained_by or "").split("|"), euler.summary()


@pytest.mark.parametrize("deviation", ["transposed", "other equation"])
def test_what_is_not_in_the_catalogue_is_unexplained(deviation: str) -> None:
    """A cubic decay, or two deviations at once: fail, unexplained, no equation claimed."""
    net = Net(6, 2, "tanh")

    def cubic(c: Code, h: Any, x: Any) -> Any:
        return planted.rate(c, h, x) - 0.01 * h**3

    code = Code.of(net, _alpha(net))
    program = runs(code, cubic) if deviation == "other equation" else runs(code.but(W=net.W.T, b=2 * net.b[0]))
    result = asked(net, program)
    assert result.verdict == "fail"
    assert result.explained_by is None
    assert [f.name for f in result.diagnosis] == ["unexplained"]


def test_breaches_and_no_steps() -> None:
    """A candidate that raises, one that changes its arguments, and no steps at all."""
    net = Net(4, 2, "tanh")
    h0, X = net.run_data()
    question: dict[str, Any] = {"W": net.W, "M": net.M, "b": net.b, "h0": h0}

    def raises(h: Any, x: Any) -> Any:
        raise RuntimeError("no")

    def mutates(h: Any, x: Any) -> Any:
        h *= 2
        return np.tanh(net.W @ h)

    assert oracle.identify(raises, inputs=X, kind="step", **question).explained_by == "candidate-raised"
    result = oracle.identify(mutates, inputs=X, kind="step", **question)
    assert result.explained_by == "mutates-arguments"
    assert result.problem is not None
    assert oracle.identify(h0[None], inputs=X[:0], **question).verdict == "undecided"


def test_compare_holds_each_program_to_the_equation() -> None:
    """Two honest programs agree; one with a wrong bias is the one that is off."""
    net = Net(5, 2, "tanh")
    h0, X = net.run_data()
    one, other = runs(Code.of(net)), runs(Code.of(net).but(b=1.001 * net.b[0]))
    again = oracle.compare(one, one, net.record(), inputs=X, h0=h0, kind="run")
    assert again
    assert again.to_dict()["verdict"] == "pass"
    off = oracle.compare(one, other, net.record(), inputs=X, h0=h0, kind="run")
    assert off.verdict == "fail"
    assert "second candidate is off" in off.summary()


@pytest.mark.parametrize("form", ["rate", "current", "leak inside"])
@pytest.mark.parametrize("activation", ["silu", "gelu-tanh", "softplus"])
def test_activations_that_are_seldom_met_with_an_unknown_leak(form: str, activation: str) -> None:
    """Neither the activation nor alpha is told."""
    net = Net(7, 3, activation, gain=0.8, seed=2)
    name, step = PROGRAMS[form]
    result = asked(net, runs(Code.of(net, _alpha(net)), step))
    assert name in (result.explained_by or "").split("|"), result.summary()
    assert (result.record.activation, float(result.record.alpha)) == (activation, pytest.approx(0.3))


def test_a_deviation_with_an_unknown_leak() -> None:
    """The form, the deviation and alpha; the same with a term that no equation has is unexplained."""
    net = Net(7, 3, "tanh", seed=2)
    code = Code.of(net, _alpha(net))
    found = asked(net, runs(code.but(W=net.W.T)))
    assert found.explained_by == "form-rate+transposed-recurrent-weights"
    assert found.record is not None
    other = asked(net, runs(code.but(W=net.W.T), lambda c, h, x: planted.rate(c, h, x) + h**3 / 100))
    assert other.explained_by is None
