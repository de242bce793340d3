"""Honest programs of frameworks, where they are installed: their own modules and scans, in both precisions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

import oracle

# Keras' own conversion of a variable to an array is of before NumPy 2.
KERAS_WARNS = "ignore:__array__ implementation:DeprecationWarning"

N, I, K, BATCH = 7, 3, 12, 2
SEED = 20241103
DTYPES = ("float64", "float32")


class Honest(NamedTuple):
    """A framework's program and the question asked of it."""

    title: str
    candidate: Any
    rec: oracle.Recurrence | None
    question: dict[str, Any]


def honest_frameworks() -> Iterator[Honest]:
    """Everything that is installed."""
    for name, programs in (("torch", torch_programs), ("jax", jax_programs), ("keras", keras_programs)):
        if find_spec(name) is not None:
            for dtype in DTYPES:
                yield from programs(dtype)


def _arrays(dtype: str) -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    shapes = {"W": (N, N), "M": (N, I), "b": (N,), "h0": (BATCH, N), "X": (K, BATCH, I)}
    return {name: (rng.normal(size=shape) / 2).astype(dtype) for name, shape in shapes.items()}


def torch_programs(dtype: str) -> Iterator[Honest]:
    """torch.nn.RNN, RNNCell and GRU, time first and batch first, and a leaky loop of tensors."""
    import torch

    kind, given = getattr(torch, dtype), _arrays(dtype)
    question = {"inputs": given["X"], "h0": given["h0"]}
    torch_seed = torch.Generator().manual_seed(SEED)
    modules = {
        "nn.RNN": torch.nn.RNN(I, N),
        "nn.RNN relu": torch.nn.RNN(I, N, nonlinearity="relu"),
        "nn.RNN without bias": torch.nn.RNN(I, N, bias=False),
        "nn.GRU": torch.nn.GRU(I, N),
    }
    for title, module in modules.items():
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.uniform_(-0.5, 0.5, generator=torch_seed)
        yield Honest(f"torch {title} {dtype}", module.to(kind), None, question)
    tensors = {name: torch.from_numpy(given[name]) for name in "WMb"}

    def leaky(h0: Any, X: Any) -> Any:
        h, H = torch.from_numpy(h0), [h0]
        for x in torch.from_numpy(X):
            z = torch.nn.functional.linear(h, tensors["W"], tensors["b"]) + x @ tensors["M"].T
            h = torch.lerp(h, torch.tanh(z), 0.25)
            H.append(h.numpy())
        return np.stack(H)

    rec = oracle.Recurrence.leaky(given["W"], given["M"], given["b"], alpha=0.25)
    yield Honest(f"torch leaky by lerp {dtype}", leaky, rec, question | {"promised": dtype})


def jax_programs(dtype: str) -> Iterator[Honest]:
    """jax.lax.scan of the Elman step and of the leaky one."""
    import jax

    given = _arrays(dtype)
    question = {"inputs": given["X"], "h0": given["h0"], "promised": dtype}
    W, M, b = (given[name] for name in "WMb")

    def scanned(step: Any) -> Any:
        def run(h0: Any, X: Any) -> Any:
            with jax.enable_x64(dtype == "float64"):
                _, H = jax.lax.scan(step, jax.numpy.asarray(h0), jax.numpy.asarray(X))
                return np.concatenate([h0[None], np.asarray(H)])

        return run

    def elman(h: Any, x: Any) -> Any:
        new = jax.numpy.tanh(h @ W.T + x @ M.T + b)
        return new, new

    def leaky(h: Any, x: Any) -> Any:
        new = 0.75 * h + 0.25 * jax.numpy.tanh(h @ W.T + x @ M.T + b)
        return new, new

    yield Honest(f"jax scan, elman {dtype}", scanned(elman), oracle.Recurrence.elman(W, M, b), question)
    rec = oracle.Recurrence.leaky(W, M, b, alpha=0.25)
    yield Honest(f"jax scan, leaky {dtype}", scanned(leaky), rec, question)


def keras_programs(dtype: str) -> Iterator[Honest]:
    """Layers of Keras in float32, on the backend there is; in float64 some compute in float32 (`reports/trained`)."""
    if dtype != "float32":
        return
    os.environ.setdefault("KERAS_BACKEND", "torch" if find_spec("torch") else "jax")
    import keras

    given = _arrays(dtype)
    question = {"inputs": np.swapaxes(given["X"], 0, 1), "h0": given["h0"]}
    rng = np.random.default_rng(SEED)
    layers = {
        "SimpleRNN": keras.layers.SimpleRNN(N),
        "SimpleRNN relu": keras.layers.SimpleRNN(N, activation="relu"),
        "GRU": keras.layers.GRU(N),
        "GRU, reset before": keras.layers.GRU(N, reset_after=False),
    }
    for title, layer in layers.items():
        layer.build((BATCH, K, I))
        layer.set_weights([(rng.normal(size=w.shape) / 2).astype(dtype) for w in layer.get_weights()])
        yield Honest(f"keras {title} {dtype}", layer, None, question)
