"""Arguments of `oracle.reference`, signals and enclosures: what is refused, what is read, what is printed."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
from oracle.reference.enclosure import Enclosure, mpf_array, shown

W, M, b = np.array([[0.5, -1.25], [0.75, 0.25]]), np.array([[1.0], [0.5]]), np.array([0.125, -0.5])
REC, NET = oracle.Recurrence.elman(W, M, b), oracle.Network.rate(W, M, b, tau=0.5)
X = np.array([[0.5], [-1.0], [0.25]])


@pytest.mark.parametrize(
    ("record", "arguments", "words"),
    [
        (REC, {"inputs": X, "digits": 0}, "digits is 0"),
        (REC, {"inputs": X, "digits": 1e-30}, "tolerance"),
        (REC, {"inputs": X, "digits": 10**6}, "digits is 1000000"),
        (REC, {"inputs": X, "digits": True}, "digits is True"),
        (REC, {}, "no inputs"),
        (REC, {"inputs": X.T}, "shape"),
        (REC, {"inputs": X[:, 0]}, "shape"),
        (REC, {"inputs": [[np.nan]]}, "nan"),
        (REC, {"inputs": X, "h0": [1.0]}, "h0 has shape"),
        (REC, {"inputs": X, "h0": np.ones((2, 2))}, "h0 has shape"),
        (REC, {"inputs": X, "times": [1]}, "times were given for a recurrence"),
        (REC, {"inputs": X, "engine": "mpmath"}, "for a recurrence"),
        (REC, {"inputs": oracle.held(X, 1)}, "a signal is the input of a network"),
        (NET, {}, "times is missing"),
        (NET, {"times": []}, "at least one time"),
        (NET, {"times": [-0.5, 1], "inputs": oracle.held(X, 1)}, "known from 0.0 on"),
        (NET, {"times": [2, 1]}, "not increasing"),
        (NET, {"times": [1, 1]}, "not increasing"),
        (NET, {"times": ["soon"]}, "not a decimal number"),
        (NET, {"times": [np.inf]}, "inf"),
        (NET, {"times": [1], "inputs": X}, "oracle.held"),
        (NET, {"times": [1], "inputs": [1.0, 2.0]}, "2 components; the network has 1"),
        (NET, {"times": [1], "inputs": oracle.held(X, 0.25)}, "known until 0.75"),
        (NET, {"times": [1], "inputs": oracle.sampled(X, 0.4)}, "known until 0.8"),
        (NET, {"times": [1], "h0": np.ones((3, 4))}, "h0 has shape"),
        (NET, {"times": [1], "h0": np.ones(3)}, "h0 has shape"),
        (NET, {"times": [1], "radius": -1}, "a radius is a distance"),
        (NET, {"times": [1], "engine": "euler"}, 'pass "auto"'),
        (NET, {"times": [1], "engine": "mpmath", "radius": 0.5}, "sets of initial states"),
        (W, {"inputs": X}, "record is a ndarray"),
    ],
)
def test_refused_in_three_parts(record: Any, arguments: dict[str, Any], words: str) -> None:
    """What was seen, what it probably means, what to do."""
    with pytest.raises(oracle.BadInput, match=r"(?s)This probably means.*What to do") as refused:
        oracle.reference(record, **arguments)
    assert words in str(refused.value)


def test_times_are_read_exactly() -> None:
    """ "0.1" is one tenth and 0.1 is the float above it: the flow tells them apart at 30 digits, not at the float."""
    tenth = oracle.reference(NET, h0=[0.5, 0.25], times=["0.1"])
    same = oracle.reference(NET, h0=[0.5, 0.25], times=[Fraction(1, 10)])
    other = oracle.reference(NET, h0=[0.5, 0.25], times=[0.1])
    assert (tenth.mid == same.mid).all()
    assert not tenth.contains(other.mid).any()
    assert (tenth.float64() == other.float64()).all() or np.abs(tenth.float64() - other.float64()).max() < 1e-15


def test_an_initial_state_for_all_trajectories() -> None:
    """h0 of shape (N,) starts every trajectory of a batch."""
    inputs = np.stack([X, 2 * X], axis=1)
    one = oracle.reference(REC, inputs, [0.5, 0.25])
    each = oracle.reference(REC, inputs, [[0.5, 0.25], [0.5, 0.25]])
    assert (one.mid == each.mid).all()
    assert one.shape == (4, 2, 2)


@given(k=st.integers(0, 2), part=st.fractions(0, 1), r=st.fractions(Fraction(1, 5), 5))
def test_signals_are_exact_and_rescale(k: int, part: Fraction, r: Fraction) -> None:
    """Held and sampled signals give the stated values inside piece k, exactly, and x(r s) after rescaling."""
    values = np.array([[0.5], [-1.0], [0.25], [2.0]])
    step = Fraction(1, 3)
    t = (k + part * Fraction(99, 100)) * step
    for signal, share in ((oracle.held(values, step), 0), (oracle.sampled(values, step), part * Fraction(99, 100))):
        piece = signal.piece(t)
        expected = Fraction(values[k, 0]) * (1 - share) + Fraction(values[k + 1, 0]) * share
        assert piece.value[0] == expected
        assert piece.end == (k + 1) * step
        scaled = signal.rescale(r).piece(t / r)
        assert (scaled.value[0], scaled.end) == (expected, (k + 1) * step / r)


@pytest.mark.parametrize(
    ("make", "values", "step"),
    [
        (oracle.held, X, 0),
        (oracle.held, X, -0.5),
        (oracle.held, X[:, 0], 1),
        (oracle.held, np.zeros((0, 1)), 1),
        (oracle.sampled, X[:1], 1),
        (oracle.sampled, [[np.nan], [1.0]], 1),
    ],
)
def test_signals_refuse(make: Any, values: Any, step: Any) -> None:
    """Steps that are not positive, axes that are missing, samples that are too few or not finite."""
    with pytest.raises(oracle.BadInput):
        make(values, step)


def ball(mid: str, rad: str) -> Enclosure:
    """One entry."""
    with mpmath.workdps(50):
        return Enclosure(mpf_array([mpmath.mpf(mid)], (1,)), mpf_array([mpmath.mpf(rad)], (1,)), "proved")


def test_contains_is_exact() -> None:
    """The end points of a ball are inside, the next float is not, infinity and NaN are not."""
    unit = ball("1", "0.25")
    assert unit.contains([1.25])[0]
    assert not unit.contains([np.nextafter(1.25, 2)])[0]
    assert not unit.contains([Fraction(5, 4) + Fraction(1, 10**40)])[0]
    assert not unit.contains([np.nan])[0]
    assert not unit.contains([np.inf])[0]
    with pytest.raises(oracle.BadInput, match="shape"):
        unit.contains([1.0, 1.0])


@pytest.mark.parametrize(
    ("mid", "rad", "digits"),
    [("1", "1e-30", 29), ("1", "0.99e-30", 30), ("1e5", "1e-26", 30), ("0", "1e-400", 399), ("3", "0", np.inf)],
)
def test_digits_are_counted_downwards(mid: str, rad: str, digits: float) -> None:
    """The largest whole d with rad <= 10^-d max(1, |value|); on the border the smaller one."""
    assert ball(mid, rad).digits == digits


def test_the_repr_shows_radius_and_status() -> None:
    """Radius rounded up, whatever its exponent; proved for recurrences and flows, observed by mpmath."""
    assert "(proved)" in repr(oracle.reference(REC, X))
    assert "(proved)" in repr(oracle.reference(NET, times=[0.5], digits=12))
    flow = repr(oracle.reference(NET, times=[0.5], digits=12, engine="mpmath"))
    assert "observed, agreement" in flow
    assert "radius <= " in flow
    assert shown(mpmath.mpf(2) ** -2000) == "8.75e-603"
    assert shown(mpmath.mpf(0)) == "0"


def test_enclosures_pickle_and_are_frozen() -> None:
    """An enclosure travels between processes without losing a bit, and its arrays cannot be written."""
    result = oracle.reference(REC, X, digits=60)
    again = pickle.loads(pickle.dumps(result))
    assert (again.mid == result.mid).all()
    assert again.contains(result.mid).all()
    with pytest.raises(ValueError, match="read-only"):
        result.mid[0, 0] = mpmath.mpf(0)
