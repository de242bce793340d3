"""neat.ctrnn.CTRNN: documented as forward Euler of tau y' = -y + f(beta + sum w y).

`advance` keeps two buffers and swaps them at every step. The buffer it updates in place is the one of two steps ago, so
that what it computes is y[k+1] = (1 - a) y[k-1] + a f(beta + W y[k] + M x[k]): the leak is taken from y[k-1], the drive
from y[k]. And it returns the buffer it has just read, y[k]. As one recurrence of twice the size, u = (y[k], y[k-1]):

    u+ = ((1 - a) u_2 + a f(W u_1 + M x + b), u_1)
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from neat.ctrnn import CTRNN, CTRNNNodeEval

import oracle
from oracle.check.result import CheckResult
from oracle.records.exact import Array
from real.packages.case import INPUTS, Case, N, Reading, diagonal, fractions, samples, weights

DOCUMENTED = "y_i(t + dt) = y_i(t) + dt dy_i/dt with tau_i dy_i/dt = -y_i + f_i(beta_i + sum_j w_ij y_j)"
WHERE = 'docs/ctrnn.rst, "The time evolution of the network is computed using the forward Euler method"'
STEP = 1 / 16  # a dyadic step: `advance` adds steps up in float64, and these sums are then exact
SENTENCE = "the leak is taken from the state of two steps ago: y[k+1] = (1 - a) y[k-1] + a f(beta + W y[k] + M x[k])"


def network() -> CTRNN:
    """A fully connected network; neat keys inputs with negative integers."""
    w = weights()
    inputs = [-1 - i for i in range(INPUTS)]
    nodes = {
        n: CTRNNNodeEval(
            float(w.tau[n]),
            math.tanh,
            sum,
            float(w.b[n]),
            1.0,
            [(j, float(w.W[n, j])) for j in range(N)] + [(inputs[i], float(w.M[n, i])) for i in range(INPUTS)],
        )
        for n in range(N)
    }
    return CTRNN(inputs, list(range(N)), nodes)


def _started(h0: Array) -> CTRNN:
    net = network()
    for n in range(N):
        net.set_node_value(n, float(h0[n]))
    return net


def returned(h0: Array, X: Array) -> Array:
    """What `advance` returns, step by step."""
    net = _started(h0)
    return np.array([net.advance(list(x), STEP, STEP) for x in X])


def stored(h0: Array, X: Array) -> Array:
    """The buffer that `advance` has just written."""
    net, H = _started(h0), []
    for x in X:
        net.advance(list(x), STEP, STEP)
        H.append([net.values[net.active][n] for n in range(N)])
    return np.array(H)


def documented() -> oracle.Recurrence:
    """Forward Euler."""
    w = weights()
    return oracle.Network.rate(w.W, w.M, w.b, tau=w.tau).discretize(step=STEP, scheme="euler")


def two_steps() -> oracle.Recurrence:
    """What was found in the source, in twice the number of units."""
    w = weights()
    a = Fraction(STEP) / fractions(w.tau)
    zero, one = diagonal(0 * a), diagonal(0 * a + 1)
    return oracle.Recurrence(
        A=np.block([[zero, diagonal(1 - a)], [one, zero]]),
        B=np.block([[diagonal(a)], [zero]]),
        W=np.hstack([w.W, np.zeros((N, N))]),
        M=w.M,
        b=w.b,
    )


def certificate() -> CheckResult:
    """The written buffers against the two-step recurrence; both buffers start from h0."""
    X, h0 = samples()["inputs"], samples()["h0"]
    H = np.vstack([h0, h0, stored(h0, X)])
    pairs = np.hstack([H[1:], H[:-1]])
    return oracle.check(pairs, two_steps(), inputs=X, h0=pairs[0], kind="trajectory")


def certificate_returned() -> CheckResult:
    """The same for what is returned, one step late: row k is the state before step k."""
    X, h0 = samples()["inputs"], samples()["h0"]
    H = np.vstack([h0, returned(h0, X)])
    pairs = np.hstack([H[1:], H[:-1]])
    return oracle.check(pairs, two_steps(), inputs=X[:-1], h0=pairs[0], kind="trajectory")


def cases() -> Iterator[Case]:
    """What `advance` returns, and what it writes."""
    late = "; and what `advance` returns is the state before its last step"
    for what, candidate, judge, sentence, name in (
        (
            "CTRNN, returned by advance",
            returned,
            certificate_returned,
            SENTENCE + late,
            "leak-late+records-before-stepping",
        ),
        ("CTRNN, written by advance", stored, certificate, SENTENCE, "leak-late"),
    ):
        yield Case(
            package="neat-python",
            what=what,
            documented=DOCUMENTED,
            where=WHERE,
            candidate=candidate,
            kind="run",
            record=documented(),
            question=samples(),
            expected="fail",
            named=(name,),
            reading=Reading(sentence, judge),
        )
