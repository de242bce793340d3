"""Train the small flip-flop network that ships with the oracle: NumPy only, backpropagation through time, Adam.

    h_{k+1} = (1 - a) h_k + a tanh(W h_k + M x_k + b),   y_k = C h_{k+1} + d,   h_0 = 0,   a = step/tau

is the Euler step of the `rate` form. The loss is the mean of (y - bit)^2 over the scored entries (`oracle.data.task`).

    python reports/train_flipflop.py            trains, prints what was measured, writes the files in oracle/data
    python reports/train_flipflop.py --dry-run  the same without writing

The seed is fixed; another BLAS may sum in another order, and the last digits of the weights then differ.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

import oracle
from oracle.bridges import native
from oracle.bridges.encoding import encode
from oracle.data.task import pulses, remembered

UNITS, CHANNELS, SEED = 24, 2, 20
TAU, STEP = 0.1, 0.02
TRIAL_STEPS, TRIALS, ROUNDS = 120, 32, 1500
RATE, FIRST, SECOND, TINY = 5e-3, 0.9, 0.999, 1e-8  # Adam (D. Kingma and J. Ba, arXiv 1412.6980, algorithm 1)
CLIP = 1.0  # largest 2-norm of a gradient step: the usual remedy for exploding gradients of recurrent networks
FRESH_SEED = 10**6  # training uses the seeds 0 .. ROUNDS - 1

Parameters = dict[str, np.ndarray]


def initial(units: int, channels: int, seed: int) -> Parameters:
    """Gaussian weights of variance 1/units (recurrent) and 1/channels (input); random small biases."""
    rng = np.random.default_rng(seed)
    return {
        "W": rng.normal(size=(units, units)) / np.sqrt(units),
        "M": rng.normal(size=(units, channels)) / np.sqrt(channels),
        "b": 0.1 * rng.normal(size=units),
        "C": rng.normal(size=(channels, units)) / np.sqrt(units),
        "d": np.zeros(channels),
    }


def forward(p: Parameters, x: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States (K+1, batch, N), activities s(z) (K, batch, N) and outputs (K, batch, I) for inputs (K, batch, I)."""
    h = np.zeros((len(x) + 1, x.shape[1], len(p["W"])))
    s = np.zeros_like(h[1:])
    for k, drive in enumerate(x @ p["M"].T + p["b"]):
        s[k] = np.tanh(h[k] @ p["W"].T + drive)
        h[k + 1] = (1 - alpha) * h[k] + alpha * s[k]
    return h, s, h[1:] @ p["C"].T + p["d"]


def loss_and_gradient(p: Parameters, x: np.ndarray, alpha: float) -> tuple[float, Parameters]:
    """Mean squared error over the scored entries, and its exact gradient by backpropagation through time."""
    h, s, y = forward(p, x, alpha)
    bits, scored = remembered(x)
    error = np.where(scored, y - bits, 0.0)
    loss = float(np.sum(error**2) / scored.sum())
    dy = 2 * error / scored.sum()
    gradient = {name: np.zeros_like(value) for name, value in p.items()}
    gradient["C"] = np.einsum("kbi,kbn->in", dy, h[1:])
    gradient["d"] = dy.sum(axis=(0, 1))
    dh = np.zeros_like(h[0])
    for k in reversed(range(len(x))):
        dh = dh + dy[k] @ p["C"]
        dz = alpha * dh * (1 - s[k] ** 2)
        gradient["W"] += dz.T @ h[k]
        gradient["M"] += dz.T @ x[k]
        gradient["b"] += dz.sum(axis=0)
        dh = (1 - alpha) * dh + dz @ p["W"]
    return loss, gradient


def train(rounds: int = ROUNDS) -> Parameters:
    """Adam on fresh trials in every round; the rate falls linearly to zero."""
    p = initial(UNITS, CHANNELS, SEED)
    first = {name: np.zeros_like(value) for name, value in p.items()}
    second = {name: np.zeros_like(value) for name, value in p.items()}
    for i in range(rounds):
        loss, gradient = loss_and_gradient(p, pulses(TRIAL_STEPS, CHANNELS, seed=i, batch=TRIALS), STEP / TAU)
        norm = np.sqrt(sum(float(np.sum(g**2)) for g in gradient.values()))
        for name, g in gradient.items():
            g = g * min(1.0, CLIP / norm)
            first[name] = FIRST * first[name] + (1 - FIRST) * g
            second[name] = SECOND * second[name] + (1 - SECOND) * g**2
            mean, spread = first[name] / (1 - FIRST ** (i + 1)), second[name] / (1 - SECOND ** (i + 1))
            p[name] = p[name] - RATE * (1 - i / rounds) * mean / (np.sqrt(spread) + TINY)
        if i % 250 == 0:
            print(f"round {i:5d}  loss {loss:.4f}")
    return p


def accuracy(p: Parameters, steps: int, trials: int, seed: int) -> tuple[float, int]:
    """Share of the scored entries whose output has the sign of the bit, and their number."""
    x = pulses(steps, CHANNELS, seed=seed, batch=trials)
    bits, scored = remembered(x)
    right = np.sign(forward(p, x, STEP / TAU)[2]) == bits
    return float(right[scored].mean()), int(scored.sum())


def save(p: Parameters, folder: Path) -> None:
    """The network in the native format, and the readout beside it; floats as exact hexadecimal numbers."""
    native.save(oracle.Network.rate(p["W"], p["M"], p["b"], tau=TAU), folder / "flipflop.json")
    readout = {name: encode(p[name]) for name in ("C", "d")}
    (folder / "flipflop_readout.json").write_text(json.dumps(readout) + "\n", encoding="utf-8")


def main() -> None:
    """Train, measure on trials that were not trained on, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dry-run", action="store_true", help="do not write the files")
    dry = parser.parse_args().dry_run
    p = train()
    for steps in (TRIAL_STEPS, 4 * TRIAL_STEPS):
        share, entries = accuracy(p, steps, trials=64, seed=FRESH_SEED)
        print(f"observed: {share:.6f} of {entries} scored entries right on 64 fresh trials of {steps} steps")
    if not dry:
        save(p, Path(__file__).resolve().parent.parent / "oracle" / "data")


if __name__ == "__main__":
    main()
