"""The long short-term memory: by hand, against torch, and its faults by name."""

import numpy as np
import pytest

import oracle
from oracle import Recurrence
from oracle.arithmetic.ball import Ball, precision, upper_floats
from oracle.arithmetic.float64 import Float64
from oracle.equations.catalogue import advance
from oracle.records.precision import PRECISIONS
from oracle.tolerance.step import one_step_bound

N, INPUTS, STEPS = 5, 3, 40
BITS = 128


def weights(seed=4):
    """W (4N, N), M (4N, I) and both biases, none of them symmetric, constant or zero."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) / 2 for shape in ((4 * N, N), (4 * N, INPUTS), (4 * N,), (4 * N,))]


def columns(seed=5):
    """States (h, c) and inputs, in float32 so that every format holds them."""
    rng = np.random.default_rng(seed)
    h, c = rng.uniform(-0.95, 0.95, (N, STEPS)), rng.uniform(-2, 2, (N, STEPS))
    state, x = np.concatenate([h, c]), rng.normal(size=(INPUTS, STEPS))
    return state.astype(np.float32).astype(float), x.astype(np.float32).astype(float)


def logistic(z):
    return 1 / (1 + np.exp(-z))


def by_hand(given, state, x, squash=np.tanh):
    """The equations of torch's documentation, gate by gate, in plain NumPy."""
    W, M, b, d = given
    h, c = state[:N], state[N:]
    i, f, g, o = np.split(M @ x + b[:, None] + W @ h + d[:, None], 4)
    memory = logistic(f) * c + logistic(i) * squash(g)
    return np.concatenate([logistic(o) * squash(memory), memory])


def worst(rec, H, X, after, model):
    """Largest certified residual / proven one-step bound over all steps, outputs and memories."""
    with precision(BITS):
        ops = Ball()
        residual = upper_floats(ops.lift(after) - advance(ops, rec, ops.lift(H), ops.lift(X)))
    return float(np.max(residual / one_step_bound(rec, H, X, PRECISIONS[model])))


def test_the_equation_written_by_hand():
    """Plain NumPy and the float64 interpretation stay inside the bound."""
    given = weights()
    H, X = columns()
    rec = Recurrence.lstm(*given)
    assert (rec.N, rec.I, rec.equation) == (2 * N, INPUTS, "lstm")
    for after in (by_hand(given, H, X), advance(Float64(), rec, H, X)):
        assert worst(rec, H, X, after, "float64") <= 1


def reordered(order):
    return lambda given: [np.concatenate([np.split(part, 4)[g] for g in order]) for part in given]


def nudged(given):
    W, *others = given
    return [W + 1e-9 * (np.arange(W.size).reshape(W.shape) == 7), *others]


PLANTED = {
    "gates i, f, o, g": reordered((0, 1, 3, 2)),
    "transposed": lambda given: [np.concatenate([part.T for part in np.split(given[0], 4)]), *given[1:]],
    "one weight off by 1e-9": nudged,
}


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_fault_is_outside_the_bound(plant):
    """The bound is tight enough to see each of these in float64."""
    given = weights()
    H, X = columns()
    after = by_hand(PLANTED[plant](given), H, X)
    assert worst(Recurrence.lstm(*given), H, X, after, "float64") > 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_lstm_cell(dtype):
    """torch.nn.LSTMCell follows its documented equation within the proven bound, its gates in another order do not."""
    torch = pytest.importorskip("torch")
    with torch.random.fork_rng():
        torch.manual_seed(6)
        cell = torch.nn.LSTMCell(INPUTS, N, dtype=getattr(torch, dtype))
    H, X = columns()
    given = [getattr(cell, name) for name in ("weight_hh", "weight_ih", "bias_ih", "bias_hh")]
    rec = Recurrence.lstm(*given)
    with torch.no_grad():
        h, c, x = (torch.tensor(part.T.copy()).to(cell.weight_hh.dtype) for part in (H[:N], H[N:], X))
        after = torch.cat(cell(x, (h, c)), dim=1).double().numpy().T
    assert rec.dtype == dtype
    assert worst(rec, H, X, after, dtype) <= 1
    other = Recurrence.lstm(*reordered((1, 0, 2, 3))([part.detach().numpy() for part in given]))
    assert worst(other, H, X, after, dtype) > 100


def run_by_hand(given, rng, squash=np.tanh):
    """A step of the program, and a probe that hides nothing."""
    inputs, h0 = rng.normal(size=(12, INPUTS)), rng.normal(size=2 * N)
    return (lambda state, x: by_hand(given, state[:, None], x[:, None], squash)[:, 0]), inputs, h0


def forgotten(given, more):
    b = given[2].copy()
    b[N : 2 * N] += more
    return [*given[:2], b, given[3]]


def coupled(given):
    return [np.concatenate([-np.split(part, 4)[1], part[N:]]) for part in given]


FAULTS = {
    "gates-swapped": reordered((0, 1, 3, 2)),
    "transposed-recurrent-weights": PLANTED["transposed"],
    "bias-missing": lambda given: [*given[:3], np.zeros_like(given[3])],
    "bias-doubled": lambda given: [*given[:2], 2 * given[2], given[3]],
    "forget-bias-added": lambda given: forgotten(given, 1),
    "forget-bias-subtracted": lambda given: forgotten(given, -1),
    "gates-coupled": coupled,
    "wrong-weights": lambda given: [given[0] + 0.1 * (np.arange(20 * N).reshape(4 * N, N) == 7), *given[1:]],
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_gates_are_named(name):
    """Each published fault of LSTM programs is found under its own name."""
    given, rng = weights(), np.random.default_rng(8)
    step, inputs, h0 = run_by_hand(FAULTS[name](given), rng)
    result = oracle.check(step, Recurrence.lstm(*given), inputs=inputs, h0=h0)
    assert result.verdict == "fail"
    assert result.explained_by == name


def test_another_activation_is_named():
    """A program with max(0, z) in place of tanh."""
    given, rng = weights(), np.random.default_rng(9)
    step, inputs, h0 = run_by_hand(given, rng, lambda z: np.maximum(z, 0))
    result = oracle.check(step, Recurrence.lstm(*given), inputs=inputs, h0=h0)
    assert result.explained_by == "activation:relu"


def test_the_verbs_take_a_long_short_term_memory():
    """Simulation, reference and tolerance agree; h0 may be the pair (h0, c0)."""
    rec, rng = Recurrence.lstm(*weights()), np.random.default_rng(10)
    X, h0, c0 = rng.normal(size=(6, INPUTS)), rng.normal(size=N), rng.normal(size=N)
    H = oracle.simulate(rec, inputs=X, h0=(h0, c0))
    exact = oracle.reference(rec, inputs=X, h0=np.concatenate([h0, c0]), digits=25)
    assert H.shape == (7, 2 * N)
    # Six steps of a stable map: each adds one bound of at most 1e-14, and none is amplified by more than 10.
    assert np.max(np.abs(H - exact.float64())) <= 6 * 10 * oracle.tolerance(rec, inputs=X, h0=(h0, c0)).atol
    assert oracle.check(H, rec, inputs=X, h0=(h0, c0))


def test_shapes_that_are_no_four_gates_are_refused():
    with pytest.raises(oracle.BadInput, match="expected \\(4N, N\\)"):
        Recurrence.lstm(np.ones((9, 3)))
