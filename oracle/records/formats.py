"""Floating-point formats: what a number may look like. A format says nothing about the operations that use it.

bits counts the significand with its hidden bit, so that the unit roundoff to nearest is 2^-bits. Sources: IEEE 754-2019
(float64, float32, float16); NVIDIA A100 whitepaper (TF32); S. Wang and P. Kanwar, bfloat16, 2019; P. Micikevicius et
al., FP8 formats for deep learning, arXiv:2209.05433 (e4m3 has no infinity, its largest number is 448).
"""

from __future__ import annotations

from typing import NamedTuple


class Format(NamedTuple):
    """A binary format: significant bits, exponents of the smallest subnormal and normal number, largest number."""

    name: str
    bits: int
    lowest: int
    normal: int
    largest: float

    @property
    def roundoff(self) -> float:
        """Unit roundoff u to nearest, half the spacing of numbers at 1."""
        return 2.0**-self.bits

    @property
    def smallest(self) -> float:
        """The smallest positive number, subnormal."""
        return 2.0**self.lowest


FORMATS = {
    f.name: f
    for f in (
        Format("float64", 53, -1074, -1022, (2 - 2.0**-52) * 2.0**1023),
        Format("float32", 24, -149, -126, (2 - 2.0**-23) * 2.0**127),
        Format("tf32", 11, -136, -126, (2 - 2.0**-10) * 2.0**127),
        Format("bfloat16", 8, -133, -126, (2 - 2.0**-7) * 2.0**127),
        Format("float16", 11, -24, -14, 65504.0),
        Format("float8-e4m3", 4, -9, -6, 448.0),
        Format("float8-e5m2", 3, -16, -14, 57344.0),
    )
}
"""By name. tf32 and the float8 formats are formats of the factors of products only: nothing is stored in them here."""

STORED = ("float64", "float32", "bfloat16", "float16")
