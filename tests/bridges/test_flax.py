"""Cells of Flax, linen and nnx: their documented equation, exactly, and as candidates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import oracle
from oracle import Recurrence
from oracle.bridges.registry import candidate, recurrence
from oracle.errors import BadInput

N, INPUTS, STEPS, BATCH = 5, 3, 7, 4


def drawn(tree, seed=2):
    """The same tree with every array drawn anew: Flax initialises biases with zeros, which hide what they do."""
    leaves, shape = jax.tree.flatten(tree)
    rng = np.random.default_rng(seed)
    return jax.tree.unflatten(shape, [jnp.asarray(rng.normal(0, 0.4, leaf.shape), leaf.dtype) for leaf in leaves])


def bound(cell, *example):
    """A linen module with variables of its own."""
    return cell.bind(drawn(cell.init(jax.random.key(0), *example)))


def redrawn(module):
    """An nnx module with other parameters."""
    nnx.update(module, drawn(nnx.state(module, nnx.Param)))
    return module


def linen_cell(kind, **options):
    return bound(getattr(linen, kind)(N, **options), jnp.zeros((1, N)), jnp.zeros((1, INPUTS)))


def nnx_cell(kind, **options):
    return redrawn(getattr(nnx, kind)(INPUTS, N, rngs=nnx.Rngs(0), **options))


def linen_rnn(kind, **options):
    return bound(linen.RNN(getattr(linen, kind)(N), **options), jnp.zeros((1, 2, INPUTS)))


def nnx_rnn(kind, **options):
    return nnx.RNN(nnx_cell(kind), **options)


MAKERS = (linen_cell, nnx_cell, linen_rnn, nnx_rnn)


def samples(batch=BATCH):
    rng = np.random.default_rng(8)
    return {"inputs": rng.normal(size=(STEPS, batch, INPUTS)), "h0": rng.normal(size=(batch, N)), "batch_first": False}


def test_the_documented_equation_of_simple_cells():
    """rec == s(W_i x + b_i + W_h h) with kernels transposed, the bias once, the dtype remembered."""
    for cell, arrays in (
        (linen_cell("SimpleCell"), lambda c: c.variables["params"]),
        (nnx_cell("SimpleCell"), lambda c: {"i": vars(c.dense_i), "h": vars(c.dense_h)}),
    ):
        held = arrays(cell)
        W, M, b = (np.asarray(held[p][k][...]) for p, k in (("h", "kernel"), ("i", "kernel"), ("i", "bias")))
        rec = recurrence(cell)
        assert rec == Recurrence.elman(W.T, M.T, b)
        assert rec.dtype == "float32"
        assert rec != Recurrence.elman(W, M.T, b)
        assert rec != Recurrence.elman(W.T, M.T)


def test_the_documented_equation_of_gated_cells():
    """Gates in the order r, z, n; the recurrent bias is that of n alone, and nnx has none."""
    held = (cell := linen_cell("GRUCell")).variables["params"]
    W, M, b = (
        np.concatenate([np.asarray(held[f"{side}{gate}"][key]).T for gate in "rzn"])
        for side, key in (("h", "kernel"), ("i", "kernel"), ("i", "bias"))
    )
    c = np.concatenate([np.zeros(2 * N, np.float32), np.asarray(held["hn"]["bias"])])
    assert recurrence(cell) == Recurrence.gru(W, M, b, c)
    assert recurrence(cell) != Recurrence.gru(W, M, b)
    cell = nnx_cell("GRUCell")
    W, M = (np.asarray(part.kernel[...]).T for part in (cell.dense_h, cell.dense_i))
    assert recurrence(cell) == Recurrence.gru(W, M, np.asarray(cell.dense_i.bias[...]))


@pytest.mark.parametrize("kind", ["SimpleCell", "GRUCell"])
@pytest.mark.parametrize("make", MAKERS)
def test_cells_and_layers_follow_their_equation(make, kind):
    """They pass, in float32."""
    result = oracle.check(make(kind), **samples())
    assert (result.verdict, result.computed_in) == ("pass", "float32")


def test_another_equation_than_documented_is_named():
    """A cell with weights the wrong way round does not follow the equation, and the oracle says how."""
    rec = recurrence(cell := linen_cell("SimpleCell"))
    wrong = Recurrence.elman(rec.W.T, rec.M, rec.b)
    assert oracle.check(cell, wrong, **samples()).explained_by == "transposed-recurrent-weights"


def test_the_residual_is_inside_the_nonlinearity():
    """h+ = s(W_i x + b_i + W_h h + h): it passes as such, and the plain cell does not."""
    cell = linen_cell("SimpleCell", residual=True)
    rec = recurrence(cell)
    assert oracle.check(cell, **samples()).verdict == "pass"
    plain = Recurrence.elman(cell.variables["params"]["h"]["kernel"].T, rec.M, rec.b)
    assert rec != plain
    assert oracle.check(cell, plain, **samples()).verdict == "fail"


def test_the_residual_survives_a_file(tmp_path):
    """Saved and loaded, and pasted, it is the same record."""
    rng = np.random.default_rng(3)
    rec = Recurrence.elman(rng.normal(size=(3, 3)), rng.normal(size=(3, 2)), rng.normal(size=3), residual=True)
    oracle.save(rec, tmp_path / "rec.json")
    assert oracle.load(tmp_path / "rec.json") == rec
    assert eval(repr(rec)) == rec


def test_activations_and_narrow_formats():
    """relu by its function; bfloat16 is promised as such."""
    assert recurrence(linen_cell("SimpleCell", activation_fn=linen.relu)).activation == "relu"
    narrow = nnx_cell("SimpleCell", dtype=jnp.bfloat16)
    assert candidate(narrow).dtype == "bfloat16"
    assert oracle.check(narrow, **samples()).promised == "bfloat16"


@pytest.mark.parametrize(
    ("module", "says"),
    [
        (lambda: linen.SimpleCell(N), "bind"),
        (lambda: linen.Dense(N), "SimpleCell"),
        (lambda: nnx.Linear(2, 3, rngs=nnx.Rngs(0)), "SimpleCell"),
        (lambda: linen_cell("GRUCell", gate_fn=linen.tanh), "no equation"),
    ],
)
def test_what_has_no_equation_is_refused(module, says):
    """An unbound module, another class, other gates: the error says what to pass."""
    with pytest.raises(BadInput) as caught:
        recurrence(module())
    assert says in caught.value.remedy


def test_a_layer_that_runs_backwards_is_refused():
    with pytest.raises(BadInput, match="reverse=True"):
        candidate(nnx_rnn("SimpleCell", reverse=True))


def test_a_step_of_jax_with_a_carry():
    """lax.scan's step through as_step: jitted, in float32, with jnp arrays."""
    rec = recurrence(nnx_cell("SimpleCell"))
    W, M, b = (jnp.asarray(part, jnp.float32) for part in (rec.W, rec.M, rec.b))

    @jax.jit
    def step(h, x):
        h = jnp.tanh(h @ W.T + x @ M.T + b)
        return h, h

    assert oracle.check(oracle.as_step(step, order="carry"), rec, **samples()).verdict == "pass"


