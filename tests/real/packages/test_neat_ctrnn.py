"""The cause of what neat's CTRNN computes: with the one line corrected that takes the leak from the other buffer, and
the newer buffer returned, it follows the forward Euler step it documents."""

import neat.ctrnn
import numpy as np

import oracle
from real.packages.case import N, samples, weights
from real.packages.neat_ctrnn import STEP, documented, network, returned, stored


class Corrected(neat.ctrnn.CTRNN):
    """`advance` by one step, with the leak taken from the state that also drives."""

    def advance(self, inputs, advance_time, time_step=None):
        old, new = self.values[self.active], self.values[1 - self.active]
        self.active = 1 - self.active
        for i, v in zip(self.input_nodes, inputs, strict=True):
            old[i] = new[i] = v
        for key, node in self.node_evals.items():
            s = node.aggregation([old[i] * w for i, w in node.links])
            z = node.activation(node.bias + node.response * s)
            new[key] = old[key] + advance_time / node.time_constant * (-old[key] + z)
        return [new[i] for i in self.output_nodes]


def corrected(h0, X):
    net = network()
    net.__class__ = Corrected
    for n in range(N):
        net.set_node_value(n, float(h0[n]))
    return np.array([net.advance(list(x), STEP) for x in X])


def test_one_line_is_the_cause():
    """Corrected it passes; as published it fails, by what it writes as by what it returns."""
    assert oracle.check(corrected, documented(), kind="run", **samples())
    for published in (stored, returned):
        assert oracle.check(published, documented(), kind="run", **samples()).verdict == "fail"


def test_advance_returns_the_state_before_its_last_step():
    """Row k of what is returned is row k - 1 of what is written, bit for bit."""
    question = samples()
    before, after = returned(question["h0"], question["inputs"]), stored(question["h0"], question["inputs"])
    assert np.array_equal(before[1:], after[:-1])
    assert np.array_equal(before[0], question["h0"])
    assert not np.array_equal(before, after)


def test_no_convention_of_the_catalogue_is_taken_for_it():
    """`identify` does not claim an equation that needs the state of one step only."""
    w = weights()
    for published in (stored, returned):
        found = oracle.identify(published, W=w.W, M=w.M, b=w.b, tau=w.tau, step=STEP, kind="run", **samples())
        assert found.verdict == "fail"
        assert found.explained_by is None
