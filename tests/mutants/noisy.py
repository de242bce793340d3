"""Stochastic programs and single faults of their noise: its size, where it enters, what it depends on.

The noise that is promised has a scale and a site; a mutant draws other noise, or adds it elsewhere. Its residuals are
tested as draws, so that nothing is decided in 40 digits: that the noise differs is known from the edit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import oracle

from .programs import I, N, phrase
from .run import Outcome, naming

SEED = 20241104
K, BATCH, SIGMA = 400, 3, 0.2

LOOP = """
def run(h0, X):
    rng = np.random.default_rng(seed)
    h, H = h0, [h0]
    first = rng.standard_normal(h0.shape)
    before = 0 * h0
    for x in X:
        xi = rng.standard_normal(h0.shape)
        {step}
        H.append(h)
    return np.array(H)
"""
STEPS = {
    "rate, noise outside": "h = (1 - a) * h + a * tanh(h @ W.T + x @ M.T + b) + sigma * sqrt(2 * a) * xi",
    "rate, noise inside": "h = (1 - a) * h + a * tanh(h @ W.T + x @ M.T + b + sigma * sqrt(2 / a) * xi)",
    "paper, noise outside": "h = (1 - a) * h + dt * tanh(h @ W.T + x @ M.T + b) + sigma * sqrt(dt) * xi",
    "current, noise outside": "h = (1 - a) * h + a * (tanh(h) @ W.T + x @ M.T + b) + sigma * sqrt(dt) / tau * xi",
}
PROMISED = {
    "rate, noise outside": ("sqrt-2alpha", "outside"),
    "rate, noise inside": ("sqrt-2-over-alpha", "inside"),
    "paper, noise outside": ("sqrt-step", "outside"),
    "current, noise outside": ("sqrt-step-over-tau", "outside"),
}

RULES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("the 2 forgotten", "sqrt(2 * a)", "sqrt(a)", ("noise:sqrt-alpha",)),
    ("alpha for its root", "sqrt(2 * a)", "a", ("noise:alpha",)),
    ("not scaled", "sqrt(2 * a)", "1", ("noise:unscaled",)),
    ("root of the step", "sqrt(2 * a)", "sqrt(dt)", ("noise:sqrt-step",)),
    ("stationary", "sqrt(2 * a)", "sqrt(1 - (1 - a) ** 2)", ("noise:stationary",)),
    ("the step for its root", "sqrt(dt) *", "dt *", ("noise:step",)),
    ("the step for its root", "sqrt(dt) /", "dt /", ("noise:alpha",)),
    ("not scaled", "sqrt(dt) *", "1 *", ("noise:unscaled",)),
    ("not scaled", "* sqrt(dt) / tau", "", ("noise:unscaled",)),
    ("tau forgotten", "sqrt(dt) / tau", "sqrt(dt)", ("noise:sqrt-step",)),
    ("divided by the root of tau", "sqrt(dt) / tau", "sqrt(dt / tau)", ("noise:sqrt-alpha",)),
    ("outside for inside", "b + sigma * sqrt(2 / a) * xi)", "b) + sigma * sqrt(2 / a) * xi", (
        "noise:sqrt-2-over-alpha-outside",)),
    ("inside, not scaled", "sqrt(2 / a)", "1", ("noise:unscaled-inside",)),
    ("inside for outside", "b) + sigma * sqrt(2 * a) * xi", "b + sigma * sqrt(2 * a) * xi)", (
        "noise:sqrt-2alpha-inside",)),
    ("no noise", "* xi", "* 0 * xi", ("noise:none",)),
    ("nearly twice the noise", "sigma", "1.8 * sigma", ("noise:wrong-sigma",)),
    ("variance for deviation", "sigma", "sigma ** 2", ("noise:wrong-sigma",)),
    ("one draw for all units", "* xi", "* xi[..., :1]", ("noise:shared",)),
    ("one draw for all steps", "* xi", "* first", ("noise:repeated",)),
    ("one draw for all trajectories", "* xi", "* xi[:1]", ("noise:shared-trajectories",)),
    ("uniform for normal", "* xi", "* rng.uniform(-3 ** 0.5, 3 ** 0.5, h0.shape)", ("noise:not-gaussian",)),
    ("a mean of a half", "* xi", "* (xi + 0.5)", ("noise:biased",)),
    ("only one sign", "* xi", "* np.abs(xi)", ("noise:biased", "noise:not-gaussian")),
    ("coloured", "* xi", "* (before := 0.6 * before + 0.8 * xi)", ("noise:coloured",)),
    ("multiplied by the state", "* xi", "* xi * 3 * np.abs(h)", ("noise:state-dependent",)),
    ("weights transposed under noise", "h @ W.T", "h @ W", ("transposed-recurrent-weights",)),
    ("a gain inside under noise", "h @ W.T + x @ M.T + b", "1.3 * (h @ W.T + x @ M.T + b)", ("scaled-pre-activation",)),
    ("bias missing under noise", " + b", "", ("bias-missing",)),
)  # fmt: skip


def noisy() -> list[tuple[str, str, str, tuple[str, ...]]]:
    """(program, title, text, names) of every rule on every program in which it can be applied; honest ones first."""
    found = [(program, "as written", LOOP.format(step=step), ()) for program, step in STEPS.items()]
    for program, step in STEPS.items():
        for title, old, new, names in RULES:
            if phrase(old).search(step):
                edited = phrase(old).sub(lambda _, new=new: new, step, count=1)
                found.append((program, title, LOOP.format(step=edited), names))
    return found


def judged(case: tuple[str, str, str, tuple[str, ...]]) -> Outcome:
    """The check of a stochastic program against the noise that its honest text has.

    Draws that are not normal, or not independent, are found and named, but no other noise explains them.
    """
    program, title, text, names = case
    rng = np.random.default_rng([SEED, list(STEPS).index(program)])
    given: dict[str, Any] = {"W": 1.2 * rng.normal(size=(N, N)) / np.sqrt(N), "M": rng.normal(size=(N, I)) / 2}
    given |= {"b": 0.5 + 0.3 * rng.normal(size=N), "dt": 0.12, "tau": 0.4, "a": 0.12 / 0.4, "sigma": SIGMA}
    scope = {"np": np, "tanh": np.tanh, "sqrt": np.sqrt, "seed": [SEED, 7]} | given
    exec(compile(text, "<program>", "exec"), scope)
    form = program.partition(",")[0]
    made = getattr(oracle.Network, form)(given["W"], given["M"], given["b"], tau=given["tau"])
    scale, site = PROMISED[program]
    result = oracle.check(
        scope["run"],
        made.discretize(given["dt"]),
        inputs=rng.normal(size=(K, BATCH, I)),
        h0=rng.uniform(-0.5, 0.5, (BATCH, N)),
        noise=oracle.Noise(SIGMA, scale, site=site),
        kind="run",
    )
    found = result.explained_by or next((finding.name for finding in result.diagnosis), None)
    named = naming(names, found) if names else ""
    return Outcome(program, title, "float64", result.verdict, float(result.worst), found, bool(names), named)
