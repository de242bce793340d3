"""Which equation is this? The leak of a documentation against the leak of a code.

    documented    r + (dt/tau) (-r + f(W r + M x + b))
    computed      f((1 - a) r + a (W r + M x + b)),  a = dt/tau

At dt = tau both are f(W r + M x + b), so that a test at the default time constant cannot tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import oracle
from oracle.demo.part import HEADER, TONE, Outcome, Part, row, said
from oracle.records.exact import Array
from oracle.report.model import Listing, Section, Table

UNITS, INPUTS, STEPS, TAU = 40, 3, 60, 100.0
Step = Callable[[Array, Array], Array]


def which_equation(seed: int = 11) -> Part:
    """Both programs against the documented equation at dt = tau and dt = 0.2 tau, then without any equation."""
    rng = np.random.default_rng(seed)
    W = rng.normal(0, 1.2 / np.sqrt(UNITS), (UNITS, UNITS))
    M, b = rng.normal(0, 0.8, (UNITS, INPUTS)), rng.normal(0, 0.3, UNITS)
    X, h0 = rng.normal(size=(STEPS, INPUTS)), rng.uniform(-0.9, 0.9, UNITS)

    def documented(dt: float) -> Step:
        return lambda r, x: r + (dt / TAU) * (-r + np.tanh(W @ r + M @ x + b))

    def computed(dt: float) -> Step:
        a = dt / TAU
        return lambda r, x: np.tanh((1 - a) * r + a * (W @ r + M @ x + b))

    net = oracle.Network.rate(W, M, b, tau=TAU)
    rows, outcomes = [], []
    for label, dt, expected in (("dt = tau", TAU, "pass"), ("dt = 0.2 tau", 0.2 * TAU, "fail: leak-inside")):
        equation = net.discretize(step=dt)
        for name, program, wanted in (("documented", documented(dt), "pass"), ("computed", computed(dt), expected)):
            result = oracle.check(program, equation, inputs=X, h0=h0, kind="step")
            rows.append(row(f"{label}, program as {name}", result))
            outcomes.append(Outcome(f"{label}: {name}", wanted, said(result)))
    found = oracle.identify(computed(0.2 * TAU), W=W, M=M, b=b, inputs=X, h0=h0, activation="tanh", kind="step")
    outcomes.append(Outcome("identified from its weights", "leak-inside", str(found.explained_by)))
    alpha = "" if found.record.alpha is None else f" with a = {float(found.record.alpha):.6g}"
    text = (
        "A leaky RNN is documented as r + (dt/tau)(-r + f(W r + M x + b)); the code computes "
        "f((1-a) r + a(W r + M x + b)), a = dt/tau."
    )
    told = f"Asked without any equation, only weights and states: this is {found.explained_by}{alpha}."
    table = Table(HEADER, tuple(rows), tuple(TONE.get(r[1], "") for r in rows))
    return Part(Section("Which equation is this?", text, (table, Listing((told,)))), tuple(outcomes))
