"""Expressions in z: what a user writes as an activation that the catalogue does not have.

Read by Python's grammar and never evaluated as Python: + - * / and integer powers, numbers, and the functions below. An
expression is kept as text, in one spelling; its values and its slope come from `oracle.equations.activations_user`.
"""

from __future__ import annotations

import ast
from fractions import Fraction
from typing import Any

from oracle.errors import BadInput

FUNCTIONS = {
    **{name: name for name in ("tanh", "exp", "expm1", "log", "sqrt", "erf", "sin", "cos", "relu", "softplus", "silu")},
    **{"abs": "abs", "Abs": "abs", "sigmoid": "logistic", "logistic": "logistic", "atan": "arctan", "arctan": "arctan"},
}
ALONE = ("tanh", "logistic", "relu", "erf", "sin", "arctan", "softplus", "silu")
"""Functions that are activations of the catalogue."""
KINKED = ("abs", "Abs", "relu")
LONGEST = 2000  # characters
HIGHEST = 64  # integer power


def mentions_z(text: str) -> bool:
    """Whether a text parses as an expression with the variable z in it."""
    try:
        tree = ast.parse(text.strip(), mode="eval") if len(text) <= LONGEST else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return tree is not None and any(isinstance(node, ast.Name) and node.id == "z" for node in ast.walk(tree))


def tree_of(text: str) -> ast.expr:
    """The expression, checked.

    Raises
    ------
    BadInput
        Something that is no expression in z.
    """
    tree = ast.parse(text.strip(), mode="eval").body
    _check(tree, text)
    return tree


def canonical(text: str) -> str:
    """The one spelling of an expression; sin(z) alone is the sin of the catalogue."""
    tree = tree_of(text)
    match tree:
        case ast.Name():
            return "identity"
        case ast.Call(func=ast.Name(id=name), args=[ast.Name()]) if FUNCTIONS[name] in ALONE:
            return FUNCTIONS[name]
    return ast.unparse(tree)


def number(value: int | float) -> Fraction:
    """A number as it was written: 0.1 is one tenth."""
    return Fraction(repr(value))


def power(node: ast.expr) -> int | None:
    """The exponent, where it is a whole number."""
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -1
    if isinstance(node, ast.Constant) and isinstance(node.value, int) and abs(node.value) <= HIGHEST:
        return sign * node.value
    return None


def _check(node: ast.expr, text: str) -> None:
    match node:
        case ast.Name(id="z"):
            return
        case ast.Constant(value=int() | float() as value) if type(value) is not bool and abs(value) < float("inf"):
            return
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=inner):
            return _check(inner, text)
        case ast.BinOp(left=left, op=ast.Pow(), right=right) if power(right) is not None:
            return _check(left, text)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), right=right):
            _check(left, text)
            return _check(right, text)
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in FUNCTIONS:
            if name not in KINKED or affine(inner) is not None:
                return _check(inner, text)
    raise BadInput(
        f"the activation {text!r} has {ast.unparse(node)!r} in it.",
        "it is no expression in z that the oracle can read in every arithmetic.",
        f"write it with z, numbers, + - * /, whole powers and {', '.join(sorted(FUNCTIONS))}; abs and relu of a z + b.",
    )


def affine(node: ast.expr) -> tuple[Fraction, Fraction] | None:
    """(a, b) of an expression a z + b with numbers; None for any other."""
    match node:
        case ast.Name():
            return Fraction(1), Fraction(0)
        case ast.Constant(value=int() | float() as value):
            return Fraction(0), number(value)
        case ast.UnaryOp(op=op, operand=inner):
            return _combined(-1 if isinstance(op, ast.USub) else 1, affine(inner), 0, (Fraction(0), Fraction(0)))
        case ast.BinOp(left=left, op=op, right=right):
            return _affine(op, affine(left), affine(right))
    return None


def _affine(op: ast.operator, ours: Any, theirs: Any) -> tuple[Fraction, Fraction] | None:
    if ours is None or theirs is None:
        return None
    if isinstance(op, ast.Add | ast.Sub):
        return _combined(1, ours, 1 if isinstance(op, ast.Add) else -1, theirs)
    if isinstance(op, ast.Mult) and not (ours[0] and theirs[0]):
        return _combined(theirs[1], ours, 0, theirs) if ours[0] else _combined(ours[1], theirs, 0, theirs)
    if isinstance(op, ast.Div) and theirs[1] and not theirs[0]:
        return _combined(1 / theirs[1], ours, 0, theirs)
    return None


def _combined(p: Any, ours: Any, q: Any, theirs: Any) -> tuple[Fraction, Fraction] | None:
    if ours is None or theirs is None:
        return None
    return p * ours[0] + q * theirs[0], p * ours[1] + q * theirs[1]


def kinks(text: str) -> tuple[Fraction, ...]:
    """Where the arguments of abs and relu are zero."""
    found = set()
    for node in ast.walk(tree_of(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINKED:
            slope, offset = affine(node.args[0]) or (Fraction(0), Fraction(0))
            found |= {-offset / slope} if slope else set()
    return tuple(sorted(found))


def of_sympy(expression: Any) -> str:
    """The spelling of a SymPy expression in one symbol.

    Raises
    ------
    BadInput
        No symbol or several, or a function that is not known.
    """
    symbols = sorted(expression.free_symbols, key=str)
    if len(symbols) != 1:
        raise BadInput(
            f"the activation is {expression}, with the symbols {', '.join(map(str, symbols)) or 'none'}.",
            "an activation is a function of one argument.",
            "pass an expression in one symbol, its parameters as numbers.",
        )
    text = str(expression.subs(symbols[0], type(symbols[0])("z")))
    try:
        return canonical(text)
    except SyntaxError:
        raise BadInput(
            f"the activation is {expression}.", "it prints as no arithmetic expression.", "write it as text in z."
        ) from None
