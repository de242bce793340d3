"""Certified flows: containment, with zero tolerance, of what closed forms and longer computations say."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from oracle.reference.enclosure import exact
from oracle.strategies import networks

DIGITS = 15
LAST = Fraction(3, 2)


def signal_for(net: oracle.Network, kind: str, seed: int) -> Any:
    """An input of a kind: constant, held or linear, known to t = 3."""
    values = np.random.default_rng(seed).normal(size=(6, net.I))
    return {
        "constant": values[0],
        "held": oracle.held(values, Fraction(1, 2)),
        "linear": oracle.sampled(values, Fraction(3, 5)),
    }[kind]


@settings(max_examples=10)
@given(
    st.data(),
    st.sampled_from(["constant", "held", "linear"]),
    st.sampled_from([0.5, 1.2, 2.0]),
    st.integers(0, 2**32 - 1),
)
def test_the_enclosure_contains_mpmath_at_twice_the_digits(data: Any, kind: str, gain: float, seed: int) -> None:
    """Drawn networks, contracting to chaotic, all analytic activations, per-unit tau, forward and backward in time from
    the middle: what mpmath says to twice the digits, its own radius included, is inside the proved radius."""
    activations = ("tanh", "logistic", "identity")
    net = data.draw(networks(units=4, inputs=2, activations=activations, gain=gain, dtypes=("float64",))).rescale(
        Fraction(1, 8)
    )
    h0 = np.random.default_rng(seed).normal(size=net.N)
    asked: dict[str, Any] = {
        "inputs": signal_for(net, kind, seed),
        "h0": h0,
        "times": ["0.1", 1, "1.7"],
        "start": "0.7",
    }
    proved = oracle.reference(net, digits=DIGITS, **asked)
    finer = oracle.reference(net, digits=2 * DIGITS, engine="mpmath", **asked)
    assert proved.status == "proved"
    assert proved.digits >= DIGITS
    assert all(contained(proved, finer))


def contained(outer: oracle.Enclosure, inner: oracle.Enclosure) -> list[bool]:
    """Whether |inner.mid - outer.mid| + inner.rad <= outer.rad, exactly, entry by entry."""
    parts = zip(*(part.ravel() for part in (outer.mid, outer.rad, inner.mid, inner.rad)), strict=True)
    return [abs(exact(m) - exact(n)) + exact(s) <= exact(r) for m, r, n, s in parts]
