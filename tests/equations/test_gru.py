"""The gated cell: one file of equations, checked against torch, and no interpretation had to learn of it."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import oracle
from oracle import Recurrence
from oracle.arithmetic.ball import Ball, precision, upper_floats
from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.mp import Mp
from oracle.arithmetic.tangent import Dual, Tangent
from oracle.bridges.registry import recurrence
from oracle.equations.catalogue import advance
from oracle.records.precision import PRECISIONS
from oracle.tolerance.step import one_step_bound

N, INPUTS, STEPS = 7, 3, 40
BITS, DIGITS = 128, 60  # 60 digits are 199 bits: the rounding of mp is 2^-70 of the balls' radii


def weights(seed=4, dtype=np.float64):
    """W (3N, N), M (3N, I) and both biases, none of them symmetric, constant or zero."""
    rng = np.random.default_rng(seed)
    shapes = ((3 * N, N), (3 * N, INPUTS), (3 * N,), (3 * N,))
    return [rng.normal(size=shape).astype(dtype) / 2 for shape in shapes]


def columns(seed=5, dtype=np.float64):
    """States (N, K) inside (-1, 1) and inputs (I, K)."""
    rng = np.random.default_rng(seed)
    states = rng.uniform(-0.95, 0.95, size=(N, STEPS)).astype(dtype)
    return states.astype(float), rng.normal(size=(INPUTS, STEPS)).astype(dtype).astype(float)


def logistic(z):
    return 1 / (1 + np.exp(-z))


def by_hand(W, M, b, c, h, x, reset):
    """The equations of the paper and of torch's documentation, gate by gate, in plain NumPy."""
    (Wr, Wz, Wn), (Mr, Mz, Mn) = np.split(W, 3), np.split(M, 3)
    (br, bz, bn), (cr, cz, cn) = (np.split(part[:, None], 3) for part in (b, c))
    r = logistic(Mr @ x + br + Wr @ h + cr)
    z = logistic(Mz @ x + bz + Wz @ h + cz)
    inner = r * (Wn @ h + cn) if reset == "after" else Wn @ (r * h) + cn
    return (1 - z) * np.tanh(Mn @ x + bn + inner) + z * h


def worst(rec, H, X, after, model):
    """Largest certified residual / proven one-step bound over all steps and units."""
    with precision(BITS):
        ops = Ball()
        residual = upper_floats(ops.lift(after) - advance(ops, rec, ops.lift(H), ops.lift(X)))
    return float(np.max(residual / one_step_bound(rec, H, X, PRECISIONS[model])))


@pytest.mark.parametrize("reset", ["after", "before"])
def test_the_equation_written_by_hand(reset):
    """Plain NumPy and the float64 interpretation stay inside the bound; the other convention is far outside."""
    W, M, b, c = weights()
    H, X = columns()
    recs = {kind: Recurrence.gru(W, M, b, c, reset=kind) for kind in ("after", "before")}
    for after in (by_hand(W, M, b, c, H, X, reset), advance(Float64(), recs[reset], H, X)):
        assert worst(recs[reset], H, X, after, "float64") <= 1
        other = next(kind for kind in recs if kind != reset)
        assert worst(recs[other], H, X, after, "float64") > 1e6


PLANTED = {
    "transposed": lambda W, M, b, c: (np.concatenate([part.T for part in np.split(W, 3)]), M, b, c),
    "gates in Keras's order": lambda *given: [np.concatenate([np.split(p, 3)[i] for i in (1, 0, 2)]) for p in given],
    "biases exchanged": lambda W, M, b, c: (W, M, c, b),
    "one weight off by 1e-9": lambda W, M, b, c: (W + 1e-9 * (np.arange(W.size).reshape(W.shape) == 5), M, b, c),
}


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_fault_is_outside_the_bound(plant):
    """The bound is tight enough to see each of these in float64."""
    given = weights()
    H, X = columns()
    after = by_hand(*PLANTED[plant](*given), H, X, "after")
    assert worst(Recurrence.gru(*given), H, X, after, "float64") > 1


def torch_cell(torch, dtype, seed=6):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torch.nn.GRUCell(INPUTS, N, dtype=getattr(torch, dtype))


