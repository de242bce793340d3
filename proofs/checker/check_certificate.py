"""Check the certificate of a recurrence's trajectory with Python's integers and fractions, and nothing else.

    python check_certificate.py FILE         exit code 0: accepted, 1: refused, 2: no file

    h_{k+1} = Phi(h_k, x_k) = A h_k + B s(W h_k + M x_k + b) + E x_k + c

The file states the map, the inputs, h_0, centres y_k and errors e_k; it claims |h_k - y_k| <= e_k for every k, in the
norm |v| = max_i |v_i| / w_i. That is so if, with slopes of s in [m - r, m + r],

    w_i > 0   and   sum_j G_ij w_j <= q w_i,      G = |A + m B W| + r |B| |W|
    |h_0 - y_0| <= e_0,      |Phi(y_k, x_k) - y_{k+1}| <= r_k,      q e_k + r_k <= e_{k+1}

Proof: Phi(h, x) - Phi(y, x) = (A + B D W)(h - y) with D diagonal, |D - m| <= r (mean value theorem, unit by unit),
and |A + B D W| <= G entry by entry; so |Phi(h, x) - Phi(y, x)| <= q |h - y|, and the rest is the triangle inequality.
The last claim, w_i e_k <= 10^-digits max(1, |h_ki|), follows from |h_ki| >= |y_ki| - w_i e_k. What could be altered
without becoming false has to be the least (q, errors) or the nearest (centres) number of its kind.

s is exact where it is linear, and enclosed by power series elsewhere (`Fixed`). silu' = 1/2 + t/2 + z (1 - t^2)/4,
t = tanh(z/2), is extreme where z t = 2, and 1/2 + 1/(2t) < 11/10 there, as t > 5/6 (ln 11 < 12/5); silu'(-z) = 1 -
silu'(z). gelu' = Phi + z phi is extreme where z^2 = 2. The slopes of gelu-tanh are bounded by balls, in the tests.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from fractions import Fraction
from functools import cache
from math import ceil, floor, isqrt, lcm
from operator import mul
from pathlib import Path
from typing import Any

FORMAT, VERSION = "rnn-oracle certificate", 1
KEYS = {"format", "version", "map", "inputs", "h0", "digits", "bits", "weights", "q", "rounding", "errors", "centres"}
USUAL = {"leaky-relu": ["1/100"], "hardtanh": ["-1", "1"], "elu": ["1"], "softplus": ["inf", "1"]}  # not written
SLOPES = {"silu": "-1/10 11/10", "gelu": "-13/100 113/100", "gelu-tanh": "-13/100 113/100", "erf": "0 113/100"}
SLOPES |= {"sin": "-1 1", "logistic": "0 1/4", "identity": "1 1", "leaky-relu": "1 1"}
SLOPES |= dict.fromkeys(["tanh", "arctan", "relu", "hardtanh", "elu", "softplus"], "0 1")
ERROR_BITS, Q_BITS, SPARE_BITS, MOST_BITS = 32, 64, 64, 1 << 20  # errors are of 2^-(bits + 32), s 2^64 times finer
NEAREST = Fraction(1, 2) + Fraction(1, 1 << 16)  # a centre is off by half a unit, and by what an enclosure is wide
DYADIC, RATIO = re.compile(r"(-?)0x([0-9a-f]+)p-([0-9]{1,7})"), re.compile(r"-?[0-9]+/[1-9][0-9]*")
Ends = tuple[int, int]  # bounds of a number, in multiples of 2^-bits


class Refused(Exception):
    """What is wrong with a certificate."""


def require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Refused(otherwise)


def ratio(text: Any, name: str) -> Fraction:
    """A number such as -3/8."""
    require(isinstance(text, str) and bool(RATIO.fullmatch(text)), f"{name} has the entry {text!r}, no p/q")
    return Fraction(text)


def dyadic(text: Any, bits: int, name: str) -> int:
    """A number such as -0x3fp-160, in multiples of 2^-bits; it has to be one."""
    found = DYADIC.fullmatch(text) if isinstance(text, str) else None
    require(found is not None, f"{name} is {text!r}, no number like -0x3fp-160")
    sign, digits, exponent = found.groups()  # type: ignore[union-attr]
    require(abs(bits - int(exponent)) <= MOST_BITS, f"{name} is {text[:40]}, of an absurd size")
    value = int(sign + digits, 16) * Fraction(2) ** (bits - int(exponent))
    require(value.denominator == 1, f"{name} is no multiple of 2^-{bits}")
    return int(value)


def listed(value: Any, length: int, read: Any, *how: Any) -> list[Any]:
    """A list of a length, every entry read; the last argument of a reader is the name."""
    require(isinstance(value, list) and len(value) == length, f"{how[-1]} is no list of {length}")
    return [read(entry, *how) for entry in value]


def matrix(value: Any, rows: int, columns: int, name: str) -> tuple[list[list[int]], int]:
    """Rows of ratios over one denominator."""
    entries = listed(value, rows, listed, columns, ratio, name)
    common = lcm(*(entry.denominator for row in entries for entry in row))
    return [[entry.numerator * (common // entry.denominator) for entry in row] for row in entries], common


class Certificate:
    """The content of a file, its shapes checked; centres in multiples of 2^-bits, errors of 2^-(bits + 32)."""

    def __init__(self, document: Any) -> None:
        require(isinstance(document, dict) and set(document) == KEYS, "the entries are not those of a certificate")
        require(document["format"] == FORMAT and document["version"] == VERSION, "it is of another format or version")
        given = document["map"]
        require(isinstance(given, dict) and set(given) == {"activation", *"ABWMEbc"}, "the map has other entries")
        lists = document["inputs"], *(given[name] for name in "MbcW")
        require(all(isinstance(each, list) for each in lists) and all(lists[1:]), "there are no units")
        steps, K, N = len(lists[0]), len(given["b"]), len(given["c"])
        inputs = len(given["M"][0]) if isinstance(given["M"][0], list) else 0
        self.activation = parsed(given["activation"])
        self.A, self.B = matrix(given["A"], N, N, "A"), matrix(given["B"], N, K, "B")
        self.W, self.M = matrix(given["W"], K, N, "W"), matrix(given["M"], K, inputs, "M")
        self.E, self.x = matrix(given["E"], N, inputs, "E"), matrix(document["inputs"], steps, inputs, "inputs")
        self.b, self.c = listed(given["b"], K, ratio, "b"), listed(given["c"], N, ratio, "c")
        self.h0, self.digits, self.bits = listed(document["h0"], N, ratio, "h0"), document["digits"], document["bits"]
        for size, most, name in ((self.digits, 10_000, "digits"), (self.bits, MOST_BITS, "bits")):
            require(type(size) is int and 1 <= size <= most, f"{name} is {size!r}, not from 1 to {most}")
        self.weights, fine = listed(document["weights"], N, dyadic, 0, "weights"), self.bits + ERROR_BITS
        self.q = Fraction(dyadic(document["q"], Q_BITS, "q"), 1 << Q_BITS)
        self.rounding = listed(document["rounding"], steps, dyadic, fine, "rounding")
        self.errors = listed(document["errors"], steps + 1, dyadic, fine, "errors")
        self.y = listed(document["centres"], steps + 1, listed, N, dyadic, self.bits, "a centre")


class Fixed:
    """Bounds in multiples of 2^-bits, everything rounded outward; functions are of a rational z >= 0."""

    def __init__(self, bits: int) -> None:
        self.bits, self.one = bits, 1 << bits

    def of(self, z: Fraction) -> Ends:
        return floor(z * self.one), ceil(z * self.one)

    def times(self, u: Ends, v: Ends) -> Ends:
        products = [a * b for a in u for b in v]
        return min(products) >> self.bits, -(-max(products) >> self.bits)

    def over(self, u: Ends, v: Ends) -> Ends:
        return (u[0] << self.bits) // v[1], -(-(u[1] << self.bits) // v[0])

    def root(self, u: Ends) -> Ends:
        return isqrt(u[0] << self.bits), isqrt(u[1] << self.bits) + 1

    def series(self, first: Ends, x: Ends, factor: Any = lambda k: (2 * k - 1, 2 * k + 1), since: Any = 0) -> Ends:
        """Terms, the k-th x a/b times the one before, at most half of it for k > since: a unit leaves less than one."""
        term, found, k = first, first, 0
        while k < since or max(-term[0], term[1]) > 1:
            k += 1
            (low, high), (a, b) = self.times(term, x), factor(k)
            term = a * low // b, -(-a * high // b)
            found = found[0] + term[0], found[1] + term[1]
        return found[0] - 1, found[1] + 1

    def exp_of_minus(self, z: Fraction) -> Ends:
        one = self.one, self.one  # 1 / (1 + z + z^2/2! + ..)
        return self.over(one, self.series(one, self.of(z), lambda k: (1, k), 2 * z)) if z <= self.bits else (0, 1)

    def arctan(self, z: Fraction) -> Ends:
        """Twice arctan(t/(1 + sqrt(1 + t^2))), three times."""
        t, one = self.of(z), self.one
        for _ in range(3):
            low, high = isqrt(one * one + t[0] * t[0]) + 1, isqrt(one * one + t[1] * t[1])
            t = (t[0] << self.bits) // (one + low), -(-(t[1] << self.bits) // (one + high))
        least, most = self.times(t, t)
        low, high = self.series(t, (-most, -least))  # t - t^3/3 + ..
        return 8 * low, 8 * high

    def sin(self, z: Fraction) -> Ends:
        """The series about the nearest multiple of 2 pi = 8 arctan 1."""
        (low, high), (a, b) = self.arctan(Fraction(1)), self.of(z)
        n = (a + 4 * low) // (8 * low)
        y = a - 8 * n * high, b - 8 * n * low
        least, most = self.times(y, y)
        return self.series(y, (-most, -least), lambda k: (1, 2 * k * (2 * k + 1)), 3)

    def erf(self, z: Fraction, d: int = 1) -> Ends:
        """erf(z/sqrt d) = z/sqrt(d pi/4) e^{-y/2} (1 + y/3 + y^2/(3 5) + ..), y = 2 z^2/d; 1 - erf <= e^{-y/2}."""
        y, one, (low, high) = 2 * z * z / d, (self.one, self.one), self.arctan(Fraction(1))
        if y > self.bits:
            return self.one - 1, self.one
        total = self.times(self.series(one, self.of(y), lambda k: (1, 2 * k + 1), y), self.exp_of_minus(y / 2))
        return self.over(self.times(self.of(z), total), self.root((d * low, d * high)))

    def value(self, family: str, z: Fraction) -> Ends:
        """s(z), z of any sign; tanh(z/2); of elu e^-|z| - 1."""
        one, size = self.one, abs(z)
        if family in ("erf", "gelu", "sin", "arctan"):
            low, high = self.erf(size, 2) if family == "gelu" else getattr(self, family)(size)
            low, high = (low, high) if z >= 0 else (-high, -low)
            return self.times(self.of(z / 2), (one + low, one + high)) if family == "gelu" else (low, high)
        if family in ("elu", "softplus"):  # log(1 + e^z) = max(0, z) + 2 artanh(e/(2 + e)), e = e^-|z|
            e, (least, most) = self.exp_of_minus(size), self.of(max(z, Fraction(0)))
            t = self.over(e, (2 * one + e[0], 2 * one + e[1]))
            logs = self.series(t, self.times(t, t))  # t + t^3/3 + ..
            return (e[0] - one, e[1] - one) if family == "elu" else (least + 2 * logs[0], most + 2 * logs[1])
        scale, cubic = (one, one), size + Fraction(44715, 10**6) * size**3
        if family == "gelu-tanh":
            scale, size = self.root(self.over((2 * one, 2 * one), self.arctan(Fraction(1)))), cubic  # sqrt(8/pi)
        e = [self.exp_of_minus(size * Fraction(end, one)) for end in sorted(set(scale))]
        low, high = self.over((one, one), (one + e[-1][0], one + e[0][1]))
        low, high = (low, high) if z >= 0 else (one - high, one - low)
        ends = {"tanh": (2 * low - one, 2 * high - one), "logistic": (low, high)}
        return ends.get(family) or self.times(self.of(z), (low, high))


@cache
def parsed(name: Any) -> tuple[str, list[Any], Fraction, Fraction]:
    """A family of activations, its parameters (None: infinite), m and r: every slope of s is within r of m."""
    family, _, inside = name.partition("(") if isinstance(name, str) else ("", "", "")
    require(family in SLOPES, f"the activation {name!r} is not known")
    written, usual = inside.removesuffix(")").split(",") if inside else [], USUAL.get(family, [])
    given = [None if text == "inf" else Fraction(text) for text in written + usual[len(written) :]]
    require(family != "softplus" or given[0] is None, "softplus jumps at its threshold")
    require(family not in ("elu", "softplus") or given[-1] > 0, f"{family} has a parameter that is not positive")
    ends = [*map(Fraction, SLOPES[family].split()), *(given if family in ("leaky-relu", "elu") else [])]
    return family, given, (max(ends) + min(ends)) / 2, (max(ends) - min(ends)) / 2


def activation(family: str, given: list[Any], z: Fraction, bits: int) -> Ends:
    """Bounds of s(z) in multiples of 2^-bits."""
    if family in ("identity", "hardtanh", "relu", "leaky-relu") or (family == "elu" and z >= 0):
        kept = min(max(z, given[0]), given[1]) if family == "hardtanh" else z
        return Fixed(bits).of(kept * ((*given, 0)[0] if family in ("relu", "leaky-relu") and z < 0 else 1))
    factor = 1 / given[1] if family == "softplus" else given[0] if given else Fraction(1)
    z = z / factor if family == "softplus" else 2 * z if family == "tanh" else z
    spare = 32 + 4 * int(z).bit_length() + int(factor).bit_length() + int(min(2 * z * z, 4 * bits))  # see `erf`
    low, high = Fixed(bits + spare).value(family, z)
    return floor(factor * low / (1 << spare)), ceil(factor * high / (1 << spare))


def dot(left: Any, right: Any) -> int:
    return sum(map(mul, left, right))


def misfits(given: Certificate, k: int, bits: int) -> list[Fraction]:
    """Upper bounds of |Phi(y_k, x_k) - y_{k+1}|, unit by unit; s in multiples of 2^-bits."""
    y, x, of_x, one = given.y[k], given.x[0][k], given.x[1], 1 << given.bits
    (W, of_W), (M, of_M), (A, of_A), (B, of_B), (E, of_E) = given.W, given.M, given.A, given.B, given.E
    s, found = list[Ends](), list[Fraction]()
    for w, m, b in zip(W, M, given.b, strict=True):
        z = Fraction(dot(w, y), of_W * one) + Fraction(dot(m, x), of_M * of_x) + b
        s.append(activation(*given.activation[:2], z, bits))
    for a, e, b, c, after in zip(A, E, B, given.c, given.y[k + 1], strict=True):
        rest = Fraction(dot(a, y), of_A * one) + Fraction(dot(e, x), of_E * of_x) + c - Fraction(after, one)
        sums = (sum(w * ends[(w > 0) == upper] for w, ends in zip(b, s, strict=True)) for upper in (True, False))
        found.append(max(abs(rest + Fraction(total, of_B << bits)) for total in sums))
    return found


def constant(given: Certificate) -> Fraction:
    """The largest (G w)_i / w_i, rounded up."""
    (W, of_W), (A, of_A), (B, of_B), w = given.W, given.A, given.B, given.weights
    require(all(weight > 0 for weight in w), "a weight is not positive: that is no norm")
    (*_, m, r), columns, rows = given.activation, list(zip(*W, strict=True)), list[Fraction]()
    for a, b in zip(A, B, strict=True):
        total = Fraction(0)
        for u, column, weight in zip(a, columns, w, strict=True):
            through, size = dot(b, column), dot(map(abs, b), map(abs, column))
            total += weight * (abs(Fraction(u, of_A) + m * through / (of_B * of_W)) + r * size / (of_B * of_W))
        rows.append(total / w[len(rows)])
    return Fraction(ceil(max(rows) * (1 << Q_BITS)), 1 << Q_BITS)


def check(document: Any) -> str:
    """What a certificate proves; raises `Refused` where it does not."""
    given = Certificate(document)
    one, fine, weights = 1 << given.bits, given.bits + ERROR_BITS, given.weights
    require(given.q == constant(given), "q is not the constant of these weights")
    near, off = NEAREST / one, [abs(h - Fraction(y, one)) for h, y in zip(given.h0, given.y[0], strict=True)]
    first = max(size / w for size, w in zip(off, weights, strict=True))
    require(given.errors[0] == ceil(first * (1 << fine)), "the first error is not the distance of h0 from its centre")
    require(max(off) <= near, "the first centre is not the nearest one")
    bits = fine + SPARE_BITS + max(sum(map(abs, row)) // given.B[1] for row in given.B[0]).bit_length()
    for k, bound in enumerate(given.rounding):
        for i, size in enumerate(misfits(given, k, bits)):
            require(size <= near, f"step {k}, unit {i}: the centre is not the nearest one")
            require(size * (1 << fine) <= bound * weights[i], f"step {k}, unit {i}: it is off by more than stated")
        next_error = ceil(given.q * given.errors[k] + bound)
        require(given.errors[k + 1] == next_error, f"step {k}: the next error is not q times this one and the rounding")
    for k, (centre, error) in enumerate(zip(given.y, given.errors, strict=True)):
        for y, w in zip(centre, weights, strict=True):
            radius = Fraction(w * error, 1 << fine)
            good = radius * 10**given.digits <= max(Fraction(1), Fraction(abs(y), one) - radius)
            require(good, f"step {k}: the error exceeds 10^-{given.digits}")
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
