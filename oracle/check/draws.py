"""A stochastic candidate whose draws are given: they are one more input, and the run is judged exactly.

    outside   E x + g sigma xi                  ->  [E, g sigma] (x, xi)
    inside    s(W h + M x + b + g sigma xi)     ->  [M, g sigma] (x, xi)

g sigma is the square root of a rational; it is read with 200 bits, which adds 2^-190 |g sigma xi| to the bound, and
sqrt(1 - (1 - alpha)^2) is formed by programs with cancellation, which adds 2 u / g^2 |g sigma xi|.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.slopes import steepest
from oracle.check.candidates import received
from oracle.check.evidence import Evidence
from oracle.check.judge import judge
from oracle.check.noise_kinds import Hypothesis, hypotheses, name
from oracle.check.result import CheckResult, Finding
from oracle.equations import lure
from oracle.errors import BadInput
from oracle.records.exact import Array, objects
from oracle.records.layout import Samples
from oracle.records.lure import Lure
from oracle.records.noise import SCALES, SITES, Noise, clock, squared, squares
from oracle.records.operator import Operator, Term
from oracle.records.precision import Precision
from oracle.records.recurrence import Recurrence

BITS = 200
_LOST = 2.0**-190  # relative; what is cut off a square root, doubled often


@dataclass(frozen=True, eq=False)
class WithDraws(Evidence):
    """Evidence whose record has the draws as inputs; `extra` (N, columns) is added to its own bounds."""

    extra: Any = 0.0

    def bound(self, rec: Recurrence, before: Array, after: Array, X: Array, model: Precision | None = None) -> Array:
        """The proven one-step bound, and what forming the amplitude may add."""
        bound: Array = super().bound(rec, before, after, X, model) + self.extra
        return np.asarray(np.nextafter(bound, np.inf))


def drawn_verdict(evidence: Evidence, noise: Noise) -> CheckResult:
    """The result of a run whose draws are known; other named scales and sites are tried if it fails.

    Raises
    ------
    oracle.BadInput
        The recurrence is not in the normal form, draws of another shape, a scale that asks for a leak.
    """
    noise.variance(clock(evidence.rec))
    xi = _given(evidence, noise)
    first = name(noise.scale, str(noise.site))
    result, _ = judge(with_draws(evidence, noise, noise.scale, str(noise.site), xi))
    told = replace(result, assumptions=(*result.assumptions, f"the draws given are those of the run: {noise!r}"))
    if result:
        return replace(told, diagnosis=(Finding(first, True, result.worst, "the draws given explain every residual"),))
    if result.verdict == "undecided":
        return told
    findings = tuple(sorted(_others(evidence, noise, xi, first), key=lambda finding: finding.worst))
    return replace(told, diagnosis=findings or (Finding("unexplained", False, result.worst, _UNEXPLAINED),))


_UNEXPLAINED = "no named scale, site or shift of the given draws brings every residual inside its bound"


def _others(evidence: Evidence, noise: Noise, xi: Array, first: str) -> Iterator[Finding]:
    """Other scales and sites, no noise at all, and the draws of the step before or after."""
    quiet, _ = judge(evidence)
    if quiet:
        yield Finding("noise:none", True, quiet.worst, "the run follows its equation without any noise")
    for hypothesis in hypotheses(evidence.rec, noise):
        if first not in hypothesis.names and enters(evidence.rec, hypothesis.site):
            scale = _scale_of(hypothesis)
            found, _ = judge(with_draws(evidence, noise, scale, hypothesis.site, xi))
            if found:
                yield Finding("|".join(hypothesis.names), True, found.worst, f"the draws times {SCALES[scale].formula}")
    for word, shift in (("noise:late", -1), ("noise:early", 1)):
        kept = slice(0, -1) if shift == 1 else slice(1, None)
        if evidence.run.steps > 1:
            moved = _part(evidence, kept), np.roll(xi, -shift, axis=0)[kept]
            found, _ = judge(with_draws(moved[0], noise, noise.scale, str(noise.site), moved[1]))
            if found:
                yield Finding(word, True, found.worst, f"step k uses the draw of step k {shift:+d}")


def _scale_of(hypothesis: Hypothesis) -> str:
    stem = hypothesis.names[0].removeprefix("noise:")
    return stem if stem in SCALES else stem.removesuffix(f"-{hypothesis.site}")


def _part(evidence: Evidence, kept: slice) -> Evidence:
    """The evidence of some consecutive steps."""
    H, run = evidence.recording.H, evidence.run
    states = H[:-1] if kept.stop == -1 else H[1:]
    part = replace(evidence.recording, H=states, has_initial=False)
    return replace(evidence, recording=part, run=Samples(run.X[kept], states[0], run.batched))


def _given(evidence: Evidence, noise: Noise) -> Array:
    """The draws as (K, batch, N), in the precision the candidate has them."""
    run, rec = evidence.run, evidence.rec
    xi = np.asarray(noise.draws, dtype=np.float64)
    xi = xi if run.batched else xi[:, None]
    expected = (run.steps, run.batch, rec.N)
    if not np.isfinite(xi).all():
        raise BadInput(
            f"draws{[int(i) for i in np.argwhere(~np.isfinite(noise.draws))[0]]} is not finite.",
            "a computation before this one failed.",
            "pass the standard normal numbers of the run.",
        )
    if xi.shape != expected:
        raise BadInput(
            f"draws have shape {np.shape(noise.draws)}; expected {expected if run.batched else (run.steps, rec.N)}.",
            "one standard normal number per step and unit is needed, time first, finite.",
            "pass draws of the layout of H[1:].",
        )
    dtype = evidence.recording.dtype if evidence.recording.dtype in ("float32", "float16") else "float64"
    return received(Samples(xi, run.h0, True), dtype).X


def with_draws(evidence: Evidence, noise: Noise, scale: str, site: str, xi: Array) -> WithDraws:
    """The evidence with the draws as additional inputs, for noise of a scale at a site."""
    rec, run = evidence.rec, evidence.run
    amplitude = _amplitude(rec, noise, scale)
    driven = _driven(rec, amplitude, site)
    inputs = Samples(np.concatenate([run.X, xi], axis=2), run.h0, run.batched)
    columns = np.abs(xi.reshape(run.steps * run.batch, rec.N).T)
    moved = columns * np.array([[float(entry)] for entry in amplitude]) * _forming(rec, scale, evidence.model)
    if site == "inside":
        moved = _gain(driven) @ (moved * _steepest(driven, evidence.before, inputs.columns(), moved))
    extra = moved * (1 + 2.0**-40)
    return WithDraws(driven, inputs, evidence.recording, evidence.model, evidence.recorded, extra)


def _amplitude(rec: Recurrence, noise: Noise, scale: str) -> Array:
    """g sigma of every unit as a rational, cut off after 200 bits."""
    square = squares(clock(rec))[scale] * squared(noise.sigma)
    entries = square.tolist() if isinstance(square, np.ndarray) else [square] * rec.N
    return objects(root(Fraction(entry)) for entry in entries)


def root(square: Fraction) -> Fraction:
    """sqrt(q) from below, with a relative error of at most 2^-199; exact for squares of short rationals."""
    shift = 2 * (BITS + abs(square.numerator.bit_length() - square.denominator.bit_length()))
    p, q = square.numerator, square.denominator
    return Fraction(isqrt((p * q) << shift), q << (shift // 2))


def _forming(rec: Recurrence, scale: str, model: Precision) -> Array:
    """Relative error of the amplitude beyond the roundings every coefficient may carry."""
    if scale != "stationary":
        return np.full((rec.N, 1), _LOST)
    square = np.broadcast_to(np.asarray(squares(clock(rec))[scale], dtype=np.float64), (rec.N,))
    return _LOST + 2 * model.storage / square[:, None]


def _gain(rec: Recurrence) -> Array:
    """|B|: what an error of the value becomes at most."""
    return np.abs(Float64().affine([(rec.lure.B, np.eye(rec.N))]))


def _steepest(rec: Recurrence, h: Array, X: Array, moved: Array) -> Array:
    """|s'| at most, over arguments that are known to within what was cut off and the rounding of float64."""
    ops, p = Float64(), rec.lure
    drive: Any = lure.drive(ops, p, ops.lift(X))
    with np.errstate(all="ignore"):
        z = np.broadcast_to(ops.affine([(p.W, ops.lift(h))], parts=drive.inside), moved.shape)
        near = moved + 2.0**-20 * np.maximum(np.abs(z), 1.0)
        return np.asarray(steepest(p.activation, z - near, z + near))


