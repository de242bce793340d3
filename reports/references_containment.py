"""Certified references against mpmath at twice the digits, with zero tolerance; for references.py."""

from __future__ import annotations

from fractions import Fraction
from math import log10
from typing import Any

import numpy as np

import oracle
from oracle.arithmetic.mp import Mp
from oracle.equations.catalogue import advance
from oracle.reference.enclosure import exact
from oracle.reference.limits import NotReached

RECURRENCES = ("elman", "leaky", "inside", "leak-inside")
SIZES = (1, 2, 5, 16, 64)
GAINS = (0.3, 1.0, 2.0)
"""From contracting to chaotic: about the spectral radius of W."""
STEPS, DIGITS, FLOW_DIGITS, FLOW_LAST = 20, 25, 12, Fraction(1, 4)
ANALYTIC = ("tanh", "logistic", "identity", "softplus", "erf", "sin", "arctan", "silu", "gelu", "gelu-tanh")
KINKED = ("relu", "leaky-relu(0.1)", "hardtanh", "elu", "square(0.25)", "softplus(20)")
EXPRESSIONS = ("z / (1 + z**2)",)
LARGE = ("tanh", "logistic", "identity")  # flows of 64 units, half a minute each in mpmath


def made(kind: str, activation: str, N: int, gain: float, seed: int) -> Any:
    """A recurrence, or a network, with random weights and two inputs."""
    rng = np.random.default_rng(seed)
    W, M, b = gain * rng.normal(size=(N, N)) / N**0.5, rng.normal(size=(N, 2)), rng.normal(size=N) / 4
    if kind == "elman":
        return oracle.Recurrence.elman(W, M, b, activation=activation)
    if kind == "leak-inside":
        return oracle.Recurrence.leak_inside(W, M, b, alpha=rng.uniform(0.1, 0.9, N), activation=activation)
    if kind in ("leaky", "inside"):
        sigma = "inside" if kind == "inside" else "outside"
        return oracle.Recurrence.leaky(W, M, b, alpha=rng.uniform(0.1, 0.9, N), sigma=sigma, activation=activation)
    return getattr(oracle.Network, kind)(W, M, b, tau=rng.uniform(0.5, 2, N), activation=activation)


def within(outer: Any, inner: Any) -> float:
    """The largest (|inner - outer| + inner radius) / outer radius: at most 1 where everything is contained."""
    worst = Fraction(0)
    for m, r, n, s in zip(*(a.ravel() for a in (outer.mid, outer.rad, inner.mid, inner.rad)), strict=True):
        off, most = abs(exact(m) - exact(n)) + exact(s), exact(r)
        worst = max(worst, off / most if most else Fraction(int(off > 0) * 2))
    return float(worst)


def by_mpmath(rec: Any, X: Any, h0: Any, digits: int) -> Any:
    """The states of a recurrence in mpmath."""
    ops = Mp(digits)
    h = ops.lift(h0)
    states = [h]
    for x in X:
        h = advance(ops, rec, h, ops.lift(x))
        states.append(h)
    return np.array([state[:, 0] for state in states], dtype=object)


def containment() -> dict[str, Any]:
    """Every size, gain, form and activation: mpmath at twice the digits, or more, is inside, with zero tolerance."""
    tables: dict[str, Any] = {"recurrences": {}, "flows": {}, "flows with kinks": {}}
    rng = np.random.default_rng(1)
    for activation in (*ANALYTIC, *EXPRESSIONS, *KINKED):
        rows = tables["recurrences"][activation] = {"runs": 0, "inside": 0, "worst": 0.0}
        for number, (N, gain) in enumerate((N, gain) for N in SIZES for gain in GAINS):
            rec = made(RECURRENCES[number % 4], activation, N, gain, number)
            X, h0 = rng.normal(size=(STEPS if N < 64 else 3, 2)), rng.normal(size=N)
            try:
                found = oracle.reference(rec, X, h0, digits=DIGITS)
            except NotReached:
                rows["refused"] = rows.get("refused", 0) + 1
                continue
            _count(rows, _distance(found, by_mpmath(rec, X, h0, max(2 * DIGITS, int(found.bits * log10(2))) + 10)))
        kind, engine = ("flows with kinks", "balls") if activation in KINKED else ("flows", "mpmath")
        rows = tables[kind][activation] = {"runs": 0, "inside": 0, "worst": 0.0}
        large = [(64, 2.0)] if activation in LARGE else []
        for number, (N, gain) in enumerate([*((N, gain) for N in SIZES[:-1] for gain in GAINS), *large]):
            net = made(("rate", "paper", "current")[number % 3], activation, N, gain, number)
            asked = oracle.held(rng.normal(size=(2, 2)), FLOW_LAST / 2), rng.normal(size=N), [FLOW_LAST]
            outer = oracle.reference(net, *asked, digits=FLOW_DIGITS)
            _count(rows, within(outer, oracle.reference(net, *asked, digits=2 * FLOW_DIGITS, engine=engine)))
    return tables


def _count(rows: dict[str, Any], ratio: float) -> None:
    rows |= {"runs": rows["runs"] + 1, "inside": rows["inside"] + (ratio <= 1), "worst": max(rows["worst"], ratio)}


def _distance(found: Any, truth: Any) -> float:
    return within(found, oracle.Enclosure(truth, np.full(truth.shape, 0 * truth.ravel()[0], dtype=object), "observed"))
