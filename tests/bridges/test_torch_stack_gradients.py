"""oracle.check_gradient on torch modules of several layers and directions, and on loops that go back wrongly."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import oracle

N, INPUTS, STEPS, BATCH = 3, 2, 5, 4
RNG = np.random.default_rng(31)
X = RNG.normal(size=(STEPS, BATCH, INPUTS))


def made(kind, dtype=torch.float64, **options):
    """A module with seeded weights."""
    torch.manual_seed(23)
    return getattr(torch.nn, kind)(INPUTS, N, **{"num_layers": 2, "dtype": dtype, **options})


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("RNN", {"nonlinearity": "relu", "dtype": torch.float32}),
        ("GRU", {"bidirectional": True, "num_layers": 1, "batch_first": True}),
        ("LSTM", {"bidirectional": True, "dtype": torch.float32}),
    ],
)
def test_autograd_of_stacks_passes(kind, options):
    """Every layer and direction by its own parameters and initial state, and the inputs; with a batch and without."""
    module = made(kind, **options)
    states = N * (2 if kind == "LSTM" else 1)
    places = list(oracle.layers(module))
    for batch in (None, BATCH):
        leading = () if batch is None else (batch,)
        inputs = X if batch else X[:, 0]
        asked = inputs.swapaxes(0, 1) if batch and options.get("batch_first") else inputs
        h0 = RNG.uniform(-1, 1, (len(places), *leading, states))
        result = oracle.check_gradient(module, inputs=asked, h0=h0, loss="functional" if batch else "final")
        assert result, result.summary()
        assert {f"{place}.h0" for place in places} | {"inputs"} < set(result.parameters)
        assert result.missing == ()


def unrolled(module, *, detach_below=False, window=None, scale=1.0, swapped=False):
    """A loop over two tanh layers that autograd goes back through; the keywords are the faults."""
    own = {name: value.detach().clone().requires_grad_() for name, value in module.named_parameters()}

    def step(layer, x, h):
        W = own[f"weight_hh_l{layer}"]
        W = W.T + (W - W.detach()) - (W - W.detach()).T if swapped else W
        biases = own[f"bias_ih_l{layer}"] + own[f"bias_hh_l{layer}"]
        return torch.tanh(x @ own[f"weight_ih_l{layer}"].T + h @ W.T + biases)

    def backward(h0, inputs, objective):
        x = torch.tensor(inputs).requires_grad_()
        starts = {place: torch.tensor(h).requires_grad_() for place, h in h0.items()}
        states, outputs = list(starts.values()), []
        for k, sample in enumerate(x):
            if window and k and k % window == 0:
                states = [h.detach() for h in states]
            low = step(0, sample, states[0])
            states = [low, step(1, low.detach() if detach_below else low, states[1])]
            outputs.append(states[1])
        (objective(torch.stack(outputs)) * scale).backward()
        names = {"W": "weight_hh", "M": "weight_ih", "b[0]": "bias_ih", "b[1]": "bias_hh"}
        found = {f"l{i}.{n}": own[f"{kind}_l{i}"].grad for i in (0, 1) for n, kind in names.items()}
        found |= {f"{place}.h0": start.grad for place, start in starts.items()} | {"inputs": x.grad}
        shapes = {"inputs": inputs.shape} | {f"{p}.h0": h.shape for p, h in h0.items()}
        shapes |= {f"l{i}.{n}": own[f"{kind}_l{i}"].shape for i in (0, 1) for n, kind in names.items()}
        return {n: np.zeros(shapes[n]) if g is None else g.numpy().copy() for n, g in found.items()}

    return backward


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ({}, None),
        ({"detach_below": True}, "layers-detached"),
        ({"window": 2}, "truncated-bptt"),
        ({"scale": 1 / BATCH}, "gradient-of-wrong-loss"),
    ],
)
def test_loops_over_layers(fault, name):
    """A hand-written stack against a dict of recurrences; what goes wrong between and within layers is named."""
    module = made("RNN")
    h0 = {"l0": RNG.uniform(-1, 1, N), "l1": RNG.uniform(-1, 1, N)}
    result = oracle.check_gradient(unrolled(module, **fault), oracle.layers(module), inputs=X, h0=h0)
    assert result.verdict == ("pass" if name is None else "fail"), result.summary()
    assert result.explained_by == name, result.summary()


def test_places_that_do_not_fit():
    """Layers in another order, initial states of no layer, and one array for layers of several sizes are refused."""
    records = oracle.layers(made("RNN"))
    several = {"l0": records["l0"], "l1": oracle.Recurrence.elman(np.eye(2), np.ones((2, N)), None)}
    for recs, h0, seen in (
        (dict(reversed(records.items())), None, "inputs"),
        (records, {"l7": np.zeros(N)}, "l7"),
        (several, np.zeros(N), "sizes"),
    ):
        with pytest.raises(oracle.BadInput, match=seen):
            oracle.check_gradient({"inputs": np.zeros_like(X)}, recs, inputs=X, h0=h0)
