"""Names of activations, and how numpy, torch and Keras call them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from oracle.errors import BadInput

ACTIVATIONS = ("tanh", "logistic", "relu", "identity")

ALIASES = {
    "sigmoid": "logistic",
    "expit": "logistic",
    "linear": "identity",
    "rectify": "relu",
    "Tanh": "tanh",
    "Sigmoid": "logistic",
    "ReLU": "relu",
    "Identity": "identity",
}


def activation_name(activation: Any) -> str:
    """The oracle's name of an activation given by name or as a numpy, scipy, torch or Keras callable.

    Raises
    ------
    BadInput
        No such activation; the nearest names are given.
    """
    name = activation if isinstance(activation, str) else getattr(activation, "__name__", type(activation).__name__)
    if name in ACTIVATIONS:
        return str(name)
    if name in ALIASES:
        return ALIASES[name]
    known = [*ACTIVATIONS, *ALIASES]
    near = get_close_matches(str(name).lower(), known, n=2, cutoff=0.5)
    raise BadInput(
        f"activation {name!r} is not known.",
        f"a misspelling of {' or '.join(near)}." if near else "this activation is not in the catalogue.",
        f"use one of {', '.join(ACTIVATIONS)}.",
        name=name,
        nearest=near,
    )
