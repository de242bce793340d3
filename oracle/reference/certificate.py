"""Certificates: the trajectory of a recurrence in a file that a program without this library can check.

    y_{k+1} = Phi(y_k, x_k) rounded to a multiple of 2^-bits       r_k >= |Phi(y_k, x_k) - y_{k+1}|
    e_{k+1} = q e_k + r_k  rounded up                              |h_k - y_k| <= e_k

in the norm |v| = max_i |v_i| / w_i, w the Perron vector of

    G = |A + S/2 B W| + S/2 |B| |W|  >=  |A + B D W|,   0 <= D <= S,      q = max_i (G w)_i / w_i

so that q is about the least constant that any norm of absolute values gives. The precision is chosen beforehand:
w_i e_k <= (max w / min w) 2^-bits (1 + q + .. + q^k). `proofs/checker/check_certificate.py`, which shares no code with
this library, verifies q, every r_k and every e_k with integers and fractions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, exact_object, objects
from oracle.records.lure import Lure
from oracle.records.operator import constant_free, sum_vectors
from oracle.records.recurrence import Recurrence
from oracle.records.sealing import sealed
from oracle.records.writing import write_bytes
from oracle.reference import arguments
from oracle.reference.chain import CONSTANT_BITS, ERROR_BITS, Chain, bits_needed, follow, norm
from oracle.reference.enclosure import Enclosure
from oracle.reference.limits import checked_digits

FORMAT = "rnn-oracle certificate"
VERSION = 1


@dataclass(frozen=True, eq=False)
class Certificate:
    """A trajectory and what proves it.

    Attributes
    ----------
    enclosure : Enclosure
        (K+1, N), proved.
    document : mapping
        The content of the file: map, inputs, h0, centres, errors and the constants they rest on, as text.
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


def certificate(rec: Recurrence, inputs: Any = None, h0: Any = None, digits: int = 30) -> Certificate:
    """The trajectory of a recurrence from h0 to a number of digits, with a proof that can be checked elsewhere.

    Parameters
    ----------
    rec : Recurrence
        A h + B s(W h + M x + b) + E x + c with rational coefficients: Elman, leaky, Euler steps.
    inputs : array_like
        X (K, I), x_k drives the step from h_k to h_{k+1}; (K, 0) without inputs.
    h0 : array_like, optional
        (N,), zeros by default.
    digits : int
        Every radius is at most 10^-digits.

    Returns
    -------
    Certificate
        With `enclosure` and `save(path)`.

    Raises
    ------
    oracle.BadInput
        A batch, or a step that is not of this form or holds exp, tanh, .. of its parameters (exponential Euler).
    oracle.reference.limits.NotReached
        Too many bits would be needed.
    """
    digits = checked_digits(digits)
    lure = _rational_step(rec)
    columns, start, batched = arguments.columns(rec, inputs, h0)
    if batched:
        raise BadInput("inputs are a batch.", "a certificate is of one trajectory.", "ask for one X of shape (K, I).")
    weights, q = norm(lure)
    bits = bits_needed(digits, weights, q, len(columns))
    chain = follow(rec, columns, exact_object(start), weights, q, bits)
    document = {
        **{"format": FORMAT, "version": VERSION, "map": _map(lure), "digits": digits, "bits": bits},
        "inputs": [_ratios(x) for x in columns],
        "h0": _ratios(start),
        "weights": [_dyadic(w, 0) for w in weights],
        "q": _dyadic(int(q * (1 << CONSTANT_BITS)), CONSTANT_BITS),
        "rounding": [_dyadic(r, bits + ERROR_BITS) for r in chain.rounding],
        "errors": [_dyadic(e, bits + ERROR_BITS) for e in chain.errors],
        "centres": [[_dyadic(y, bits) for y in row] for row in chain.centres],
    }
    return Certificate(_enclosure(chain, weights, bits), document)


def _rational_step(rec: Any) -> Lure:
    if not isinstance(rec, Recurrence):
        raise BadInput(
            f"a {type(rec).__name__} was passed.", "certificates are of recurrences.", "pass an oracle.Recurrence."
        )
    if rec.equation != "lure":
        raise BadInput(
            f"the recurrence is a {rec.equation} step.",
            "certificates hold one nonlinearity per step: A h + B s(W h + M x + b) + E x + c.",
            "use oracle.reference, which proves any step but saves no certificate.",
        )
    lure = rec.lure
    parts = [op.expanded for op in (lure.A, lure.B, lure.W, lure.M, lure.E)] + [*lure.b, *lure.c]
    if not all(constant_free(part) for part in parts):
        raise BadInput(
            "the step has coefficients that are not rational.",
            "exponential Euler and linearised steps hold values of exp or of the activation.",
            "use oracle.reference, which proves any step but saves no certificate.",
        )
    return lure


def _enclosure(chain: Chain, weights: list[int], bits: int) -> Enclosure:
    rows, units = len(chain.centres), len(weights)
    mid = objects(_mpf(y, bits) for row in chain.centres for y in row).reshape(rows, units)
    rad = objects(_mpf(w * e, bits + ERROR_BITS) for e in chain.errors for w in weights).reshape(rows, units)
    return Enclosure(mid, rad, "proved", bits=bits, method="certificate")


def _mpf(value: int, bits: int) -> Any:
    return mpmath.mp.make_mpf(mpmath.libmp.from_man_exp(value, -bits))


def _dyadic(value: int, bits: int) -> str:
    return f"{'-' if value < 0 else ''}{abs(value):#x}p-{bits}"


def _map(lure: Lure) -> dict[str, Any]:
    found: dict[str, Any] = {"activation": lure.activation}
    for name in "ABWME":
        found[name] = [_ratios(row) for row in getattr(lure, name).expanded]
    found["b"] = _ratios(sum_vectors(lure.b, lure.W.shape[0]))
    found["c"] = _ratios(sum_vectors(lure.c, lure.state_size))
    return found


def _ratios(values: Array) -> list[str]:
    entries = (Fraction(entry) for entry in exact_object(np.asarray(values)).ravel().tolist())
    return [f"{entry.numerator}/{entry.denominator}" for entry in entries]