@pytest.mark.parametrize("kind", ["LSTMCell", "OptimizedLSTMCell"])
@pytest.mark.parametrize("make", [linen_cell, nnx_cell])
def test_long_short_term_memories(make, kind):
    """The carry is (c, h), the state (h, c); the biases are those of the recurrent products."""
    if make is linen_cell:
        carry = (jnp.zeros((1, N)), jnp.zeros((1, N)))
        cell = bound(getattr(linen, kind)(N), carry, jnp.zeros((1, INPUTS)))
    else:
        cell = make(kind)
    asked = samples()
    asked["h0"] = np.random.default_rng(1).normal(size=(BATCH, 2 * N))
    assert oracle.check(cell, **asked).verdict == "pass"
    rec = recurrence(cell)
    W, M, b = (
        np.concatenate(part)
        for part in (rec.parameters.W, rec.parameters.M, [c[0] for c in rec.parameters.b_recurrent])
    )
    assert oracle.check(cell, Recurrence.lstm(W, M, np.roll(b, N)), **asked).verdict == "fail"


@pytest.mark.parametrize("make", [linen_rnn, nnx_rnn])
def test_layers_of_memories(make, monkeypatch):
    """An RNN shows its outputs, and its carry at the end; a carry that is wrong is found."""
    rnn = make("LSTMCell")
    asked = samples() | {"h0": np.random.default_rng(1).normal(size=(BATCH, 2 * N))}
    assert oracle.check(rnn, **asked).verdict == "pass"
    right = type(rnn).__call__

    def swapped(*given, **options):
        (c, h), outputs = right(*given, **options)
        return (h, c), outputs

    monkeypatch.setattr(type(rnn), "__call__", swapped)
    result = oracle.check(rnn, **asked)
    assert (result.verdict, result.explained_by) == ("fail", "final-state")
