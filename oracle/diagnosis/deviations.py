"""The table of named deviations: what published code computes instead of what it documents, one entry each.

An entry turns a statement into the statements of the code that has this deviation (several, where the deviation has
variants). It serves diagnosis, `identify`, `probe` and the documentation; pairs are edits of edits. Sources: public bug
reports of RNN codebases, among them norse 302 (exponential against forward Euler), RNN_multitask 2 (decay and alpha
swapped), flax 5594 (a missing recurrent bias hidden by zero initialisation), decolle 15 (input gain), pytorch 189225
(reset convention).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.diagnosis.edits import (
    Edit,
    activation_of,
    alpha_swapped,
    bias_factors,
    bias_outside,
    drive_gain,
    elman,
    form_of,
    gate_activation_of,
    gates_swapped,
    input_outside,
    leak_missing,
    of_gates_too,
    one_bias_for_both,
    reset_of,
    rounded,
    scheme_of,
    stage_repeated,
    transposed,
    transposed_input,
    where_gated,
    where_gru,
    where_leaky,
    where_lstm,
    where_normal,
    where_ungated,
    without_diagonal,
)
from oracle.diagnosis.normal import turned_leak, undecayed
from oracle.diagnosis.statement import Statement
from oracle.records.exact import Diagonal
from oracle.records.names import CATALOGUE, activation_name

PRE_ACTIVATION, ACTIVATION, LEAK, DRIVE, SCHEME, BOOKKEEPING = (
    "pre-activation",
    "activation",
    "leak",
    "drive gain",
    "scheme",
    "bookkeeping",
)


ROUNDING = "rounding"


@dataclass(frozen=True)
class Deviation:
    """One row of the table.

    Attributes
    ----------
    meaning : str
        In words, for reports.
    site : str
        The sub-expression of the step where it is: "pre-activation", "activation", "leak", ..
    slot : str
        What it replaces; two deviations of one slot make no pair, and those of the slot "rounding" none at all.
    edit : callable
        Statement -> the statements of code with this deviation; none where it cannot be.
    """

    meaning: str
    site: str
    slot: str
    edit: Edit


def _of_recurrent(meaning: str, change: Callable[[Any], Any]) -> Deviation:
    return Deviation(meaning, PRE_ACTIVATION, "recurrent weights", lambda s: [s.recurrent(change)])


def _of_scheme(name: str, meaning: str) -> Deviation:
    return Deviation(meaning, SCHEME, "scheme", where_ungated(scheme_of(name)))


def _of_form(form: str, meaning: str) -> Deviation:
    return Deviation(meaning, SCHEME, "form", where_ungated(form_of(form)))


def _of_drive(gain: Callable[[Statement], Diagonal], meaning: str) -> Deviation:
    return Deviation(meaning, DRIVE, "drive", where_ungated(where_leaky(drive_gain(gain))))


HARD_SIGMOIDS = "relu(0.2 * z + 0.5) - relu(0.2 * z - 0.5)", "relu(z / 6 + 0.5) - relu(z / 6 - 0.5)"

WRITTEN_ACTIVATIONS = {
    "softsign": ("z / (1 + abs(z))", "softsign, z / (1 + |z|)"),
    "hard-sigmoid(0.2)": (HARD_SIGMOIDS[0], "clip(0.2 z + 0.5, 0, 1)"),
    "hard-sigmoid(1/6)": (HARD_SIGMOIDS[1], "relu6(z + 3) / 6"),
}
"""Activations of frameworks that are no family of the catalogue: finding -> (expression, in words)."""

RIVALS = ("z / sqrt(1 + z * z)", "2 * arctan(tanh(z / 2))", "arctan(1.5707963267948966 * z) / 1.5707963267948966")
"""Sigmoid activations without a name, all of them z + O(z^3) between -1 and 1 or nearly so: the algebraic one, the
Gudermannian, and arctan scaled to the range of tanh."""

GATE_ACTIVATIONS = {
    "hard-sigmoid(0.2)": (HARD_SIGMOIDS[0], "clip(0.2 z + 0.5, 0, 1), as in Keras 2,"),
    "hard-sigmoid(1/6)": (HARD_SIGMOIDS[1], "relu6(z + 3) / 6, as in torch, jax and Keras 3,"),
    "tanh": ("tanh", "tanh"),
}
"""What gates are seen to have: finding -> (activation, in words). Sources: the documentation of keras.layers.GRU
(Keras 2: recurrent_activation="hard_sigmoid") and of torch.nn.functional.hardsigmoid."""

DEVIATIONS: dict[str, Deviation] = {
    "transposed-recurrent-weights": Deviation(
        "the recurrent weights are used transposed (row and column of a unit swapped)",
        PRE_ACTIVATION,
        "recurrent weights",
        transposed,
    ),
    "transposed-input-weights": Deviation(
        "the input weights are used transposed", PRE_ACTIVATION, "input weights", transposed_input
    ),
    "negated-recurrent-weights": _of_recurrent("the recurrent weights have the wrong sign", np.negative),
    "negated-input-weights": Deviation(
        "the input weights have the wrong sign",
        PRE_ACTIVATION,
        "input weights",
        lambda s: [s.driving(np.negative)] if s.M.size else [],
    ),
    "recurrent-weights-missing": _of_recurrent("the recurrent weights do not reach the state", np.zeros_like),
    "masked-recurrent-weights": _of_recurrent(
        "some recurrent weights are zero: those of units to themselves", without_diagonal
    ),
    "bias-missing": Deviation("a bias is not added", PRE_ACTIVATION, "bias", of_gates_too(0, bias_factors(0))),
    "bias-doubled": Deviation("a bias is added twice", PRE_ACTIVATION, "bias", of_gates_too(2, bias_factors(2))),
    "bias-negated": Deviation("a bias is subtracted", PRE_ACTIVATION, "bias", of_gates_too(-1, bias_factors(-1))),
    "bias-repeated": Deviation(
        "one of the two biases is used in place of the other", PRE_ACTIVATION, "bias", one_bias_for_both
    ),
    "bias-outside": Deviation(
        "the bias is added on the other side of the nonlinearity", ACTIVATION, "bias", where_ungated(bias_outside)
    ),
    "input-outside": Deviation(
        "the input is added on the other side of the nonlinearity, or without its gain",
        ACTIVATION,
        "input",
        where_ungated(input_outside),
    ),
    "alpha-swapped": Deviation(
        "alpha and 1 - alpha are swapped", LEAK, "alpha", where_ungated(where_leaky(alpha_swapped))
    ),
    "leak-missing": Deviation(
        "the state does not decay: h instead of (1 - alpha) h",
        LEAK,
        "leak",
        where_normal(undecayed, where_ungated(where_leaky(leak_missing))),
    ),
    "leak-negated": Deviation(
        "the leak has the wrong sign: (1 + alpha) h",
        LEAK,
        "leak",
        where_normal(turned_leak, where_ungated(where_leaky(lambda s: [s.but(decay=Fraction(-1))]))),
    ),
    "forward-euler": _of_scheme("euler", "a forward Euler step"),
    "exponential-euler": _of_scheme(
        "exponential-euler", "an exponential Euler step, 1 - exp(-dt/tau) in place of dt/tau"
    ),
    "heun": _of_scheme("heun", "a step of Heun's method"),
    "midpoint": _of_scheme("midpoint", "a step of the explicit midpoint rule"),
    "rk4": _of_scheme("rk4", "a step of the classical Runge-Kutta method"),
    "backward-euler": _of_scheme("backward-euler", "a backward Euler step, F at the new state"),
    "trapezoidal": _of_scheme("trapezoidal", "a step of the trapezoidal rule"),
    "zoh": _of_scheme("zoh", "the exact flow of the linear network, the input held (zero-order hold)"),
    "stage-repeated": Deviation(
        "a stage of the Runge-Kutta method is used in place of the next one", SCHEME, "scheme", stage_repeated
    ),
    "form-rate": _of_form("outside", "the rate form, (1-a) h + a s(W h + M x + b)"),
    "form-paper": _of_form("paper", "the paper's form, (1-a) h + dt s(W h + M x + b)"),
    "form-current": _of_form("inside", "the current form, (1-a) h + a (W s(h) + M x + b)"),
    "leak-inside": _of_form("leak-inside", "the leak is inside the nonlinearity, s((1-a) h + a (W h + M x + b))"),
    "elman": Deviation("no leak at all, alpha = 1", SCHEME, "form", where_ungated(elman)),
    "drive-gain-tau": _of_drive(lambda s: s.tau, "the drive is multiplied by tau"),
    "drive-gain-step": _of_drive(lambda s: s.step, "the drive is multiplied by the step"),
    "drive-gain-one": _of_drive(lambda s: Fraction(1), "the drive is not multiplied by alpha"),
    "tau-inverted": Deviation(
        "1/tau is used as tau", LEAK, "alpha", where_ungated(where_leaky(lambda s: [s.but(tau=1 / s.tau)]))
    ),
    **{
        f"activation:{name}": Deviation(f"the activation is {name}", ACTIVATION, "activation", activation_of(name))
        for name in CATALOGUE
    },
    **{
        f"activation:{name}": Deviation(
            f"the activation is {text}", ACTIVATION, "activation", activation_of(activation_name(written))
        )
        for name, (written, text) in WRITTEN_ACTIVATIONS.items()
    },
    **{
        f"rounded-weights:{name}": Deviation(
            f"weights, and perhaps biases and alpha, are rounded to {name} before they are used",
            PRE_ACTIVATION,
            ROUNDING,
            rounded(name),
        )
        for name in ("float32", "bfloat16", "float16")
    },
    "gru": Deviation(
        "the reset gate multiplies the recurrent product", PRE_ACTIVATION, "reset", where_gru(reset_of("gru"))
    ),
    "gru-reset-before": Deviation(
        "the reset gate multiplies the state before the recurrent product",
        PRE_ACTIVATION,
        "reset",
        where_gru(reset_of("gru-reset-before")),
    ),
    "reset-missing": Deviation(
        "the reset gate is not applied: r = 1", PRE_ACTIVATION, "reset", where_gru(lambda s: [s.unreset()])
    ),
    "reset-without-bias": Deviation(
        "the reset gate multiplies the recurrent product but not its bias",
        PRE_ACTIVATION,
        "reset",
        where_gru(lambda s: s.unreset_bias()),
    ),
    "gates-swapped": Deviation(
        "the gates are stored in another order",
        PRE_ACTIVATION,
        "gates",
        where_gated(gates_swapped),
    ),
    "gate-repeated": Deviation(
        "the reset or the update gate is used in place of the other as well",
        PRE_ACTIVATION,
        "gates",
        where_gru(lambda s: [s.reordered(order) for order in ((0, 0, 2), (1, 1, 2))]),
    ),
    "update-gate-complemented": Deviation(
        "the update gate keeps what it should replace: z for 1 - z",
        ACTIVATION,
        "update",
        where_gru(lambda s: [s.complemented()]),
    ),
    **{
        f"gate-activation:{name}": Deviation(
            f"the gates have {text} in place of the logistic", ACTIVATION, "gates' own", gate_activation_of(written)
        )
        for name, (written, text) in GATE_ACTIVATIONS.items()
    },
    "forget-bias-added": Deviation(
        "1 is added to the bias of the forget gate", PRE_ACTIVATION, "bias", where_lstm(lambda s: [s.forgetting(1)])
    ),
    "forget-bias-subtracted": Deviation(
        "1 is missing from the bias of the forget gate",
        PRE_ACTIVATION,
        "bias",
        where_lstm(lambda s: [s.forgetting(-1)]),
    ),
    "gates-coupled": Deviation(
        "the input gate is 1 minus the forget gate", ACTIVATION, "update", where_lstm(lambda s: [s.coupled()])
    ),
}
