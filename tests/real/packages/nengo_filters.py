"""nengo: synapses filter elementwise, so that the recurrence is tau y' = -y + u with as many inputs as units."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import nengo
import numpy as np

import oracle
from oracle.check.result import CheckResult
from oracle.records.exact import Array
from real.packages.case import Case, N, Reading, samples

TAU, STEP = 0.037, 0.001
WHERE = "docstrings of nengo.Lowpass (impulse response) and nengo.LinearFilter (method, analog; default zoh)"
WHERE_EULER = 'docstring of nengo.LinearFilter: "method to use for discretization", see scipy.signal.cont2discrete'
DELAY = "in a Simulator the filter of a connection hands its output on at the next step: y[k] holds inputs up to k - 1"


def documented(scheme: str) -> oracle.Recurrence:
    """One step of tau y' = -y + u; exponential Euler is the zero-order hold of a linear filter, exactly."""
    net = oracle.Network.rate(np.zeros((N, N)), np.eye(N), tau=TAU, activation="identity")
    made: oracle.Recurrence = net.discretize(step=STEP, scheme=scheme)
    return made


def filtered(synapse: nengo.synapses.Synapse) -> Callable[[Array, Array], Array]:
    """What Synapse.filt does, from a state set exactly: y0 passes through a gain that is 1 only up to u / (1 - a)."""

    def run(h0: Array, X: Array) -> Array:
        state = synapse.make_state((N,), (N,), STEP)
        state["X"][...] = h0
        step = synapse.make_step((N,), (N,), STEP, rng=None, state=state)
        return np.array([step(k * STEP, x).copy() for k, x in enumerate(X)])

    return run


def simulated(h0: Array, X: Array) -> Array:
    """The same filter on a connection between two nodes."""
    with nengo.Network() as net:
        source = nengo.Node(lambda t: X[round(t / STEP) - 1])
        target = nengo.Node(size_in=N)
        nengo.Connection(source, target, synapse=nengo.Lowpass(TAU))
        probe = nengo.Probe(target)
    with nengo.Simulator(net, dt=STEP, progress_bar=False) as simulator:
        simulator.run_steps(len(X))
        return np.array(simulator.data[probe])


def one_late() -> CheckResult:
    """The simulated run, each step with the sample before."""
    X = samples(N)["inputs"]
    late = np.vstack([np.zeros((1, N)), X[:-1]])
    record = documented("exponential-euler")
    return oracle.check(simulated(np.zeros(N), X), record, inputs=late, kind="trajectory")


def cases() -> Iterator[Case]:
    """Lowpass and its Euler variant by their step functions; Lowpass in a simulation."""
    euler = nengo.LinearFilter([1], [TAU, 1], method="euler")
    for what, synapse, scheme, where in (
        ("Lowpass, default method", nengo.Lowpass(TAU), "exponential-euler", WHERE),
        ('LinearFilter(method="euler")', euler, "euler", WHERE_EULER),
    ):
        yield Case(
            package="nengo",
            what=what,
            documented="tau y' = -y + u, " + ("zero-order hold" if synapse is not euler else "forward Euler"),
            where=where,
            candidate=filtered(synapse),
            kind="run",
            record=documented(scheme),
            question=samples(N),
            remark="run by make_state and make_step: filt(y0=..) sets the state only up to the rounding of a gain of 1",
        )
    yield Case(
        package="nengo",
        what="Lowpass on a Connection, in a Simulator",
        documented="tau y' = -y + u, zero-order hold",
        where=WHERE,
        candidate=simulated,
        kind="run",
        record=documented("exponential-euler"),
        question={"inputs": samples(N)["inputs"]},
        expected="fail",
        named=("input-late", "records-before-stepping"),
        reading=Reading(DELAY, one_late),
        remark='as the docstring of nengo.Connection says: "will always add a delay of at least one time step"',
        deviates="from the filter alone; the delay is documented",
    )
