"""Long short-term memories that show their outputs alone: runs, trajectories, and what is named of them."""

import numpy as np
import pytest

import oracle
from oracle import Recurrence

N, INPUTS, STEPS = 4, 3, 15
RNG = np.random.default_rng(12)
GIVEN = [RNG.normal(size=shape) / 2 for shape in ((4 * N, N), (4 * N, INPUTS), (4 * N,), (4 * N,))]
REC = Recurrence.lstm(*GIVEN)
X, START = RNG.normal(size=(STEPS, INPUTS)), (RNG.normal(size=N), RNG.normal(size=N))


def run(given, X=X, start=START, dtype=np.float64, scale=1.0):
    """Outputs of a program that keeps its memories for itself; `scale` is what a faulty one multiplies them by."""
    W, M, b, d = (part.astype(dtype) for part in given)
    h, c = (part.astype(dtype) for part in start)
    outputs = []
    for x in X.astype(dtype):
        i, f, g, o = np.split(M @ x + b + W @ h + d, 4)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = dtype(scale) * (f * c + i * np.tanh(g))
        h = o * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def test_outputs_alone_are_judged():
    """As a recorded trajectory with and without its start, and as a run that is called."""
    H = run(GIVEN)
    for shown in (H, np.concatenate([START[0][None], H])):
        result = oracle.check(shown, REC, inputs=X, h0=START)
        assert result.verdict == "pass", result.summary()
        assert (result.computed_in, result.explained_by) == ("float64", "lstm")
    called = oracle.check(lambda h0, X: run(GIVEN, X, np.split(h0, 2)), REC, inputs=X, h0=START, kind="run")
    assert called.verdict == "pass"


def test_both_halves_are_judged_as_before():
    H = oracle.simulate(REC, inputs=X, h0=START)
    assert oracle.check(H, REC, inputs=X, h0=START)
    assert oracle.check(H[:, :N], REC, inputs=X, h0=START)


def test_a_wrong_memory_shows_in_the_outputs():
    """A memory that is off by a share of 1e-12 moves the next output beyond its bound; 1e-17 is no change at all."""
    assert oracle.check(run(GIVEN, scale=1 + 1e-12), REC, inputs=X, h0=START).verdict == "fail"
    assert oracle.check(run(GIVEN, scale=1 + 1e-17), REC, inputs=X, h0=START).verdict == "pass"
    other = (START[0], START[1] + 1e-9)
    assert oracle.check(run(GIVEN, start=other), REC, inputs=X, h0=START).verdict == "fail"


def test_narrow_programs_are_seen():
    """float32 passes where it is promised, and float64 computed in float32 does not."""
    single = [part.astype(np.float32) for part in GIVEN]
    start = tuple(part.astype(np.float32).astype(float) for part in START)
    samples = X.astype(np.float32).astype(float)
    H = run(single, samples, start, dtype=np.float32)
    result = oracle.check(H, Recurrence.lstm(*single), inputs=samples, h0=start)
    assert (result.verdict, result.computed_in) == ("pass", "float32")
    assert oracle.check(H.astype(float), Recurrence.lstm(*GIVEN), inputs=samples, h0=start).verdict == "fail"


def test_outputs_written_down_with_six_digits():
    H = run(GIVEN)
    short = np.array([[float(f"{value:.6g}") for value in row] for row in H])
    assert oracle.check(short, REC, inputs=X, h0=START, recorded="decimal-6").verdict == "pass"
    assert oracle.check(short, REC, inputs=X, h0=START).verdict == "fail"


def forgotten(given):
    b = given[2].copy()
    b[N : 2 * N] += 1
    return [*given[:2], b, given[3]]


FAULTS = {
    "gates-swapped": lambda given: [np.concatenate([np.split(part, 4)[g] for g in (0, 1, 3, 2)]) for part in given],
    "forget-bias-added": forgotten,
    "bias-missing": lambda given: [*given[:3], np.zeros(4 * N)],
    "transposed-recurrent-weights": lambda given: [
        np.concatenate([part.T for part in np.split(given[0], 4)]),
        *given[1:],
    ],
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_named_from_outputs(name):
    result = oracle.check(run(FAULTS[name](GIVEN)), REC, inputs=X, h0=START)
    assert (result.verdict, result.explained_by) == ("fail", name)


def test_late_inputs_are_named_and_others_are_not():
    late = np.concatenate([np.zeros((1, INPUTS)), X[:-1]])
    assert "input-late" in oracle.check(run(GIVEN, late), REC, inputs=X, h0=START).explained_by.split("|")
    unknown = run([GIVEN[0] + 0.01, *GIVEN[1:]])
    assert oracle.check(unknown, REC, inputs=X, h0=START).diagnosis[0].name == "unexplained"
