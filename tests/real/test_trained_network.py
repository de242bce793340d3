"""torch.nn.RNN on a trained network of 400 units over 400 steps, and at N = 2048: what is honest passes and is named.

And what is not fails, and is named: transposed weights, TF32 products, bfloat16 products. At N = 2048 the proven bound
alone would let TF32 through (it grows with N, the error with its square root); the statistic does not.
"""

import numpy as np
import pytest

import oracle
from oracle.bridges.registry import candidate
from real import keras_flipflop
from real.emulation import run_elman

torch = pytest.importorskip("torch")

LARGE, LARGE_INPUTS, LARGE_STEPS = 2048, 17, 4
NARROW = ("tf32", "bfloat16")


def layer(W, M, biases=(), dtype="float32", **options):
    """A torch.nn.RNN with these weights."""
    module = torch.nn.RNN(M.shape[1], len(W), bias=bool(biases), dtype=getattr(torch, dtype), **options)
    with torch.no_grad():
        module.weight_hh_l0.copy_(torch.tensor(W))
        module.weight_ih_l0.copy_(torch.tensor(M))
        for name, bias in zip(("bias_ih_l0", "bias_hh_l0"), biases, strict=False):
            getattr(module, name).copy_(torch.tensor(bias))
    return module


def names(result):
    """The names of the explanation: records that are one and the same are joined by |."""
    assert result.explained_by is not None, result.summary()
    return result.explained_by.split("|")


@pytest.fixture(scope="module")
def trained():
    """(W, M, no biases), inputs and a state for the network of 400 units."""
    return (*keras_flipflop.weights(), ()), keras_flipflop.inputs(), keras_flipflop.initial()


@pytest.fixture(scope="module")
def large():
    """(W, M, both biases) of torch's default initialisation at N = 2048, inputs and a state."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = torch.nn.RNN(LARGE_INPUTS, LARGE)
    parts = ("weight_hh_l0", "weight_ih_l0", "bias_ih_l0", "bias_hh_l0")
    W, M, b, c = (getattr(module, name).detach().numpy() for name in parts)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(LARGE_STEPS, LARGE_INPUTS)).astype(np.float32)
    return (W, M, (b, c)), X, rng.uniform(-0.9, 0.9, size=LARGE).astype(np.float32)


@pytest.fixture(params=["trained", pytest.param("large", marks=pytest.mark.slow)])
def network(request):
    """Both networks in turn."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_layer_follows_its_equation(network, dtype):
    """Verdict pass, computed in the precision it was promised in, and named."""
    (W, M, biases), X, h0 = network
    result = oracle.check(layer(W, M, biases, dtype), inputs=X, h0=h0)
    assert result.verdict == "pass", result.summary()
    assert result.worst <= 1
    assert (result.promised, result.computed_in) == (dtype, dtype)
    assert "elman" in names(result)


def test_transposed_weights(network):
    """A layer that was given W transposed fails against the equation with W, and the deviation is named."""
    (W, M, biases), X, h0 = network
    rec = oracle.Recurrence.elman(W, M, biases or None)
    result = oracle.check(layer(np.ascontiguousarray(W.T), M, biases), rec, inputs=X, h0=h0)
    assert result.verdict == "fail"
    assert result.worst > 1
    assert "transposed-recurrent-weights" in names(result)


def checked(network, products):
    """A recorded run with narrow products (None: honest float32) against its equation."""
    (W, M, biases), X, h0 = network
    rec = oracle.Recurrence.elman(W, M, biases or None)
    return oracle.check(run_elman(W, M, biases, X, h0, products), rec, inputs=X, h0=h0)


def test_the_honest_run_passes(network):
    """The emulation without narrowing is float32: what the next test finds is the narrowing."""
    result = checked(network, None)
    assert (result.verdict, result.promised, result.computed_in) == ("pass", "float32", "float32")


@pytest.mark.parametrize("products", NARROW)
def test_narrow_products(network, products):
    """float32 states and sums with narrower factors are not float32: they fail, with the precision named.

    At N = 2048 every TF32 residual is inside the worst-case bound: that verdict is observed, by the statistic.
    """
    result = checked(network, products)
    assert result.verdict == "fail"
    assert (result.promised, result.computed_in) == ("float32", products)
    assert f"precision:{products}" in names(result)
    blind = products == "tf32" and result.record.N == LARGE
    assert (result.worst <= 1) == blind
    assert result.label == ("observed" if blind else "proved")


@pytest.mark.parametrize("batch_first", [False, True])
def test_batches(batch_first):
    """A batch of trajectories in the layout of the layer; two trajectories exchanged on the way are found out."""
    batch, steps = 3, 40
    W, M = keras_flipflop.weights()
    X, h0 = keras_flipflop.inputs(steps, batch=batch), keras_flipflop.initial(batch=batch)
    module = layer(W, M, batch_first=batch_first)
    result = oracle.check(module, inputs=X.swapaxes(0, 1) if batch_first else X, h0=h0)
    assert (result.verdict, result.steps, result.batch) == ("pass", steps, batch), result.summary()
    mixed = candidate(module).run(h0, X)
    assert mixed.shape == (steps + 1, batch, keras_flipflop.UNITS)
    mixed[5:, [0, 1]] = mixed[5:, [1, 0]]
    assert oracle.check(mixed, oracle.Recurrence.elman(W, M), inputs=X, h0=h0).verdict == "fail"
