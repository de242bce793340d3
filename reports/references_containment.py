"""Certified references against mpmath at twice the digits, with zero tolerance; for references.py."""

from __future__ import annotations

import sys
from fractions import Fraction
from functools import partial
from math import log10
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from reference.by_regions import BRANCHES, flow  # noqa: E402

import oracle  # noqa: E402
from oracle.arithmetic.mp import Mp  # noqa: E402
from oracle.equations.catalogue import advance  # noqa: E402
from oracle.reference.enclosure import exact  # noqa: E402
from oracle.reference.limits import NotReached  # noqa: E402

RECURRENCES = ("elman", "leaky", "inside", "leak-inside")
SIZES = (1, 2, 5, 16, 64)
GAINS = (0.3, 1.0, 2.0)
"""From contracting to chaotic: about the spectral radius of W."""
STEPS, DIGITS, FLOW_DIGITS, FLOW_LAST = 20, 25, 12, Fraction(1, 4)
ANALYTIC = ("tanh", "logistic", "identity", "softplus", "erf", "sin", "arctan", "silu", "gelu", "gelu-tanh")
KINKED = ("relu", "leaky-relu(0.1)", "hardtanh", "elu", "square(0.25)", "softplus(20)")
BY_REGIONS = tuple(BRANCHES)
SAME = {"softplus(20)": "softplus"}  # below its threshold
KINKED_LAST = Fraction(1)  # long enough for most networks to leave a region
EXPRESSIONS = ("z / (1 + z**2)",)
LARGE = (*ANALYTIC, *EXPRESSIONS, "relu", "softplus(20)")  # flows of 64 units; elu would take ten minutes


def weights(N: int, gain: float, seed: int) -> tuple[Any, Any, Any, Any]:
    """W, M, b and a generator."""
    rng = np.random.default_rng(seed)
    return gain * rng.normal(size=(N, N)) / N**0.5, rng.normal(size=(N, 2)), rng.normal(size=N) / 4, rng


def made(kind: str, activation: str, N: int, gain: float, seed: int) -> Any:
    """A recurrence with random weights and two inputs."""
    W, M, b, rng = weights(N, gain, seed)
    if kind == "elman":
        return oracle.Recurrence.elman(W, M, b, activation=activation)
    if kind == "leak-inside":
        return oracle.Recurrence.leak_inside(W, M, b, alpha=rng.uniform(0.1, 0.9, N), activation=activation)
    sigma = "inside" if kind == "inside" else "outside"
    return oracle.Recurrence.leaky(W, M, b, alpha=rng.uniform(0.1, 0.9, N), sigma=sigma, activation=activation)


def flowing(activation: str, N: int, gain: float, seed: int) -> oracle.Network:
    """The rate form, one time constant per unit."""
    W, M, b, rng = weights(N, gain, seed)
    return oracle.Network.rate(W, M, b, tau=rng.uniform(0.5, 2, N), activation=activation)


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
        kind = "flows with kinks" if activation in KINKED else "flows"
        rows = tables[kind][activation] = {"runs": 0, "inside": 0, "worst": 0.0}
        large = [(64, 2.0)] if activation in LARGE else []
        for number, (N, gain) in enumerate([*((N, gain) for N in SIZES[:-1] for gain in GAINS), *large]):
            _count(rows, flow_within(("rate", "paper", "current")[number % 3], activation, N, gain, number))
    return tables


def flow_within(form: str, activation: str, N: int, gain: float, seed: int) -> float:
    """A certified flow against mpmath at twice the digits: the readable integrator, or region by region."""
    W, M, b, rng = weights(N, gain, seed)
    tau, X, h0 = rng.uniform(0.5, 2, N), rng.normal(size=(2, 2)), rng.normal(size=N)
    last = FLOW_LAST if activation not in BY_REGIONS else KINKED_LAST
    asked = oracle.held(X, last / 2), h0, [last]
    network = partial(getattr(oracle.Network, form), W, M, b, tau=tau)
    outer = oracle.reference(network(activation=activation), *asked, digits=FLOW_DIGITS)
    if activation in BY_REGIONS:
        truth = np.array(flow(form, (W, M, b, tau), activation, h0, X, last, 2 * FLOW_DIGITS), dtype=object)
        return _distance(outer, truth[None])
    inner = network(activation=SAME.get(activation, activation))
    return within(outer, oracle.reference(inner, *asked, digits=2 * FLOW_DIGITS, engine="mpmath"))


def _count(rows: dict[str, Any], ratio: float) -> None:
    rows |= {"runs": rows["runs"] + 1, "inside": rows["inside"] + (ratio <= 1), "worst": max(rows["worst"], ratio)}


def _distance(found: Any, truth: Any) -> float:
    return within(found, oracle.Enclosure(truth, np.full(truth.shape, 0 * truth.ravel()[0], dtype=object), "observed"))
