"""At which factor, step, scheme and operating point a claim is verified."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.procedures.cube import Cube
from oracle.procedures.linearize import operating_point
from oracle.records.exact import Array, exact_array
from oracle.records.layout import Samples, samples
from oracle.records.network import Network
from oracle.records.recurrence import positive
from oracle.reference.analytic import Analytic
from oracle.reference.signals import Signal, Steady

_SIXTEENTHS = 16  # entries of the default operating point are odd 32nds: never zero, and their products stay short
_SAMPLES = 12  # steps of the default run: enough that its inputs differ at every step


@dataclass(frozen=True, eq=False)
class Setting:
    """The quantities a claim speaks of.

    Parameters
    ----------
    net : Network
    r : Fraction
        Rescaling factor of t = r s, 3 by default (`tau` is an alias).
    step : Fraction
        Delta; by default an eighth of the smallest time constant, or 1/8.
    at : tuple of arrays
        Operating point (h*, x*); by default a fixed point off the origin, in general position.
    scheme : str
        "euler" by default.
    collapsed : bool
        Whether L forgets the split into leak and recurrent part.
    step_after : Fraction
        The step in s, Delta / r by default.
    at_after : tuple of arrays
        The operating point used in the second order, the same by default.
    inputs, h0 : array_like or signal, optional
        Samples and initial state of what is measured in floating point. Where an input in continuous time is meant,
        samples are held over each step; or `oracle.held`, `oracle.sampled` say what it is between the samples.
    elman_step : Fraction or None
        The step of C13, the network's time constant by default.
    noise : ndarray, (N, m)
        Sig of C11, dh = F dt + Sig dw; by default every unit has its own noise and a share of its neighbour's.
    """

    net: Network
    r: Fraction
    step: Fraction
    at: tuple[Array, Array]
    scheme: str
    collapsed: bool
    step_after: Fraction
    at_after: tuple[Array, Array]
    run: Samples
    elman_step: Fraction | None
    noise: Array
    signal: Signal | Steady | None = None

    @classmethod
    def read(
        cls,
        net: Any,
        *,
        r: Any = None,
        tau: Any = None,
        step: Any = None,
        at: Any = None,
        scheme: str = "euler",
        collapsed: bool = False,
        step_after: Any = None,
        at_after: Any = None,
        inputs: Any = None,
        h0: Any = None,
        elman_step: Any = None,
        noise: Any = None,
        **unknown: Any,
    ) -> Setting:
        """Read options, with defaults."""
        if not isinstance(net, Network):
            raise BadInput(
                f"the claims got a {type(net).__name__}.",
                "they speak of a continuous-time network and what R, D and L make of it.",
                "pass an oracle.Network.",
            )
        if unknown or (r is not None and tau is not None):
            raise BadInput(
                f"unknown options {sorted(unknown)}." if unknown else "both r and tau were given.",
                "a misspelling, or an option of something else." if unknown else "both name the rescaling factor.",
                "use r, step, at, scheme, collapsed, step_after, at_after, inputs, h0, elman_step, noise.",
            )
        factor = positive(3 if r is None and tau is None else (tau if r is None else r), "r")
        delta = _default_step(net) if step is None else positive(step)
        point = _default_point(net) if at is None else operating_point(net, at)
        return cls(
            net,
            factor,
            delta,
            point,
            scheme,
            collapsed,
            delta / factor if step_after is None else positive(step_after, "step_after"),
            point if at_after is None else operating_point(net, at_after),
            _default_run(net, _on_grid(inputs, delta), h0),
            None if elman_step is None else positive(elman_step, "elman_step"),
            _default_noise(net.N) if noise is None else _noise(noise, net.N),
            inputs if isinstance(inputs, Signal | Steady) else None,
        )

    @property
    def course(self) -> Any:
        """The input in continuous time: the signal, or the samples (K, I) held over each step."""
        return self.run.X[:, 0] if self.signal is None else self.signal

    @cached_property
    def cube(self) -> Cube:
        """R, D and L at this setting."""
        return Cube(
            self.net,
            r=self.r,
            step=self.step,
            at=self.at,
            scheme=self.scheme,
            collapsed=self.collapsed,
            step_after=self.step_after,
            at_after=self.at_after,
        )


def _default_step(net: Network) -> Fraction:
    """An eighth of the smallest time constant, so that the step is neither tau nor trivial."""
    tau = net.tau
    if tau is None:
        return Fraction(1, 8)
    return min(Fraction(entry) for entry in (tau if isinstance(tau, np.ndarray) else [tau])) / 8


def _default_point(net: Network) -> tuple[Array, Array]:
    """Odd 32nds within (-1, 1), from a fixed seed: off the origin, and no equilibrium except by accident."""
    rng = np.random.default_rng(20231226)
    size = net.N + net.I
    entries = (2 * rng.integers(-_SIXTEENTHS, _SIXTEENTHS, size) + 1) / (2 * _SIXTEENTHS)
    return operating_point(net, (entries[: net.N], entries[net.N :]))


def _default_noise(N: int) -> Array:
    """Odd 32nds from a fixed seed, on the diagonal and beside it: units differ, and neighbours share noise."""
    entries = (2 * np.random.default_rng(N).integers(1, _SIXTEENTHS, (2, N)) + 1) / (2 * _SIXTEENTHS)
    return exact_array(np.diag(entries[0]) - np.diag(entries[1, 1:], -1), "noise", 2)


def _noise(value: Any, N: int) -> Array:
    """Sig as an exact matrix; a vector has one entry per unit, a number is the same for all."""
    given = np.asarray(value)
    matrix = exact_array(given if given.ndim == 2 else np.diag(np.broadcast_to(given, N)), "noise", 2)
    if matrix.shape[0] != N:
        raise BadInput(
            f"noise has shape {matrix.shape}; expected ({N}, m).",
            "it belongs to another network.",
            "pass a matrix with one row per unit, one number per unit, or one number.",
        )
    return matrix


def _on_grid(inputs: Any, step: Fraction) -> Any:
    """A signal at the steps k Delta, as floats; anything else as it is."""
    if isinstance(inputs, Analytic):
        raise BadInput(
            "the claims got an input in closed form.",
            "their bounds take its slope on each step exactly, which is known of held and sampled inputs.",
            "pass oracle.sampled with samples of it, or the samples themselves.",
        )
    if not isinstance(inputs, Signal | Steady):
        return inputs
    steps = _SAMPLES if inputs.until is None else inputs.until // step
    if steps < 1:
        raise BadInput(
            f"the signal is known until {inputs.until}; one step takes {step}.",
            "its step is in another unit of time, or it has one sample only.",
            "pass a longer signal, or a shorter step.",
        )
    return np.array([inputs.piece(k * step).value for k in range(steps)]).reshape(steps, -1).astype(np.float64)


def _default_run(net: Network, inputs: Any, h0: Any) -> Samples:
    rng = np.random.default_rng(15974)
    X = rng.normal(size=(_SAMPLES, net.I)) if inputs is None else inputs
    start = rng.uniform(-1, 1, net.N) if h0 is None and inputs is None else h0
    return samples(X, start, N=net.N, I=net.I)
