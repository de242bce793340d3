"""The networks the claims are shown on: 200 random ones of every convention, and the trained ones at several points.

Every family is a convention; inside it sizes, gains, activations, time constants and schemes vary with the index, so
that each combination of two occurs. Nothing is symmetric, constant or zero.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import oracle
from oracle import data
from oracle.claims.fixed_points import fixed_point
from oracle.procedures.undo import undo

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

SEED = 20240215
EACH = 25  # networks of a convention: with eight conventions, 200
SIZES = (1, 2, 3, 5, 8, 13, 24, 40)  # primes to the five activations, so that all pairs occur
GAINS = (0.5, 0.95, 1.2, 2.0, 0.8)
ACTIVATIONS = ("tanh", "logistic", "relu", "identity", "tanh", "logistic", "tanh")
SCHEMES = ("euler", "euler", "exponential-euler", "euler", "rk4", "midpoint")
FACTORS = (3, Fraction(1, 7), 4, Fraction(5, 2))
PULSE, QUIET = 40, 400  # steps of a pulse and of the silence after it, in which a trained network settles


class Case(NamedTuple):
    """A network and where, how and on which run the claims are asked."""

    family: str
    name: str
    net: oracle.Network
    options: dict[str, Any]


def _weights(rng: np.random.Generator, N: int, inputs: int, gain: float) -> tuple[Any, Any, Any]:
    W = rng.normal(size=(N, N)) * gain / np.sqrt(N)
    return W, rng.normal(size=(N, inputs)), rng.normal(size=N) / 2


def _tau(rng: np.random.Generator, N: int, index: int) -> Any:
    return rng.uniform(0.2, 2.0, N) if index % 2 else float(rng.uniform(0.2, 2.0))


def rate(rng: np.random.Generator, index: int, N: int, inputs: int, gain: float, s: str) -> tuple[Any, Any]:
    """tau h' = -h + s(W h + M x + b)."""
    return oracle.Network.rate(*_weights(rng, N, inputs, gain), tau=_tau(rng, N, index), activation=s), None


def paper(rng: np.random.Generator, index: int, N: int, inputs: int, gain: float, s: str) -> tuple[Any, Any]:
    """h' = -h / tau + s(W h + M x + b)."""
    return oracle.Network.paper(*_weights(rng, N, inputs, gain), tau=_tau(rng, N, index), activation=s), None


def current(rng: np.random.Generator, index: int, N: int, inputs: int, gain: float, s: str) -> tuple[Any, Any]:
    """tau h' = -h + W s(h) + M x + b."""
    return oracle.Network.current(*_weights(rng, N, inputs, gain), tau=_tau(rng, N, index), activation=s), None


def elman(rng: np.random.Generator, index: int, N: int, inputs: int, gain: float, s: str) -> tuple[Any, Any]:
    """The rate form whose Euler step of tau is s(W h + M x + b)."""
    return oracle.Network.rate(*_weights(rng, N, inputs, gain), tau=0.75, activation=s), Fraction(3, 4)


def echo_state(rng: np.random.Generator, index: int, N: int, inputs: int, gain: float, s: str) -> tuple[Any, Any]:
    """(1 - a g) h + g s(..), Jaeger's leaky integrator: Euler of the paper form with Delta = g, tau = 1/a."""
    a, g = Fraction(int(rng.integers(3, 12)), 8), Fraction(int(rng.integers(1, 6)), 8)
    return oracle.Network.paper(*_weights(rng, N, inputs, gain), tau=1 / a, activation=s), g


def leaky_outside(rng: np.random.Generator, index: int, N: int, inputs: int, gain: float, s: str) -> tuple[Any, Any]:
    """The continuous network whose Euler step is (1 - a) h + a s(..)."""
    rec = oracle.Recurrence.leaky(*_weights(rng, N, inputs, gain), alpha=float(rng.uniform(0.1, 0.9)), activation=s)
    return undo(rec, Fraction(1, 4)), Fraction(1, 4)


def leaky_inside(rng: np.random.Generator, index: int, N: int, inputs: int, gain: float, s: str) -> tuple[Any, Any]:
    """The continuous network whose Euler step is (1 - a) h + a (W s(h) + M x + b)."""
    weights = _weights(rng, N, inputs, gain)
    rec = oracle.Recurrence.leaky(*weights, alpha=float(rng.uniform(0.1, 0.9)), sigma="inside", activation=s)
    return undo(rec, Fraction(1, 4)), Fraction(1, 4)