def cell_step(torch, cell, H, X):
    """The cell on columns, as float64 columns."""
    with torch.no_grad():
        x, h = (torch.tensor(part.T.copy()).to(cell.weight_hh.dtype) for part in (X, H))
        return cell(x, h).double().numpy().T


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_gru_cell(dtype):
    """torch.nn.GRUCell follows its documented equation within the proven bound; reset before does not describe it."""
    torch = pytest.importorskip("torch")
    cell = torch_cell(torch, dtype)
    rec = recurrence(cell)
    H, X = columns(dtype=dtype)
    after = cell_step(torch, cell, H, X)
    assert rec.dtype == dtype
    assert worst(rec, H, X, after, dtype) <= 1
    given = rec.origin.arguments
    wrong = Recurrence.gru(*(given[name] for name in ("W", "M", "b", "b_recurrent")), reset="before")
    assert worst(wrong, H, X, after, dtype) > 100


@pytest.mark.parametrize("kind", ["GRUCell", "GRU"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_check_takes_gated_modules(kind, dtype):
    """oracle.check(module, inputs=X) passes on torch's cell and layer, and fails for the other reset convention."""
    torch = pytest.importorskip("torch")
    with torch.random.fork_rng():
        torch.manual_seed(9)
        module = getattr(torch.nn, kind)(INPUTS, N, dtype=getattr(torch, dtype))
    rng = np.random.default_rng(3)
    X, h0 = rng.normal(size=(STEPS, INPUTS)), rng.uniform(-0.9, 0.9, size=N)
    result = oracle.check(module, inputs=X, h0=h0)
    assert result.verdict == "pass", result.summary()
    assert (result.promised, result.computed_in) == (dtype, dtype)
    given = recurrence(module).origin.arguments
    wrong = Recurrence.gru(*(given[name] for name in ("W", "M", "b", "b_recurrent")), reset="before")
    assert oracle.check(module, wrong, inputs=X, h0=h0).verdict == "fail"


@pytest.mark.parametrize("reset", ["after", "before"])
def test_balls_contain_the_high_precision_value(reset):
    """Every ball contains the mpmath value, exactly compared; a value moved by a thousand radii is outside."""
    rec = Recurrence.gru(*weights(), reset=reset)
    H, X = (part[:, :6] for part in columns())
    ops = Mp(DIGITS)
    values = advance(ops, rec, ops.lift(H), ops.lift(X)).ravel()
    with precision(BITS):
        balls = Ball()
        enclosed = advance(balls, rec, balls.lift(H), balls.lift(X)).entries()
    for value, ball in zip(values, enclosed, strict=True):
        middle, radius = exact(ball.mid()), exact(ball.rad())
        sign, mantissa, exponent, _ = value._mpf_
        number = (-1) ** sign * Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
        assert abs(number - middle) <= radius
        assert abs(number + 1000 * radius - middle) > radius
        assert radius < Fraction(2) ** -100


def exact(point):
    """A ball without radius as a rational."""
    mantissa, exponent = point.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


@pytest.mark.parametrize("reset", ["after", "before"])
def test_the_tangent_is_the_derivative(reset):
    """The tangent interpretation over mpmath against a difference quotient: agreement to half of the digits."""
    rec = Recurrence.gru(*weights(), reset=reset)
    H, X = (part[:, :1] for part in columns())
    direction = np.linspace(-1, 2, N)[:, None]
    ops = Mp(DIGITS)
    start, drive = Dual(ops.lift(H), ops.lift(direction)), Dual(ops.lift(X), None)
    derivative = advance(Tangent(ops), rec, start, drive).tangent
    step = Fraction(1, 10 ** (DIGITS // 2))
    moved = ops.sum([ops.lift(H), ops.scale(step, ops.lift(direction))])
    difference = advance(ops, rec, moved, ops.lift(X)) - advance(ops, rec, ops.lift(H), ops.lift(X))
    quotient = difference * 10 ** (DIGITS // 2)
    # The truncation error is step times the second derivative, which is of order 10 here; 3 digits are left for that.
    assert np.max(np.abs(quotient - derivative)) < 10.0 ** (3 - DIGITS // 2)
    assert np.max(np.abs(derivative)) > 0.1


def test_no_interpretation_knows_the_cell():
    """A cell is one file of equations and one line each of the catalogue and the record: no arithmetic names it."""
    rooms = Path(oracle.__file__).parent

    def naming(room, cell):
        return [path.name for path in (rooms / room).rglob("*.py") if cell in path.read_text(encoding="utf-8").lower()]

    for cell in ("gru", "lstm"):
        assert naming("arithmetic", cell) == []
        assert naming("tolerance", cell) == []
    assert sorted(naming("equations", "gru")) == ["catalogue.py", "gru.py", "lstm.py"]  # its gates are those of a GRU
    assert sorted(naming("equations", "lstm")) == ["catalogue.py", "lstm.py"]
