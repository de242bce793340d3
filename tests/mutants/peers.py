"""The probes and tolerances of other projects' own tests, on the zoo's programs: which faults they let pass.

What is taken from each is how weights, inputs and the initial state are made, which outputs are compared, and within
what tolerance; the sizes are the zoo's. Sources (read in their public repositories):

    PyTorch   test/test_nn.py, test_RNN_cpu_vs_cudnn: default initialisation, standard normal inputs and initial state,
              every output, 5e-5 absolute
    Keras     keras/src/layers/rnn/simple_rnn_test.py, test_correctness and test_pass_initial_state: constant kernels
              0.01, 0.02 and bias 0.03, counting inputs, zero state or a counting state, last output, 1e-6
    ONNX      onnx/backend/test/case/node/rnn.py, simple_rnn with and without bias: constant weights 0.1, bias 0.1,
              inputs 1 to 6, zero state, every output, 1e-3 relative
    PsychRNN  test/backend/test_simulation.py, against its NumPy twin: Gaussian weights, zero bias, initial state near
              0.1, states at 1e-6 absolute and 1e-5 relative
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .programs import BATCH, BATCHED, Edit, I, K, N, compiled, parameters, source

Drawn = dict[str, Any]
_WEIGHTS = ("W", "Wr", "Wu", "Wn")
_INPUTS = ("M", "Mr", "Mu", "Mn")
_BIASES = ("b", "c", "br", "bu", "bn", "cr", "cu", "cn")


class Probe(NamedTuple):
    """One test of a peer: weights by kind of array, data, what is compared."""

    peer: str
    weights: Callable[[np.random.Generator, str, tuple[int, ...]], Any]
    inputs: Callable[[np.random.Generator, tuple[int, ...]], Any]
    h0: Callable[[np.random.Generator, tuple[int, ...]], Any]
    absolute: float
    relative: float
    last: bool = False


def _constant(recurrent: float, driving: float, bias: float) -> Any:
    values = {**dict.fromkeys(_WEIGHTS, recurrent), **dict.fromkeys(_INPUTS, driving), **dict.fromkeys(_BIASES, bias)}
    return lambda _, name, shape: np.full(shape, values[name])


def _counting(start: float, step: float = 1.0) -> Any:
    return lambda _, shape: start + step * np.arange(np.prod(shape), dtype=float).reshape(shape)


def _uniform(rng: np.random.Generator, _: str, shape: tuple[int, ...]) -> Any:
    return rng.uniform(-1, 1, shape) / np.sqrt(N)


def _gaussian(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> Any:
    return np.zeros(shape) if name in _BIASES else rng.normal(size=shape) / np.sqrt(shape[-1])


def _zeros(_: Any, shape: tuple[int, ...]) -> Any:
    return np.zeros(shape)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.normal(size=shape)


PROBES = (
    Probe("PyTorch", _uniform, _normal, _normal, 5e-5, 0.0),
    Probe("Keras", _constant(0.02, 0.01, 0.03), _counting(0), _zeros, 1e-6, 1e-6, last=True),
    Probe("Keras", _constant(0.02, 0.01, 0.03), _counting(0), _counting(0), 1e-6, 1e-6, last=True),
    Probe("ONNX", _constant(0.1, 0.1, 0.0), _counting(1), _zeros, 1e-7, 1e-3),
    Probe("ONNX", _constant(0.1, 0.1, 0.1), _counting(1), _zeros, 1e-7, 1e-3),
    Probe(
        "PsychRNN",
        _gaussian,
        lambda rng, shape: np.abs(rng.normal(size=shape)),
        lambda rng, shape: 0.1 + 0.01 * rng.normal(size=shape),
        1e-6,
        1e-5,
    ),
)
PEERS = tuple(dict.fromkeys(probe.peer for probe in PROBES))
STEPS_OF_PROBE = {"ONNX": 3, "Keras": 3}  # theirs are as short as that; the others run as long as the zoo


def survives(edit: Edit, peer: str) -> bool:
    """Whether a faulty program passes every test of a peer."""
    return all(_passes(edit, probe) for probe in PROBES if probe.peer == peer)


def _passes(edit: Edit, probe: Probe) -> bool:
    rng = np.random.default_rng(len(edit.program))
    p = dict(parameters(edit.program, "float32"))
    for name in (*_WEIGHTS, *_INPUTS, *_BIASES):
        p[name] = np.asarray(probe.weights(rng, name, p[name].shape), dtype=np.float32)
    p |= {"kernel": np.ascontiguousarray(p["M"].T), "recurrent": np.ascontiguousarray(p["W"].T)}
    batch = (BATCH,) if edit.program in BATCHED else ()
    X = probe.inputs(rng, (STEPS_OF_PROBE.get(probe.peer, K), *batch, I)).astype(np.float32)
    h0 = probe.h0(rng, (*batch, N)).astype(np.float32)
    found, expected = (compiled(text, p)(h0, X) for text in (edit.text, source(edit.program)))
    if found.shape != expected.shape:
        return False
    # Both start with the initial state, which frameworks do not put out.
    found, expected = (run[-1] if probe.last else run[1:] for run in (found, expected))
    return bool(np.allclose(found, expected, rtol=probe.relative, atol=probe.absolute))
