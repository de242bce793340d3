"""Check the certificate of a recurrence's trajectory with Python's integers and fractions, and nothing else.

    python check_certificate.py FILE         exit code 0: accepted, 1: refused, 2: no file

    h_{k+1} = Phi(h_k, x_k) = A h_k + B s(W h_k + M x_k + b) + E x_k + c

The file states the map, the inputs, h_0, centres y_k and errors e_k; it claims |h_k - y_k| <= e_k for every k, in the
norm |v| = max_i |v_i| / w_i. That is so if, with slopes of s in [m - r, m + r],

    w_i > 0   and   sum_j G_ij w_j <= q w_i,      G = |A + m B W| + r |B| |W|
    |h_0 - y_0| <= e_0
    |Phi(y_k, x_k) - y_{k+1}| <= r_k
    q e_k + r_k <= e_{k+1}

Proof: Phi(h, x) - Phi(y, x) = (A + B D W)(h - y) with D diagonal, |D - m| <= r (mean value theorem, unit by unit),
and |A + B D W| <= G entry by entry; so |Phi(h, x) - Phi(y, x)| <= q |h - y|, and the rest is the triangle inequality.
The last claim, w_i e_k <= 10^-digits max(1, |h_ki|), follows from |h_ki| >= |y_ki| - w_i e_k.

Everything is exact (relu, leaky-relu(a), hardtanh(low,high), identity) but s = tanh, logistic and elu(a) below 0, which
are enclosed from the Taylor series of exp with its remainder.
Also refused is what was altered without becoming false: q has to be the least multiple of 2^-64, errors those of the
recursion rounded up to a multiple of 2^-(bits + 32), centres the nearest multiples of 2^-bits.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from fractions import Fraction
from functools import cache
from math import ceil, floor, lcm
from operator import mul
from pathlib import Path
from typing import Any

FORMAT, VERSION = "rnn-oracle certificate", 1
KEYS = {"format", "version", "map", "inputs", "h0", "digits", "bits", "weights", "q", "rounding", "errors", "centres"}
MAP = {"activation", "A", "B", "W", "M", "b", "E", "c"}
USUAL = {"leaky-relu": ["1/100"], "hardtanh": ["-1", "1"], "elu": ["1"]}  # parameters that are not written
USUAL |= {name: list[str]() for name in ("tanh", "logistic", "relu", "identity")}
ERROR_BITS = 32  # errors are multiples of 2^-(bits + 32)
Q_BITS = 64  # q is a multiple of 2^-64
SPARE_BITS = 64  # of the enclosure of s: far below one such multiple
NEAREST = Fraction(1, 2) + Fraction(1, 1 << 16)  # a centre is off by half a unit, and by what an enclosure is wide
MOST_BITS = 1 << 20  # more is an attempt to exhaust the memory
FAR = "the centre is not the nearest one"
DYADIC = re.compile(r"(-?)0x([0-9a-f]+)p-([0-9]{1,7})")
RATIO = re.compile(r"-?[0-9]+/[1-9][0-9]*")

Vector = tuple[list[int], int]  # numerators over one denominator
Matrix = tuple[list[list[int]], int]


class Refused(Exception):
    """What is wrong with a certificate."""


def require(condition: bool, otherwise: str) -> None:
    """Refuse unless a condition holds."""
    if not condition:
        raise Refused(otherwise)


def dyadic(text: Any, bits: int, name: str) -> int:
    """A number such as -0x3fp-160, in multiples of 2^-bits; it has to be one."""
    require(isinstance(text, str) and bool(DYADIC.fullmatch(text)), f"{name} is {text!r}, no number like -0x3fp-160")
    sign, digits, exponent = DYADIC.fullmatch(text).groups()  # type: ignore[union-attr]
    value, shift = int(sign + digits, 16), bits - int(exponent)
    require(abs(shift) <= MOST_BITS, f"{name} is {text[:40]}, of an absurd size")
    require(shift >= 0 or value % (1 << -shift) == 0, f"{name} is no multiple of 2^-{bits}")
    return value << shift if shift >= 0 else value >> -shift


def listed(value: Any, length: int, name: str) -> list[Any]:
    """A list of a length."""
    require(isinstance(value, list) and len(value) == length, f"{name} is no list of {length}")
    return list(value)


def fractions(value: Any, length: int, name: str) -> list[Fraction]:
    """A list of ratios p/q."""
    entries = listed(value, length, name)
    for entry in entries:
        require(isinstance(entry, str) and bool(RATIO.fullmatch(entry)), f"{name} has the entry {entry!r}, no p/q")
    return [Fraction(entry) for entry in entries]


def vector(value: Any, length: int, name: str) -> Vector:
    """Ratios over one denominator."""
    rows, common = matrix([value], 1, length, name)
    return rows[0], common


def matrix(value: Any, rows: int, columns: int, name: str) -> Matrix:
    """Rows of ratios over one denominator."""
    entries = [fractions(row, columns, name) for row in listed(value, rows, name)]
    common = lcm(*(entry.denominator for row in entries for entry in row))
    return [[entry.numerator * (common // entry.denominator) for entry in row] for row in entries], common


def whole(value: Any, least: int, most: int, name: str) -> int:
    """An integer between two."""
    require(type(value) is int and least <= value <= most, f"{name} is {value!r}, not from {least} to {most}")
    return int(value)


class Certificate:
    """The content of a file, its shapes checked; centres in multiples of 2^-bits, errors of 2^-(bits + 32)."""

    def __init__(self, document: Any) -> None:
        require(isinstance(document, dict) and set(document) == KEYS, "the entries are not those of a certificate")
        require(document["format"] == FORMAT and document["version"] == VERSION, "it is of another format or version")
        given = document["map"]
        require(isinstance(given, dict) and set(given) == MAP, "the map has other entries")
        slopes(given["activation"])
        require(all(isinstance(given[name], list) for name in "Wbc"), "a matrix of the map is no list")
        N, K = len(given["c"]), len(given["b"])
        require(N > 0 and K > 0 and isinstance(given["M"], list), "there are no units")
        inputs = len(given["M"][0]) if given["M"] and isinstance(given["M"][0], list) else 0
        self.activation = str(given["activation"])
        self.A, self.B = matrix(given["A"], N, N, "A"), matrix(given["B"], N, K, "B")
        self.W, self.M = matrix(given["W"], K, N, "W"), matrix(given["M"], K, inputs, "M")
        self.E = matrix(given["E"], N, inputs, "E")
        self.b, self.c = fractions(given["b"], K, "b"), fractions(given["c"], N, "c")
        require(isinstance(document["inputs"], list), "inputs are no list")
        self.x = [vector(row, inputs, "an input") for row in document["inputs"]]
        self.h0 = fractions(document["h0"], N, "h0")
        self.digits = whole(document["digits"], 1, 10_000, "digits")
        self.bits = whole(document["bits"], 1, MOST_BITS, "bits")
        self.weights = [dyadic(w, 0, "a weight") for w in listed(document["weights"], N, "weights")]
        self.q = Fraction(dyadic(document["q"], Q_BITS, "q"), 1 << Q_BITS)
        steps, fine = len(self.x), self.bits + ERROR_BITS
        self.rounding = [dyadic(r, fine, "a rounding bound") for r in listed(document["rounding"], steps, "rounding")]
        self.errors = [dyadic(e, fine, "an error") for e in listed(document["errors"], steps + 1, "errors")]
        rows = [listed(row, N, "a centre") for row in listed(document["centres"], steps + 1, "centres")]
        self.y = [[dyadic(entry, self.bits, "a centre") for entry in row] for row in rows]


def exp_of_minus(a: Fraction, bits: int) -> tuple[int, int]:
    """Bounds of e^-a, a >= 0: the series of e^y, y = a / 2^r <= 1/2 (what follows a term is at most that term), then
    the reciprocal and r squarings, each rounded outward to a multiple of 2^-bits."""
    r = (a.numerator // a.denominator).bit_length() + 1
    one, scale = 1 << bits, a.denominator << r
    low = (a.numerator << bits) // scale
    high, sums = low + 1, [one, one]
    below, above, n = one, one, 0
    while above > 1:
        n += 1
        below, above = below * low // (n << bits), -(-above * high // (n << bits))
        sums = [sums[0] + below, sums[1] + above]
    down, up = (one << bits) // (sums[1] + above), -(-(one << bits) // sums[0])
    for _ in range(r):
        down, up = down * down >> bits, -(-up * up >> bits)
    return down, up


@cache
def parsed(name: Any) -> tuple[str, list[Fraction]]:
    """A family of activations and its parameters."""
    family, _, inside = name.partition("(") if isinstance(name, str) else ("", "", "")
    require(family in USUAL, f"the activation {name!r} is not known")
    given = inside.removesuffix(")").split(",") if inside else []
    return family, [Fraction(text) for text in given + USUAL[family][len(given) :]]


def slopes(name: Any) -> tuple[Fraction, Fraction]:
    """m and r: every slope of s, and so every divided difference, is within r of m."""
    family, given = parsed(name)
    require(family != "elu" or given[0] > 0, "elu has a parameter that is not positive")
    require(family != "hardtanh" or given[0] < given[1], "hardtanh has its ends in the wrong order")
    a, zero, one = (*given, Fraction(0))[0], Fraction(0), Fraction(1)
    kinds = {"logistic": [zero, one / 4], "identity": [one], "leaky-relu": [a, one], "elu": [zero, a, one]}
    ends = kinds.get(family, [zero, one])
    return (max(ends) + min(ends)) / 2, (max(ends) - min(ends)) / 2


def activation(name: str, z: Fraction, bits: int) -> tuple[int, int]:
    """Bounds of s(z) in multiples of 2^-bits."""
    family, given = parsed(name)
    if family not in ("tanh", "logistic"):
        ends = [min(max(z, given[0]), given[1])] if family == "hardtanh" else [z]
        if z < 0 and family == "elu":  # a (e^z - 1); where e^z is below 2^-fine, the lower bound is -a
            fine = bits + 20 + int(given[0]).bit_length()
            ends = [given[0] * (Fraction(e, 1 << fine) - 1) for e in exp_of_minus(min(-z, Fraction(fine)), fine)]
            ends[0] = -given[0] if -z > fine else ends[0]
        elif z < 0 and family in ("relu", "leaky-relu"):
            ends = [(*given, 0)[0] * z]
        return floor(ends[0] * (1 << bits)), ceil(ends[-1] * (1 << bits))
    a, one = abs(z) * (2 if name == "tanh" else 1), 1 << bits
    if a > bits + 2:  # e^-a < 2^-(bits + 2): s is within one multiple of its limit
        down, up = one - 1, one
    else:
        fine = bits + (a.numerator // a.denominator).bit_length() + 20
        low, high = exp_of_minus(a, fine)
        top, least, most = 1 << fine, (1 << fine) + low, (1 << fine) + high
        if name == "tanh":  # (1 - e)/(1 + e) falls with e = exp(-2|z|)
            down, up = ((top - high) << bits) // most, -(-((top - low) << bits) // least)
        else:  # 1/(1 + e)
            down, up = (top << bits) // most, -(-(top << bits) // least)
    if z >= 0:
        return down, up
    return (-up, -down) if name == "tanh" else (one - up, one - down)


def dot(left: list[int], right: list[int]) -> int:
    """The exact product of two vectors."""
    return sum(map(mul, left, right))


def misfits(given: Certificate, k: int, bits: int) -> list[Fraction]:
    """Upper bounds of |Phi(y_k, x_k) - y_{k+1}|, unit by unit; s in multiples of 2^-bits."""
    y, (x, over) = given.y[k], given.x[k]
    (W, of_W), (M, of_M), (A, of_A), (B, of_B), (E, of_E) = given.W, given.M, given.A, given.B, given.E
    low, width = [], []
    for i, b in enumerate(given.b):
        z = Fraction(dot(W[i], y), of_W << given.bits) + Fraction(dot(M[i], x), of_M * over) + b
        down, up = activation(given.activation, z, bits)
        low.append(down)
        width.append(up - down)
    found = []
    for i, c in enumerate(given.c):
        rest = Fraction(dot(A[i], y), of_A << given.bits) + Fraction(dot(E[i], x), of_E * over) + c
        rest -= Fraction(given.y[k + 1][i], 1 << given.bits)
        least = dot(B[i], low) + dot([min(b, 0) for b in B[i]], width)
        most = dot(B[i], low) + dot([max(b, 0) for b in B[i]], width)
        found.append(max(abs(rest + Fraction(end, of_B << bits)) for end in (least, most)))
    return found


def check_constant(given: Certificate) -> None:
    """q is the largest (G w)_i / w_i, rounded up, for positive weights."""
    (W, of_W), (A, of_A), (B, of_B) = given.W, given.A, given.B
    require(all(w > 0 for w in given.weights), "a weight is not positive: that is no norm")
    (m, r), columns, over = slopes(given.activation), list(zip(*W, strict=True)), of_B * of_W
    largest = Fraction(0)
    for i, weight in enumerate(given.weights):
        total = Fraction(0)
        for j, column in enumerate(columns):
            a, through = Fraction(A[i][j], of_A), Fraction(dot(B[i], list(column)), over)
            sizes = Fraction(dot(list(map(abs, B[i])), list(map(abs, column))), over)
            total += given.weights[j] * (abs(a + m * through) + r * sizes)
        largest = max(largest, total / weight)
    require(given.q == Fraction(ceil(largest * (1 << Q_BITS)), 1 << Q_BITS), "q is not the constant of these weights")


def check(document: Any) -> str:
    """What a certificate proves; raises `Refused` where it does not."""
    given = Certificate(document)
    fine, weights = given.bits + ERROR_BITS, given.weights
    check_constant(given)
    off = max(abs(h - Fraction(y, 1 << given.bits)) / w for h, y, w in zip(given.h0, given.y[0], weights, strict=True))
    require(given.errors[0] == ceil(off * (1 << fine)), "the first error is not the distance of h0 from its centre")
    near = NEAREST / (1 << given.bits)
    require(all(abs(h - Fraction(y, 1 << given.bits)) <= near for h, y in zip(given.h0, given.y[0], strict=True)), FAR)
    bits = fine + SPARE_BITS + max(sum(map(abs, row)) // given.B[1] for row in given.B[0]).bit_length()
    for k, bound in enumerate(given.rounding):
        for i, size in enumerate(misfits(given, k, bits)):
            require(size <= near, f"step {k}, unit {i}: {FAR}")
            require(size * (1 << fine) <= bound * weights[i], f"step {k}, unit {i}: it is off by more than stated")
        next_error = ceil(given.q * given.errors[k] + bound)
        require(given.errors[k + 1] == next_error, f"step {k}: the next error is not q times this one and the rounding")
    goal = Fraction(1, 10**given.digits)
    for k, (centre, error) in enumerate(zip(given.y, given.errors, strict=True)):
        for y, w in zip(centre, weights, strict=True):
            radius = Fraction(w * error, 1 << fine)
            low = Fraction(abs(y), 1 << given.bits) - radius
            require(radius <= goal * max(Fraction(1), low), f"step {k}: the error exceeds 10^-{given.digits}")
    return f"{len(given.y)} states of {len(weights)} units to {given.digits} digits, q = {float(given.q):.6g}"


def read(text: str) -> Any:
    """The document in a file whose seal is intact."""
    content = json.loads(text)
    require(isinstance(content, dict), "it is no JSON object")
    stated, plain = content.pop("sha256", None), json.dumps(content, sort_keys=True, separators=(",", ":"))
    require(stated == hashlib.sha256(plain.encode()).hexdigest(), "the content is not what was sealed")
    return content


def main(names: list[str]) -> int:
    """Check the files named on the command line."""
    code = 0 if names else 2
    for name in names:
        try:
            print(f"{name}: accepted: {check(read(Path(name).read_text(encoding='ascii')))}")
        except (OSError, Refused, ValueError, OverflowError, RecursionError) as error:
            print(f"{name}: refused: {error}")
            code = max(code, 2 if isinstance(error, OSError) else 1)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
