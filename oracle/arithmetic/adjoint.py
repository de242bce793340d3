"""The adjoint interpretation: vector-Jacobian products (reverse mode) of an equation, over any arithmetic.

Evaluating an equation on `Node`s writes down, operation by operation, how a cotangent of the result goes back:

    z = sum P v + sum b     v^ += P^T z^;   for P = diag(l) D diag(r):   D^ += (l z^)(r v)^T,   l^ += z^ o (D r v)
    w = u o v               u^ += v o w^
    s = s(z)                z^ += slope(s, z) o s^
    y = Phi(y, v)           v^ += (D_v Phi)^T l,  (I - D_y Phi)^T l = y^           (implicit steps)

by the same differential relation s' = slope(s, z) the tangents use. A dense factor of an operator is a parameter where
it is known by identity; scalars, diagonals and biases are where they are `Formed` numbers. Gradients are kept as the
columns whose outer products they are, so that all steps of a run are one matrix product in the end.

Source: A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed., section 3.2; the equation is the only input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from oracle.arithmetic.formed import derivatives, is_formed, plain_factor, plain_lure, plain_operator
from oracle.equations.activations import ACTIVATIONS
from oracle.equations.implicit import driven, relation, right_hand_side
from oracle.equations.interface import Arithmetic
from oracle.records.exact import Array, Diagonal
from oracle.records.operator import ONE, Operator, Term
from oracle.records.staged import Implicit

V = TypeVar("V")
Place = tuple[str, int]
"""A parameter and the row a piece of it starts at (the gates of a cell are rows of one matrix)."""


class Reversible(Arithmetic[V], Protocol[V]):
    """An arithmetic that can also form the sum of outer products."""

    def outer(self, us: Sequence[V], vs: Sequence[V]) -> V:
        """The sum of u v^T over all pairs."""


class Node:
    """A value on the tape, the cotangents it received, and where they go from it."""

    __slots__ = ("back", "bars", "value")

    def __init__(self, value: Any, back: Callable[[Any], None] | None = None) -> None:
        self.value = value
        self.back = back
        self.bars: list[Any] = []


class Slot(NamedTuple):
    """What a factor depends on: the parameter, where in it, whether it is one number, and the partial derivatives."""

    place: Place
    single: bool
    partials: Diagonal


def itself(op: Operator) -> Operator:
    """The operator whose transpose a cotangent goes back through: the operator."""
    return op


class Adjoint(Generic[V]):
    """Arithmetic on nodes over a base arithmetic; one instance for all steps of a run.

    Parameters
    ----------
    base : arithmetic
    dense : mapping, optional
        Which dense factors are parameters: id of the array -> (name, first row).
    through : callable, optional
        Operator -> operator a cotangent goes back through; another one than itself is a wrong gradient (a diagnosis).
    solving : bool
        Whether the cotangent of a solution is that of the relation solved for; without, it is another wrong gradient.
    """

    def __init__(
        self,
        base: Reversible[V],
        dense: Mapping[int, Place] | None = None,
        through: Callable[[Operator], Operator] = itself,
        solving: bool = True,
    ) -> None:
        self.base: Any = base
        self._dense = dense or {}
        self._through = through
        self._solving = solving
        self._tape: list[Node] = []
        self._kept: dict[tuple[str, int], tuple[Any, Any]] = {}
        self.columns: dict[Place, tuple[list[Any], list[Any]]] = {}

    # -- the tape -----------------------------------------------------------------------------------------------------
    def leaf(self, value: V) -> Node:
        """A variable; its cotangents are read by `bar`."""
        return Node(value)

    def pull(self, result: Node, bar: V) -> None:
        """Send a cotangent back through everything since the last call, and forget it."""
        result.bars.append(bar)
        for node in reversed(self._tape):
            if node.bars and node.back is not None:
                node.back(self.bar(node))
        self._tape.clear()

    def forget(self) -> None:
        """Empty the tape without going back."""
        self._tape.clear()

    def bar(self, node: Node) -> Any:
        """The sum of the cotangents a node received; None without any."""
        if not node.bars:
            return None
        total = node.bars[0] if len(node.bars) == 1 else self.base.sum(node.bars)
        return self._folded(total, width(node.value))

    def gradients(self) -> dict[Place, Any]:
        """Gradients by the parameters, in pieces: the outer products of all columns collected so far."""
        return {place: self.base.outer(us, vs) for place, (us, vs) in self.columns.items()}

    def _node(self, value: Any, back: Callable[[Any], None]) -> Node:
        node = Node(value, back)
        self._tape.append(node)
        return node

    def _folded(self, bar: Any, columns: int) -> Any:
        """A value of one column that was used in many receives the sum over them."""
        if columns != 1 or width(bar) == 1:
            return bar
        return self.base.outer([bar], [self._ones(width(bar))])

    def _ones(self, columns: int) -> Any:
        return self._once("ones", columns, columns, lambda: self.base.lift(np.ones((1, columns))))

    def _once(self, kind: str, key: int, owner: Any, make: Callable[[], Any]) -> Any:
        """What is made once per operator or factor; `owner` is kept alive, so that its id stays its own."""
        if (kind, key) not in self._kept:
            self._kept[kind, key] = (owner, make())
        return self._kept[kind, key][1]

    def _plain(self, op: Operator) -> Operator:
        result: Operator = self._once("plain", id(op), op, lambda: plain_operator(op))
        return result

    def _transposed(self, op: Operator) -> Operator:
        result: Operator = self._once("back", id(op), op, lambda: transposed(plain_operator(self._through(op))))
        return result

    # -- linear operations --------------------------------------------------------------------------------------------
    def lift(self, exact: Array) -> Node:
        """A constant."""
        return Node(self.base.lift(_plain_vector(exact)))

    def affine(
        self, products: Sequence[tuple[Operator, Node]], biases: Sequence[Array] = (), parts: Sequence[Node] = ()
    ) -> Node:
        """Back through the transposed operators; parameters receive their columns."""
        plain = [self._once("bias", id(bias), bias, partial(_plain_vector, bias)) for bias in biases]
        moved = [(self._plain(op), v.value) for op, v in products]

        def back(bar: Any) -> None:
            for op, v in products:
                self._receive(op, v.value, bar)
                v.bars.append(self.base.affine([(self._transposed(op), bar)]))
            for bias in biases:
                self._collect(bias, bar)
            for part in parts:
                part.bars.append(bar)

        return self._node(self.base.affine(moved, plain, [part.value for part in parts]), back)

    def sum(self, parts: Sequence[Node]) -> Node:
        """Every part receives the cotangent."""

        def back(bar: Any) -> None:
            for part in parts:
                part.bars.append(bar)

        return self._node(self.base.sum([part.value for part in parts]), back)

    def scale(self, factor: Diagonal, v: Node) -> Node:
        """The same factor on the way back."""
        return self._node(self.base.scale(factor, v.value), lambda bar: v.bars.append(self.base.scale(factor, bar)))

    # -- parameters ---------------------------------------------------------------------------------------------------
    def _receive(self, op: Operator, value: Any, bar: Any) -> None:
        """The parameters inside an operator."""
        for term in op.terms:
            left, right = (self._once("factor", id(f), f, partial(plain_factor, f)) for f in (term.left, term.right))
            if term.dense is not None and id(term.dense) in self._dense:
                self._pair(self._dense[id(term.dense)], self.base.scale(left, bar), self.base.scale(right, value))
            if is_formed(term.left):
                inner = self._once("left", id(term), term, partial(_side, ONE, term.dense, right, op.shape))
                self._collect(term.left, self.base.mul(bar, self.base.affine([(inner, value)])))
            if is_formed(term.right):
                outer = self._once("right", id(term), term, partial(_back, left, term.dense, op.shape))
                self._collect(term.right, self.base.mul(self.base.affine([(outer, bar)]), value))

    def _collect(self, factor: Diagonal, bar: Any) -> None:
        """The parameters a scalar, diagonal or bias was formed from; `bar` has one row per unit."""
        for place, single, partials in self._once("slots", id(factor), factor, lambda: _slots(factor)):
            moved = self.base.scale(partials, bar)
            if single:
                moved = self.base.affine([(self._row(height(bar)), moved)])
            self._pair(place, moved, self._ones(width(moved)))

    def _row(self, units: int) -> Operator:
        result: Operator = self._once("row", units, units, lambda: Operator.dense(np.ones((1, units))))
        return result

    def _pair(self, place: Place, u: Any, v: Any) -> None:
        us, vs = self.columns.setdefault(place, ([], []))
        us.append(self._folded(u, width(v)))
        vs.append(v)

    # -- the rest -----------------------------------------------------------------------------------------------------
    def mul(self, u: Node, v: Node) -> Node:
        """Product rule."""

        def back(bar: Any) -> None:
            u.bars.append(self.base.mul(v.value, bar))
            v.bars.append(self.base.mul(u.value, bar))

        return self._node(self.base.mul(u.value, v.value), back)

    def one(self, like: Node) -> Node:
        """The constant 1."""
        return Node(self.base.one(like.value))

    def tanh(self, z: Node) -> Node:
        """By its differential relation."""
        return self.act("tanh", z)

    def elementary(self, name: str, z: Node) -> Node:
        """By its differential relation."""
        return self.act(name, z)

    def positive_part(self, z: Node) -> Node:
        """By its slope, where it has one."""
        return self.act("relu", z)

    def unit_step(self, z: Node) -> Node:
        """Locally constant."""
        return Node(self.base.unit_step(z.value))

    def indicator(self, z: Node) -> Node:
        """Locally constant."""
        return Node(self.base.indicator(z.value))

    def act(self, activation: str, z: Node) -> Node:
        """Chain rule with s' = slope(s, z)."""
        if activation == "identity":
            return z
        s = self.base.act(activation, z.value)

        def back(bar: Any) -> None:
            z.bars.append(self.base.mul(ACTIVATIONS[activation].slope(self.base, s, z.value), bar))

        return self._node(s, back)

    def solved(self, p: Implicit, h: Node, x: Node) -> Node:
        """y = Phi(y, h, x): back through (I - D Phi)^T l = y^, and from l through Phi at a fixed y."""
        made, inputs, y = self._solution(p, h.value, x.value)

        def back(bar: Any) -> None:
            l = self.base.solved_back(relation(made), inputs, y, bar) if self._solving else bar
            tape, self._tape = self._tape, []
            self.pull(right_hand_side(self, p, self.leaf(y), h, x), l)
            self._tape = tape

        return self._node(y, back)

    def _solution(self, p: Implicit, h: V, x: V) -> tuple[Implicit, Any, Any]:
        """The relation in plain numbers, what drives it, and its solution."""
        if not hasattr(self.base, "solution"):
            raise NotImplementedError(f"{type(self.base).__name__} solves no relation")
        made: Implicit = self._once("relation", id(p), p, lambda: replace(p, field=plain_lure(p.field), made=[]))
        inputs = driven(self.base, made, h, x)
        return made, inputs, self.base.solution(relation(made), inputs, h)

    def lower(self, v: Node) -> Any:
        """The value, lowered."""
        return self.base.lower(v.value)


