"""Precision models: what a floating-point candidate promises (MATHEMATICS of the tolerance: see oracle/tolerance).

u is the unit roundoff, half the spacing of numbers at 1 (N. J. Higham, Accuracy and Stability of Numerical Algorithms,
2nd ed., section 2.1). Storage, product inputs and accumulation may differ: TF32 keeps float32 states and accumulates in
float32, but rounds the factors of every product to 11 bits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, Constant

ACTIVATION_ULPS = 4.0
"""Assumed error of tanh and the logistic. Measured maxima: XLA 3.8, NumPy 1.06, PyTorch 0.72 ulp (float64, CPU)."""


@dataclass(frozen=True)
class Precision:
    """A precision model.

    Attributes
    ----------
    name : str
        "float64", "float32", "tf32", "bfloat16" or "float16".
    storage, products, accumulation : float
        Unit roundoffs of stored values, of the factors of products (0: as stored) and of sums.
    underflow : float
        Absolute error of one operation whose result underflows.
    ulps : float
        Assumed activation error, in units of 2u relative to the value.
    """

    name: str
    storage: float
    products: float
    accumulation: float
    underflow: float
    ulps: float = ACTIVATION_ULPS

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the proven bound takes for granted."""
        return (
            f"rounding to nearest with u = 2^{int(np.log2(self.storage))} in storage",
            "any order of summation, with or without FMA; no Strassen-like products",
            f"activation within {self.ulps:g} ulp (logistic: plus 2u absolute, so that it may go through tanh)",
            "gradual underflow",
        )


# Products in float32 hardware with 11-bit factors are taken as truncated (2^-10) unless rounding is verified.
PRECISIONS = {
    p.name: p
    for p in (
        Precision("float64", 2.0**-53, 0.0, 2.0**-53, 2.0**-1074),
        Precision("float32", 2.0**-24, 0.0, 2.0**-24, 2.0**-149),
        Precision("tf32", 2.0**-24, 2.0**-10, 2.0**-24, 2.0**-149),
        Precision("bfloat16-products", 2.0**-24, 2.0**-8, 2.0**-24, 2.0**-149),
        Precision("float16", 2.0**-11, 0.0, 2.0**-11, 2.0**-24),
        Precision("bfloat16", 2.0**-8, 0.0, 2.0**-8, 2.0**-133),
    )
}


def precision_model(name: Any) -> Precision:
    """A precision model by name, dtype, or as it is.

    Raises
    ------
    oracle.BadInput
        No such precision.
    """
    if isinstance(name, Precision):
        return name
    text = str(name).removeprefix("torch.") if isinstance(name, str) or "torch" in str(type(name)) else _dtype(name)
    if text in PRECISIONS:
        return PRECISIONS[text]
    raise BadInput(
        f"precision {name!r} is not known.",
        "a misspelling, or a format without a model.",
        f"use one of {', '.join(PRECISIONS)}.",
    )


def _dtype(name: Any) -> str:
    try:
        return str(np.dtype(name))
    except TypeError:
        return str(name)


def representable(values: Array, u: float) -> bool:
    """Whether every entry is a number of the format with unit roundoff u (its range is not looked at)."""
    if values.dtype == object:
        entries = values.ravel().tolist()
        if any(isinstance(entry, Constant) or float(entry) != entry for entry in entries):
            return False
        return representable(values.astype(np.float64), u)
    if u <= 2.0**-53:
        return True
    mantissa, _ = np.frexp(values)  # in [1/2, 1): a multiple of u = 2^-p if it has p bits
    scaled = mantissa / u
    return bool(np.all(scaled == np.rint(scaled)))


def widened(model: Precision, ulps: float) -> Precision:
    """The model with another assumption about activations."""
    return replace(model, ulps=ulps)
