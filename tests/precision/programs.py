"""Real programs in real formats: NumPy's and torch's own arithmetic, asked by `oracle.check_precision`."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import oracle
from oracle.records.precision import honours, precision_model

Array = NDArray[Any]
PROMISED = ("float64", "float32", "tf32", "float16", "bfloat16", "float8-e4m3")
Build = Callable[[oracle.Recurrence], Any]


def in_numpy(dtype: Any) -> Build:
    """h+ = s(W h + M x + b) with NumPy's products."""

    def build(rec: oracle.Recurrence) -> Any:
        with np.errstate(all="ignore"):
            W, M, *b = (np.asarray(part).astype(dtype) for part in (rec.W, rec.M, *rec.parameters.b))

        def step(h: Array, x: Array) -> Array:
            with np.errstate(all="ignore"):
                z = h.astype(dtype) @ W.T + x.astype(dtype) @ M.T
                for part in b:
                    z = z + part
                return np.asarray(np.maximum(z, dtype(0)) if rec.activation == "relu" else np.tanh(z))

        return step

    return build


def in_torch(name: str) -> Build:
    """The same with torch's products on the CPU; states are handed back in float64, which holds them exactly."""
    import torch

    dtype = getattr(torch, name)

    def build(rec: oracle.Recurrence) -> Any:
        given = [np.asarray(part, dtype=np.float64) for part in (rec.W, rec.M, *rec.parameters.b)]
        W, M, *b = (torch.tensor(part).to(dtype) for part in given)

        def step(h: Array, x: Array) -> Array:
            with torch.no_grad():
                z = torch.tensor(np.float64(h)).to(dtype) @ W.T + torch.tensor(np.float64(x)).to(dtype) @ M.T
                for part in b:
                    z = z + part
                after = torch.relu(z) if rec.activation == "relu" else torch.tanh(z)
            return np.asarray(after.to(torch.float64).numpy())

        return step

    return build


def programs() -> dict[str, tuple[str, Build]]:
    """Name, format and builder; torch's where it is installed. Both add 16-bit numbers in float32 here, or better."""
    found = {f"numpy {t.__name__}": (t.__name__, in_numpy(t)) for t in (np.float64, np.float32, np.float16)}
    if importlib.util.find_spec("torch") is not None:
        found |= {f"torch {t}": (t, in_torch(t)) for t in ("float64", "float32", "float16", "bfloat16")}
    return found


def judged(N: int, program: str, computed: str, build: Build, promised: str) -> dict[str, Any]:
    """One program under one promise."""
    rng = np.random.default_rng(N)
    W = (1.2 * rng.standard_normal((N, N)) / np.sqrt(N)).astype(np.float32)
    rec = oracle.Recurrence.elman(W, rng.standard_normal((N, 3)).astype(np.float32), rng.standard_normal(N) / 4)
    X = np.rint(64 * rng.standard_normal((6, 3))) / 64
    result = oracle.check_precision(build, rec, inputs=X, promised=promised)
    ours, theirs = precision_model(computed).parts, precision_model(promised).parts
    assert ours is not None
    assert theirs is not None
    activation = result.activation
    kept = honours(ours, theirs)
    return {
        "program": program,
        "N": N,
        "promised": promised,
        "kept": kept,
        "verdict": result.verdict,
        "label": result.label,
        "probes": [p.name for p in result.probes if p.wrong],
        "activation": None if activation is None else f"{activation.ulps:.2f} ulp at {activation.at}",
    }
