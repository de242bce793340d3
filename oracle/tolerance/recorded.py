"""How a trajectory was written down, and what its states may have lost by it.

d significant digits   |h - H| <= u |h|,  u = 10^(1 - d) / 2      as "%.6g" writes them: decimal-6
d decimals             |h - H| <= 10^-d / 2                       as "%.6f" or np.round(H, 6) writes them: fixed-6
a floating-point type  |h - H| <= u |h| + half its least number   float32, ..
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.precision import precision_model

_U = 2.0**-53


class Recorded(NamedTuple):
    """How well the states of a trajectory are known: relative and absolute error, the latter alike or of each."""

    name: str
    relative: float
    absolute: float | Array = 0.0

    @property
    def rounded(self) -> bool:
        """Whether states may be others than were computed."""
        return bool(self.relative) or bool(np.any(self.absolute))

    def part(self, columns: slice) -> Recorded:
        """That of some of the columns."""
        return self if np.ndim(self.absolute) == 0 else self._replace(absolute=np.asarray(self.absolute)[:, columns])

    def lost(self, H: Array) -> Array:
        """|h - H| at most, for every h that may have been written down as H."""
        return np.asarray((self.relative * np.abs(H) + self.absolute) / (1 - self.relative) * (1 + 4 * _U))

    def share(self, H: Array) -> float:
        """The relative error, where it is largest: that of the unit with the smallest states."""
        if not np.any(self.absolute):
            return self.relative
        finite = np.where(np.isfinite(H), H, 0.0)
        size = float(np.sqrt(np.mean(np.square(finite), axis=1)).min(initial=np.inf)) if H.size else 0.0
        return self.relative + (float(np.max(self.absolute)) / size if size else np.inf)


EXACTLY = Recorded("as computed", 0.0)


def recorded_as(name: str | None) -> Recorded:
    """ "float32" and the like, "decimal-6" for six significant digits, "fixed-6" for six decimals, None for exact.

    Raises
    ------
    oracle.BadInput
        An unknown format.
    """
    if name is None:
        return EXACTLY
    kind, _, digits = str(name).partition("-")
    if kind == "decimal" and digits.isdigit() and int(digits) > 0:
        # d significant digits: half a unit in the last place, relative to at least 1 in the first.
        return Recorded(name, 0.5 * 10.0 ** (1 - int(digits)) * (1 + 4 * _U))
    if kind == "fixed" and digits.isdigit():
        return Recorded(name, _U, 0.5 * 10.0 ** -int(digits) * (1 + 4 * _U))  # and read again as float64
    if str(name).startswith(("decimal", "fixed")):
        raise BadInput(
            f"recorded is {name!r}.",
            "decimal-6 has six significant digits, as %.6g writes them, and fixed-6 six decimals, as %.6f does.",
            "write decimal-<digits>, from 1 on, or fixed-<decimals>, from 0 on.",
        )
    model = precision_model(name)
    return Recorded(model.name, model.storage, model.underflow)
