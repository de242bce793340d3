"""Activations that a user states: an expression in z, or a value and a slope.

An expression is read in the arithmetic at hand, function by function, so that its rounding bound is that of a program
which evaluates it as it is written; its slope is its tangent. What holds for all states needs bounds of the slope over
all arguments, which its user may give; without them it counts as unbounded.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from oracle.equations.activations import ACTIVATIONS, MINUS, Activation, less
from oracle.equations.interface import Arithmetic, V
from oracle.errors import BadInput
from oracle.records import formula
from oracle.records.names import USER, activation_name

EXPRESSIONS: dict[str, tuple[Fraction, Fraction]] = {}
"""Bounds of the slopes of expressions, as a user gave them."""

UNTOLD = "evaluated as it is written"


def expression(name: str) -> Activation:
    """The activation that an expression in z is."""
    tree = formula.tree_of(name)

    def value(ops: Arithmetic[V], z: V) -> V:
        return read(ops, tree, z)

    def slope(ops: Arithmetic[V], s: V, z: V) -> V:
        return derivative(ops, tree, z)

    bounds = EXPRESSIONS.get(name)
    return Activation(name, value, slope, bounds, assumed=UNTOLD, kinks=formula.kinks(name), composed=True, start=None)


def read(ops: Arithmetic[V], node: ast.expr, z: V) -> V:
    """An expression in any arithmetic."""
    match node:
        case ast.Name():
            return z
        case ast.Constant(value=value):
            return ops.scale(formula.number(value), ops.one(z))  # type: ignore[arg-type]
        case ast.UnaryOp(op=op, operand=inner):
            found = read(ops, inner, z)
            return ops.scale(MINUS, found) if isinstance(op, ast.USub) else found
        case ast.Call(func=ast.Name(id=name), args=[inner]):
            return _called(ops, formula.FUNCTIONS[name], read(ops, inner, z))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(ops, read(ops, left, z), formula.power(right) or 0)
        case ast.BinOp(left=left, op=op, right=right):
            return _combined(ops, op, left, right, z)
    raise AssertionError("checked when the name was read")


def _combined(ops: Arithmetic[V], op: ast.operator, left: ast.expr, right: ast.expr, z: V) -> V:
    first, second = number(left), number(right)
    if isinstance(op, ast.Mult) and (first is not None or second is not None):
        return ops.scale(first, read(ops, right, z)) if first is not None else ops.scale(second, read(ops, left, z))  # type: ignore[arg-type]
    if isinstance(op, ast.Div) and second:
        return ops.scale(1 / second, read(ops, left, z))
    u, v = read(ops, left, z), read(ops, right, z)
    if isinstance(op, ast.Add):
        return ops.sum([u, v])
    if isinstance(op, ast.Sub):
        return less(ops, u, v)
    return ops.mul(u, ops.elementary("reciprocal", v) if isinstance(op, ast.Div) else v)


def number(node: ast.expr) -> Fraction | None:
    """A part without z made of + - * / alone, as the rational it is."""
    match node:
        case ast.Constant(value=value):
            return formula.number(value)  # type: ignore[arg-type]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            found = number(inner)
            return None if found is None else -found
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            a, b = number(left), number(right)
            return a / b if a is not None and b else None
    return None


def _called(ops: Arithmetic[V], name: str, v: V) -> V:
    if name == "relu":
        return ops.positive_part(v)
    if name == "abs":
        return less(ops, ops.scale(Fraction(2), ops.positive_part(v)), v)
    if ACTIVATIONS[name].composed:
        found: V = ACTIVATIONS[name].value(ops, v)
        return found
    return ops.elementary(name, v)


def _power(ops: Arithmetic[V], v: V, n: int) -> V:
    found, base = ops.one(v), v if n >= 0 else ops.elementary("reciprocal", v)
    for i in range(abs(n)):
        found = base if i == 0 else ops.mul(found, base)
    return found


def derivative(ops: Arithmetic[V], tree: ast.expr, z: V) -> V:
    """The slope of an expression."""
    moved = _moved(ops, tree, z)
    return ops.scale(Fraction(0), z) if moved is None else moved


def _moved(ops: Arithmetic[V], node: ast.expr, z: V) -> V | None:
    """The derivative of a part; None where it is zero."""
    match node:
        case ast.Name():
            return ops.one(z)
        case ast.UnaryOp(op=op, operand=inner):
            moved = _moved(ops, inner, z)
            return ops.scale(MINUS, moved) if moved is not None and isinstance(op, ast.USub) else moved
        case ast.Call(func=ast.Name(id=name), args=[inner]):
            return _times(ops, _moved(ops, inner, z), lambda: _steep(ops, formula.FUNCTIONS[name], read(ops, inner, z)))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            n, base = formula.power(right) or 0, read(ops, left, z)
            return _times(ops, _moved(ops, left, z), lambda: ops.scale(Fraction(n), _power(ops, base, n - 1)))
        case ast.BinOp(left=left, op=op, right=right):
            return _product_rule(ops, op, left, right, z)
    return None


def _product_rule(ops: Arithmetic[V], op: ast.operator, left: ast.expr, right: ast.expr, z: V) -> V | None:
    u, v = _moved(ops, left, z), _moved(ops, right, z)
    if isinstance(op, ast.Mult):
        terms = [_times(ops, u, lambda: read(ops, right, z)), _times(ops, v, lambda: read(ops, left, z))]
    elif isinstance(op, ast.Div):
        inverse = ops.elementary("reciprocal", read(ops, right, z))
        first = _times(ops, u, lambda: inverse)
        second = _times(ops, v, lambda: ops.mul(ops.mul(inverse, inverse), read(ops, left, z)))
        terms = [first, None if second is None else ops.scale(MINUS, second)]
    else:
        terms = [u, ops.scale(MINUS, v) if v is not None and isinstance(op, ast.Sub) else v]
    parts = [term for term in terms if term is not None]
    return ops.sum(parts) if parts else None


def _times(ops: Arithmetic[V], moved: V | None, factor: Callable[[], V]) -> V | None:
    return None if moved is None else ops.mul(factor(), moved)


def _steep(ops: Arithmetic[V], name: str, v: V) -> V:
    """The slope of a function of v."""
    if name == "abs":
        return less(ops, ops.scale(Fraction(2), ops.unit_step(v)), ops.one(v))
    found: V = ACTIVATIONS[name].slope(ops, _called(ops, name, v), v)
    return found


def registered(name: str, value: Callable[..., Any], slope: Callable[..., Any], known: dict[str, Any]) -> Activation:
    """An activation given by its value and its slope."""
    return Activation(name, value, slope, **{"assumed": UNTOLD, "composed": True, "start": None, **known})


def activation(
    expression: Any = None,
    *,
    name: str | None = None,
    value: Callable[..., Any] | None = None,
    slope: Callable[..., Any] | None = None,
    slopes: tuple[Any, Any] | None = None,
    kinks: tuple[Any, ...] = (),
) -> str:
    """Name an activation of your own; the name goes wherever an activation goes.

    Parameters
    ----------
    expression : str or SymPy expression, optional
        In z, or in one symbol: "z / (1 + exp(-z))".
    name : str
        With value and slope: what records call it. It is known to this process; files and pickles hold the name alone.
    value, slope : callable, optional
        s(z) by (ops, z) and s'(z) by (ops, s, z), in the interface of `oracle.equations.interface`.
    slopes : (low, high), optional
        Bounds of s' over all arguments, taken as given: what holds for all states needs them.
    kinks : tuple of numbers
        Where s is not analytic.

    Returns
    -------
    str
        Its name.

    Raises
    ------
    BadInput
        Neither an expression nor a name, a value and a slope; a name that is taken.

    Examples
    --------
    >>> oracle.activation("z / (1 + abs(z))")
    'z / (1 + abs(z))'
    """
    bounds = None if slopes is None else (Fraction(slopes[0]), Fraction(slopes[1]))
    if expression is not None:
        named = activation_name(expression)
        if bounds is not None:
            EXPRESSIONS[named] = bounds
            ACTIVATIONS.pop(named, None)
        return named
    if name is None or value is None or slope is None:
        raise BadInput(
            "neither an expression nor a name with a value and a slope was given.",
            "one of them was left out.",
            'pass "z / (1 + exp(-z))", or name=, value= and slope=.',
        )
    known = {
        "slopes": bounds,
        "kinks": tuple(Fraction(kink) for kink in kinks),
    }
    if name in USER:
        if USER[name] == (value, slope, known):
            return name
    elif _free(name):
        USER[name] = (value, slope, known)
        return name
    raise BadInput(f"the activation {name!r} is known already.", "the name is taken.", "choose another name.")


def _free(name: str) -> bool:
    try:
        activation_name(name)
    except BadInput:
        return True
    return False
