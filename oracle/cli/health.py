"""What `rnn-oracle doctor` looks at: one function per question, each a `Finding` with what was seen and what it means.

Nothing here is assumed from a name or a version: whether float32 products have 24 bits, or underflow is gradual, is
computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

import oracle
from oracle.arithmetic.mp import Mp
from oracle.equations.catalogue import advance
from oracle.kernels.lure_rows import float32_is_float32
from oracle.records.exact import Array
from oracle.reference.enclosure import Enclosure
from oracle.report.environment import environment

OPTIONAL = {
    "gmpy2": "mpmath is faster with it",
    "torch": "modules of PyTorch",
    "keras": "layers of Keras",
    "jax": "Keras on JAX",
    "h5py": "files of Keras",
    "latex2mathml": "typeset formulas in reports",
    "hypothesis": "oracle.strategies",
    "pytest": "the fixture rnn_oracle",
}
CERTIFIED_DIGITS, COMPARED_DIGITS = 12, 25
W, M, b = np.array([[0.5, -1.25], [0.75, 0.25]]), np.array([[1.0], [-0.5]]), np.array([0.125, -0.375])
H0, X = np.array([0.5, -0.25]), np.array([[0.75], [-0.5], [0.25], [1.0]])


@dataclass(frozen=True)
class Finding:
    """One line: status is "good", "bad" (the oracle's results are in doubt) or "quiet" (information)."""

    name: str
    seen: str
    status: str = "quiet"
    meaning: str = ""


def examine() -> Iterator[Finding]:
    """Every finding, one after the other."""
    yield from (Finding(name, seen) for name, seen in environment().items())
    yield from (_optional(name, use) for name, use in OPTIONAL.items())
    yield from (blas(), backends())
    yield from (_certain(look) for look in LOOKS)


def _certain(look: Callable[[], Finding]) -> Finding:
    """A look that raises is a finding, too: an installation can be broken in any way."""
    try:
        return look()
    except Exception as error:
        return Finding(
            look.__name__.replace("_", " "), f"{type(error).__name__}: {error}", "bad", "reinstall rnn-oracle"
        )


def _optional(name: str, use: str) -> Finding:
    try:
        return Finding(name, version(name), meaning=use)
    except PackageNotFoundError:
        return Finding(name, "absent", meaning=use)


def blas() -> Finding:
    """The library behind NumPy's matrix products."""
    built = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return Finding("BLAS", f"{built.get('name', 'unknown')} {built.get('version', '')}".strip())


def backends() -> Finding:
    """What flint was built with, and whether mpmath computes with gmpy2."""
    import flint
    import mpmath

    built = getattr(flint, "__FLINT_VERSION__", "unknown")
    return Finding("backends", f"FLINT {built}, mpmath on {mpmath.libmp.BACKEND}")


def single_products() -> Finding:
    """Whether a product of float32 matrices has 24 bits."""
    if float32_is_float32():
        return Finding("float32 products", "24 bits", "good")
    meaning = "NumPy's products have fewer bits than float32: no program can keep a promise of float32 here"
    return Finding("float32 products", "fewer than 24 bits", "bad", meaning)


def gradual_underflow() -> Finding:
    """Whether subnormal results and operands are kept, in float32 and float64."""
    if all(_keeps_subnormals(dtype) for dtype in (np.float32, np.float64)):
        return Finding("underflow", "gradual", "good")
    meaning = "a library has set flush-to-zero; bounds take gradual underflow for granted"
    return Finding("underflow", "flushed to zero", "bad", meaning)


def _keeps_subnormals(dtype: type[np.floating]) -> bool:
    tiny = np.full(16, np.finfo(dtype).tiny)
    least = np.full(16, np.finfo(dtype).smallest_subnormal)
    return bool(np.all(tiny / dtype(2) > 0) and np.all(least / tiny > 0))


def nearest() -> Finding:
    """Whether sums round to nearest, ties to even: 1 + u is a tie, 1 + 2u is not, on both sides of zero."""
    u = np.full(16, 2.0**-53)
    ties = (1 + u, 1 + 2 * u + u, -1 - u, 1 + 1.5 * u)
    wanted = (1.0, 1 + 2.0**-51, -1.0, 1 + 2.0**-52)
    if all(np.all(seen == right) for seen, right in zip(ties, wanted, strict=True)):
        return Finding("rounding", "to nearest", "good")
    return Finding("rounding", "not to nearest", "bad", "a library has changed the rounding mode")


def flows_agree() -> Finding:
    """A certified flow contains what the readable integrator computes with twice the digits."""
    net = oracle.Network.rate(W, M, b, tau=0.5)
    question: dict[str, Any] = {"inputs": X[0], "h0": H0, "times": [0.25]}
    proved = oracle.reference(net, digits=CERTIFIED_DIGITS, **question)
    observed = oracle.reference(net, digits=COMPARED_DIGITS, engine="mpmath", **question)
    return _agreement("flow, balls and mpmath", proved, observed.mid)


def recurrences_agree() -> Finding:
    """A certified recurrence contains what mpmath computes, step by step, with twice the digits."""
    rec = oracle.Recurrence.leaky(W, M, b, alpha=0.25)
    ops = Mp(COMPARED_DIGITS)
    states = [ops.lift(H0[:, None])]
    for x in X:
        states.append(advance(ops, rec, states[-1], ops.lift(x[:, None])))
    proved = oracle.reference(rec, inputs=X, h0=H0, digits=CERTIFIED_DIGITS)
    return _agreement("recurrence, balls and mpmath", proved, np.stack([h[:, 0] for h in states]))


def _agreement(name: str, proved: Enclosure, values: Array) -> Finding:
    if bool(proved.contains(values).all()):
        return Finding(name, f"agree to {CERTIFIED_DIGITS} digits", "good", "observed: one small network")
    return Finding(name, "disagree", "bad", "flint, mpmath or gmpy2 computes wrongly here: reinstall them")


LOOKS = (single_products, gradual_underflow, nearest, flows_agree, recurrences_agree)
"""What has to be good."""
