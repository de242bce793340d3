"""Factors that were narrowed to a coarser format: the residuals vanish when the same is done again. Observed.

A cast of W_ij and h_j to a format is a function of the two alone, so the step with narrowed factors repeats the errors
of a candidate that narrows them, and what is left is the rounding of its sums. An honest candidate's residuals come
near the errors of a cast by chance alone, and the more elements there are, the less: of n residuals that are spread
like normal numbers, the chance to leave a share s or less of their root mean square is

    P(n, s) = s^n Gamma((n+1)/2) / (n sqrt(pi) Gamma(n/2)) <= s^n / pi

(the volume of the ball of radius s |r| around r, times the density of errors as large as r at r, averaged over r), or
less where errors are of another size. So a cast is evidence where the share that it leaves makes that `CHANCE` or less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from oracle.arithmetic.narrowing import Narrowing, narrowed
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.records.formats import FORMATS, Format
from oracle.records.lure import Lure
from oracle.records.operator import Operator
from oracle.records.precision import PRECISIONS, Precision, representable
from oracle.records.recurrence import Recurrence

SAMPLED = 24  # steps narrowed again: at 24 units and more, a share of the variance is known to a tenth
SHARE = 0.25
"""What a cast may leave of the root mean square, however many elements there are: the right one leaves the rounding of
sums, 2^-13 for TF32 in short float32 sums and 1/3 in the worst order of 4096 positive terms; a wrong one leaves 0.7 or
more (its own errors come in place of the candidate's)."""
CHANCE, TELLING = 2.0**-20, 10
"""Of residuals that vanish by chance, for each of up to thirty casts; SHARE alone takes so many elements."""
ROUNDED = 0.25
"""Of the unit roundoff of storage times the state, which at least is left of a step whose result was stored in it:
numbers of few bits may agree better than that, and by chance. The root mean square of roundings is 0.4 of it."""
ALONE = 4  # steps with the largest roundoff that are looked at one by one, where a format does not show by its size


class Coarse(NamedTuple):
    """A coarser format, what gave it away, and the precision model that grants it.

    One rule for names: `name` is the format, whether factors or states are narrowed to it, and however far that takes
    the residuals; `why` says which of the two it is, and so does `model`.
    """

    name: str | None
    why: str
    model: str | None = None


class Sample(NamedTuple):
    """Some steps (N, columns), their certified residuals, and the sums that are rounded in them."""

    rec: Recurrence
    before: Array
    after: Array
    X: Array
    residual: Array

    @property
    def terms(self) -> int:
        """Terms of the longest sum."""
        return self.rec.N + self.rec.I + 2

    @property
    def rounded(self) -> Array:
        """Which elements are off by roundings; a silent relu is right, or a sign is wrong that both casts may share."""
        return np.asarray((self.residual != 0) & (self.after != 0))

    def at(self, columns: Array) -> Sample:
        """Some of the steps."""
        return self._replace(**{name: getattr(self, name)[:, columns] for name in ("before", "after", "X", "residual")})

    @property
    def finite(self) -> Array:
        """Columns of the steps that are numbers."""
        return np.flatnonzero(np.isfinite(self.residual).all(axis=0) & np.isfinite(self.before).all(axis=0))

    def some(self) -> Sample:
        """A few of the steps that are numbers."""
        finite = self.finite
        if not finite.size:
            return self.at(finite)
        return self.at(finite[np.unique(np.linspace(0, finite.size - 1, min(SAMPLED, finite.size)).astype(int))])


class _Cast(NamedTuple):
    """A format that factors are narrowed to, and what is left of the residuals (N, columns)."""

    form: Format
    truncated: bool
    apart: bool  # the products with inputs are spared: they may be made elsewhere, beforehand
    left: Array

    @property
    def words(self) -> str:
        """What is narrowed, and how."""
        which = "factors of the recurrent product" if self.apart else "factors"
        return f"{which} {'truncated' if self.truncated else 'rounded'} to {self.form.name}"


def cast_of(some: Sample, model: Precision, alone: int = 0) -> Coarse | None:
    """A narrowing of factors, coarser than promised, under which the residuals vanish.

    The last `alone` steps are looked at one by one, after the others together.
    """
    if not isinstance(some.rec.parameters, Lure) or not some.before.size:
        return None
    own = FORMATS["float64"] if model.parts is None else model.parts.state_factor
    nearest = model.parts is None or model.parts.nearest
    casts = tuple(_casts(some, _coarser(own, nearest)))
    granted = tuple(_casts(some, [(own, truncated) for truncated in (False, True)[: 1 + (not nearest)]]))
    count = some.before.shape[1]
    for columns in (slice(count - alone), *(slice(j, j + 1) for j in range(count - alone, count))):
        part = some.at(np.arange(count)[columns])
        found = _vanishing(part, casts, granted, columns, witnesses(part, own), model.storage)
        if found is not None:
            more = ", in single steps" if columns.start is not None else ""
            return found._replace(why=found.why + more)
    return None


def _coarser(own: Format, nearest: bool) -> Iterator[tuple[Format, bool]]:
    for form in FORMATS.values():
        if form.bits < own.bits or (form.bits == own.bits and form.largest < own.largest):
            yield form, False
        if form.bits < own.bits or (form.bits == own.bits and nearest):
            yield form, True


def _casts(some: Sample, formats: Iterator[tuple[Format, bool]] | Sequence[tuple[Format, bool]]) -> Iterator[_Cast]:
    p = some.rec.parameters
    assert isinstance(p, Lure)
    driven = [op for op in (p.M, p.E) if any(term.dense is not None for term in op.terms)]
    for form, truncated in formats:
        for spared in ([], driven)[: 1 + bool(driven)]:
            yield _Cast(form, truncated, bool(spared), left_by(some, form, truncated, spared))


def left_by(some: Sample, form: Format, truncated: bool, spared: Sequence[Operator] = ()) -> Array:
    """What a narrowing leaves of the residuals."""
    if form.bits == FORMATS["float64"].bits:
        return some.residual
    ops = Narrowing(form, truncated=truncated, spared=spared)
    with np.errstate(all="ignore"):
        return np.asarray(some.after - advance(ops, some.rec, ops.lift(some.before), ops.lift(some.X)))


def _vanishing(
    some: Sample, casts: Sequence[_Cast], granted: Sequence[_Cast], columns: slice, elements: int, storage: float
) -> Coarse | None:
    """The cast that leaves least of these columns, if that is no chance and none that is granted leaves as little."""
    size = rms(some.residual)
    if not casts or size == 0 or not elements:
        return None
    left = [(cast, rms(cast.left[:, columns])) for cast in casts]
    least = min(share for _, share in left)
    # Formats of the same bits differ in range alone, which few steps may not show: the wider one then says less.
    alike = [each for each in left if each[1] <= 2 * least]
    cast, least = max(alike, key=lambda each: (each[0].form.largest, -each[1]))
    stored = ROUNDED * storage * rms(some.after) if representable(some.after, storage) else 0.0
    if max(least, stored) > allowed_share(elements) * size:
        return None
    if any(rms(own.left[:, columns]) <= 2 * least for own in granted):
        return None  # they vanish under the promised narrowing as well: the data cannot tell
    if rms(_apart(cast.left[:, columns], some.after)) > SHARE * rms(_apart(some.residual, some.after)):
        return None  # both are one number times the state: sums and factors that are truncated may be alike in that
    form = cast.form
    name = next((n for n, p in PRECISIONS.items() if p.parts is not None and p.parts.products is form), form.name)
    return Coarse(form.name, f"residuals vanish, to {least / size:.1g} of their size, with {cast.words}", name)


def _apart(values: Array, states: Array) -> Array:
    """What is left of values when the states, times the number that fits best, are taken away."""
    known = np.isfinite(values) & np.isfinite(states)
    v, h = np.where(known, values, 0.0), np.where(known, states, 0.0)
    scale = float(np.abs(h).max(initial=0.0)) or 1.0
    h = h / scale
    return np.asarray(v - h * (np.sum(v * h) / (np.sum(h * h) or 1.0)))


def allowed_share(elements: int) -> float:
    """The share of the root mean square that a cast may leave of so many elements."""
    return float(min(SHARE, CHANCE ** (1 / elements)))


def witnesses(some: Sample, own: Format) -> int:
    """Elements whose roundings are independent: rounded ones, in steps whose factors differ in the promised format."""
    factors = narrowed(np.concatenate([some.before, some.X]), own)
    _, first = np.unique(factors, axis=1, return_index=True)
    return int(some.at(first).rounded.sum())


def rms(values: Array) -> float:
    """Root mean square over elements, the largest hundredth left out: a few wrong units are no format."""
    squares = np.sort(np.square(values[np.isfinite(values)]), axis=None)
    kept = squares[: max(1, int(0.99 * squares.size))]
    return float(np.sqrt(np.mean(kept))) if kept.size else 0.0