def normal_form(rng: np.random.Generator, index: int, N: int, inputs: int, gain: float, s: str) -> tuple[Any, Any]:
    """A h + B s(W h + M x + b) + E x + c with all of them dense, and more nonlinear units than states."""
    K = N + 1
    W, M, b = rng.normal(size=(K, N)) * gain / np.sqrt(N), rng.normal(size=(K, inputs)), rng.normal(size=K)
    leak = -np.diag(rng.uniform(0.5, 2.0, N)) + rng.normal(size=(N, N)) / (8 * np.sqrt(N))
    B, E = rng.normal(size=(N, K)) / np.sqrt(K), rng.normal(size=(N, inputs))
    return oracle.Network(A=leak, B=B, W=W, M=M, b=b, E=E, c=rng.normal(size=N) / 4, activation=s), None


CONVENTIONS = {
    "rate": rate,
    "paper": paper,
    "current": current,
    "elman": elman,
    "echo state": echo_state,
    "leaky outside": leaky_outside,
    "leaky inside": leaky_inside,
    "normal form, dense": normal_form,
}


def random_networks(each: int = EACH, largest: int = max(SIZES)) -> Iterator[Case]:
    """`each` networks of every convention."""
    for family, make in CONVENTIONS.items():
        for index in range(each):
            rng = np.random.default_rng([SEED, list(CONVENTIONS).index(family), index])
            N, gain = SIZES[index % len(SIZES)], GAINS[index % len(GAINS)]
            s = ACTIVATIONS[index % len(ACTIVATIONS)]
            if largest < N:
                continue
            net, step = make(rng, index, N, 1 + index % 3, gain, s)
            options: dict[str, Any] = {"r": FACTORS[index % len(FACTORS)]}
            options["at"] = (rng.uniform(-1, 1, N), rng.normal(size=net.I))
            if step is None:
                scheme = SCHEMES[index % len(SCHEMES)]
                # The exponential of a dense leak is no exact coefficient: exponential Euler is for diagonal leaks.
                options["scheme"] = "euler" if make is normal_form and scheme == "exponential-euler" else scheme
            else:
                options["step"] = step
            name = f"{family} {index}: N={N}, {s}, gain {gain}, {options.get('scheme', 'euler')}"
            yield Case(family, name, net, options)


def trained(net: oracle.Network, title: str, step: Fraction, pulses: Any) -> Iterator[Case]:
    """A trained network at the origin, at a certified fixed point near a memory state, and along a trajectory.

    `step` is the step it was trained with; the claims are asked at a quarter of it, and memory states do not move.
    """
    zero = (np.zeros(net.N), np.zeros(net.I))
    memory = memory_state(net, step)
    step = step / 4
    yield Case(title, f"{title}, at the origin", net, {"step": step, "at": zero})
    where = f"at a certified fixed point near a memory state, radius {memory.radius:.1e}"
    yield Case(title, f"{title}, {where}", net, {"step": step, "at": (memory.h, np.zeros(net.I))})
    H = oracle.simulate(net.discretize(step), inputs=pulses)
    for k in (len(pulses) // 4, 3 * len(pulses) // 4):
        options = {"step": step, "at": (H[k], pulses[k]), "inputs": pulses[k : k + 12], "h0": H[k]}
        yield Case(title, f"{title}, step {k} of a trajectory", net, options)


def memory_state(net: oracle.Network, step: Fraction) -> Any:
    """The certified fixed point a network settles to after one pulse on each channel."""
    X = np.zeros((PULSE + QUIET, net.I))
    X[:PULSE] = [1.0 if channel % 2 else -1.0 for channel in range(net.I)]
    settled = oracle.simulate(net.discretize(step), inputs=X)[-1]
    found = fixed_point(net, np.zeros(net.I), settled)
    if not found:
        raise RuntimeError(f"no certified fixed point near the state after the pulse: {found.reason}")
    return found


def trained_networks(quick: bool) -> Iterator[Case]:
    """The network of 24 units that is shipped, and the one of 400 units where its file is present."""
    pulses = data.pulses(200, 2, seed=5)
    step = Fraction(data.STEP)
    yield from trained(data.flipflop(), "flip-flop trained here, 24 units", step, pulses[:, : data.flipflop().I])
    if quick:
        return
    import pytest
    from real import keras_flipflop

    try:
        W, M = keras_flipflop.weights()
    except pytest.skip.Exception as reason:
        print(f"left out: {reason}", file=sys.stderr)
        return
    net = oracle.Network.rate(W, M)
    yield from trained(net, "flip-flop of arXiv 2010.07858, 400 units", Fraction(1), keras_flipflop.inputs(200))
