"""Which tolerance? float32 against emulated TF32: the proven bound, the statistic, and the probe that needs neither.

TF32 rounds both factors of every product to 11 significant bits and adds in float32. At a thousand units the worst-case
bound of an honest float32 sum has grown as large as that error, and no tolerance alone can tell the two apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import oracle
from oracle.demo.part import Outcome, Part, said
from oracle.records.exact import Array
from oracle.report.model import Listing, Section, Table, figure
from oracle.report.of_check import check_sections
from oracle.tolerance.exact_probe import exact_probe, exact_step

UNITS, INPUTS, STEPS = 1280, 8, 3
DROPPED_BITS = 13  # float32 has 24 significant bits, TF32 11

Product = Callable[[Array, Array], Array]


def tf32(values: Array) -> Array:
    """float32 values rounded to 11 significant bits, to nearest, ties to even."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    half = np.uint32(2 ** (DROPPED_BITS - 1) - 1)
    even = (bits >> np.uint32(DROPPED_BITS)) & np.uint32(1)
    mask = np.uint32(2**32 - 2**DROPPED_BITS)
    return np.asarray(((bits + half + even) & mask).view(np.float32))


def exactly(A: Array, v: Array) -> Array:
    """A product in float32."""
    return np.asarray(A @ v)


def through_tf32(A: Array, v: Array) -> Array:
    """A product with factors rounded to TF32, added in float32."""
    return np.asarray(tf32(A) @ tf32(v))


def which_tolerance(seed: int = 12) -> Part:
    """An Elman network at torch's default initialisation, in float32 and with TF32 products."""
    rng = np.random.default_rng(seed)
    limit = 1 / np.sqrt(UNITS)
    W, M, b = (
        rng.uniform(-limit, limit, shape).astype(np.float32) for shape in ((UNITS, UNITS), (UNITS, INPUTS), UNITS)
    )
    X = rng.normal(size=(STEPS, INPUTS)).astype(np.float32)
    h0 = rng.uniform(-0.9, 0.9, UNITS).astype(np.float32)
    rec = oracle.Recurrence.elman(W, M, b)

    def program(product: Product) -> Callable[[Array, Array], Array]:
        return lambda h, x: np.tanh(product(W, h) + product(M, x) + b)

    rows, outcomes, more = [], [], []
    for name, product, expected in (
        ("float32", exactly, "pass"),
        ("TF32 products", through_tf32, "fail: precision:tf32"),
    ):
        result = oracle.check(program(product), rec, inputs=X, h0=h0, kind="step")
        wrong = _wrong_units(product, seed)
        seen = result.statistic
        statistic = "-" if seen is None else f"{figure(seen.roundoff)}: {seen.precision}"
        rows.append((name, figure(result.worst), statistic, f"{wrong} of {UNITS} units", said(result)))
        outcomes.append(Outcome(name, expected, said(result)))
        outcomes.append(
            Outcome(f"{name}: units wrong in the exact probe", str(0 if product is exactly else UNITS), str(wrong))
        )
        more += [section for section in check_sections(result) if section.title == "Residual against bound"]
    header = ("", "worst residual / bound (proved)", "roundoff seen (observed)", "exact probe: wrong", "verdict")
    text = f"An Elman step of {UNITS} units at default initialisation, float32 promised."
    told = (
        "The bound is a worst case and grows with the number of units; the statistic sees the typical size; the exact "
        "probe uses weights and states whose float32 sums are exact in any order, so that one wrong unit is a proof."
    )
    table = Table(header, tuple(rows), ("good", "bad"))
    titled = tuple(Section(f"{s.title}: {row[0]}", s.text, s.blocks) for s, row in zip(more, rows, strict=True))
    return Part(Section("Which tolerance?", text, (table, Listing((told,)))), tuple(outcomes), titled)


def _wrong_units(product: Product, seed: int) -> int:
    """How many units one step of the exact probe gets wrong: relu(W h), compared without any tolerance."""
    probe = exact_probe(UNITS, 0, seed)
    W = np.asarray(probe.rec.W, dtype=np.float32)
    step = np.maximum(product(W, np.asarray(probe.h0, dtype=np.float32)), np.float32(0))
    return int(np.count_nonzero(step.astype(np.float64) != exact_step(probe)))
