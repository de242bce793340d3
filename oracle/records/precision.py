"""Precision models: what a floating-point candidate promises (what follows from it: see oracle/tolerance).

u is the unit roundoff, half the spacing of numbers at 1 (N. J. Higham, Accuracy and Stability of Numerical Algorithms,
2nd ed., section 2.1). Storage of states, storage of parameters, factors of products and accumulation may differ. Models
have names that say so:

    <storage>[-weights-<format>][-products-<format>][-accumulated-<format>][-nearest][-chopped][-flushed]

    float32                          everything in float32, in any order
    tf32                             short for float32-products-tf32: factors of 11 bits, perhaps truncated
    tf32-nearest                     factors rounded to nearest, where somebody has verified that
    float16                          stored in float16 and added in float16 or better
    float16-accumulated-float32      added in float32
    bfloat16-weights-float32         states in bfloat16, parameters in float32; adds in the wider of the two
    float8-e4m3, float8-e5m2         short for float32-products-float8-...: only the factors are that narrow
    float32-chopped                  sums truncated instead of rounded
    float32-flushed                  subnormal numbers may be taken for, or replaced by, zero
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array, Constant
from oracle.records.formats import FORMATS, STORED, Format

ACTIVATION_ULPS = 4.0
"""Assumed error of tanh and the logistic. Measured maxima: XLA 3.8, NumPy 1.06, PyTorch 0.72 ulp (float64, CPU)."""


class Parts(NamedTuple):
    """What is kept in which format. `products` None: as stored. `nearest`: factors are certainly rounded to nearest."""

    storage: Format
    weights: Format
    products: Format | None
    accumulation: Format
    nearest: bool = True
    chopped: bool = False
    flushed: bool = False

    @property
    def used(self) -> tuple[Format, ...]:
        """Storage, weights, both factors and accumulation with the smallest numbers that can occur in them."""
        kept = self.storage, self.weights, self.state_factor, self.weight_factor, self.accumulation
        made = [f._replace(lowest=f.normal) if self.flushed else f for f in kept]
        finest = min(made[2].lowest + made[3].lowest, made[1].lowest)  # of a product or a bias
        made[4] = made[4]._replace(lowest=max(made[4].lowest, finest))
        return tuple(made)

    @property
    def state_factor(self) -> Format:
        """The format of a state as a factor."""
        return self.products if self.products is not None else self.storage

    @property
    def weight_factor(self) -> Format:
        """The format of a weight as a factor."""
        return self.products if self.products is not None else self.weights


@dataclass(frozen=True)
class Precision:
    """A precision model.

    Attributes
    ----------
    name : str
        See the module; `precision_model` reads it.
    storage, products, accumulation : float
        Unit roundoffs of stored values, of the factors of products (0: as stored) and of sums (2u where they are
        truncated).
    underflow : float
        Absolute error of one operation whose result underflows: the smallest subnormal number, or the smallest normal
        one where subnormal numbers may be flushed.
    ulps : float
        Assumed activation error, in units of 2u relative to the value.
    weights : float, optional
        Unit roundoff of stored parameters; `storage` by default.
    factor_underflow, factor_largest : float
        Absolute error of a factor that underflows as it is narrowed, and the largest factor there is.
    parts : Parts, optional
        The formats themselves, for exact probes.
    """

    name: str
    storage: float
    products: float
    accumulation: float
    underflow: float
    ulps: float = ACTIVATION_ULPS
    weights: float | None = None
    factor_underflow: float = 0.0
    factor_largest: float = float("inf")
    parts: Parts | None = None

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the proven bound takes for granted."""
        parts = self.parts
        chopped, flushed = parts is not None and parts.chopped, parts is not None and parts.flushed
        factors: tuple[str, ...] = ()
        if parts is not None and parts.products is not None:
            how = "rounded to nearest" if parts.nearest else "rounded or truncated"
            factors = (f"factors of products {how} to {parts.products.name}, unscaled; none beyond its largest number",)
        return (
            f"rounding to nearest with u = 2^{int(np.log2(self.storage))} in storage",
            *factors,
            "any order of summation, with or without FMA; no Strassen-like products",
            *(("sums truncated",) if chopped else ()),
            "subnormal numbers flushed or not" if flushed else "gradual underflow",
        )

    @property
    def parameters(self) -> float:
        """Unit roundoff of stored parameters."""
        return self.storage if self.weights is None else self.weights

    @property
    def roundoff(self) -> float:
        """The coarsest of its unit roundoffs."""
        return max(self.storage, self.products, self.accumulation, self.parameters)

    @property
    def dtype(self) -> str:
        """The NumPy type that holds its states: float64, float32 (bfloat16 too) or float16."""
        stored = self.name if self.parts is None else self.parts.storage.name
        return stored if stored in ("float64", "float16") else "float32"

    @property
    def largest(self) -> float:
        """The largest state there is."""
        return FORMATS[self.dtype if self.parts is None else self.parts.storage.name].largest


