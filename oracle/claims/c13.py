"""C13: forward Euler with Delta = tau is the Elman recurrence.

    rate    tau h' = -h + s(W h + M x + b)    ->   h+ = s(W h + M x + b)       torch.nn.RNN, Keras SimpleRNN
    paper   h' = -h/tau + s(W h + M x + b)    ->   h+ = tau s(W h + M x + b)

in real arithmetic. In floating point (1 - a) h + a s at a = 1 is s as well; h + (-h + s) is not.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from oracle.claims.predicates import identity
from oracle.claims.result import Assumption, Claim, Counterexample, Evaluated, shown, symbolic
from oracle.claims.setting import Setting
from oracle.procedures.sameness import same_maps
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import Operator, sum_vectors
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence

STATEMENT = (
    "Forward Euler with step tau turns a network in rate form into the Elman recurrence s(W h + M x + b), exactly, and "
    "one in paper form into tau s(W h + M x + b); exponential Euler reaches it with no step."
)
LATEX = (
    r"D_{\Delta=\tau}:\ \tau\dot h=-h+\sigma(Wh+Mx+b)\ \mapsto\ h_{k+1}=\sigma(Wh_k+Mx_k+b),\qquad "
    r"\dot h=-h/\tau+\sigma(\cdot)\ \mapsto\ h_{k+1}=\tau\,\sigma(\cdot)"
)
FORM = "the network is in rate or paper form with one time constant tau for all units"
STEP_TAU = "the step is tau"
EULER = "the scheme is forward Euler"
REAL = "arithmetic is exact"

SAMPLES = 20_000  # the observed fraction is known to within 0.01 (three standard deviations of a proportion)


def time_constant(field: Lure) -> Fraction | None:
    """tau where A = -I/tau, one number for all units; None otherwise."""
    if not field.A.is_diagonal:
        return None
    rate = field.A.diagonal_factor()
    return -1 / rate if isinstance(rate, Fraction) and rate < 0 else None


def gain(field: Lure, tau: Fraction) -> Fraction | None:
    """1 for the rate form, tau for the paper form, None for anything else."""
    square = field.B.shape[0] == field.B.shape[1] and field.B.is_diagonal
    factor = field.B.diagonal_factor() if square else None
    outside = Operator.zero(*field.E.shape) != field.E or any(sum_vectors(field.c, field.state_size) != 0)
    if outside or not isinstance(factor, Fraction) or factor not in (1, 1 / tau):
        return None
    return factor * tau


def elman(field: Lure, factor: Fraction) -> Lure:
    """factor * s(W h + M x + b)."""
    N = field.state_size
    empty, square = Operator.zero(N, field.input_size), Operator.zero(N, N)
    return Lure(square, Operator.diagonal(factor, N), field.W, field.M, field.b, empty, (), field.activation)


def evaluate(setting: Setting) -> Evaluated:
    """The Euler step against the Elman record, exactly."""
    field = setting.net.field
    tau = time_constant(field)
    factor = None if tau is None else gain(field, tau)
    step = tau if setting.elman_step is None else setting.elman_step
    form = "A is not -I/tau" if tau is None else "neither B = I nor B = I/tau, or E or c is not zero"
    if factor is not None:
        form = f"tau = {shown(tau)}, h+ = {shown(factor)} s(..) (exact)"
    assumptions = (
        Assumption(
            FORM,
            factor is not None,
            form,
        ),
        Assumption(STEP_TAU, step is not None and step == tau, f"Delta = {shown(step)}, tau = {shown(tau)} (exact)"),
        Assumption(EULER, setting.scheme == "euler", setting.scheme),
        Assumption(REAL, True, "records hold exact coefficients"),
    )
    if factor is None or step is None:
        return Evaluated(assumptions, Fraction(0), None, ("there is no Elman record to compare with",))
    rec = setting.net.discretize(step, setting.scheme)
    target = Recurrence.made("lure", elman(field, factor), step, Origin("elman", {}))
    return identity(assumptions, [("Euler step against Elman", same_maps(rec, target))], in_floats())


@cache
def in_floats() -> dict[str, Any]:
    """How often the two arrangements of the leak give exactly s at alpha = 1, on seeded samples (observed)."""
    rng = np.random.default_rng(13)
    h, s = rng.uniform(-1, 1, SAMPLES), np.tanh(rng.normal(size=SAMPLES))
    return {
        f"(1 - 1) h + 1 s differs from s, of {SAMPLES} samples": float(np.mean((1.0 - 1.0) * h + 1.0 * s != s)),
        f"h + (-h + s) differs from s, of {SAMPLES} samples": float(np.mean(h + (-h + s) != s)),
    }


# -- counterexamples --------------------------------------------------------------------------------------------------
def example(form: Any = Network.rate, **options: Any) -> Network:
    """Two units without symmetry."""
    net: Network = form([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], [0.25, 0.5], **{"tau": 0.5, **options})
    return net


def _apart(rec: Recurrence, net: Network, dropped: str, text: str) -> Counterexample:
    outcome = same_maps(rec, Recurrence.made("lure", elman(net.field, Fraction(1)), rec.step, Origin("elman", {})))
    certificate = "exact rational" if isinstance(outcome.gap, Fraction) else "balls"
    return Counterexample(dropped, text, outcome.gap or 0, certificate)


def rounded() -> Counterexample:
    """One float64 pair for which h + (-h + s) is not s."""
    h, s = 1.0, 2.0**-60
    return Counterexample(
        REAL,
        "float64, h = 1, s = 2^-60: h + (-h + s) is 0",
        abs(Fraction(h + (-h + s)) - Fraction(s)),
        "exact rational",
    )


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One or more per assumption."""
    rate, paper = example(), example(Network.paper)
    several = example(tau=[0.5, 1.0])
    half = Fraction(1, 2)
    return (
        _apart(paper.discretize(half), paper, FORM, "paper form taken for rate form, tau = 1/2: the step is s/2"),
        _apart(several.discretize(half), several, FORM, "tau = (1/2, 1): the second unit keeps half of its state"),
        _apart(rate.discretize(half / 2), rate, STEP_TAU, "Delta = tau/2: half of the state is kept"),
        _apart(
            rate.discretize(half, "exponential-euler"),
            rate,
            EULER,
            "exponential Euler at Delta = tau keeps exp(-1) of the state; exp(-Delta/tau) > 0 for every Delta",
        ),
        rounded(),
    )


CLAIM = Claim(
    "C13", "Euler with step tau is Elman", STATEMENT, LATEX, evaluate, counterexamples, symbolic("test_c13_elman_limit")
)
