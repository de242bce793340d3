"""oracle.check_gradient on torch modules: autograd of RNN, RNNCell, GRU and GRUCell, and loops that use autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import oracle

N, INPUTS, STEPS, BATCH = 4, 3, 6, 2


def made(kind, dtype=torch.float32, **options):
    """A module with seeded weights."""
    torch.manual_seed(17)
    return getattr(torch.nn, kind)(INPUTS, N, dtype=dtype, **options)


def question(batch=BATCH, seed=3):
    """Inputs and an initial state."""
    rng = np.random.default_rng(seed)
    leading = () if batch is None else (batch,)
    return {"inputs": rng.normal(size=(STEPS, *leading, INPUTS)), "h0": rng.uniform(-1, 1, (*leading, N))}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["RNN", "RNNCell", "GRU", "GRUCell"])
def test_autograd_passes(kind, dtype):
    """Honest autograd in both precisions: every parameter, h0 and the inputs, with and without a batch."""
    module = made(kind, dtype)
    for batch in (None, BATCH):
        result = oracle.check_gradient(module, **question(batch))
        assert result, result.summary()
        biases = {"b", "b_recurrent"} if "GRU" in kind else {"b[0]", "b[1]"}
        assert set(result.parameters) == {"W", "M", "h0", "inputs"} | biases
        assert result.worst < 0.5


def test_the_module_is_left_as_it_was():
    """Its own .grad and training mode are not touched, and a frozen weight is not differentiated."""
    module = made("RNN")
    module.train()
    module.weight_ih_l0.requires_grad_(False)
    result = oracle.check_gradient(module, **question())
    assert result
    assert result.missing == ("M",)
    assert module.training
    assert all(p.grad is None for p in module.parameters())


def test_layouts_and_losses():
    """batch_first, no bias, relu with silent inputs (slope 0 at 0), squares, the last state; under no_grad as well."""
    asked = question()
    first = made("RNN", batch_first=True)
    assert oracle.check_gradient(first, inputs=asked["inputs"].swapaxes(0, 1), h0=asked["h0"])
    silent = np.concatenate([np.zeros((1, BATCH, INPUTS)), asked["inputs"]])
    assert oracle.check_gradient(made("RNN", nonlinearity="relu", bias=False), inputs=silent)
    target = np.random.default_rng(5).normal(size=(STEPS, BATCH, N))
    assert oracle.check_gradient(made("GRU"), **asked, loss="squares", weights=target)
    with torch.no_grad():
        assert oracle.check_gradient(made("RNN"), **asked, loss="final")


def test_float32_is_not_float64():
    """A float32 module that promises float64 fails, and is named."""
    result = oracle.check_gradient(made("RNN"), **question(), promised="float64")
    assert result.explained_by == "precision:float32", result.summary()


def autograd(module, detach=None, mean=False):
    """A training loop's own backward pass: steps of an RNNCell, perhaps detached, perhaps a mean."""

    def backward(h0, X, objective):
        h, x = torch.tensor(h0, requires_grad=True), torch.tensor(X)
        state, states = h, []
        for k, drive in enumerate(x):
            state = state.detach() if detach and k and k % detach == 0 else state
            state = module(drive, state)
            states.append(state)
        loss = objective(torch.stack(states))
        module.zero_grad()
        (loss / X.shape[1] if mean else loss).backward()
        weights = {"W": module.weight_hh.grad, "M": module.weight_ih.grad}
        return {**weights, "b": (module.bias_ih.grad, module.bias_hh.grad), "h0": h.grad}

    return backward


@pytest.mark.parametrize(
    ("faults", "name", "parameters"),
    [
        ({}, None, {}),
        ({"detach": 2}, "truncated-bptt", {"window": 2}),
        ({"mean": True}, "gradient-of-wrong-loss", {"factor": "1/batch|1/2"}),
    ],
)
def test_training_loops(faults, name, parameters):
    """A loop over an RNNCell passes; detached every two steps, or a mean over the batch, it fails and is named."""
    module = made("RNNCell")
    result = oracle.check_gradient(autograd(module, **faults), oracle.recurrence(module), **question())
    assert bool(result) == (name is None), result.summary()
    assert result.explained_by == name
    if name:
        assert {key: result.diagnosis[0].parameters[key] for key in parameters} == parameters
