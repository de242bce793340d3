"""Slack of C6 and C7 against N and gain: bound / distance, both certified.

    python reports/euler_slack.py               N = 8, 32, 64; gains .95 (in the 2-norm), 1.2, 2
    python reports/euler_slack.py 256 400       other sizes

Rate networks with tau = 1, normal weights of spectral radius about the gain (|W|_2 = .95 for the first), two inputs
that jump at every step, 40 steps of tau/8: five time constants. Columns: the least bound of C6; the best recursion
e' = q e + Delta^2 M2/2 in a norm; the textbook's (e^{LT} - 1)/L Delta M2/2; C7, twelve steps near its operating point.
"""

from __future__ import annotations

import sys
import time
from fractions import Fraction

import numpy as np

import oracle
from oracle.reference.euler_error import euler_bound, tube_distance

STEP = Fraction(1, 8)
STEPS = 40
GAINS = (0.95, 1.2, 2.0)
SIZES = (8, 32, 64)


def network(N: int, gain: float, seed: int = 1) -> oracle.Network:
    """A rate network; a gain below 1 is the 2-norm of W."""
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(N, N)) / np.sqrt(N)
    W *= gain / np.linalg.norm(W, 2) if gain < 1 else gain
    return oracle.Network.rate(W, rng.normal(size=(N, 2)), rng.normal(size=N) / 2, tau=1)


def euler_row(net: oracle.Network, seed: int = 2) -> tuple[float, float, float, float]:
    """Distance at the end, and the slack there of the three kinds of bounds; the distance enclosed a second time."""
    rng = np.random.default_rng(seed)
    X, h0 = rng.normal(size=(STEPS, net.I)), rng.uniform(-1, 1, net.N)
    bound = euler_bound(net, STEP, STEPS, X, h0)
    distance = tube_distance(net, STEP, STEPS, X, h0).low[-1]
    textbook = min(values[-1] for name, values in bound.forms.items() if name.startswith("textbook"))
    scalar = min(b.frame.norm.entries(b.errors[-1]).max() for b in bound.recursions)
    return (distance, *(float(value) / distance for value in (bound.bounds[-1], scalar, textbook)))


def remainder_slack(net: oracle.Network, seed: int = 3) -> float:
    """C7's slack, a tenth away from an operating point in general position."""
    rng = np.random.default_rng(seed)
    at = (rng.uniform(-0.5, 0.5, net.N), rng.normal(size=net.I))
    near = {"inputs": at[1] + 0.1 * rng.normal(size=(12, net.I)), "h0": at[0] + 0.1 * rng.normal(size=net.N)}
    result = oracle.claims["C7"].verify(net, at=at, step=STEP, **near)
    assert result.verdict == "holds", result
    return float(result.slack or np.nan)


def main(sizes: tuple[int, ...]) -> None:
    """One line per network."""
    print("   N  gain   distance         C6  recursion   textbook     C7  seconds")
    for N in sizes:
        for gain in GAINS:
            start = time.perf_counter()
            net = network(N, gain)
            distance, least, scalar, textbook = euler_row(net)
            euler = f"{distance:10.3g} {least:10.7f} {scalar:10.3g} {textbook:10.3g}"
            print(f"{N:4d} {gain:5.2f} {euler} {remainder_slack(net):6.3f}", end=" ", flush=True)
            print(f"{time.perf_counter() - start:8.1f}", flush=True)


if __name__ == "__main__":
    main(tuple(int(argument) for argument in sys.argv[1:]) or SIZES)
