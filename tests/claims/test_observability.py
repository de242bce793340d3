"""Observability of (J, C) under R and D: (i) and (ii) decide, (iii) does not matter, and planted faults."""

from fractions import Fraction

import numpy as np
import pytest

import oracle
from oracle.claims import c09, observability, pairs
from oracle.claims.criterion import by_polynomials
from oracle.claims.observability import dual, readout, transposed
from oracle.claims.one_step import OneStep
from oracle.claims.rank import Pair, controllability
from oracle.records.exact import exact_object, objects
from oracle.records.operator import Operator

RK2 = (Fraction(1), Fraction(1), Fraction(1, 2))


def exact(rows):
    return objects(Fraction(entry) for row in rows for entry in row).reshape(len(rows), -1)


def survives(J, C, step):
    """Rank of (RK2(Delta J), C), and the criterion: both exact, and they must agree."""
    J, C, step = exact(J), exact(C), Fraction(step)
    eye = exact(np.eye(len(J), dtype=int).tolist())
    moved = eye + step * J + step**2 / 2 * (J @ J)
    before, after = (controllability(dual(Pair.dense(M, C.T), C)) for M in (J, moved))
    assert before.full
    found = observability.observed(by_polynomials(J, OneStep(RK2, step)))
    assert found.survives(1) is after.full
    return after.full


def test_second_order_instances():
    """Lost at Delta (l + l') = -2 and at Delta l = -1 defective; kept at Delta l = -2, where the inputs lose it."""
    assert survives([[-1, 0], [0, -3]], [[1, 1]], Fraction(1, 2)) is False
    assert survives([[-1, 1], [0, -1]], [[1, 0]], 1) is False
    assert survives([[-1, 3], [-3, -1]], [[1, 0]], 1) is False  # -1/tau +- i w at Delta = tau
    assert survives([[-1, 0], [0, -2]], [[1, 1]], 1) is True
    controlled = by_polynomials(exact([[-1, 0], [0, -2]]), OneStep(RK2, Fraction(1)))
    assert controlled.survives(1) is False


def test_transposed_operators():
    """Diagonals, dense factors and scalings change sides."""
    rng = np.random.default_rng(3)
    left, right, dense = exact_object(rng.normal(size=3)), exact_object(rng.normal(size=4)), rng.normal(size=(3, 4))
    op = Operator.dense(dense).scaled(left).times_diagonal(right)
    assert np.array_equal(transposed(op).expanded, op.expanded.T)
    assert not np.array_equal(transposed(op).expanded, np.abs(op.expanded.T))


def test_readouts_have_no_zero():
    """The default readout sees every unit by itself."""
    for N in (1, 7, 400):
        assert np.all(readout(N) != 0)


def test_the_claim_reports_it():
    """Outcomes for R, Euler and the scheme; a network that cannot be observed is said to be so, and the rest holds."""
    net = oracle.Network.rate([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], tau=0.5)
    result = c09.CLAIM.verify(net, scheme="midpoint", at=([0, 0], [0]), step=0.25)
    assert result.verdict == "holds"
    assert sum(text.startswith("observability") for text in result.evidence) == 3
    twins = oracle.Network.rate([[0.5, 0.0], [0.0, 0.5]], [[1.0, 0.0], [0.0, 1.0]], tau=0.5, activation="identity")
    result = c09.CLAIM.verify(twins)
    assert result.verdict == "holds"
    assert "has rank 1 of 2" in result.observed["observability of (J, C), one readout"]


NET = oracle.Network(A=[[-1, 3], [-3, -1]], B=0, W=np.zeros((2, 2)), E=[[1], [0]], activation="identity")


def test_planted_fault_is_reported(monkeypatch):
    """Without (i) the midpoint rule is said to keep what it loses: violated."""
    options = {"scheme": "midpoint", "at": ([0, 0], [0]), "step": 1}
    assert c09.CLAIM.verify(NET, **options).verdict == "holds"
    right = observability.observed
    monkeypatch.setattr(observability, "observed", lambda found: right(found)._replace(distinct=True))
    assert c09.CLAIM.verify(NET, **options).verdict == "violated"


@pytest.mark.parametrize("silent", ["R", "Euler"])
def test_a_lost_row_is_reported(silent, monkeypatch):
    """R or D that cuts a unit off from the readout: the spaces differ."""
    cut = exact([[-1, 0], [0, -1]])
    broken = Pair.dense(cut, exact([[1], [1]]))
    name = "of_network" if silent == "R" else "of_recurrence"
    right = getattr(pairs, name)

    def wrong(record, at):
        made = right(record, at)
        return broken if silent == "Euler" or record.origin.name == "rescale" else made

    monkeypatch.setattr(c09, name, wrong)
    result = c09.CLAIM.verify(NET, at=([0, 0], [0]), step=0.5)
    assert result.verdict == "violated"
    assert any(text.startswith(f"observability under {silent}: different") for text in result.evidence)
