"""Linear readouts y = C h + d of frameworks: the layer that a model has on top of its recurrent one.

    torch.nn.Linear               weight (out, in), bias
    keras.layers.Dense            kernel (in, out), bias, activation linear
    flax.nnx.Linear, linen.Dense  kernel (in, out), bias; linen bound to its variables

Source: the class documentation of PyTorch 2, Keras 3 and Flax 0.12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, to_numpy


def readout(layer: Any) -> tuple[Array, Array]:
    """The matrix and the bias of a linear layer, as `oracle.check(.., observe=(C, d))` takes them.

    Parameters
    ----------
    layer : object
        A torch.nn.Linear, keras.layers.Dense, flax.nnx.Linear, or a flax.linen.Dense bound to its variables.

    Returns
    -------
    C : ndarray, (readouts, N)
    d : ndarray, (readouts,)
        Zeros where the layer has no bias. Both in the dtype of the layer.

    Raises
    ------
    oracle.BadInput
        A layer without weights, or with a nonlinearity of its own.
    """
    held = _parameters(layer)
    kernel, weight = held.get("kernel"), held.get("weight")
    matrix: Any = weight if kernel is None else kernel
    if (kernel is None) == (weight is None) or len(matrix.shape) != 2:
        raise BadInput(
            f"the readout is a {type(layer).__module__}.{type(layer).__qualname__}.",
            "it holds no weight (out, in) and no kernel (in, out), or was never built.",
            "pass a linear layer, or the pair (C, d) with y = C h + d.",
        )
    _refuse_nonlinear(layer)
    C = to_numpy(weight, "C") if kernel is None else np.ascontiguousarray(to_numpy(kernel, "C").T)
    bias = held.get("bias")
    return C, np.zeros(len(C), C.dtype) if bias is None else to_numpy(bias, "d")


def _parameters(layer: Any) -> Mapping[str, Any]:
    try:
        variables = getattr(layer, "variables", None)
    except ValueError:  # a linen module that is not bound
        return {}
    if isinstance(variables, Mapping):  # of a bound linen module
        found = variables.get("params", {})
        return found if isinstance(found, Mapping) else {}
    held = {name: getattr(layer, name, None) for name in ("weight", "kernel", "bias")}
    return {name: _plain(value) for name, value in held.items() if value is not None}


def _plain(value: Any) -> Any:
    """What a variable of Flax or Keras holds; tensors as they are."""
    return value[...] if type(value).__module__.startswith("flax") else value


def _refuse_nonlinear(layer: Any) -> None:
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", None)
    if name not in (None, "linear"):
        raise BadInput(
            f"the readout has the activation {name}.",
            "y is then a function of C h + d, which tells less of the state.",
            "let the candidate return C h + d, or leave observe out and return the states alone.",
        )
