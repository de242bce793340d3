"""What certificates of recurrences and of flows have in common: a file, and exact numbers as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, exact_object
from oracle.records.lure import Lure
from oracle.records.operator import constant_free, sum_vectors
from oracle.records.sealing import sealed
from oracle.records.writing import write_bytes
from oracle.reference.enclosure import Enclosure


@dataclass(frozen=True, eq=False)
class Certificate:
    """A trajectory and what proves it.

    Attributes
    ----------
    enclosure : Enclosure
        (K+1, N) of a recurrence, (len(times), N) of a flow; proved.
    document : mapping
        The content of the file, as text: coefficients, inputs, h0, centres or polynomials, errors and the constants
        they rest on.
    """

    enclosure: Enclosure
    document: Mapping[str, Any]

    def text(self) -> str:
        """The file: JSON, sealed with the SHA-256 of its content."""
        return sealed(self.document, indent=0)

    def save(self, path: Any) -> Path:
        """Write the file, whole or not at all.

        Raises
        ------
        oracle.BadInput
            The folder does not exist or cannot be written.
        """
        return write_bytes(path, self.text().encode("ascii"))

    def __repr__(self) -> str:
        return f"<oracle.Certificate of {self.enclosure!r}>"


def require_rational(lure: Lure, equation: str) -> None:
    """Refuse coefficients that are not rational."""
    parts = [op.expanded for op in (lure.A, lure.B, lure.W, lure.M, lure.E)] + [*lure.b, *lure.c]
    if not all(constant_free(part) for part in parts):
        raise BadInput(
            f"the {equation} has coefficients that are not rational.",
            "exponential Euler and linearised records hold values of exp or of the activation.",
            "use oracle.reference, which proves any of them but saves no certificate.",
        )


def mpf(value: int, bits: int) -> Any:
    """value 2^-bits."""
    return mpmath.mp.make_mpf(mpmath.libmp.from_man_exp(value, -bits))


def dyadic(value: int, bits: int) -> str:
    """value 2^-bits as text."""
    return f"{'-' if value < 0 else ''}{abs(value):#x}p-{bits}"


def coefficients(lure: Lure) -> dict[str, Any]:
    """A, B, W, M, E, b, c as ratios, and the name of s."""
    found: dict[str, Any] = {"activation": lure.activation}
    for name in "ABWME":
        found[name] = [ratios(row) for row in getattr(lure, name).expanded]
    found["b"] = ratios(sum_vectors(lure.b, lure.W.shape[0]))
    found["c"] = ratios(sum_vectors(lure.c, lure.state_size))
    return found


def ratios(values: Array) -> list[str]:
    """Exact numbers as text."""
    entries = (Fraction(entry) for entry in exact_object(np.asarray(values)).ravel().tolist())
    return [f"{entry.numerator}/{entry.denominator}" for entry in entries]
