"""Losses of the states of a run, in any arithmetic: a value, and a cotangent for every state.

    functional   L = scale sum_k <w_k, h_k>          dL/dh_k = scale w_k
    squares      L = scale sum_k |h_k - y_k|^2       dL/dh_k = 2 scale (h_k - y_k)

over the last of the states H[1] .. H[K], as many as there are rows of numbers: all of them, or only H[K]. `scale` is 1,
or the step for the integral of a loss over time. A loss may see the first units of a state only, such as the outputs of
a long short-term memory, whose memories lie below them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, to_numpy

KINDS = ("functional", "squares")
_SIXTY_FOURTHS = 64  # drawn weights are odd 64ths within (-1, 1): never zero, and numbers of bfloat16


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss of a run.

    Attributes
    ----------
    kind : {"functional", "squares"}
    array : ndarray, (K, batch, n) or (1, batch, n)
        Weights of the states, or targets; exact.
    scale : Fraction
    unseen : int
        How many units below the first n the loss does not see: a state has n + unseen of them.
    """

    kind: str
    array: Array
    scale: Fraction = Fraction(1)
    unseen: int = 0

    def cotangent(self, ops: Any, ahead: int, h: Any) -> Any:
        """dL/dh_k in an arithmetic, (N, batch), for the state `ahead` = K - k steps before the last; None for zero."""
        if ahead >= len(self.array):
            return None
        row = self._lifted(ops, self.array[-1 - ahead])
        if self.kind == "functional":
            return ops.scale(self.scale, row)
        return ops.scale(2 * self.scale, self._apart(ops, h, row))

    def value(self, ops: Any, states: list[Any]) -> Any:
        """L in an arithmetic, (1, 1), for the states h_0 .. h_K."""
        rows = [self._lifted(ops, row) for row in self.array]
        pairs = zip(rows, states[len(states) - len(rows) :], strict=True)
        if self.kind == "functional":
            terms = [ops.mul(row, h) for row, h in pairs]
        else:
            apart = [self._apart(ops, h, row) for row, h in pairs]
            terms = [ops.mul(gap, gap) for gap in apart]
        total = ops.sum(terms)
        units, columns = self.array.shape[2] + self.unseen, self.array.shape[1]
        rows_summed = ops.outer([ops.lift(np.ones((1, units)))], [_turned(ops, total)])
        return ops.scale(self.scale, ops.outer([rows_summed], [ops.lift(np.ones((1, columns)))]))

    def _lifted(self, ops: Any, row: Array) -> Any:
        """Numbers of one state, (batch, n), as a value (n + unseen, batch); zeros where the loss sees nothing."""
        return ops.lift(np.ascontiguousarray(np.pad(row, ((0, 0), (0, self.unseen))).T))

    def _apart(self, ops: Any, h: Any, row: Any) -> Any:
        """h - y where the loss sees h."""
        apart = ops.sum([h, ops.scale(Fraction(-1), row)])
        if not self.unseen:
            return apart
        seen = self.array.shape[2]
        return ops.scale(np.array([Fraction(int(i < seen)) for i in range(seen + self.unseen)], dtype=object), apart)

    def scaled(self, factor: Any) -> Loss:
        """The loss times an exact number."""
        return replace(self, scale=self.scale * Fraction(factor))


def _turned(ops: Any, v: Any) -> Any:
    """The transposed value: matrices have it under two names."""
    return v.transpose()


def drawn(steps: int, batch: int, N: int, seed: int = 17) -> Loss:
    """A functional in general position: every state of every trajectory has its own weight, none of them zero."""
    integers = np.random.default_rng(seed).integers(-_SIXTY_FOURTHS // 2, _SIXTY_FOURTHS // 2, (steps, batch, N))
    return Loss("functional", (2 * integers + 1) / _SIXTY_FOURTHS)


def stated(kind: Any, array: Any, steps: int, batch: int, N: int) -> Loss:
    """A loss from its name and its numbers, (K, N) or (K, batch, N); functionals may be drawn.

    Raises
    ------
    oracle.BadInput
        An unknown kind, numbers of another shape, a target that is missing.
    """
    if isinstance(kind, Loss):
        return kind
    if kind not in (*KINDS, "final"):
        raise BadInput(f"loss is {kind!r}.", "a misspelling.", 'pass "functional", "squares", "final" or a Loss.')
    rows = steps if kind != "final" else 1
    kind = "functional" if kind == "final" else kind
    if array is None:
        if kind == "squares":
            raise BadInput("the target is missing.", "squares are of distances to a target.", "pass it as weights=Y.")
        return drawn(rows, batch, N)
    numbers = to_numpy(array, "weights").astype(np.float64)
    layouts: set[tuple[int, ...]] = {(rows, batch, N)} | ({(rows, N)} if batch == 1 else set())
    layouts |= {shape[1:] for shape in layouts if rows == 1 != steps}
    if numbers.shape not in layouts:
        raise BadInput(
            f"the numbers of the loss have shape {numbers.shape}; expected {' or '.join(map(str, sorted(layouts)))}.",
            "the initial state is among them (the loss sees H[1] to H[K]), or an axis is missing.",
            "pass one number per state the loss sees.",
        )
    return Loss(kind, numbers.reshape(rows, batch, N))
