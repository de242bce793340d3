"""Slack of C6 and C7 against N and gain: bound / distance, both certified, and the targets they are held to.

    python reports/euler_slack.py               N = 8, 32, 64, 256; writes reports/euler_slack.md and .json
    python reports/euler_slack.py 16 400        other sizes, on the terminal

Rate networks with tau = 1, normal weights of spectral radius about the gain (|W|_2 = .95 for the first), two inputs
that jump at every step, 40 steps of tau/8: five time constants. Columns: the least bound of C6; the best recursion
e' = q e + Delta^2 M2/2 in a norm; the textbook's (e^{LT} - 1)/L Delta M2/2; C7 over as many steps, a tenth away from an
operating point. Exit code 1 if a slack is above its target (10 where |W|_2 = .95, 1000 at gain 1.2) or the textbook's.
"""

from __future__ import annotations

import json
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

import oracle
from oracle.reference.euler_error import euler_bound, tube_distance

STEP = Fraction(1, 8)
STEPS = 40
GAINS = (0.95, 1.2, 2.0)
SIZES = (8, 32, 64, 256)
TARGETS = {0.95: 10.0, 1.2: 1000.0}


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
    near = {"inputs": at[1] + 0.1 * rng.normal(size=(STEPS, net.I)), "h0": at[0] + 0.1 * rng.normal(size=net.N)}
    result = oracle.claims["C7"].verify(net, at=at, step=STEP, **near)
    assert result.verdict == "holds", result
    return float(result.slack or np.nan)


def measured(N: int, gain: float) -> dict[str, Any]:
    """One network."""
    start = time.perf_counter()
    net = network(N, gain)
    distance, least, scalar, textbook = euler_row(net)
    row = {"N": N, "gain": gain, "distance": distance, "C6": least, "recursion": scalar, "textbook": textbook}
    return row | {"C7": remainder_slack(net), "seconds": round(time.perf_counter() - start, 1)}


def missed(row: dict[str, Any]) -> bool:
    """Whether a slack is above what it is held to."""
    target = TARGETS.get(row["gain"], float("inf"))
    return max(row["C6"], row["C7"]) > target or row["C6"] > row["textbook"] or row["recursion"] > row["textbook"]


def markdown(rows: list[dict[str, Any]]) -> str:
    """A table."""
    lines = ["# Slack of C6 and C7", "", *(__doc__ or "").split("\n\n")[2].splitlines(), ""]
    lines += ["| N | gain | distance | C6 | recursion | textbook | C7 | seconds |", "|---|---|---|---|---|---|---|---|"]
    for r in rows:
        slacks = f"{r['C6']:.7f} | {r['recursion']:.3g} | {r['textbook']:.3g} | {r['C7']:.3f}"
        lines.append(f"| {r['N']} | {r['gain']} | {r['distance']:.3g} | {slacks} | {r['seconds']} |")
    return "\n".join(lines) + "\n"


def main(sizes: tuple[int, ...]) -> int:
    """One line per network."""
    rows = []
    for N in sizes or SIZES:
        for gain in GAINS:
            rows.append(measured(N, gain))
            print(rows[-1], flush=True)
    if not sizes:
        folder = Path(__file__).parent
        (folder / "euler_slack.json").write_text(json.dumps(rows, indent=1) + "\n")
        (folder / "euler_slack.md").write_text(markdown(rows))
    above = [row for row in rows if missed(row)]
    print("\n".join(f"above its target: {row}" for row in above) or "every slack is within its target")
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main(tuple(int(argument) for argument in sys.argv[1:])))