def enters(rec: Recurrence, site: str) -> bool:
    """Whether draws at a site are an input of the normal form: inside, there have to be as many arguments as units."""
    p = rec.parameters
    return isinstance(p, Lure) and (site == "outside" or p.B.shape[0] == p.B.shape[1])


def _driven(rec: Recurrence, amplitude: Array, site: str) -> Recurrence:
    """The recurrence with one more input per unit."""
    p: Lure = rec.parameters
    if not enters(rec, site):
        raise BadInput(
            f"the recurrence is a {rec.equation} step, and the noise is {site} the nonlinearity.",
            "draws enter as an input of the normal form; inside it there has to be one argument per unit.",
            "leave draws out: the noise is then tested by its statistics.",
        )
    N, I = p.state_size, p.input_size
    at = {SITES[0]: "E", SITES[1]: "M"}[site]
    padded = {key: _padded(getattr(p, key), N) for key in ("M", "E")}
    eye = np.concatenate([np.zeros((N, I)), np.eye(N)], axis=1)
    padded[at] = padded[at] + Operator.dense(eye).scaled(amplitude)
    return Recurrence.made("lure", replace(p, M=padded["M"], E=padded["E"]), rec.step, rec.origin)


def _padded(op: Operator, columns: int) -> Operator:
    """The operator with columns of zeros appended."""
    rows, width = op.shape
    terms = []
    for term in op.terms:
        dense = np.eye(rows, width) if term.dense is None else term.dense
        zeros = (
            np.zeros((rows, columns)) if dense.dtype != object else np.full((rows, columns), Fraction(0), dtype=object)
        )
        right = term.right
        if isinstance(right, np.ndarray):
            right = np.concatenate([right, objects([Fraction(1)] * columns)])
        terms.append(Term(term.left, np.concatenate([dense, zeros], axis=1), right))
    return Operator((rows, width + columns), tuple(terms))
