"""Which engine follows a recurrence, where the compiler is absent: the core alone gives the same digits."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys

import numpy as np
import pytest

import oracle
from oracle.reference import engines, flows
from oracle.reference.arguments import columns
from oracle.reference.problem import Problem

W = np.array([[0.5, -1.25], [0.75, 0.25]])
REC = oracle.Recurrence.leaky(W, alpha=0.3)


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports of the compiler fail, and every problem would be worth it."""
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(engines, "WORTH", 0.0)
    monkeypatch.setattr(flows, "WORTH", 0.0)


def test_without_the_compiler_balls_are_taken(absent: None) -> None:
    """By default, and they say so."""
    assert oracle.reference(REC, np.zeros((5, 0)), [0.5, -0.25]).method in ("balls", "centres")


def test_without_the_compiler_limbs_are_refused_by_name(absent: None) -> None:
    """In three parts, with the extra to install."""
    with pytest.raises(oracle.BadInput, match=r"(?s)numba is not installed.*probably means.*rnn-oracle\[fast\]"):
        oracle.reference(REC, np.zeros((5, 0)), [0.5, -0.25], engine="limbs")


def test_small_problems_do_not_wait_for_the_compiler() -> None:
    """What balls do in less time than compiled code takes to load is theirs; the estimate grows with the work."""

    def seconds(N: int, K: int, digits: int) -> float:
        rec = oracle.Recurrence.elman(np.eye(N) * 0.5)
        given, h0, _ = columns(rec, np.zeros((K, 0)), None)
        return engines.seconds(Problem(rec, given, h0, digits))

    assert seconds(2, 5, 30) < engines.WORTH < seconds(256, 1000, 50)
    assert seconds(8, 50, 30) < seconds(8, 100, 30) < seconds(8, 100, 3000)
    assert oracle.reference(REC, np.zeros((5, 0)), [0.5, -0.25]).method == "balls"


NET = oracle.Network.rate(W)


def test_flows_without_the_compiler_are_those_of_balls(absent: None) -> None:
    """By default; asked for by name, limbs are refused in three parts."""
    assert "balls" in oracle.reference(NET, h0=[0.5, -0.25], times=[1]).method
    with pytest.raises(oracle.BadInput, match=r"(?s)numba is not installed.*probably means.*rnn-oracle\[fast\]"):
        oracle.reference(NET, h0=[0.5, -0.25], times=[1], engine="limbs")


@pytest.mark.parametrize("engine", ["balls", "limbs"])
def test_an_answer_can_be_changed(engine: str) -> None:
    """`dataclasses.replace`, pickle and copy take what any engine made: numbers that are made late are there."""
    if engine == "limbs":
        pytest.importorskip("numba")
    rec, X = oracle.Recurrence.elman([[0.5, 0.25], [-0.25, 0.5]], [[1.0], [2.0]]), np.array([[1.0], [-2.0]])
    found = oracle.reference(rec, X, [0.1, 0.2], engine=engine)
    wider = dataclasses.replace(found, rad=2 * found.rad)
    assert (wider.mid == found.mid).all()
    assert (wider.rad == 2 * found.rad).all()
    for again in (wider, pickle.loads(pickle.dumps(found)), copy.copy(found)):
        assert again.shape == found.shape == (3, 2)
        assert (again.float64() == found.float64()).all()
        assert (again.status, again.bits, again.method) == (found.status, found.bits, found.method)
