"""The table of named deviations: what published code computes instead of what it documents, one entry each.

An entry turns a statement into the records that code with this deviation would follow (several, where the deviation has
variants). It serves diagnosis, `identify` and the documentation. Sources: public bug reports of RNN codebases, among
them norse 302 (exponential against forward Euler), RNN_multitask 2 (decay and alpha swapped), flax 5594 (a missing
recurrent bias hidden by zero initialisation), decolle 15 (input gain).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction

import numpy as np

from oracle.diagnosis.statement import NETWORKS, Statement, has_bias
from oracle.records.exact import Diagonal
from oracle.records.lure import Lure
from oracle.records.names import ACTIVATIONS
from oracle.records.operator import Operator, sum_vectors
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence

Deviation = Callable[[Statement], Iterable[Recurrence]]


def _edited(s: Statement, edit: Callable[[Lure], Lure]) -> list[Recurrence]:
    """A change that no statement expresses, made on the normal form."""
    rec = s.record()
    if not isinstance(rec.parameters, Lure):
        return []
    origin = Origin("edited", {}, rec)
    return [Recurrence.made("lure", edit(rec.parameters), rec.step, origin)]


def _transposed_recurrent(s: Statement) -> list[Recurrence]:
    return [s.but(W=s.W.T).record()]


def _transposed_input(s: Statement) -> list[Recurrence]:
    return [s.but(M=s.M.T).record()] if s.M.shape[0] == s.M.shape[1] else []


def _negated_recurrent(s: Statement) -> list[Recurrence]:
    return [s.but(W=-s.W).record()]


def _bias_missing(s: Statement) -> list[Recurrence]:
    kept = [()] if len(s.b) < 2 else [(), *(s.b[:i] + s.b[i + 1 :] for i in range(len(s.b)))]
    return [s.but(b=b).record() for b in kept] if has_bias(s) else []


def _bias_doubled(s: Statement) -> list[Recurrence]:
    more = [s.b + s.b, *((*s.b, part) for part in s.b if len(s.b) > 1)]
    return [s.but(b=b).record() for b in more] if has_bias(s) else []


def _bias_outside(s: Statement) -> list[Recurrence]:
    """The bias added to the result of the nonlinearity instead of its argument."""
    if not has_bias(s) or s.form == "inside":
        return []

    def move(field: Lure) -> Lure:
        total = field.B.apply(sum_vectors(field.b, len(s.W)))
        return replace(field, b=(), c=(*field.c, total))

    return _edited(s, move)


def _alpha_swapped(s: Statement) -> list[Recurrence]:
    alpha = s.alpha
    inside = np.asarray(alpha, dtype=object)
    if s.form not in ("outside", "inside", "leak-inside") or not np.all((inside > 0) & (inside < 1)):
        return []
    return [s.but(tau=s.step / (1 - alpha)).record()]


def _leak_missing(s: Statement) -> list[Recurrence]:
    """h + a s(..): nothing decays."""
    if s.form not in ("outside", "inside", "paper"):
        return []
    return _edited(s, lambda field: replace(field, A=Operator.diagonal(Fraction(1), len(s.W))))


def _drive_gain(gain: Callable[[Statement], Diagonal]) -> Deviation:
    def deviation(s: Statement) -> list[Recurrence]:
        if s.form not in ("outside", "paper") or s.scheme != "euler":
            return []
        return _edited(s, lambda field: replace(field, B=Operator.diagonal(gain(s), len(s.W))))

    return deviation


def _scheme(name: str) -> Deviation:
    def deviation(s: Statement) -> list[Recurrence]:
        if s.form not in NETWORKS or s.scheme == name:
            return []
        return [s.but(scheme=name).record()]

    return deviation


def _form(name: str) -> Deviation:
    def deviation(s: Statement) -> list[Recurrence]:
        if s.form == name or (name == "paper" and s.step == 1 and s.form != "outside"):
            return []
        scheme = s.scheme if name in NETWORKS else "euler"
        return [s.but(form=name, scheme=scheme).record()]

    return deviation


def _tau_inverted(s: Statement) -> list[Recurrence]:
    return [s.but(tau=1 / s.tau).record()] if s.form != "elman" else []


def _activation(name: str) -> Deviation:
    def deviation(s: Statement) -> list[Recurrence]:
        return [s.but(activation=name).record()] if s.activation != name else []

    return deviation


def _swapped_reset(rec: Recurrence) -> list[Recurrence]:
    other = {"gru": "gru-reset-before", "gru-reset-before": "gru"}[rec.equation]
    return [Recurrence.made(other, rec.parameters, rec.step, Origin("edited", {}, rec))]


DEVIATIONS: dict[str, Deviation] = {
    "transposed-recurrent-weights": _transposed_recurrent,
    "transposed-input-weights": _transposed_input,
    "negated-recurrent-weights": _negated_recurrent,
    "bias-missing": _bias_missing,
    "bias-doubled": _bias_doubled,
    "bias-outside": _bias_outside,
    "alpha-swapped": _alpha_swapped,
    "leak-missing": _leak_missing,
    "forward-euler": _scheme("euler"),
    "exponential-euler": _scheme("exponential-euler"),
    "heun": _scheme("heun"),
    "midpoint": _scheme("midpoint"),
    "rk4": _scheme("rk4"),
    "form-rate": _form("outside"),
    "form-paper": _form("paper"),
    "form-current": _form("inside"),
    "leak-inside": _form("leak-inside"),
    "elman": _form("elman"),
    "drive-gain-tau": _drive_gain(lambda s: s.tau),
    "drive-gain-step": _drive_gain(lambda s: s.step),
    "drive-gain-one": _drive_gain(lambda s: Fraction(1)),
    "tau-inverted": _tau_inverted,
    **{f"activation:{name}": _activation(name) for name in ACTIVATIONS},
}

MEANINGS = {
    "transposed-recurrent-weights": "the recurrent weights are used transposed (row and column of a unit swapped)",
    "transposed-input-weights": "the input weights are used transposed",
    "negated-recurrent-weights": "the recurrent weights have the wrong sign",
    "bias-missing": "a bias is not added",
    "bias-doubled": "a bias is added twice",
    "bias-outside": "the bias is added outside the nonlinearity",
    "alpha-swapped": "alpha and 1 - alpha are swapped",
    "leak-missing": "the state does not decay: h instead of (1 - alpha) h",
    "forward-euler": "a forward Euler step",
    "exponential-euler": "an exponential Euler step, 1 - exp(-dt/tau) in place of dt/tau",
    "heun": "a step of Heun's method",
    "midpoint": "a step of the explicit midpoint rule",
    "rk4": "a step of the classical Runge-Kutta method",
    "form-rate": "the rate form, (1-a) h + a s(W h + M x + b)",
    "form-paper": "the paper's form, (1-a) h + dt s(W h + M x + b)",
    "form-current": "the current form, (1-a) h + a (W s(h) + M x + b)",
    "leak-inside": "the leak is inside the nonlinearity, s((1-a) h + a (W h + M x + b))",
    "elman": "no leak at all, s(W h + M x + b)",
    "drive-gain-tau": "the drive is multiplied by tau",
    "drive-gain-step": "the drive is multiplied by the step",
    "drive-gain-one": "the drive is not multiplied by alpha",
    "tau-inverted": "1/tau is used as tau",
    "wrong-step": "the equation with another alpha = dt/tau",
    "input-late": "step k uses the sample of step k - 1",
    "input-early": "step k uses the sample of step k + 1",
    "input-missing": "the input does not reach the state",
    "initial-state-ignored": "the run starts from zero instead of h0",
    "state-not-carried": "every step starts from h0",
    "records-before-stepping": "the state is written down before the step, so the run is one step late",
    "gru-reset-before": "the reset gate multiplies the state before the recurrent product",
    "gru": "the reset gate multiplies the recurrent product",
}


def meaning(name: str) -> str:
    """A deviation in words."""
    if name.startswith("activation:"):
        return f"the activation is {name.partition(':')[2]}"
    return MEANINGS.get(name, name)


def deviating_records(s: Statement | None, rec: Recurrence) -> dict[str, list[Recurrence]]:
    """Every named deviation of a recurrence that gives another map, by name."""
    if s is None:
        if rec.equation in ("gru", "gru-reset-before"):
            swapped = _swapped_reset(rec)
            return {swapped[0].equation: swapped}
        return {}
    table: dict[str, list[Recurrence]] = {}
    for name, deviation in DEVIATIONS.items():
        others = [other for other in deviation(s) if not other.same_map(rec)]
        if others:
            table[name] = others
    return table
