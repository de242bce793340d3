"""What other integrators say about flows whose certified value is known, each at its own tolerance; for references.py.

Every peer is optional. A peer's error is compared with what its tolerance can promise: local errors of at most `tol`
in each step, carried on to the end. How much is carried on is measured, not assumed: the certified flows from h0 and
from h0 + delta, with |delta| = 10^-20, tell by which factor a small difference grows at most until T.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from fractions import Fraction
from importlib import metadata
from typing import Any

import mpmath
import numpy as np

import oracle

LAST, DIGITS = 5, 50
UNITS, GAIN = 32, 2.0
HIGH = Fraction(1, 10**45)
"""The tolerance of the integrators that work in many digits."""
DELTA = Fraction(1, 10**20)
FLOATS = (1e-6, 1e-9, 1e-12)

Found = tuple[list[Any], int]
"""The state at the end, and how many steps it took (0: not told)."""


class Question:
    """h' = -h + tanh(W h + c), h(0), and its certified state at T."""

    def __init__(self) -> None:
        rng = np.random.default_rng(12)
        self.W = GAIN * rng.normal(size=(UNITS, UNITS)) / np.sqrt(UNITS)
        self.c, self.h0 = rng.normal(size=UNITS) / 10, rng.normal(size=UNITS)
        self.net = oracle.Network.rate(self.W, None, self.c)
        self.truth = self.certified(self.h0)
        exact = [Fraction(v) for v in self.h0.tolist()]
        moved = np.array([v + DELTA * (-1) ** i for i, v in enumerate(exact)], dtype=object)
        self.growth = max(1.0, float(distance(self.certified(moved), self.truth) / DELTA))

    def certified(self, h0: Any) -> list[Fraction]:
        """The state at T to DIGITS digits."""
        found = oracle.reference(self.net, h0=h0, times=[LAST], digits=DIGITS)
        return [exact_of(v) for v in found.mid[0]]


def exact_of(value: Any) -> Fraction:
    """A float or mpf as the rational it is."""
    from oracle.reference.enclosure import exact

    return exact(value)


def distance(a: list[Fraction], b: list[Fraction]) -> Fraction:
    """The largest difference."""
    return max(abs(u - v) for u, v in zip(a, b, strict=True))


def heyoka_in(question: Question, tolerance: Any, digits: int) -> Found:
    """heyoka's adaptive Taylor integrator, in double or in multiprecision."""
    import heyoka as hy

    many = digits > 20
    prec = int(digits * 3.33) + 8
    number: Callable[[Any], Any] = (lambda v: hy.real(float(v), prec)) if many else float
    names = [f"h{i}" for i in range(UNITS)]
    h = hy.make_vars(*names)
    W, c = question.W, question.c
    system = []
    for i in range(UNITS):
        terms = [hy.expression(number(W[i, j])) * h[j] for j in range(UNITS)]
        system.append((h[i], -h[i] + hy.tanh(hy.sum([*terms, hy.expression(number(c[i]))]))))
    start = np.array([number(v) for v in question.h0])
    given: dict[str, Any] = {"fp_type": hy.real, "prec": prec} if many else {"fp_type": float}
    tol = hy.real(str(mpmath.mpf(tolerance.numerator) / tolerance.denominator), prec) if many else tolerance
    ta = hy.taylor_adaptive(system, start, tol=tol, compact_mode=True, **given)
    steps = ta.propagate_until(number(LAST))[3]
    with mpmath.workdps(digits + 10):
        return [exact_of(mpmath.mpf(str(v))) if many else Fraction(float(v)) for v in ta.state], int(steps)


def scipy_in(question: Question, tolerance: float) -> Found:
    """SciPy's DOP853."""
    from scipy.integrate import solve_ivp

    W, c = question.W, question.c
    run = solve_ivp(
        lambda _, h: -h + np.tanh(W @ h + c), (0, LAST), question.h0, method="DOP853", rtol=tolerance, atol=tolerance
    )
    return [Fraction(v) for v in run.y[:, -1].tolist()], len(run.t) - 1


def diffrax_in(question: Question, tolerance: float) -> Found:
    """diffrax's Dopri8 with its PID controller, float64."""
    import diffrax
    import jax

    jax.config.update("jax_enable_x64", True)
    jnp = importlib.import_module("jax.numpy")
    W, c = jnp.asarray(question.W), jnp.asarray(question.c)
    run = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, h, args: -h + jnp.tanh(W @ h + c)),
        diffrax.Dopri8(),
        0.0,
        float(LAST),
        None,
        jnp.asarray(question.h0),
        stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
        max_steps=100_000,
    )
    return [Fraction(float(v)) for v in np.asarray(run.ys[-1])], int(run.stats["num_accepted_steps"])


def version(package: str) -> str | None:
    """The installed version of a package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


PEERS: list[tuple[str, str, Callable[[Question, Any], Found], tuple[Any, ...]]] = [
    ("heyoka", "heyoka, Taylor, double", lambda q, tol: heyoka_in(q, tol, 16), FLOATS),
    ("heyoka", "heyoka, Taylor, multiprecision", lambda q, tol: heyoka_in(q, tol, 60), (HIGH,)),
    ("diffrax", "diffrax, Dopri8", diffrax_in, FLOATS),
    ("scipy", "SciPy, DOP853", scipy_in, FLOATS),
]


def compared() -> dict[str, Any]:
    """Every peer at every tolerance; and mpmath.odefun where its step control fails."""
    question = Question()
    rows = []
    for package, name, run, tolerances in PEERS:
        installed = version(package)
        for tolerance in tolerances if installed else tolerances[:1]:
            row: dict[str, Any] = {"name": name, "version": installed, "tolerance": float(tolerance)}
            if installed:
                state, steps = run(question, tolerance)
                error = float(distance(state, question.truth))
                promised = float(tolerance) * question.growth * max(steps, 1)
                row |= {"error": error, "steps": steps, "ratio": error / float(tolerance), "inside": error <= promised}
            rows.append(row)
    return {"units": UNITS, "gain": GAIN, "last": LAST, "growth": question.growth, "rows": rows, "odefun": odefun()}


def odefun() -> dict[str, float]:
    """y' = 5 (1 - y^2) from 0, whose every second Taylor coefficient is 0: mpmath.odefun at 10^-40, and this
    project's integrator.

    No network of the normal form has this field, so the readable integrator is given the field itself.
    """
    from oracle.reference.signals import steady
    from oracle.reference.taylor import order_for, solve

    context = mpmath.MPContext()
    context.dps = 50
    t = context.mpf(1) / 2
    peer = context.odefun(lambda _, y: [5 * (1 - y[0] ** 2)], 0, [context.zero], tol=context.mpf(10) ** -40)(t)[0]

    def field(ops: Any, h: Any, x: Any) -> Any:
        return ops.scale(Fraction(5), ops.sum([ops.one(h), ops.scale(Fraction(-1), ops.mul(h, h))]))

    (ours,) = solve(field, np.zeros(1), steady(None, 0), (Fraction(1, 2),), order_for(40), 40, 50)
    context.dps = 60
    truth = exact_of(context.tanh(5 * t))
    return {"odefun": float(abs(exact_of(peer) - truth)), "ours": float(abs(exact_of(ours[0]) - truth))}
