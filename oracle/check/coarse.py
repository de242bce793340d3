"""Whether a run inside its proven bound was computed in a coarser format than promised. Observed, never proved.

Three looks, in this order:

    size      the roundoff that the residuals look like, against the largest an honest program of the promise may show
    cast      residuals that vanish, up to the rounding of sums, when the factors of products are narrowed to a format
    grid      states that are all numbers of a format with fewer bits although they were rounded

Size alone separates formats only while sums are short. An honest sum of n terms of one sign, one after the other, is
off by u sqrt(n/3) |sum|, n/3 times its scatter (the square sum of its n partial sums); truncated, by u n/2 |sum|. A
program between the two limits is coarse only if a cast says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from oracle.arithmetic.narrowing import Narrowing
from oracle.check.result import Unseen
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.records.formats import FORMATS, Format
from oracle.records.layout import Samples
from oracle.records.lure import Lure
from oracle.records.operator import Operator
from oracle.records.precision import PRECISIONS, Precision, rank, representable
from oracle.records.recurrence import Recurrence
from oracle.tolerance.statistic import THRESHOLDS, per_step, scatter

LARGEST_FLOAT8 = 0.5  # upper end for float8, where a residual as large as its terms is no rounding any more
SAMPLED = 24  # steps narrowed again: at 24 units and more, a share of the variance is known to a tenth
SHARE = 0.25
"""What a cast may leave of the root mean square: the right one leaves the rounding of sums, 2^-13 for TF32 in short
float32 sums and 1/3 in the worst order of 4096 positive terms; a wrong one leaves 0.7 or more (its own errors come in
place of the candidate's)."""
CHOPPED = 2  # truncated sums have twice the unit roundoff
ON_GRID = 16  # distinct rounded states of fewer bits: by chance with a probability of 2^-16 or less


class Coarse(NamedTuple):
    """A coarser format, what gave it away, and the precision model that grants it.

    One rule for names: `name` is the format, whether factors or states are narrowed to it, and however far that takes
    the residuals; `why` says which of the two it is, and so does `model`.
    """

    name: str | None
    why: str
    model: str | None = None


def largest_roundoff(model: Precision) -> float:
    """The upper end of what the promise's class of formats looks like, in short sums."""
    place = rank(model)
    return THRESHOLDS[place][0] if place < len(THRESHOLDS) else LARGEST_FLOAT8


def narrow(model: Precision) -> bool:
    """Whether formats of like roundoff are so close that their size does not separate them."""
    return model.products > 0 or model.storage > FORMATS["float32"].roundoff


def unseen_formats(model: Precision, run: Samples) -> tuple[Unseen, ...]:
    """Formats that single steps may have unseen: those that their size alone does not tell from the promise."""
    if not narrow(model) or run.steps * run.batch <= SAMPLED:
        return ()
    count = run.steps * run.batch
    what = f"factors of a format like {model.name} in a few steps ({SAMPLED} of {count} are narrowed again)"
    return (Unseen(what, "use oracle.check_precision, or a run of few steps"),)


def largest_of(written: float) -> float:
    """The same for states written down with this relative error, which a step sees twice."""
    return next((limit for limit, _ in THRESHOLDS if 4 * written <= limit), LARGEST_FLOAT8)


def ceiling(model: Precision, terms: int) -> float:
    """The largest roundoff an honest program of the promise may show in sums of this many terms, in any order."""
    chopped = model.parts is not None and model.parts.chopped
    sums = model.accumulation * (0.25 * terms**1.5 if chopped else 0.5 * terms)
    truncated = model.products > 0 and model.parts is not None and not model.parts.nearest
    factors = 2 * model.products * (np.sqrt(terms) if truncated else 1.0)
    return float(max(largest_roundoff(model), sums, factors))


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

    def at(self, columns: Array) -> Sample:
        """Some of the steps."""
        return self._replace(**{name: getattr(self, name)[:, columns] for name in ("before", "after", "X", "residual")})

    def some(self) -> Sample:
        """A few of the steps that are numbers."""
        finite = np.flatnonzero(np.isfinite(self.residual).all(axis=0) & np.isfinite(self.before).all(axis=0))
        if not finite.size:
            return self.at(finite)
        return self.at(finite[np.unique(np.linspace(0, finite.size - 1, min(SAMPLED, finite.size)).astype(int))])


def coarse(sample: Sample, roundoff: float, model: Precision, written: float = 0.0) -> Coarse | None:
    """What gives a coarser format away, if anything does.

    `roundoff` is the one the residuals look like, `written` the relative error of writing the states down.
    """
    low, high = largest_roundoff(model), ceiling(model, sample.terms)
    if written:
        low, high = (max(limit, largest_of(written)) for limit in (low, high))
    if not roundoff <= high:
        return Coarse(None, f"residuals look like a unit roundoff of {roundoff:.2g}")
    if roundoff > low or narrow(model):
        found = cast_of(sample.some(), model)
        if found is not None:
            return found
    return None if written > model.storage else grid_of(sample, model)


def coarse_in_places(sample: Sample, model: Precision, written: float = 0.0) -> Coarse | None:
    """What gives a coarser format away in single steps, each by itself; float64 is bounded well enough without."""
    if model.roundoff <= CHOPPED * FORMATS["float64"].roundoff:
        return None
    places = standing_out(sample, model, written)
    if not places.before.size:
        return None
    each = per_step(places.residual, scatter(places.rec, places.before, places.X), model)
    found = coarse(places, float(np.median(each)), model, written)
    where = f"{places.before.shape[1]} of {sample.before.shape[1]} steps"
    return None if found is None else found._replace(why=f"{found.why}, in {where}")


def standing_out(sample: Sample, model: Precision, written: float = 0.0) -> Sample:
    """Steps whose own residuals are larger than the promise's class of formats shows in short sums."""
    low = max(largest_roundoff(model), largest_of(written) if written else 0.0)
    finite = np.flatnonzero(np.isfinite(sample.residual).all(axis=0) & np.isfinite(sample.before).all(axis=0))
    within = sample.at(finite)
    each = per_step(within.residual, scatter(within.rec, within.before, within.X), model)
    return sample.at(finite[each > low])


def cast_of(some: Sample, model: Precision) -> Coarse | None:
    """A narrowing of factors, coarser than promised, under which the residuals vanish."""
    if not isinstance(some.rec.parameters, Lure) or not some.before.size:
        return None
    promised = model.parts
    own = FORMATS["float64"] if promised is None else promised.state_factor
    p = some.rec.parameters
    driven = [op for op in (p.M, p.E) if any(term.dense is not None for term in op.terms)]
    left = [
        (f, truncated, _left(some, f, truncated, spared), bool(spared))
        for f, truncated in _coarser(own, promised is None or promised.nearest)
        for spared in ([], driven)[: 1 + bool(driven)]  # the products with inputs may be made elsewhere, beforehand
    ]
    size = _rms(some.residual)
    if not left or size == 0:
        return None
    least = min(each[2] for each in left)
    # Formats of the same bits differ in range alone, which few steps may not show: the wider one then says less.
    alike = [each for each in left if each[2] <= 2 * least]
    form, truncated, least, apart = max(alike, key=lambda each: (each[0].largest, -each[2]))
    if least > SHARE * size or _left(some, own, False) <= 2 * least:
        return None  # under the promised narrowing they vanish as well: the data cannot tell
    granted = next((n for n, p in PRECISIONS.items() if p.parts is not None and p.parts.products is form), form.name)
    how = "truncated" if truncated else "rounded"
    which = "factors of the recurrent product" if apart else "factors"
    why = f"residuals vanish, to {least / size:.1g} of their size, with {which} {how} to {form.name}"
    return Coarse(form.name, why, granted)


def _coarser(own: Format, nearest: bool) -> Iterator[tuple[Format, bool]]:
    for form in FORMATS.values():
        if form.bits < own.bits or (form.bits == own.bits and form.largest < own.largest):
            yield form, False
        if form.bits < own.bits or (form.bits == own.bits and nearest):
            yield form, True


def _left(some: Sample, form: Format, truncated: bool, spared: Sequence[Operator] = ()) -> float:
    """Root mean square of the residuals under a narrowing."""
    if form.bits == FORMATS["float64"].bits:
        return _rms(some.residual)
    ops = Narrowing(form, truncated=truncated, spared=spared)
    with np.errstate(all="ignore"):
        made = advance(ops, some.rec, ops.lift(some.before), ops.lift(some.X))
        return _rms(some.after - made)


def _rms(values: Array) -> float:
    """Over elements, the largest hundredth left out: a few wrong units are no format."""
    squares = np.sort(np.square(values[np.isfinite(values)]), axis=None)
    kept = squares[: max(1, int(0.99 * squares.size))]
    return float(np.sqrt(np.mean(kept))) if kept.size else 0.0


def grid_of(sample: Sample, model: Precision) -> Coarse | None:
    """A storage format of fewer bits that holds every state, though the states are rounded and differ."""
    for name in ("bfloat16", "float16", "float32"):  # the fewest bits first: each holds what those before it hold
        if FORMATS[name].roundoff <= model.storage or not held(sample.after, FORMATS[name].roundoff):
            continue
        # Numbers near the underflow threshold have few bits in the promised format as well.
        rounded = (np.abs(sample.residual) > 0) & (np.abs(sample.after) >= 2 * model.underflow / model.storage)
        if np.unique(np.abs(sample.after[rounded & np.isfinite(sample.after)])).size >= ON_GRID:
            return Coarse(name, f"every state is a number of {name}, and was rounded", name)
    return None


def held(states: Array, u: float) -> bool:
    """Whether all states are numbers of a format; a few are looked at first, and decide nearly always."""
    return all(representable(np.where(np.isfinite(part), part, 0.0), u) for part in (states[:, :SAMPLED], states))
