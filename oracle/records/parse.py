"""Reading the parameters of a record: shapes checked by name, everything exact."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, Constant, Diagonal, Time, exact_array, exact_object, exact_scalar, to_numpy
from oracle.records.lure import Lure
from oracle.records.names import activation_name
from oracle.records.operator import Operator


def square(value: Any, name: str = "W") -> Array:
    """A square matrix."""
    matrix = exact_array(value, name, 2)
    if matrix.shape[0] != matrix.shape[1]:
        raise BadInput(
            f"{name} is {matrix.shape}; expected square.",
            f"{name} maps the state to the state; this may be the input matrix, or a stack of gates.",
            f"pass {name} as (units, units), row = receiving unit.",
            shape=matrix.shape,
        )
    if matrix.shape[0] == 0:
        raise BadInput(f"{name} is (0, 0).", "the network has no units.", "pass at least one unit.")
    return matrix


def input_matrix(value: Any, units: int, name: str = "M") -> Array:
    """A (units, inputs) matrix; None is no input at all."""
    if value is None:
        return np.zeros((units, 0))
    matrix = exact_array(value, name, 2)
    if matrix.shape[0] != units:
        transposed = matrix.shape[1] == units
        raise BadInput(
            f"{name} is {matrix.shape}; expected ({units}, inputs).",
            f"{name} is stored as (inputs, units), as Keras and JAX do."
            if transposed
            else f"{name} belongs to another network.",
            f"pass {name}.T." if transposed else f"pass {name} with one row per unit.",
            shape=matrix.shape,
        )
    return matrix


def biases(value: Any, units: int, name: str = "b") -> tuple[Array, ...]:
    """A vector, a tuple of vectors that are added (torch has two), or None."""
    if value is None:
        return ()
    parts = value if isinstance(value, tuple) else (value,)
    vectors = tuple(exact_array(part, name, 1) for part in parts)
    for vector in vectors:
        if vector.shape != (units,):
            raise BadInput(
                f"{name} is {vector.shape}; expected ({units},).",
                f"{name} belongs to another layer, or several biases are stacked.",
                f"pass one entry per unit; several biases as a tuple ({name}_1, {name}_2).",
                shape=vector.shape,
            )
    return vectors


def rate_like(value: Any, units: int, name: str, *, zero: bool = False) -> Diagonal:
    """tau, alpha or a step: positive, one number or one per unit."""
    given = to_numpy(value, name) if not isinstance(value, Fraction | Constant) else None
    factor: Diagonal
    if given is None or given.ndim == 0:
        factor = exact_scalar(value, name)
        entries = [factor]
    else:
        factor = exact_object(exact_array(value, name, 1))
        if factor.shape != (units,):
            raise BadInput(
                f"{name} is {factor.shape}; expected a number or ({units},).",
                f"{name} has one entry per unit of another network.",
                f"pass one {name}, or one per unit.",
            )
        entries = list(factor)
    for entry in entries:
        if isinstance(entry, Fraction) and (entry < 0 or (entry == 0 and not zero)):
            raise BadInput(
                f"{name} is {float(entry)}; expected {'>= 0' if zero else '> 0'}.",
                f"{name} is missing, or a rate was given where a time is expected.",
                f"pass a positive {name}.",
            )
    return factor


def time_like(value: Any, units: int, name: str) -> Time:
    """tau or a step: positive and rational, one number or one per unit."""
    factor = rate_like(value, units, name)
    constants = [entry for entry in np.ravel(np.asarray(factor, dtype=object)) if isinstance(entry, Constant)]
    if isinstance(factor, Constant) or constants:
        raise BadInput(
            f"{name} is {constants[0]}, which is not rational.",
            f"a transcendental constant was given where a time is expected; times are divided by, {name} too.",
            f"pass {name} as a float or a Fraction.",
        )
    return factor


def operator(value: Any, rows: int, columns: int, name: str) -> Operator:
    """A general coefficient: an Operator, a matrix, a vector (diagonal), or a number (times the identity)."""
    if value is None:
        return Operator.zero(rows, columns)
    if isinstance(value, Operator):
        result = value
    elif isinstance(value, Fraction | Constant) or to_numpy(value, name).ndim == 0:
        result = Operator.diagonal(exact_scalar(value, name), rows)
    elif to_numpy(value, name).ndim == 1:
        vector = exact_object(exact_array(value, name, 1))
        result = Operator.diagonal(vector, len(vector))
    else:
        result = Operator.dense(exact_array(value, name, 2))
    if result.shape != (rows, columns):
        raise BadInput(
            f"{name} is {result.shape}; expected ({rows}, {columns}).",
            f"{name} does not fit the other parameters.",
            "see the normal form: A (N, N), B (N, K), W (K, N), M (K, I), b (K,), E (N, I), c (N,).",
            shape=result.shape,
        )
    return result


def general(given: Mapping[str, Any]) -> Lure:
    """The normal form from its coefficients as given; absent ones are zero, an absent B is the identity."""
    sizes = {name: _shape(value) for name, value in given.items() if name != "activation" and value is not None}
    if "W" in sizes and len(sizes["W"]) == 2:
        units, state = sizes["W"]
    elif sizes.get("A"):
        units = state = sizes["A"][0]
    else:
        raise BadInput(
            "neither W as a matrix nor A as a vector or matrix was given.",
            "the number of units cannot be told.",
            "pass W of shape (K, N).",
        )
    inputs = next((sizes[name][1] for name in ("M", "E") if len(sizes.get(name, ())) == 2), 0)
    B = given.get("B")
    return Lure(
        A=operator(given.get("A"), state, state, "A"),
        B=operator(Fraction(1) if B is None else B, state, units, "B"),
        W=operator(given.get("W"), units, state, "W"),
        M=operator(given.get("M"), units, inputs, "M"),
        b=biases(given.get("b"), units),
        E=operator(given.get("E"), state, inputs, "E"),
        c=biases(given.get("c"), state, "c"),
        activation=activation_name(given.get("activation", "tanh")),
    )


def _shape(value: Any) -> tuple[int, ...]:
    if isinstance(value, Operator):
        return value.shape
    if isinstance(value, Fraction | Constant):
        return ()
    return tuple(to_numpy(value[0] if isinstance(value, tuple) and value else value, "parameter").shape)


def given_dtype(arguments: Mapping[str, Any]) -> str:
    """The narrowest precision all given arrays share; Python numbers and lists are float64."""
    dtypes = set()
    for value in arguments.values():
        for part in value if isinstance(value, tuple) else (value,):
            name = str(getattr(part, "dtype", "")).removeprefix("torch.")
            if getattr(part, "ndim", 0) and name:
                dtypes.add(name if name in ("float16", "bfloat16", "float32") else "float64")
    return dtypes.pop() if len(dtypes) == 1 else "float64"


def stated(activation: Any, **coefficients: Any) -> tuple[Lure, dict[str, Any], str]:
    """The normal form, the arguments it was stated with, and their dtype."""
    given = {name: value for name, value in coefficients.items() if value is not None}
    field = general({**given, "activation": activation})
    arguments = {name: kept(value, name) for name, value in given.items()}
    return field, {**arguments, "activation": field.activation}, given_dtype(given)


def kept(value: Any, name: str) -> Any:
    """A general coefficient as the record remembers it."""
    if isinstance(value, Operator | Constant | Fraction):
        return value
    if isinstance(value, tuple):
        return tuple(exact_array(part, name, 1) for part in value)
    array = to_numpy(value, name)
    return exact_scalar(value, name) if array.ndim == 0 else exact_array(value, name, array.ndim)


def gates(W: Any, M: Any, b: Any, b_recurrent: Any, count: int = 3) -> dict[str, Array]:
    """Stacked parameters of a gated cell, by name."""
    weights = exact_array(W, "W", 2)
    rows, units = weights.shape
    if rows != count * units or units == 0:
        raise BadInput(
            f"W is {weights.shape}; expected ({count}N, N).",
            f"a gated cell stacks {count} square matrices along the rows; this may be transposed (Keras, JAX).",
            f"pass W.T, or stack the gates with np.concatenate([W_{', W_'.join('rzn' if count == 3 else 'ifgo')}]).",
            shape=weights.shape,
        )
    arguments = {"W": weights, "M": input_matrix(M, rows)}
    for name, value in (("b", b), ("b_recurrent", b_recurrent)):
        if value is not None:
            (arguments[name],) = biases(value, rows, name)
    return arguments
