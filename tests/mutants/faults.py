"""Single-point faults: what people get wrong, as edits of a program, and the findings that describe them rightly.

Nothing here imports the table of deviations. A rule is applied to every program in whose text it occurs; an edit
without a name is caught but has none in the vocabulary. Names stand for equal maps as well: what is identifiable only
up to alpha = dt/tau may be called by either.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np

from .programs import BATCHED, STEPS, Edit, phrase, source

ROLLED = "np.roll(np.roll({0}, 1, axis=0), 1, axis=1)"
PAIRS = 40
SEED = 20241102


class Rule(NamedTuple):
    """An edit wherever its text occurs; `everywhere` in all places of a program, otherwise in the first."""

    title: str
    old: str
    new: str
    names: tuple[str, ...]
    everywhere: bool = False


ONE_MAP = {frozenset(("output-reversed", "state-not-carried")): "input-reversed+state-not-carried"}
"""Pairs that are one map under two names. Without carry state k + 1 is Phi(h0, X[k]) whatever other states are, and
states written down in reverse are Phi(h0, X[K - 1 - k]): the samples in reverse. `test_zoo` holds them together."""

LOOP_RULES = (
    ("input one step late", (("x = X[k]", "x = X[k - 1] if k else 0 * X[0]"),), ("input-late",)),
    ("input two steps late", (("x = X[k]", "x = X[k - 2] if k > 1 else 0 * X[0]"),), ("input-shifted",)),
    ("input one step early", (("x = X[k]", "x = X[k + 1] if k + 1 < len(X) else 0 * X[k]"),), ("input-early",)),
    ("input missing", (("x = X[k]", "x = 0 * X[k]"),), ("input-missing",)),
    ("inputs in reverse", (("x = X[k]", "x = X[-1 - k]"),), ("input-reversed",)),
    ("every second input held", (("x = X[k]", "x = X[k // 2 * 2]"),), ("input-held",)),
    ("state before the last", (("x = X[k]", "x, h = X[k], H[-2] if k else h0"),), ("state-late",)),
    ("states in reverse", (("np.array(H)", "np.array(H[:1] + H[:0:-1])"),), ("output-reversed",)),
    ("first input held", (("x = X[k]", "x = X[0]"),), ("input-frozen",)),
    ("initial state ignored", (("h, H = h0", "h, H = 0 * h0"),), ("initial-state-ignored",)),
    ("state not carried", (("x = X[k]", "x, h = X[k], h0"),), ("state-not-carried",)),
    (
        "records before stepping",
        (("x = X[k]", "x = X[k]; H.append(h)"), ("        H.append(h)\n    return", "    return")),
        ("records-before-stepping",),
    ),
    ("records the activity", (("[h0]", "[tanh(h0)]"), ("H.append(h)", "H.append(tanh(h))")), ("activity-recorded",)),
    ("last step dropped", (("range(len(X))", "range(len(X) - 1)"),), ("last-step-dropped",)),
    (
        "two steps per sample",
        (("range(len(X))", "np.repeat(np.arange(len(X)), 2)"), ("np.array(H)", "np.array(H[::2])")),
        ("step-repeated",),
    ),
    ("state cut at 1/4", (("H.append(h)", "h = np.minimum(h, 0.25); H.append(h)"),), ("state-clipped",)),
)

BATCH_RULES = (
    ("inputs of the next trajectory", (("x = X[k]", "x = np.roll(X[k], 1, axis=0)"),), ("batch-mixed",)),
    ("inputs of the first trajectory", (("x = X[k]", "x = X[k][:1] + 0 * X[k]"),), ("batch-mixed",)),
    ("time and batch confused", (("x = X[k]", "x = X.reshape(2, -1, 3).swapaxes(0, 1)[k]"),), ("batch-mixed",)),
    ("states of the trajectories exchanged", (("x = X[k]", "x, h = X[k], h[::-1]"),), ("batch-mixed",)),
    ("all start from the first h0", (("h, H = h0", "h, H = h0[:1] + 0 * h0"),), ("batch-mixed",)),
)

_WEIGHTS = ("W @ h", "W @ v", "W @ r", "W @ tanh(h)", "h @ W.T", "h @ recurrent")
_INPUTS = ("M @ x", "x @ M.T", "x @ kernel")


def _weight_rules() -> Iterator[Rule]:
    for old in _WEIGHTS:
        left, _, right = old.partition(" @ ")
        rows = left == "h"
        weight, state = (right, left) if rows else (left, right)

        def product(w: str, rows: bool = rows, state: str = state) -> str:
            return f"{state} @ {w}" if rows else f"{w} @ {state}"

        flipped = {"W.T": "W", "recurrent": "recurrent.T"}.get(weight, "W.T")
        one = f"({weight} + 0.001 * pair25{'.T' if rows else ''})"
        permuted = ROLLED.format(weight)
        yield Rule("recurrent weights transposed", old, product(flipped), ("transposed-recurrent-weights",))
        yield Rule("recurrent weights negated", old, product(f"(-{weight})"), ("negated-recurrent-weights",))
        yield Rule("recurrent weights missing", old, f"0 * {state}", ("recurrent-weights-missing",))
        yield Rule("units permuted in W", old, product(permuted), ("permuted-units",))
        yield Rule("rows of W permuted", old, product(f"np.roll({weight}, 1, axis={int(rows)})"), ("permuted-rows",))
        yield Rule("recurrent weights 1 % too large", old, product(f"(1.01 * {weight})"), ("scaled-recurrent-weights",))
        yield Rule("one weight off by 0.001", old, product(one), ("wrong-weights",))
        yield Rule("no self-connections", old, product(f"({weight} * off)"), ("masked-recurrent-weights",))


def _input_rules() -> Iterator[Rule]:
    for old in _INPUTS:
        yield Rule("input weights negated", old, f"-({old})", ("negated-input-weights",))
        yield Rule("input weights doubled", old, f"2 * ({old})", ("scaled-input-weights",))
        yield Rule(
            "input channels reversed", old, old.replace("x", "x[..., ::-1]"), ("permuted-inputs", "wrong-weights")
        )


STEP_RULES: tuple[Rule, ...] = (
    *_weight_rules(),
    *_input_rules(),
    Rule("bias missing", " + b)", ")", ("bias-missing",)),
    Rule("bias missing", " + b\n", "\n", ("bias-missing",)),
    Rule("bias missing", " + b + h @ W.T", " + h @ W.T", ("bias-missing",)),
    Rule("second bias missing", " + c)", ")", ("bias-missing",)),
    Rule("bias doubled", "+ b", "+ 2 * b", ("bias-doubled",)),
    Rule("bias negated", "+ b", "- b", ("bias-negated",)),
    Rule("one bias off by 0.01", "+ b", "+ b + 0.01 * unit4", ("wrong-bias",)),
    Rule("bias outside", "tanh(W @ h + M @ x + b)", "tanh(W @ h + M @ x) + b", ("bias-outside",)),
    Rule("bias outside", "tanh(W @ v + M @ x + b)", "(tanh(W @ v + M @ x) + b)", ("bias-outside",)),
    Rule("bias outside", "relu(W @ h + M @ x + b)", "relu(W @ h + M @ x) + b", ("bias-outside",)),
    Rule("bias outside", "tanh(z)", "(tanh(z - b) + b)", ("bias-outside",)),
    Rule("bias outside", "sigmoid(z)", "(sigmoid(z - b) + b)", ("bias-outside",)),
    Rule("input outside", "tanh(W @ h + M @ x + b)", "(tanh(W @ h + b) + M @ x)", ("input-outside",)),
    Rule("input outside", "tanh(z)", "(tanh(z - M @ x) + M @ x)", ("input-outside",)),
    Rule(
        "gain of the input forgotten",
        "alpha * (W @ tanh(h) + M @ x + b)",
        "alpha * (W @ tanh(h) + b) + M @ x",
        ("input-outside",),
    ),
    Rule(
        "exponentials exchanged",
        "keep * h + (1 - keep) * tanh(z)",
        "(1 - keep) * h + keep * tanh(z)",
        ("alpha-swapped",),
    ),
    Rule("logistic for tanh", "tanh(", "sigmoid(", ("activation:logistic",)),
    Rule("relu for tanh", "tanh(", "relu(", ("activation:relu",)),
    Rule("no activation", "tanh(", "(", ("activation:identity",)),
    Rule("tanh for relu", "relu(", "tanh(", ("activation:tanh",)),
    Rule("tanh for the logistic", "sigmoid(z)", "tanh(z)", ("activation:tanh",)),
    Rule("sine for tanh", "tanh(", "sin(", ()),
    Rule(
        "alpha and 1 - alpha swapped",
        "(1 - alpha) * h + alpha *",
        "alpha * h + (1 - alpha) *",
        ("alpha-swapped", "wrong-step"),
    ),
    Rule("leak missing", "(1 - alpha) * h", "h", ("leak-missing",)),
    Rule("alpha ignored", "(1 - alpha) * h + alpha * tanh(z)", "tanh(z)", ("elman", "wrong-step")),
    Rule("alpha ignored", "(1 - alpha) * h + alpha * sigmoid(z)", "sigmoid(z)", ("elman", "wrong-step")),
    Rule("drive not multiplied by alpha", "alpha * tanh", "tanh", ("drive-gain-one",)),
    Rule("drive not multiplied by alpha", "alpha * sigmoid", "sigmoid", ("drive-gain-one",)),
    Rule("drive not multiplied by alpha", "alpha * (W", "(W", ("drive-gain-one",)),
    Rule("leak of the wrong sign", "(1 - alpha) * h", "(1 + alpha) * h", ("leak-negated",)),
    Rule("alpha 1 % too large", "alpha", "(1.01 * alpha)", ("wrong-step",), True),
    Rule("alpha 1 % too large in the leak", "(1 - alpha)", "(1 - 1.01 * alpha)", ("wrong-leak",)),
    Rule("dt 1 % too large", "dt", "(1.01 * dt)", ("wrong-step",), True),
    Rule("dt halved", "dt", "(dt / 2)", ("wrong-step",), True),
    Rule("tau inverted", "dt / tau", "dt * tau", ("tau-inverted", "wrong-step")),
    Rule("tau forgotten", "dt / tau", "dt", ("wrong-step", "tau-one")),
    Rule("tau of the next unit", "taus", "np.roll(taus, 1)", ("wrong-step", "wrong-tau")),
    Rule(
        "drive not divided by tau",
        "dt / tau * (-h + tanh(z))",
        "dt * (-h / tau + tanh(z))",
        ("form-paper", "drive-gain-step"),
    ),
    Rule("drive divided by tau", "-h / tau + tanh(z)", "(-h + tanh(z)) / tau", ("form-rate",)),
    Rule("leak forgotten", "(-h + tanh(z))", "tanh(z)", ("leak-missing",)),
    Rule("leak forgotten", "-h + W @ r", "W @ r", ("leak-missing",)),
    Rule("leak forgotten", "(-v + tanh", "(tanh", ("leak-missing",)),
    Rule("leak of the wrong sign", "-v + tanh", "v + tanh", ("leak-negated",)),
    Rule(
        "exponential for forward Euler",
        "dt / tau * (-h",
        "(1 - exp(-dt / tau)) * (-h",
        ("exponential-euler", "wrong-step"),
    ),
    Rule("forward for exponential Euler", "exp(-dt / tau)", "1 - dt / tau", ("forward-euler", "wrong-step")),
    Rule("sign of the exponent", "exp(-dt", "exp(dt", ()),
    Rule("drive gain dt for 1 - keep", "(1 - keep)", "dt", ("drive-gain-step",)),
    Rule("one stage", "F(h + dt / 2 * F(h))", "F(h)", ("forward-euler",)),
    Rule("whole step to the middle", "dt / 2 * F(h)", "dt * F(h)", ("wrong-stage",)),
    Rule("one stage", "k2 = F(h + dt * k1)", "k2 = k1", ("forward-euler",)),
    Rule("half step to the end", "k2 = F(h + dt * k1)", "k2 = F(h + dt / 2 * k1)", ("wrong-stage",)),
    Rule("weights 1, 1 for 1/2", "h + dt / 2 * (k1 + k2)", "h + dt * (k1 + k2)", ("wrong-stage",)),
    Rule(
        "midpoint for Heun",
        "k2 = F(h + dt * k1)\nh = h + dt / 2 * (k1 + k2)",
        "k2 = F(h + dt / 2 * k1)\nh = h + dt * k2",
        ("midpoint",),
    ),
    Rule("third stage twice", "k4 = F(h + dt * k3)", "k4 = k3", ("stage-repeated",)),
    Rule("weights of RK4", "2 * k2 + 2 * k3", "k2 + 2 * k3", ("wrong-stage",)),
    Rule("only the last stage", "dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)", "dt * k2", ("midpoint",)),
    Rule("leak inside", "(1 - alpha) * h + alpha * tanh(z)", "tanh((1 - alpha) * h + alpha * z)", ("leak-inside",)),
    Rule(
        "leak outside",
        "tanh((1 - alpha) * h + alpha * (W @ h + M @ x + b))",
        "(1 - alpha) * h + alpha * tanh(W @ h + M @ x + b)",
        ("form-rate", "leak-outside"),
    ),
    Rule("sigma inside", "alpha * tanh(z)", "alpha * (W @ tanh(h) + M @ x + b)", ("form-current",)),
    Rule("sigma outside", "(W @ tanh(h) + M @ x + b)", "tanh(W @ h + M @ x + b)", ("form-rate",)),
    Rule(
        "update gate the other way about", "(1 - u) * n + u * h", "u * n + (1 - u) * h", ("update-gate-complemented",)
    ),
    Rule("no reset", "r * (Wn @ h + cn)", "Wn @ h + cn", ("reset-missing",)),
    Rule("reset before the product", "r * (Wn @ h + cn)", "Wn @ (r * h) + cn", ("gru-reset-before",)),
    Rule("reset not applied to the bias", "r * (Wn @ h + cn)", "r * (Wn @ h) + cn", ("reset-without-bias",)),
    Rule("reset after the product", "Wn @ (r * h)", "r * (Wn @ h)", ("gru",)),
    Rule("no reset", "Wn @ (r * h)", "Wn @ h", ("reset-missing",)),
    Rule("gates exchanged", "(1 - u) * n + u * h", "(1 - r) * n + r * h", ("gate-repeated",)),
    Rule("recurrent bias missing", " + cn)", ")", ("bias-missing",)),
    Rule("reset bias missing", " + br", "", ("bias-missing",)),
    Rule("candidate weights transposed", "Wn @", "Wn.T @", ("transposed-recurrent-weights",)),
    Rule("update weights transposed", "Wu @", "Wu.T @", ("transposed-recurrent-weights",)),
    Rule("logistic candidate", "n = tanh(", "n = sigmoid(", ()),
    Rule(
        "hard sigmoid of Keras 2",
        "sigmoid(",
        "hard_keras2(",
        ("gate-activation:hard-sigmoid(0.2)", "activation:hard-sigmoid(0.2)"),
        everywhere=True,
    ),
    Rule(
        "hard sigmoid of torch",
        "sigmoid(",
        "hard_torch(",
        ("gate-activation:hard-sigmoid(1/6)", "activation:hard-sigmoid(1/6)"),
        everywhere=True,
    ),
)


def singles() -> list[Edit]:
    """Every rule on every program in which it can be applied."""
    found = [
        Edit(program, title, changes, names)
        for program in STEPS
        for title, changes, names in LOOP_RULES + (BATCH_RULES if program in BATCHED else ())
        if all(phrase(old).search(source(program)) for old, _ in changes)
    ]
    for program, body in STEPS.items():
        lines = "\n".join("        " + line for line in body.split("\n"))
        for rule in STEP_RULES:
            old, new = (part.replace("\n", "\n        ") for part in (rule.old, rule.new))
            if phrase(old).search(lines):
                found.append(Edit(program, rule.title, ((old, new),), rule.names, rule.everywhere))
    return _merged(found)


def _merged(edits: list[Edit]) -> list[Edit]:
    """Edits that make the same text are one fault, with the names of all."""
    by_text: dict[str, Edit] = {}
    for edit in edits:
        same = by_text.get(edit.text)
        names = edit.names if same is None else tuple(dict.fromkeys(same.names + edit.names))
        by_text[edit.text] = replace(same or edit, names=names)
    return list(by_text.values())


def pairs() -> list[Edit]:
    """Two faults of one program that touch different text and both have names, drawn from a seed."""
    by_program: dict[str, list[Edit]] = {}
    for edit in singles():
        if edit.names:
            by_program.setdefault(edit.program, []).append(edit)
    every = [both for edits in by_program.values() for both in combinations(edits, 2) if _apart(*both)]
    chosen = np.random.default_rng(SEED).choice(len(every), PAIRS, replace=False)
    return [_joined(*every[index]) for index in sorted(chosen)]


def _apart(a: Edit, b: Edit) -> bool:
    """Whether both can be applied, in either order, and do not touch the same words."""
    if a.everywhere or b.everywhere or _hidden(a, b) or _hidden(b, a):
        return False
    text = source(a.program)
    places = sorted(phrase(old).search(text).span() for edit in (a, b) for old, _ in edit.changes)
    return all(end <= start for (_, end), (start, _) in pairwise(places))


def _hidden(a: Edit, b: Edit) -> bool:
    """Whether one fault leaves nothing of what the other one changes: inputs that are missing, a first sample held."""
    return a.title in ("input missing", "recurrent weights missing") and a.title.split()[0] in b.title


def _joined(a: Edit, b: Edit) -> Edit:
    names = tuple(f"{one}+{two}" for one in a.names for two in b.names)
    names += tuple(ONE_MAP[both] for name in names if (both := frozenset(name.split("+"))) in ONE_MAP)
    # What the loop is edited to may contain words of a step: the step is edited first.
    return Edit(a.program, f"{a.title}, {b.title}", b.changes + a.changes, names)
