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

import numpy as np

from oracle.check.casts import ALONE, SAMPLED, TELLING, Coarse, Sample, cast_of
from oracle.check.result import Unseen
from oracle.records.exact import Array
from oracle.records.formats import FORMATS
from oracle.records.layout import Samples
from oracle.records.precision import Precision, rank, representable
from oracle.tolerance.statistic import THRESHOLDS, per_step, scatter

LARGEST_FLOAT8 = 0.5  # upper end for float8, where a residual as large as its terms is no rounding any more
CHOPPED = 2  # truncated sums have twice the unit roundoff
ON_GRID = 16  # distinct rounded states of fewer bits: by chance with a probability of 2^-16 or less


def largest_roundoff(model: Precision) -> float:
    """The upper end of what the promise's class of formats looks like, in short sums."""
    place = rank(model)
    return THRESHOLDS[place][0] if place < len(THRESHOLDS) else LARGEST_FLOAT8


def narrow(model: Precision) -> bool:
    """Whether formats of like roundoff are so close that their size does not separate them."""
    return model.products > 0 or model.storage > FORMATS["float32"].roundoff


def unseen_formats(model: Precision, run: Samples) -> tuple[Unseen, ...]:
    """Formats that a run may have unseen: those that their size alone does not tell from the promise."""
    steps, elements = run.steps * run.batch, run.steps * run.h0.size
    if not narrow(model):
        return ()
    if steps and elements < TELLING:
        what = f"factors of a format like {model.name} ({elements} states are too few to tell)"
        return (Unseen(what, "use oracle.check_precision, or a run of more steps"),)
    if steps <= SAMPLED:
        return ()
    what = f"factors of a format like {model.name} in a few steps ({SAMPLED} of {steps} are narrowed again)"
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
    activation = 2 * model.ulps * model.storage  # off by all that is assumed, always to one side
    return float(max(largest_roundoff(model), sums, factors, activation))


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
        found = cast_of(*looked_at(sample, model))
        if found is not None:
            return found
    return None if written > model.storage else grid_of(sample, model)


def looked_at(sample: Sample, model: Precision) -> tuple[Sample, Precision, int]:
    """A few steps to be narrowed together, and those that look coarsest, to be narrowed one by one."""
    some = sample.some()
    if not narrow(model) or some.before.shape[1] < 2:
        return some, model, 0
    each = _per_step(sample, model)
    single = sample.finite[np.argsort(-each, kind="stable")[:ALONE]]
    both = (np.concatenate(parts, axis=1) for parts in zip(some[1:], sample.at(single)[1:], strict=True))
    return Sample(sample.rec, *both), model, single.size


def _per_step(sample: Sample, model: Precision) -> Array:
    """The roundoff that every step looks like that is a number."""
    within = sample.at(sample.finite)
    return per_step(within.residual, scatter(within.rec, within.before, within.X), model)


def coarse_in_places(sample: Sample, model: Precision, written: float = 0.0) -> Coarse | None:
    """What gives a coarser format away in single steps, each by itself; float64 is bounded well enough without."""
    if model.roundoff <= CHOPPED * FORMATS["float64"].roundoff:
        return None
    places = standing_out(sample, model, written)
    if not places.before.size:
        return None
    found = coarse(places, float(np.median(_per_step(places, model))), model, written)
    where = f"{places.before.shape[1]} of {sample.before.shape[1]} steps"
    return None if found is None else found._replace(why=f"{found.why}, in {where}")


def standing_out(sample: Sample, model: Precision, written: float = 0.0) -> Sample:
    """Steps whose own residuals are larger than the promise's class of formats shows in short sums."""
    low = max(largest_roundoff(model), largest_of(written) if written else 0.0)
    return sample.at(sample.finite[_per_step(sample, model) > low])


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
