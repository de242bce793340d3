"""Names of activations: a family, and its exact parameters where it has any.

    tanh    leaky-relu(0.2)    softplus(20)    elu    hardtanh(-2,2)    square(0.04)    z / (1 + exp(-z))

A record holds the name alone, so it stays hashable, comparable, picklable and savable. Every name has one spelling:
trailing parameters that have their usual value are left out, 1/5 is written 0.2. A parameter that is given as a float
means the decimal it prints as. What is no family is an expression in z (`oracle.records.formula`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from oracle.errors import BadInput
from oracle.records import formula, framework_names

ACTIVATIONS = ("tanh", "logistic", "relu", "identity")
"""What fast kernels are written for."""

INFINITE = "inf"


@dataclass(frozen=True)
class Family:
    """Parameters of a family of activations: names, usual values (None: no such bound), and which are always shown."""

    parameters: tuple[str, ...] = ()
    usual: tuple[Fraction | None, ...] = ()
    shown: int = 0


FAMILIES: dict[str, Family] = {
    **dict.fromkeys((*ACTIVATIONS, "erf", "sin", "arctan", "silu", "gelu", "gelu-tanh"), Family()),
    "leaky-relu": Family(("slope",), (Fraction(1, 100),), shown=1),
    "softplus": Family(("threshold", "beta"), (None, Fraction(1))),
    "elu": Family(("alpha",), (Fraction(1),)),
    "hardtanh": Family(("low", "high"), (Fraction(-1), Fraction(1))),
    "square": Family(("gain", "exponent"), (Fraction(1), Fraction(2))),
}

CATALOGUE = (
    *ACTIVATIONS,
    *("leaky-relu(0.01)", "leaky-relu(0.2)", "leaky-relu(0.3)", "hardtanh", "elu", "square"),
    *("softplus", "softplus(20)", "silu", "gelu", "gelu-tanh", "erf", "arctan", "sin"),
)
"""The activations that are tried when one is not known, with the parameters that frameworks give them."""

HELPERS = (
    *("cos", "expm1", "exp", "log", "sqrt", "reciprocal"),
    *("erf-slope", "arctan-slope", "normal-cdf", "normal-density"),
)
"""Functions that slopes and expressions are made of; no record has one as its activation."""


def activation_name(activation: Any) -> str:
    """The oracle's name of an activation.

    Parameters
    ----------
    activation : str, callable, module or SymPy expression
        A name ("leaky-relu(0.2)", "sigmoid"), an expression in z ("z / (1 + exp(-z))", a SymPy expression in one
        symbol), or a function or module of numpy, scipy, torch, jax or Keras (with that framework's parameters).

    Raises
    ------
    BadInput
        No such activation (the nearest names are given), or parameters it does not have.
    """
    if not isinstance(activation, str):
        if hasattr(activation, "free_symbols"):
            return formula.of_sympy(activation)
        name, parameters = framework_names.read(activation)
        return spelled(_family(name), _checked(_family(name), parameters))
    if activation in USER:
        return activation
    if formula.mentions_z(activation):
        return formula.canonical(activation)
    called = re.fullmatch(r"\s*([A-Za-z][\w-]*)\s*(?:\(([^()]*)\))?\s*", activation)
    family = _family(called[1] if called else activation)
    return spelled(family, _checked(family, _parameters((called and called[2]) or "", activation)))


USER: dict[str, Any] = {}
"""Activations that were registered with a value and a slope (`oracle.activation`), by name."""


def parsed(name: str) -> tuple[str, tuple[Fraction | None, ...]]:
    """Family and parameters of a name as `activation_name` returns it; helpers have no parameters."""
    family, _, inside = name.partition("(")
    if family not in FAMILIES or formula.mentions_z(name):
        return name, ()
    return family, _checked(family, _parameters(inside.removesuffix(")"), name))


def spelled(family: str, values: Sequence[Fraction | None]) -> str:
    """The one spelling of a family with these parameters."""
    kind = FAMILIES[family]
    kept = len(values)
    while kept > kind.shown and values[kept - 1] == kind.usual[kept - 1]:
        kept -= 1
    return f"{family}({','.join(map(_number, values[:kept]))})" if kept else family


def _number(value: Fraction | None) -> str:
    if value is None:
        return INFINITE
    text = repr(float(value)).removesuffix(".0")
    return text if "e" not in text and Fraction(text) == value else str(value)


def _family(name: str) -> str:
    if name in FAMILIES:
        return name
    if name in framework_names.ALIASES:
        return framework_names.ALIASES[name]
    near = get_close_matches(name.lower(), [*FAMILIES, *framework_names.ALIASES], n=2, cutoff=0.5)
    raise BadInput(
        f"activation {name!r} is not known.",
        f"a misspelling of {' or '.join(near)}." if near else "this activation is not in the catalogue.",
        f"use one of {', '.join(FAMILIES)}, or write it as an expression in z, or register it with oracle.activation.",
        name=name,
        nearest=near,
    )


def _parameters(inside: str, name: str) -> dict[str | int, Any]:
    """Positional and named parameters as they are written."""
    found: dict[str | int, Any] = {}
    for i, part in enumerate(inside.split(",") if inside.strip() else ()):
        key, equals, text = part.rpartition("=")
        try:
            value = None if text.strip() == INFINITE else Fraction(text.strip())
        except (ValueError, ZeroDivisionError):
            raise BadInput(
                f"the activation {name!r} has the parameter {text.strip()!r}.",
                "it is no number.",
                "write parameters as decimals or fractions, as in leaky-relu(0.2) or leaky-relu(1/5).",
            ) from None
        found[key.strip() if equals else i] = value
    return found


def _checked(family: str, given: dict[str | int, Any]) -> tuple[Fraction | None, ...]:
    """The values of all parameters, in order; positions are the keys 0, 1, .."""
    kind, values = FAMILIES[family], []
    unknown = [key for key in given if key not in kind.parameters and key not in range(len(kind.parameters))]
    if unknown:
        has = f"{family} has {', '.join(kind.parameters)}" if kind.parameters else f"{family} has none"
        raise BadInput(
            f"the activation {family} was given the parameter {unknown[0]!r} = {given[unknown[0]]}.",
            f"{has}.",
            f"write {_example(family)}.",
        )
    for i, (name, usual) in enumerate(zip(kind.parameters, kind.usual, strict=True)):
        values.append(_exact(given.get(name, given.get(i, usual)), family, name))
    _admitted(family, values)
    return tuple(values)


def _exact(value: Any, family: str, name: str) -> Fraction | None:
    if value is None or isinstance(value, Fraction):
        return value
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and value == float("inf"):
        return None
    try:
        return Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
    except (TypeError, ValueError, OverflowError):
        raise BadInput(
            f"{name} of {family} is {value!r}.", "it is no finite number.", f"write {_example(family)}."
        ) from None


def _example(family: str) -> str:
    return spelled(family, FAMILIES[family].usual)


_LIMITS: dict[str, tuple[str, Callable[..., bool]]] = {
    "leaky-relu": ("a finite slope", lambda slope: slope is not None),
    "softplus": ("beta > 0", lambda threshold, beta: beta is not None and beta > 0),
    "elu": ("alpha > 0", lambda alpha: alpha is not None and alpha > 0),
    "hardtanh": ("low < high", lambda low, high: low is not None and high is not None and low < high),
    "square": (
        "a finite gain and an integer exponent from 2 to 16",
        lambda gain, n: gain is not None and n is not None and n.denominator == 1 and 2 <= n <= 16,
    ),
}


def _admitted(family: str, values: Sequence[Fraction | None]) -> None:
    needs, holds = _LIMITS.get(family, ("", lambda *_: True))
    if not holds(*values):
        given = ", ".join(f"{n} = {v}" for n, v in zip(FAMILIES[family].parameters, values, strict=True))
        raise BadInput(f"the activation {family} has {given}.", f"it needs {needs}.", f"write {_example(family)}.")
