"""Exact values as JSON and back: hexadecimal floats, "p/q" rationals, constants and operators; strict when reading."""

from __future__ import annotations

import re
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, Atom, Constant, Monomial, objects
from oracle.records.names import HELPERS, activation_name
from oracle.records.operator import Operator, Term

_HEX = re.compile(r"-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}")
_RATIONAL = re.compile(r"-?[0-9]+/[1-9][0-9]*")


def refused(seen: str) -> BadInput:
    """The error of a file whose content this program did not write."""
    return BadInput(
        f"{seen}.",
        "the file is damaged, was edited by hand, or was written by another program.",
        "save the record again with oracle.save.",
    )


def encode(value: Any) -> Any:
    """A parameter of a record as JSON."""
    if isinstance(value, Fraction):
        return {"rational": f"{value.numerator}/{value.denominator}"}
    if isinstance(value, Constant):
        return {"constant": [_monomial(monomial, factor) for monomial, factor in sorted(value.terms.items())]}
    if isinstance(value, bool):
        return {"flag": value}
    if isinstance(value, str):
        return {"text": value}
    if value is None:
        return {"none": True}
    if isinstance(value, tuple):
        return {"tuple": [encode(part) for part in value]}
    if isinstance(value, Operator):
        terms = [{part: encode(getattr(term, part)) for part in ("left", "dense", "right")} for term in value.terms]
        return {"operator": terms, "shape": list(value.shape)}
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        return {"float64": [entry.hex() for entry in value.ravel().tolist()], "shape": list(value.shape)}
    if isinstance(value, np.ndarray) and value.dtype == object:
        return {"exact": [encode(entry) for entry in value.ravel().tolist()], "shape": list(value.shape)}
    raise BadInput(
        f"a parameter is of type {type(value).__name__}.", "it is no part of a record.", "save records only."
    )


def _monomial(monomial: Monomial, factor: Fraction) -> Any:
    if any(a.generator is not None for a, _ in monomial):
        raise BadInput(
            "a coefficient is an entry of the exponential of a matrix.",
            "the record was stated with the coefficients of another one's zero-order hold.",
            'save that record: it is written as net.discretize(step=.., scheme="zoh").',
        )
    atoms = [[a.kind, f"{a.argument.numerator}/{a.argument.denominator}", a.activation, power] for a, power in monomial]
    return [f"{factor.numerator}/{factor.denominator}", atoms]


def decode(coded: Any, name: str) -> Any:
    """What `encode` was given; `name` is the parameter that an error speaks of.

    Raises
    ------
    BadInput
        Anything that `encode` does not write.
    """
    try:
        (kind,) = set(coded) - {"shape"}
        return _DECODERS[kind](coded[kind], name, coded.get("shape"))
    except BadInput:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise refused(f"{name} is not a parameter: {type(error).__name__} {error}") from None


def _float(text: Any, name: str) -> float:
    if isinstance(text, str) and text in ("nan", "inf", "-inf"):
        raise BadInput(
            f"{name} has the entry {text}.", "training diverged before the file was written.", "train again."
        )
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        raise refused(f"{name} has the entry {text!r}, which is no hexadecimal float")
    return float.fromhex(text)


def _rational(text: Any, name: str, _: Any = None) -> Fraction:
    if not isinstance(text, str) or not _RATIONAL.fullmatch(text):
        raise refused(f"{name} has the entry {text!r}, which is no rational p/q")
    return Fraction(text)


def _shaped(flat: Array, name: str, shape: Any) -> Array:
    if not isinstance(shape, list) or any(type(n) is not int or n < 0 for n in shape) or prod(shape) != len(flat):
        raise refused(f"{name} has {len(flat)} entries and the shape {shape}")
    return flat.reshape(shape)


def _floats(entries: Any, name: str, shape: Any) -> Array:
    return _shaped(np.array([_float(entry, name) for entry in entries], dtype=np.float64), name, shape)


def _exacts(entries: Any, name: str, shape: Any) -> Array:
    return _shaped(objects(decode(entry, name) for entry in entries), name, shape)


def _known(kind: str, activation: Any) -> bool:
    """Whether it is a function that a constant may be a value of."""
    if kind == "exp" or not isinstance(activation, str):
        return bool(activation == "")
    try:
        return activation in HELPERS or activation_name(activation) == activation
    except BadInput:
        return False


def _atom(kind: Any, argument: Any, activation: Any, name: str) -> Atom:
    if kind not in ("exp", "value", "slope") or not _known(kind, activation):
        raise refused(f"{name} names the constant {kind!r} of {activation!r}")
    return Atom(kind, _rational(argument, name), activation)


def _constant(terms: Any, name: str, _: Any) -> Any:
    total: Any = Fraction(0)
    for factor, atoms in terms:
        product: Any = _rational(factor, name)
        for kind, argument, activation, power in atoms:
            if type(power) is not int or not 0 < power < 1000:  # more is no record, and multiplying would not end
                raise refused(f"{name} has the power {power!r}")
            atom = _atom(kind, argument, activation, name)
            for _ in range(power):
                product = product * Constant.atom(atom.kind, atom.argument, atom.activation)
        total = total + product
    return total


def _text(text: Any, name: str, _: Any) -> str:
    if not isinstance(text, str):
        raise refused(f"{name} is {text!r}, which is no text")
    return text


def _operator(terms: Any, name: str, shape: Any) -> Operator:
    rows, columns = shape
    parts = tuple(Term(*(decode(term[part], name) for part in ("left", "dense", "right"))) for term in terms)
    for term in parts:
        for side, size in ((term.left, rows), (term.right, columns)):
            fits = side.shape == (size,) if isinstance(side, np.ndarray) else isinstance(side, Fraction | Constant)
            if not fits:
                raise refused(f"{name} has a diagonal factor that does not fit {shape}")
        if term.dense is None and rows == columns:
            continue
        if not isinstance(term.dense, np.ndarray) or term.dense.shape != (rows, columns):
            raise refused(f"{name} has a dense factor that does not fit {shape}")
    return Operator((rows, columns), parts)


def _flag(coded: Any, name: str, _: Any) -> bool:
    if not isinstance(coded, bool):
        raise refused(f"{name} is {coded!r}, which is neither true nor false")
    return coded


_DECODERS: dict[str, Any] = {
    "rational": _rational,
    "constant": _constant,
    "text": _text,
    "none": lambda coded, name, _: None,
    "flag": _flag,
    "tuple": lambda coded, name, _: tuple(decode(part, name) for part in coded),
    "operator": _operator,
    "float64": _floats,
    "exact": _exacts,
}
