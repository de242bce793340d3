"""Linear layers as readouts y = C h + d: orientation, bias, and what is no readout."""

import numpy as np
import pytest

import oracle
from oracle.errors import BadInput

N, INPUTS, OUT = 5, 3, 2


class Dense:
    """A layer as Keras holds one: kernel (in, out)."""

    def __init__(self, kernel, bias=None, activation=None):
        self.kernel, self.bias, self.activation = kernel, bias, activation


def relu(x):
    return np.maximum(x, 0)


def test_kernels_are_transposed():
    """C is (readouts, N); d is zero where the layer has no bias; the dtype is that of the layer."""
    kernel = np.arange(N * OUT, dtype=np.float32).reshape(N, OUT)
    C, d = oracle.readout(Dense(kernel))
    assert np.array_equal(C, kernel.T)
    assert (C.dtype, d.tolist()) == (np.float32, [0.0, 0.0])


@pytest.mark.parametrize(
    ("layer", "seen"),
    [(Dense(np.ones((N, OUT)), activation=relu), "activation relu"), (Dense(None), "Dense"), (object(), "object")],
)
def test_what_is_no_linear_layer_is_refused(layer, seen):
    with pytest.raises(BadInput, match=seen):
        oracle.readout(layer)


def test_a_model_of_torch_with_its_head():
    """States and readout of a model are judged together; a head that forgets its bias fails."""
    torch = pytest.importorskip("torch")
    with torch.random.fork_rng():
        torch.manual_seed(4)
        rnn, head = torch.nn.RNN(INPUTS, N), torch.nn.Linear(N, OUT)
    rng = np.random.default_rng(5)
    question = {"inputs": rng.normal(size=(8, INPUTS)), "h0": rng.normal(size=N), "promised": "float32"}

    def run(biased):
        def model(h0, X):
            with torch.no_grad():
                H = rnn(torch.tensor(X), torch.tensor(h0)[None])[0]
                return H.numpy(), torch.nn.functional.linear(H, head.weight, head.bias if biased else None).numpy()

        return oracle.check(model, oracle.recurrence(rnn), observe=oracle.readout(head), **question)

    assert run(biased=True).verdict == "pass"
    assert "wrong-readout" in [finding.name for finding in run(biased=False).diagnosis]


def test_dense_layers_of_flax():
    """linen bound to its variables, and nnx."""
    jax = pytest.importorskip("jax")
    flax = pytest.importorskip("flax")
    from flax import linen, nnx

    assert flax.__version__
    cell = linen.Dense(OUT)
    bound = cell.bind(cell.init(jax.random.key(1), np.zeros((1, N), np.float32)))
    C, d = oracle.readout(bound)
    assert np.array_equal(C, np.asarray(bound.variables["params"]["kernel"]).T)
    assert d.shape == (OUT,)
    layer = nnx.Linear(N, OUT, rngs=nnx.Rngs(0))
    assert np.array_equal(oracle.readout(layer)[0], np.asarray(layer.kernel[...]).T)
    with pytest.raises(BadInput):
        oracle.readout(cell)
