"""The normal form of the subject (Lur'e form): a linear part, a static nonlinearity, and affine input.

    continuous   dh/dt   = A h + B s(W h + M x + b) + E x + c
    discrete     h_{k+1} = A h_k + B s(W h_k + M x_k + b) + E x_k + c

h in R^N, x in R^I, s elementwise on R^K. Shapes: A (N, N), B (N, K), W (K, N), M (K, I), b (K,), E (N, I), c (N,).
b and c are formal sums of vectors, as given: two biases are two roundings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from oracle.records.exact import Array, exact_object
from oracle.records.operator import Operator, sum_vectors


@dataclass(frozen=True, eq=False)
class Lure:
    """Coefficients of the normal form; equality is exact equality of every coefficient."""

    A: Operator
    B: Operator
    W: Operator
    M: Operator
    b: tuple[Array, ...]
    E: Operator
    c: tuple[Array, ...]
    activation: str

    @property
    def state_size(self) -> int:
        """N."""
        return self.A.shape[0]

    @property
    def input_size(self) -> int:
        """I."""
        return self.M.shape[1]

    def scaled(self, factor: Any) -> Lure:
        """The whole right-hand side times a factor: (A, B, E, c) scaled; W, M, b unchanged."""
        return replace(
            self,
            A=self.A.scaled(factor),
            B=self.B.scaled(factor),
            E=self.E.scaled(factor),
            c=tuple(factor * exact_object(part) for part in self.c),
        )

    def key(self) -> tuple[Any, ...]:
        """What equality compares."""
        units = self.W.shape[0]
        return (
            self.activation,
            self.A,
            self.B,
            self.W,
            self.M,
            self.E,
            tuple(sum_vectors(self.b, units)),
            tuple(sum_vectors(self.c, self.state_size)),
        )

    def __eq__(self, other: object) -> bool:
        return self.key() == other.key() if isinstance(other, Lure) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key())
