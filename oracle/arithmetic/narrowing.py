"""float64 with the factors of dense products narrowed to a format: what tensor cores do to them, done again.

Narrowing is a function of the weight and the state alone, so a candidate that narrows its factors to this format agrees
with this step up to the rounding of its sums, whatever their order; one that narrows to another format does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from oracle.arithmetic.entrywise import columned
from oracle.arithmetic.float64 import Float64
from oracle.records.exact import Array
from oracle.records.formats import Format
from oracle.records.operator import Operator


def narrowed(values: Array, form: Format, *, truncated: bool = False) -> Array:
    """float64 numbers rounded to nearest (ties to even), or truncated, to a format; saturated at its largest number."""
    with np.errstate(under="ignore", invalid="ignore", over="ignore"):
        _, exponent = np.frexp(values)
        spacing = np.ldexp(1.0, np.maximum(exponent - form.bits, form.lowest))
        scaled = values / spacing
        rounded = (np.trunc if truncated else np.rint)(scaled) * spacing
    finite = np.isfinite(values)
    return np.asarray(np.where(finite, np.clip(rounded, -form.largest, form.largest), values))


class Narrowing(Float64):
    """The float64 interpretation with narrowed factors, but in the products of operators that are spared."""

    def __init__(self, form: Format, *, truncated: bool = False, spared: Sequence[Operator] = ()) -> None:
        super().__init__()
        self._form, self._truncated, self._spared = form, truncated, tuple(spared)

    def affine(
        self, products: Sequence[tuple[Operator, Array]], biases: Sequence[Array] = (), parts: Sequence[Array] = ()
    ) -> Array:
        """Dense products of narrowed factors; everything else as in float64."""
        narrow = [(op, v) for op, v in products if not any(op is other for other in self._spared)]
        dense = [(op, v) for op, v in narrow if any(term.dense is not None for term in op.terms)]
        extra = [self._dense(op, v) for op, v in dense]
        plain = [(op, v) for op, v in products if not any(op is other for other, _ in dense)]
        if not (plain or biases or parts):
            return super().sum(extra) if extra else super().affine(products, biases, parts)
        return super().affine(plain, biases, [*parts, *extra])

    def _dense(self, op: Operator, v: Array) -> Array:
        total: Array | None = None
        for left, dense, right in self._terms(op):
            inner = v if right is None else right * v
            if dense is not None:
                inner = self._cast(dense) @ self._cast(inner)
            inner = inner if left is None else left * inner
            total = inner if total is None else total + inner
        assert total is not None
        return columned(total) if total.ndim == 1 else total

    def _cast(self, values: Array) -> Array:
        return narrowed(values, self._form, truncated=self._truncated)
