"""Records are values: equal by what they compute, hashable, picklable, immutable, printed as they were stated."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from specimens import LEAK, B, M, N, W, dyadic, networks, recurrences, transcendental

import oracle
from oracle import Network, Recurrence, strategies

RECORDS: dict[str, Any] = {
    **{f"{name} (network)": net for name, net in networks().items()},
    **recurrences(),
    **transcendental(),
    "rescaled": networks()["general"].rescale(3),
    "collapsed": networks("identity")["current, per unit tau"].rescale(Fraction(1, 3)).collapsed(),
    "of fractions": Recurrence.elman([[Fraction(1, 3), 2], [3, Fraction(5, 7)]]),
}
NAMES = {"oracle": oracle, "np": np, "Fraction": Fraction}


@pytest.mark.parametrize("name", RECORDS)
def test_the_repr_evaluates_to_an_equal_record(name: str) -> None:
    """What is printed can be pasted, and prints the same again; no numpy types show."""
    record = RECORDS[name]
    assert eval(repr(record), NAMES) == record
    assert repr(eval(repr(record), NAMES)) == repr(record)
    assert "float64(" not in repr(record)


@pytest.mark.parametrize("name", RECORDS)
def test_pickles_and_copies_are_equal_and_read_only(name: str) -> None:
    """Equality, hash, repr and dtype survive, and so does immutability."""
    record = RECORDS[name]
    for twin in (pickle.loads(pickle.dumps(record)), copy.deepcopy(record)):
        assert twin == record
        assert (hash(twin), repr(twin), twin.dtype) == (hash(record), repr(record), record.dtype)
        root = twin.origin.root().arguments
        assert not root["W"].flags.writeable
        assert twin is not record


def test_different_records_are_different() -> None:
    """No two of the specimens are equal."""
    made = list(RECORDS.values())
    same = [(a, b) for i, a in enumerate(made) for b in made[i + 1 :] if a == b]
    assert same == []
    assert len(set(made)) == len(made)


@given(strategies.recurrences(dtypes=("float64",)))
def test_one_bit_of_one_weight_makes_another_record(rec: Recurrence) -> None:
    """The neighbouring float64 of any one weight gives an unequal record."""
    arguments = dict(rec.origin.arguments)
    weights = arguments["W"].copy()
    weights[-1, 0] = np.nextafter(weights[-1, 0], np.inf)
    make = getattr(Recurrence, rec.origin.name)
    assert make(**arguments) == rec
    assert make(**{**arguments, "W": weights}) != rec


@pytest.mark.parametrize("name", ["field", "origin", "anything"])
def test_networks_are_frozen(name: str) -> None:
    """No attribute can be set."""
    with pytest.raises(FrozenInstanceError):
        setattr(Network.rate(W), name, 1)


def test_coefficients_are_views_in_float64() -> None:
    """`.A` and the rest are rounded copies; other names are errors."""
    net = Network.rate(W, M, B, tau=0.5)
    assert net.A.tolist() == (-2 * np.eye(N)).tolist()
    assert (net.W.tolist(), net.M.tolist(), net.b.tolist()) == (W.tolist(), M.tolist(), B.tolist())
    assert (net.B.tolist(), net.c.tolist(), net.E.tolist()) == (
        (2 * np.eye(N)).tolist(),
        [0.0] * N,
        np.zeros((N, 2)).tolist(),
    )
    for record in (net, net.discretize(step=0.1)):
        with pytest.raises(AttributeError, match="'Z'"):
            _ = record.Z
    with pytest.raises(oracle.BadInput, match="rk4 step"):
        _ = net.discretize(step=0.1, scheme="rk4").A


def test_equality_is_of_maps_not_of_wording() -> None:
    """Equal maps are equal however stated: leaky at alpha 1 is Elman, Euler of `rate` is leaky, two biases add."""
    halves = (dyadic(6, N), B - dyadic(6, N))
    assert Recurrence.leaky(W, M, B, alpha=1) == Recurrence.elman(W, M, B)
    assert Recurrence.leak_inside(W, M, B, alpha=1) == Recurrence.elman(W, M, halves)
    assert Network.rate(W, M, B, tau=0.5).discretize(step=0.125) == Recurrence.leaky(W, M, B, alpha=0.25, step=0.125)
    assert Recurrence.leaky(W, M, B, alpha=0.25, step=0.125) != Recurrence.leaky(W, M, B, alpha=0.25)
    assert Recurrence.leaky(W, M, B, alpha=0.25, step=0.125).same_map(Recurrence.leaky(W, M, B, alpha=0.25))
    assert Recurrence.leaky(W, M, B, alpha=LEAK) != Recurrence.leaky(W, M, B, alpha=LEAK, sigma="inside")
    assert Network.rate(W) != Recurrence.elman(W)
    assert Network.rate(W) != "a network"


def test_gates_of_fractions_are_compared_by_value() -> None:
    """A gated cell of Fractions equals the one of the same float64 numbers, and another one does not."""
    exact = np.vectorize(Fraction, otypes=[object])(dyadic(7, 3, 1))
    floats = dyadic(7, 3, 1)
    assert Recurrence.gru(exact) == Recurrence.gru(floats)
    assert hash(Recurrence.gru(exact)) == hash(Recurrence.gru(floats))
    assert Recurrence.gru(exact) != Recurrence.gru(floats, reset="before")
    assert Recurrence.gru(exact) != Recurrence.gru(exact + Fraction(1, 3))


def test_time_grids_and_memory() -> None:
    """tau, alpha, form, dtype and sizes are those that were given."""
    net = Network.rate(W.astype(np.float32), M.astype(np.float32), tau=0.1)
    rec = net.discretize(dt=0.02)
    assert (net.tau, net.form, net.dtype, net.N, net.I) == (Fraction(0.1), "rate", "float32", 3, 2)
    assert (rec.step, rec.form, rec.dtype, rec.N, rec.I) == (Fraction(0.02), "discretize", "float32", 3, 2)
    assert Recurrence.leaky(W, alpha=0.25).alpha == Fraction(1, 4)
    assert Recurrence.elman(W.astype(np.float32), M).dtype == "float64"
