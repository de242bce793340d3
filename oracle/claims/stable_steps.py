"""Is Euler stable with a step: the threshold of C8 against the eigenvalues of Euler's own records.

    Delta < min -2 Re lambda / |lambda|^2, if Re lambda < 0 for all

Below it every eigenvalue of the record lies inside the unit circle, above it one lies outside: tried at the step that
is given, and a little below and above the threshold.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.ball import Ball, precision
from oracle.claims.mapped_spectra import derivative
from oracle.claims.result import shown
from oracle.claims.setting import Setting
from oracle.claims.spectrum import BITS, matching, spectrum
from oracle.claims.stability import abscissa, below, contracts, decays, radius, threshold
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence

SHARP = 32
"""Units up to which Euler is tried a little below and a little above its threshold."""
MARGIN = Fraction(1, 1024)
"""How far below and above, relative to the threshold."""

Values = tuple[Any, ...] | None


def stability_lines(setting: Setting, found: Values, ours: Values) -> tuple[list[str], bool]:
    """Lines on stability, and whether the threshold agrees with the eigenvalues of the discrete record, `ours`."""
    if not found:
        return (["stability: not decided without eigenvalues"], True)
    with precision(BITS[-1]):
        limit = threshold(found)
        bare = limit.text if limit.step is None else f"{limit.text}: stable iff Delta < {limit.step.str(12)}"
        given = below(Ball().rational(setting.step), limit)
        lines = [
            f"Jacobian: max Re lambda = {abscissa(found).str(12)}, {_word(decays(found))} in continuous time",
            f"Euler: {bare}; Delta = {shown(setting.step)}: {_word(given)}",
        ]
        own = contracts(ours) if ours else None
        if ours:
            lines.append(f"{setting.scheme}: max |mu| = {radius(ours).str(12)}, {_word(own)}")
    agree = not (setting.scheme == "euler" and None not in (own, given) and own != given)
    if limit.step is not None and setting.net.N <= SHARP:
        agree = agree and _sharp(setting, limit.step, lines)
    lines.append(_weights(setting.net, found))
    return lines, agree


def _sharp(setting: Setting, limit: Any, lines: list[str]) -> bool:
    """Euler's own eigenvalues a little below and a little above the threshold."""
    seen = []
    for sign in (-1, 1):
        step = Fraction(float(limit.mid())) * (1 + sign * MARGIN)
        rec = setting.net.discretize(step)

        def made(rec: Recurrence = rec) -> Any:
            return derivative(rec, setting.at)

        values = spectrum(made)
        with precision(BITS[-1]):
            seen.append(contracts(values) if values else None)
    lines.append(
        f"Euler's record 1/{MARGIN.denominator} below the threshold: {_word(seen[0])}, above: {_word(seen[1])}"
    )
    return seen[0] is not False and seen[1] is not True


def _weights(net: Network, found: tuple[Any, ...]) -> str:
    """The eigenvalues of the recurrent weights are not those of the Jacobian."""
    text, given = "these are eigenvalues of the Jacobian A + B S W, not of W", net.origin.arguments.get("W")
    W = net.field.W.expanded if given is None else np.asarray(given)
    if W.ndim != 2 or W.shape != (len(found), len(found)):
        return text
    values = spectrum(lambda: Ball().lift(W), W)
    gap = 0.0 if values is None else matching(found, values).low
    return f"{text}, which are at least {gap:.6g} away" if gap > 0 else text


def _word(stable: bool | None) -> str:
    return {True: "stable", False: "unstable", None: "not decided"}[stable]
