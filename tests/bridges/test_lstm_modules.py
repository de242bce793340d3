"""torch's LSTMs: layers, cells, stacks, directions, lengths, files, and what is refused."""

import numpy as np
import pytest

import oracle

torch = pytest.importorskip("torch")
N, INPUTS, STEPS, BATCH = 5, 3, 9, 4


def made(kind="LSTM", **options):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return getattr(torch.nn, kind)(INPUTS, N, **options)


def probe(places=1):
    rng = np.random.default_rng(2)
    start = tuple(rng.normal(size=(places, BATCH, N)) for _ in range(2))
    return rng.normal(size=(STEPS, BATCH, INPUTS)), start


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "options", [{}, {"batch_first": True}, {"bias": False}, {"num_layers": 2}, {"num_layers": 2, "bidirectional": True}]
)
def test_layers_pass(options, dtype):
    module = made(dtype=getattr(torch, dtype), **options)
    places = module.num_layers * (1 + module.bidirectional)
    X, start = probe(places)
    X = X.swapaxes(0, 1) if module.batch_first else X
    result = oracle.check(module, inputs=X, h0=start if places > 1 else (start[0][0], start[1][0]))
    assert result.verdict == "pass", result.summary()
    assert result.computed_in == dtype


def test_cells_and_lengths_pass():
    X, (h0, c0) = probe()
    assert oracle.check(made("LSTMCell"), inputs=X, h0=(h0[0], c0[0]))
    assert oracle.check(made(), inputs=X, lengths=[9, 2, 5, 1])


def test_a_layer_that_forgets_its_bias_fails():
    module = made()
    rec = oracle.recurrence(module)
    with torch.no_grad():
        module.bias_ih_l0.zero_()
    X, start = probe()
    result = oracle.check(module, rec, inputs=X, h0=(start[0][0], start[1][0]))
    assert (result.verdict, result.explained_by) == ("fail", "bias-missing")


def test_another_layers_weights_are_found():
    """A stack whose second direction computes with the first one's weights."""
    module = made(bidirectional=True)
    records = oracle.layers(module)
    with torch.no_grad():
        for name in ("weight_hh", "weight_ih", "bias_hh", "bias_ih"):
            getattr(module, f"{name}_l0_reverse").copy_(getattr(module, f"{name}_l0"))
    X, start = probe(2)
    result = oracle.check(module, records, inputs=X, h0=start)
    assert (result.verdict, result.part) == ("fail", "l0_reverse")
    assert "weights-of:l0" in [finding.name for finding in result.diagnosis]


def test_files(tmp_path):
    module = made(num_layers=2)
    torch.save(module.state_dict(), tmp_path / "m.pt")
    assert oracle.layers(tmp_path / "m.pt")["l1"] == oracle.layers(module)["l1"]
    assert oracle.load(tmp_path / "m.pt", layer="l0").equation == "lstm"


def test_gradients_of_cells():
    """Backpropagation through the cell, by (h, c), and through the layer, whose loss sees h alone."""
    X, (h0, c0) = probe()
    cell = made("LSTMCell", dtype=torch.float64)
    assert oracle.check_gradient(cell, inputs=X[:4], h0=np.concatenate([h0[0], c0[0]], axis=-1))
    target = np.random.default_rng(4).normal(size=(4, *h0[0].shape))
    for dtype in (torch.float32, torch.float64):
        for loss in ({}, {"loss": "squares", "weights": target}, {"loss": "final"}):
            result = oracle.check_gradient(made(dtype=dtype), inputs=X[:4], h0=(h0[0], c0[0]), **loss)
            assert result, result.summary()
            assert {"W", "M", "b", "b_recurrent", "h0", "inputs"} == set(result.parameters)


def test_projections_are_refused():
    with pytest.raises(oracle.BadInput, match="proj_size"):
        oracle.check(made(proj_size=2), inputs=probe()[0])


def test_a_narrower_precision_than_promised_is_named():
    """Keras on jax: a layer of float64 whose products are of float32."""

    class Narrow(torch.nn.LSTM):
        def forward(self, x, state=None):
            weights = [weight.float() for weight in self._flat_weights]
            state = tuple(part.float() for part in state)
            outputs, h, c = torch._VF.lstm(x.float(), state, weights, True, 1, 0.0, False, False, False)
            return outputs.double(), (h.double(), c.double())

    X, start = probe()
    torch.manual_seed(3)
    result = oracle.check(Narrow(INPUTS, N, dtype=torch.float64), inputs=X, h0=(start[0][0], start[1][0]))
    assert (result.verdict, result.explained_by, result.computed_in) == ("fail", "precision:float32", "float32")


def test_initial_states_as_torch_has_them():
    """(1, batch, N) twice for a layer, and those that a module holds: h0 and c0, or h0 alone."""
    X, (h0, c0) = probe()
    flat = oracle.check(made(), inputs=X, h0=(h0[0], c0[0]))
    assert oracle.check(made(), inputs=X, h0=(h0, c0)).worst == flat.worst
    layer = made()
    layer.h0 = torch.nn.Parameter(torch.randn(1, 1, N))
    assert oracle.bridges.registry.initial_state(layer)[N:].tolist() == [0.0] * N
    layer.c0 = torch.nn.Parameter(torch.randn(1, 1, N))
    assert oracle.bridges.registry.initial_state(layer)[N:].tolist() == layer.c0.flatten().tolist()
    assert "an ignored initial state" not in str(oracle.check(layer, inputs=X).unseen)


def test_a_module_has_no_readout():
    with pytest.raises(oracle.BadInput, match="returns its states"):
        oracle.check(made(), inputs=probe()[0], observe=(np.zeros((2, N)), np.zeros(2)))
