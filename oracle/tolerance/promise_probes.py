"""Exact probes of a promise: one-line networks whose states every honest program gets right to the last bit.

Weights, states and sums are chosen so that, in the promised formats, no honest program rounds anything, in any order of
summation, with or without FMA; or rounds once, where "to nearest" itself is asked. A state that differs (by more than
half a unit in the last place, for the latter) is a proof that some part of the promise is not kept. All states are
nonnegative and the activation is the relu, which rounds nothing.

    factors      one term per row, a state that needs every bit of the promised factor
    weights      the same for weights; as a difference of two where the state could not hold the result
    sums         many terms of very different size; the sum, or a partial sum before terms cancel, needs every bit
    small, tiny weights, tiny biases, large       the ends of the promised range
    nearest      a rounding of 3/4 of a unit: to nearest it moves the state by 1/4, truncation by 3/4
    sums to nearest                  the same for the last bit of the accumulator
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.formats import Format
from oracle.records.precision import Parts, Precision
from oracle.records.recurrence import Recurrence

MANY = 256  # terms of a sum: enough to fill every lane and block; more would only take longer
FEWEST = 4  # units: two terms that are added, and two states that pass through


class PromiseProbe(NamedTuple):
    """A recurrence, inputs (K, I), a state (N,), the exact states (K, N), and how far an honest program may be."""

    name: str
    rec: Recurrence
    X: Array
    h0: Array
    exact: Array
    allowed: Array


def promise_probes(model: Precision, N: int, I: int = 0, seed: int = 0) -> tuple[PromiseProbe, ...]:
    """All probes of a promise for N units and I inputs (whose weights are zero).

    Raises
    ------
    oracle.BadInput
        Fewer than four units, or a model without formats.
    """
    if model.parts is None:
        raise BadInput(
            f"{model.name} has unit roundoffs, but no formats.",
            "the model was made by hand.",
            'use a named one, such as precision_model("float16-accumulated-float32").',
        )
    if N < FEWEST:
        raise BadInput(f"N is {N}.", f"the probes need {FEWEST} units.", "probe a larger layer.")
    found = []
    for make in PROBES:
        rng = np.random.default_rng(seed)
        found += [_probe(made, I) for made in make(model.parts, N, rng)]
    return tuple(found)


class Made(NamedTuple):
    """A probe in the making: W (N, N), h0 (N,), steps, what an honest program may be off by, and a bias (N,)."""

    name: str
    W: Array
    h0: Array
    steps: int = 1
    half: float = 0.0
    b: Array | None = None


def _probe(made: Made, I: int) -> PromiseProbe:
    name, W, h0, steps, half, b = made
    rec = Recurrence.elman(W, np.zeros((len(W), I)) if I else None, b, activation="relu")
    states, h = [], h0
    for _ in range(steps):
        h = _exact_product(W, h) if b is None else b
        states.append(h)
    return PromiseProbe(name, rec, np.ones((steps, I)), h0, np.stack(states), np.full((steps, len(W)), half))


def _exact_product(W: Array, h: Array) -> Array:
    """W h for numbers on one grid of integers below 2^62 times a power of two; exact."""
    rows, columns = np.nonzero(W)
    product = W[rows, columns] * h[columns]
    used = np.unique(np.abs(product[product != 0]))
    if not used.size:
        return np.zeros(len(W))
    unit = 2.0 ** min(int(np.frexp(v)[1]) - 53 + _zeros(v) for v in used)
    sums = [0] * len(W)
    for row, value in zip(rows.tolist(), product.tolist(), strict=True):
        sums[row] += int(value / unit)
    return np.array([float(total) * unit for total in sums])


def _zeros(value: float) -> int:
    """Trailing zeros of the 53-bit significand."""
    integer = int(np.frexp(value)[0] * 2.0**53)
    return (integer & -integer).bit_length() - 1


def _odd(rng: np.random.Generator, bits: int, count: int) -> Array:
    """Numbers in [1, 2) whose significands need all bits, their last two being 01: every shorter format goes down."""
    free = max(bits - 3, 0)
    return (2.0 ** (bits - 1) + 1 + 4 * rng.integers(0, 2**free, count)) / 2.0 ** (bits - 1)


def _passing(rng: np.random.Generator, N: int) -> Array:
    """A permutation matrix without fixed points: every state moves on unchanged."""
    order = rng.permutation(N)
    W = np.zeros((N, N))
    W[order, np.roll(order, 1)] = 1.0
    return W


def _bits(parts: Parts) -> int:
    return min(parts.storage.bits, parts.state_factor.bits, parts.accumulation.bits)


def _factors(parts: Parts, N: int, rng: np.random.Generator) -> Iterator[Made]:
    yield Made("factors", _passing(rng, N), _odd(rng, _bits(parts), N))


def _weights(parts: Parts, N: int, rng: np.random.Generator) -> Iterator[Made]:
    bits = min(parts.weight_factor.bits, parts.accumulation.bits)
    W = _passing(rng, N)
    if bits <= parts.storage.bits:
        yield Made("weights", W * _odd(rng, bits, N)[:, None], np.ones(N))
    else:  # 1 + 2^(1 - bits) less 1: a number of one bit
        yield Made("weights", W * (1 + 2.0 ** (1 - bits)) - np.roll(W, 1, axis=1), np.ones(N))


def _sums(parts: Parts, N: int, rng: np.random.Generator) -> Iterator[Made]:
    bits, kept = parts.accumulation.bits, parts.storage.bits
    cancels = bits > kept
    terms = min(N, 2 ** (bits // 2), MANY, 2 ** (kept - 4) if cancels else N)  # of the part that stays
    terms -= 1 - terms % 2  # an odd number of odd terms is odd
    # Half the columns are high, states of 2^up and weights of 2^over; the others are integers of `short` bits.
    short = min(2 if cancels else parts.state_factor.bits, max(2, bits - 2 - int(np.ceil(np.log2(terms + 1)))))
    spare = bits - short - int(np.ceil(np.log2(terms + 1))) - 1
    over = min(spare // 2, _reach(parts.weight_factor))
    up = max(0, min(spare - over, _reach(parts.state_factor) - short, _reach(parts.storage) - short))
    high = rng.permutation(N)[: N // 2]
    low = np.setdiff1d(np.arange(N), high)
    h0 = 2.0 ** (short - 1) * _odd(rng, max(short, 2), N) if short > 2 else 2.0 * rng.integers(0, 2, N) + 1
    h0[high] = h0[high[0]] * 2.0**up if cancels else h0[high] * 2.0**up
    W = np.zeros((N, N))
    for row in W:
        stays = rng.permutation(low)[: min(terms, len(low) - 1 + len(low) % 2)]
        row[stays] = 1.0
        pairs = max(1, min(terms // 2, len(high) // 2, 8))
        chosen = rng.permutation(high)[: 2 * pairs]
        row[chosen] = 2.0**over * np.where(np.arange(len(chosen)) % 2, -1.0, 1.0) if cancels else 0.0
        if not cancels:
            row[chosen[: max(1, terms - len(stays))]] = 2.0**over
    yield Made("sums", W, h0)


def _reach(form: Format) -> int:
    """Exponent of the largest power of two of a format, less one so that sums of a few do not overflow."""
    return int(np.frexp(form.largest)[1]) - 2


def _lowest(parts: Parts, *formats: Format) -> int:
    return max(f.normal if parts.flushed else f.lowest for f in formats)


def _small(parts: Parts, N: int, rng: np.random.Generator) -> Iterator[Made]:
    exponent = _lowest(parts, parts.storage, parts.state_factor, parts.accumulation)
    yield Made("small", _passing(rng, N), 2.0**exponent * rng.integers(1, 3, N))


def _tiny_weights(parts: Parts, N: int, rng: np.random.Generator) -> Iterator[Made]:
    exponent = _lowest(parts, parts.storage, parts.weights, parts.weight_factor, parts.accumulation)
    W = _passing(rng, N) * 2.0**exponent
    yield Made("tiny weights", W, rng.integers(1, 3, N).astype(np.float64))


def _tiny_biases(parts: Parts, N: int, rng: np.random.Generator) -> Iterator[Made]:
    """What no product of narrow factors reaches: the state is zero, and the bias passes through."""
    exponent = _lowest(parts, parts.storage, parts.weights, parts.accumulation)
    yield Made("tiny biases", np.eye(N), np.zeros(N), b=2.0**exponent * rng.integers(1, 3, N))


def _large(parts: Parts, N: int, rng: np.random.Generator) -> Iterator[Made]:
    """Four times below the largest power of two: max(0, z) may be written (|z| + z) / 2."""
    exponent = min(_reach(f) for f in (parts.storage, parts.state_factor, parts.accumulation)) - 1
    yield Made("large", _passing(rng, N), 2.0 ** (exponent - rng.integers(0, 2, N)))


def _nearest(parts: Parts, N: int, rng: np.random.Generator) -> Iterator[Made]:
    """Two steps: a sum of b + 2 bits, rounded as it is added, stored or taken as a factor, whichever comes first."""
    if parts.chopped or not parts.nearest:
        return
    bits, half = _bits(parts), N // 2
    W = np.zeros((N, N))
    W[:half, :half] = _passing(rng, half)
    W[np.arange(half), half + np.arange(half)] = 1.0
    h0 = np.concatenate([_odd(rng, bits, half), np.zeros(N - half)])
    h0[half : 2 * half] = 0.75 * 2.0 ** (1 - bits)
    yield Made("nearest", W, h0, 2, 2.0**-bits)


def _sums_to_nearest(parts: Parts, N: int, rng: np.random.Generator) -> Iterator[Made]:
    bits = parts.accumulation.bits
    if parts.chopped or parts.storage.bits < bits or parts.state_factor.bits >= bits:
        return  # states are stored with fewer bits, or the probe above has asked the same
    half = N // 2
    down = min(-_lowest(parts, parts.weight_factor), (bits + 1) // 2 + 1)
    W = np.zeros((N, N))
    W[:half, :half] = _passing(rng, half)
    W[np.arange(half), half + np.arange(half)] = 2.0**-down
    small = 3 * 2.0 ** (down - bits - 1)
    up = max(0, _lowest(parts, parts.state_factor) - int(np.frexp(small)[1]) + 2)
    h0 = np.concatenate([2.0**up * _odd(rng, parts.state_factor.bits, half), np.zeros(N - half)])
    h0[half : 2 * half] = small * 2.0**up
    yield Made("sums to nearest", W, h0, 1, 2.0 ** (up - bits))


def _cancelled_to_nearest(parts: Parts, N: int, rng: np.random.Generator) -> Iterator[Made]:
    """The last bit of an accumulator that is wider than storage: s + A - A, with s 3/4 of a unit of A.

    Any order rounds once at most: by a quarter to nearest, by three quarters if s + A comes first and is truncated. It
    comes first from the left in some units, and from the right in the others.
    """
    bits, storage = parts.accumulation.bits, parts.storage
    if parts.chopped or storage.bits >= bits:
        return
    up = max(0, (storage.normal + bits + 3) // 2)  # s has to be a normal number where it is stored
    small = 3 * 2.0 ** (2 * up - bits - 1)
    down = bits // 2
    h0 = np.full(N, 2.0**up)
    h0[0] = h0[-1] = small * 2.0**down
    W = np.zeros((N, N))
    for row in range(N):
        a, b = np.sort(1 + rng.permutation(N - 2)[:2])
        first, plus, minus = (0, a, b) if row % 2 else (N - 1, b, a)
        W[row, first], W[row, plus], W[row, minus] = 2.0**-down, 2.0**up, -(2.0**up)
    yield Made("sums to nearest", W, h0, 1, 2.0 ** (2 * up - bits))


PROBES: tuple[Callable[[Parts, int, np.random.Generator], Iterator[Made]], ...] = (
    _factors,
    _weights,
    _sums,
    _small,
    _tiny_weights,
    _tiny_biases,
    _large,
    _nearest,
    _sums_to_nearest,
    _cancelled_to_nearest,
)