def transposed(op: Operator) -> Operator:
    """The transposed operator, term by term."""
    rows, columns = op.shape
    terms = (Term(t.right, None if t.dense is None else t.dense.T, t.left) for t in op.terms)
    return Operator((columns, rows), tuple(terms))


def _side(left: Diagonal, dense: Array | None, right: Diagonal, shape: tuple[int, int]) -> Operator:
    return Operator(shape, (Term(left, dense, right),))


def _back(left: Diagonal, dense: Array | None, shape: tuple[int, int]) -> Operator:
    return transposed(_side(left, dense, ONE, shape))


def _slots(factor: Diagonal) -> list[Slot]:
    found = derivatives(factor)
    scalar_factor = not isinstance(factor, np.ndarray)
    return [Slot((name, at or 0), at is None or scalar_factor, partials) for name, (at, partials) in found.items()]


def _plain_vector(exact: Array) -> Array:
    plain = plain_factor(exact) if exact.ndim == 1 else exact
    return np.asarray(plain)


def width(v: Any) -> int:
    """Columns of a value in any arithmetic."""
    return int(v.ncols()) if hasattr(v, "ncols") else int(np.shape(getattr(v, "value", v))[1])


def height(v: Any) -> int:
    """Units of a value in any arithmetic."""
    return int(v.nrows()) if hasattr(v, "nrows") else int(np.shape(getattr(v, "value", v))[0])
