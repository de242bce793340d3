"""How numpy, scipy, torch, jax and Keras call the activations of the catalogue, and which parameters they give them.

One name, two functions: gelu is z Phi(z) in torch and Keras and its tanh form in jax (4.7e-4 apart); the slope of the
leaky relu is 0.01 in torch and jax, 0.2 in keras.activations and 0.3 in keras.layers; softplus is z beyond 20 in torch
(2e-9 apart), and so it is in Keras on torch. Where a callable or module says its parameters, those are read.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

ALIASES = {
    "sigmoid": "logistic",
    "expit": "logistic",
    "special_expit": "logistic",
    "special_erf": "erf",
    "linear": "identity",
    "rectify": "relu",
    "Tanh": "tanh",
    "Sigmoid": "logistic",
    "ReLU": "relu",
    "Identity": "identity",
    "Linear": "identity",
    "leaky_relu": "leaky-relu",
    "LeakyReLU": "leaky-relu",
    "Softplus": "softplus",
    "soft_plus": "softplus",
    "atan": "arctan",
    "Sin": "sin",
    "swish": "silu",
    "SiLU": "silu",
    "Swish": "silu",
    "GELU": "gelu",
    "gelu_tanh": "gelu-tanh",
    "gelu_new": "gelu-tanh",
    "hard_tanh": "hardtanh",
    "Hardtanh": "hardtanh",
    "ELU": "elu",
    "supralinear": "square",
    "rectified-power": "square",
}


@dataclass(frozen=True)
class Parameter:
    """A parameter of the oracle's family: what the framework calls it, and its value where nothing is said."""

    ours: str
    theirs: tuple[str, ...]
    usual: dict[str, float] = field(default_factory=dict)


PARAMETERS: dict[str, tuple[Parameter, ...]] = {
    "leaky-relu": (
        Parameter(
            "slope",
            ("negative_slope", "alpha"),
            {"torch": 0.01, "jax": 0.01, "flax": 0.01, "keras": 0.2, "keras.layers": 0.3},
        ),
    ),
    "softplus": (Parameter("threshold", ("threshold",), {"torch": 20.0}), Parameter("beta", ("beta",))),
    "elu": (Parameter("alpha", ("alpha",)),),
    "hardtanh": (Parameter("low", ("min_val",)), Parameter("high", ("max_val",))),
}
APPROXIMATE = {"jax": True, "flax": True}
"""Where gelu is the tanh form unless something else is said."""


def read(activation: Any) -> tuple[str, dict[str | int, Any]]:
    """Name and parameters of a callable or module; the name as it is written, where it is none of these."""
    given: dict[str, Any] = {}
    while isinstance(activation, functools.partial):
        given = {**activation.keywords, **given}
        activation = activation.func
    name = getattr(activation, "__name__", None) or type(activation).__name__
    family = ALIASES.get(name, name)
    home = framework(activation)
    if family == "gelu":
        told = given.get("approximate", getattr(activation, "approximate", APPROXIMATE.get(home.split(".")[0], False)))
        return ("gelu-tanh" if told not in (False, "none", None) else "gelu"), {}
    found: dict[str | int, Any] = {}
    for parameter in PARAMETERS.get(family, ()):
        for theirs in parameter.theirs:
            told = given.get(theirs, getattr(activation, theirs, None))
            if told is not None:
                found[parameter.ours] = float(told)
        if parameter.ours not in found and home in parameter.usual:
            found[parameter.ours] = parameter.usual[home]
    return family, found


def framework(activation: Any) -> str:
    """torch, jax, keras, keras.layers, numpy, .. or nothing."""
    module = getattr(activation, "__module__", None) or type(activation).__module__ or ""
    root = module.split(".")[0]
    return "keras.layers" if root == "keras" and ".layers" in module else str(root)


TABLE: tuple[tuple[str, str, str, str], ...] = (
    # ours, torch, jax, keras
    ("tanh", "tanh, Tanh", "tanh", "tanh"),
    ("logistic", "sigmoid, Sigmoid", "sigmoid", "sigmoid"),
    ("relu", "relu, ReLU", "relu", "relu"),
    ("identity", "Identity", "identity", "linear"),
    (
        "leaky-relu(slope)",
        "leaky_relu, LeakyReLU: 0.01",
        "leaky_relu: 0.01",
        "leaky_relu: 0.2; layers.LeakyReLU: 0.3",
    ),
    (
        "softplus(threshold, beta)",
        "softplus, Softplus: threshold 20, beta 1",
        "softplus: none",
        "softplus: none (20 on torch)",
    ),
    ("elu(alpha)", "elu, ELU: 1", "elu: 1", "elu: 1"),
    ("hardtanh(low, high)", "hardtanh, Hardtanh: -1, 1", "hard_tanh", "hard_tanh"),
    ("silu", "silu, SiLU", "silu, swish", "silu, swish"),
    ("gelu", "gelu, GELU", "gelu(approximate=False)", "gelu"),
    ("gelu-tanh", 'gelu(approximate="tanh")', "gelu", "gelu(approximate=True)"),
    ("erf", "erf", "lax.erf", "ops.erf"),
    ("sin", "sin", "numpy.sin", "ops.sin"),
    ("arctan", "atan", "numpy.arctan", "ops.arctan"),
    ("square(gain, exponent)", "none", "none", "none"),
)
"""The oracle's name, and what torch, jax and Keras call it, with the parameters that are theirs by default."""
