"""psychrnn.backend.simulation.BasicSimulator: leaky, sigma inside; NumPy, so that TensorFlow is not needed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from psychrnn.backend.simulation import BasicSimulator

import oracle
from oracle.records.exact import Array
from real.packages.case import Case, N, samples, weights

TAU, STEP = 73, 10


def run(h0: Array, X: Array) -> Array:
    """States of one trial, without noise."""
    w = weights()
    parameters = {
        "W_in": w.M,
        "W_rec": w.W,
        "W_out": np.ones((1, N)),
        "b_rec": w.b,
        "b_out": np.zeros(1),
        "init_state": h0[None],
    }
    simulator = BasicSimulator(params={"dt": STEP, "tau": TAU}, weights=parameters)
    states: Array = simulator.run_trials(X[None])[1][0]
    return states


def cases() -> Iterator[Case]:
    """The default transfer function, relu."""
    w = weights()
    net = oracle.Network.current(w.W, w.M, w.b, tau=TAU, activation="relu")
    yield Case(
        package="psychrnn",
        what="BasicSimulator, relu, rec_noise 0",
        documented="(1 - alpha) x + alpha (W_rec f(x) + W_in u + b_rec), alpha = dt / tau, from init_state",
        where="docstring of psychrnn.backend.simulation.Simulator (weights, alpha); the equation is that of its paper "
        "(Ehrlich et al., eNeuro 2021, PsychRNN), the docstrings name the operations only",
        candidate=run,
        kind="run",
        record=net.discretize(step=STEP, scheme="euler"),
        question=samples(),
    )