def made_of(name: str, parts: Parts, ulps: float = ACTIVATION_ULPS) -> Precision:
    """The model with given parts."""
    kept = parts.storage, parts.weights, parts.accumulation
    exponent = [f.normal if parts.flushed else f.lowest for f in kept]
    products = parts.products
    lost = largest = 0.0
    if products is not None:
        lost, largest = 2.0 ** (products.normal if parts.flushed else products.lowest), products.largest
    elif parts.flushed:
        lost = 2.0**parts.storage.normal  # a subnormal factor may be taken for zero
    return Precision(
        name,
        storage=parts.storage.roundoff,
        products=0.0 if products is None else products.roundoff * (1 if parts.nearest else 2),
        accumulation=parts.accumulation.roundoff * (2 if parts.chopped else 1),
        underflow=2.0 ** max(exponent),
        ulps=ulps,
        weights=parts.weights.roundoff,
        factor_underflow=lost,
        factor_largest=largest or float("inf"),
        parts=parts,
    )


SHORT = {
    "tf32": "float32-products-tf32",
    "bfloat16-products": "float32-products-bfloat16",
    "float16-products": "float32-products-float16",
    "float8-e4m3": "float32-products-float8-e4m3",
    "float8-e5m2": "float32-products-float8-e5m2",
}
MARKS = ("nearest", "chopped", "flushed")
KINDS = ("weights", "products", "accumulated")


def _read(name: str) -> Parts | None:
    """The parts a name states; None where it states none."""
    short = next((s for s in SHORT if name == s or name.startswith(s + "-")), None)
    words = (SHORT[short] + name[len(short) :] if short else name).replace("float8-", "float8 ").split("-")
    words = [word.replace("float8 ", "float8-") for word in words]
    head, rest = words[0], words[1:]
    if head not in STORED:
        return None
    given: dict[str, Format] = {}
    marks: set[str] = set()
    while rest:
        if rest[0] in MARKS and rest[0] not in marks:
            marks.add(rest.pop(0))
        elif len(rest) > 1 and rest[0] in KINDS and rest[0] not in given and rest[1] in _allowed(rest[0]):
            given[rest[0]] = FORMATS[rest[1]]
            rest = rest[2:]
        else:
            return None
    storage = FORMATS[head]
    weights, products = given.get("weights", storage), given.get("products")
    wider = max(storage, weights, key=lambda f: f.bits)
    nearest = "nearest" in marks or products is not FORMATS["tf32"]
    sums = given.get("accumulated", wider)
    return Parts(storage, weights, products, sums, nearest, "chopped" in marks, "flushed" in marks)


def _allowed(kind: str) -> tuple[str, ...]:
    return tuple(FORMATS) if kind == "products" else STORED


NAMES = (
    "float64",
    "float32",
    "tf32",
    "tf32-nearest",
    "bfloat16-products",
    "float16-products",
    "float8-e4m3",
    "float8-e5m2",
    "float16",
    "float16-accumulated-float32",
    "bfloat16",
    "bfloat16-accumulated-float32",
    "bfloat16-weights-float32",
    "float32-weights-bfloat16",
    "float32-chopped",
    "float32-flushed",
)
"""Names worth listing; others follow from the grammar."""

PRECISIONS: dict[str, Precision] = {name: made_of(name, parts) for name in NAMES if (parts := _read(name)) is not None}


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
    text = text.removesuffix("fn").replace("_", "-").lower() if text.startswith("float8") else text
    if text in PRECISIONS:
        return PRECISIONS[text]
    parts = _read(text)
    if parts is not None:
        return made_of(text, parts)
    near = difflib.get_close_matches(text, NAMES, n=3, cutoff=0.5) or NAMES[:4]
    raise BadInput(
        f"precision {name!r} is not known.",
        "a misspelling, or a format without a model; names read <storage>[-weights-<format>][-products-<format>]"
        "[-accumulated-<format>][-nearest][-chopped][-flushed].",
        f"nearest: {', '.join(near)}; all: {', '.join(NAMES)}.",
    )


def _dtype(name: Any) -> str:
    try:
        return str(np.dtype(name))
    except TypeError:
        return str(name)


def honours(computed: Parts, promised: Parts) -> bool:
    """Whether a program of certain parts keeps a promise: no part of it may be coarser or of less range."""
    for ours, theirs in zip(computed.used, promised.used, strict=True):
        if ours.bits < theirs.bits or ours.largest < theirs.largest or ours.lowest > theirs.lowest:
            return False
    rounded = computed.nearest or not promised.nearest or computed.state_factor.bits > promised.state_factor.bits
    return rounded and (
        not computed.chopped or promised.chopped or computed.accumulation.bits > promised.accumulation.bits
    )


RANKS = ((2.0**-38, 0), (2.0**-18, 1), (2.0**-10, 2), (2.0**-5, 3))


def rank(name: str | Precision) -> int:
    """Models by the size of their errors: float64 0, float32 1, tf32 and float16 2, bfloat16 3, float8 4."""
    u = precision_model(name).roundoff
    return next((place for limit, place in RANKS if u <= limit), 4)


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
