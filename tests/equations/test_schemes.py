"""Runge-Kutta tableaus satisfy their order conditions exactly, and the steps are what the tableaus say."""

from __future__ import annotations

from fractions import Fraction
from math import factorial, prod
from typing import Any

import numpy as np
import pytest
from specimens import H, M, N, W, X, dyadic

import oracle
from oracle.arithmetic.rational import Rational
from oracle.equations import catalogue, runge_kutta
from oracle.equations.runge_kutta import TABLEAUS, Tableau
from oracle.records.exact import Array

ORDERS = {"midpoint": 2, "heun": 2, "rk4": 4}
Tree = tuple[Any, ...]
# Rooted trees by order, each a tuple of its subtrees (Hairer, Norsett and Wanner, section II.2): one condition each.
LEAF: Tree = ()
TREES: dict[int, list[Tree]] = {
    1: [LEAF],
    2: [(LEAF,)],
    3: [(LEAF, LEAF), ((LEAF,),)],
    4: [(LEAF, LEAF, LEAF), (LEAF, (LEAF,)), ((LEAF, LEAF),), (((LEAF,),),)],
    5: [((((LEAF,),),),)],
}


def size(tree: Tree) -> int:
    """Number of nodes."""
    return 1 + sum(size(branch) for branch in tree)


def density(tree: Tree) -> int:
    """gamma: the product of the sizes of all subtrees."""
    return size(tree) * prod(density(branch) for branch in tree)


def weight(tableau: Tableau, tree: Tree) -> Fraction:
    """Phi: sum_i b_i times the product over branches of sum_j a_ij (..)."""

    def stage(i: int, branch: Tree) -> Fraction:
        return prod((below(i, twig) for twig in branch), start=Fraction(1))

    def below(i: int, branch: Tree) -> Fraction:
        return sum((a * stage(j, branch) for j, a in enumerate(tableau.stages[i])), Fraction(0))

    return sum((b * stage(i, tree) for i, b in enumerate(tableau.weights)), Fraction(0))


def order(tableau: Tableau) -> int:
    """The largest p with Phi(tree) = 1/gamma(tree) for all trees of up to p nodes."""
    reached = 0
    for p, trees in TREES.items():
        if any(weight(tableau, tree) != Fraction(1, density(tree)) for tree in trees):
            return reached
        reached = p
    return reached


def spoiled(scheme: str, entry: Fraction) -> Tableau:
    """The tableau with the last entry of its last row replaced."""
    tableau = TABLEAUS[scheme]
    rows = (*tableau.stages[:-1], (*tableau.stages[-1][:-1], entry))
    return Tableau(rows, tableau.weights)


@pytest.mark.parametrize("scheme", TABLEAUS)
def test_order_conditions(scheme: str) -> None:
    """A scheme has the order it is known for, and no more; its rows have the right lengths."""
    assert order(TABLEAUS[scheme]) == ORDERS[scheme]
    assert [len(row) for row in TABLEAUS[scheme].stages] == list(range(len(TABLEAUS[scheme].weights)))


@pytest.mark.parametrize("scheme", TABLEAUS)
def test_one_wrong_entry_costs_an_order(scheme: str) -> None:
    """Planted fault: a tableau with one entry changed by 2^-40 is of order one at best."""
    assert order(spoiled(scheme, TABLEAUS[scheme].stages[-1][-1] + Fraction(1, 2**40))) <= 1


def stability(J: Array, h: Array, step: Fraction, terms: int) -> list[Fraction]:
    """sum_k (step J)^k h / k!, up to the given power."""
    term, total = h, h
    for k in range(1, terms + 1):
        term = J.dot(term) * step
        total = total + term / Fraction(factorial(k))
    return list(total)


@pytest.mark.parametrize("scheme", TABLEAUS)
def test_on_a_linear_field_a_step_is_the_truncated_exponential(scheme: str) -> None:
    """h+ = sum_{k <= p} (Delta J)^k h / k!, exactly: p stages give the polynomial of degree p."""
    exact = np.vectorize(Fraction, otypes=[object])
    net, step = oracle.Network.rate(W, tau=0.5, activation="identity"), Fraction(1, 3)
    J = 2 * (exact(W) - exact(np.eye(N)))
    ops = Rational()
    made = catalogue.advance(
        ops, net.discretize(step=step, scheme=scheme), ops.lift(H[:, :1]), ops.lift(np.zeros((0, 1)))
    )
    assert made[:, 0].tolist() == stability(J, exact(H[:, 0]), step, ORDERS[scheme])


def by_hand(field: Any, h: Array, step: Fraction, scheme: str) -> Any:
    """The three schemes as textbooks print them."""
    half = step / 2
    k1 = field(h)
    if scheme == "midpoint":
        return h + step * field(h + half * k1)
    if scheme == "heun":
        return h + half * (k1 + field(h + step * k1))
    k2 = field(h + half * k1)
    k3 = field(h + half * k2)
    k4 = field(h + step * k3)
    return h + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def follows_the_textbook(scheme: str) -> bool:
    """Whether a step with driven ReLU units is the textbook's, exactly."""
    exact = np.vectorize(Fraction, otypes=[object])
    net, step, b = oracle.Network.rate(W, M, dyadic(3, N), tau=0.5, activation="relu"), Fraction(1, 5), dyadic(3, N)

    def field(h: Array) -> Array:
        z = exact(W).dot(h) + exact(M).dot(exact(X)) + exact(b)[:, None]
        made: Array = 2 * (np.maximum(z, exact(np.zeros(z.shape))) - h)
        return made

    ops = Rational()
    made = catalogue.advance(ops, net.discretize(step=step, scheme=scheme), ops.lift(H), ops.lift(X))
    return bool(np.all(made == by_hand(field, exact(H), step, scheme)))


@pytest.mark.parametrize("scheme", TABLEAUS)
def test_steps_are_those_of_the_textbook(scheme: str) -> None:
    """midpoint, Heun and the classical Runge-Kutta method, restated by hand; input held over the step."""
    assert follows_the_textbook(scheme)


@pytest.mark.parametrize("scheme", TABLEAUS)
def test_a_wrong_tableau_entry_is_noticed(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault: the stepper of a spoiled tableau does not follow the textbook."""
    monkeypatch.setitem(runge_kutta.TABLEAUS, scheme, spoiled(scheme, Fraction(1, 3)))
    spoiled_step = catalogue.Equation(runge_kutta.drive, runge_kutta.stepper(scheme))
    monkeypatch.setitem(catalogue.EQUATIONS, scheme, spoiled_step)
    assert not follows_the_textbook(scheme)
