"""The claims under steps that are no polynomial of the field: relations, and the zero-order hold of linear networks."""

import pytest

import oracle
from oracle.claims import one_step
from oracle.procedures.discretize import IMPLICIT

W, M = [[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]]
ORIGIN = {"step": 0.25, "at": ([0, 0], [0])}


@pytest.mark.parametrize("scheme", IMPLICIT)
@pytest.mark.parametrize("activation", ["tanh", "relu", "identity"])
def test_relations(scheme, activation):
    """R and D commute for relations as well; nothing is violated, and what is not evaluated is undecided."""
    net = oracle.Network.rate(W, M, [0.25, 0.5], tau=0.5, activation=activation)
    results = {result.id: result for result in oracle.verify_all(net, scheme=scheme, step=0.25)}
    assert {results[name].verdict for name in ("C1", "C3")} == {"holds"}
    assert {result.verdict for result in results.values()} <= {"holds", "not applicable", "undecided"}
    assert "solution of a relation" in results["C17"].evidence[0]
    assert oracle.claims["C1"].verify(net, scheme=scheme, step=0.25, step_after=0.25).verdict == "not applicable"


def test_zero_order_hold():
    """Its eigenvalues are exp(Delta lambda) and no polynomial; C1 to C4 are exact."""
    net = oracle.Network.rate(W, M, tau=0.5, activation="identity")
    verdicts = {result.id: result.verdict for result in oracle.verify_all(net, scheme="zoh", **ORIGIN)}
    assert {verdicts[name] for name in ("C1", "C2", "C3", "C4", "C8", "C9", "C17", "C18")} == {"holds"}
    assert "violated" not in verdicts.values()


def test_planted_fault_of_the_hold_is_reported(monkeypatch, planted):
    """Euler's R in place of the exponential."""
    net = oracle.Network.rate(W, M, tau=0.5, activation="identity")
    assert oracle.claims["C8"].verify(net, scheme="zoh", **ORIGIN).verdict == "holds"
    monkeypatch.setattr(one_step.ExactFlow, "image", lambda self, z: 1 + z)
    planted("Euler's R for the hold", oracle.claims["C8"].verify(net, scheme="zoh", **ORIGIN))


def test_hold_of_a_nonlinear_network_is_explained():
    """There is no such step: the error says what to do."""
    net = oracle.Network.rate(W, M, tau=0.5)
    with pytest.raises(oracle.BadInput, match="zoh"):
        oracle.claims["C1"].verify(net, scheme="zoh", **ORIGIN)
