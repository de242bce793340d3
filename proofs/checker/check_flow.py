"""Check the certificate of a flow with Python's integers and fractions, and nothing else.

    python check_flow.py FILE         exit code 0: accepted, 1: refused, 2: no file

    h' = F(h, x(t)) = A h + B s(W h + M x + b) + E x + c,     h(0) = h_0,     x linear in t on every piece

The file brings, for steps of length L in theta = (t - t_k)/L, polynomials p(theta) near h and V_j(theta) for s(z_j),
z = W p + M x + b. It claims |h - p(1)| <= e at the end of every step, |v| = max |v_i|/w_i. With the notation |u| =
sum |u_k| >= max |u| and int|u| = sum |u_k|/(k+1) >= int_0^1 |u|, for polynomials u on [0, 1], |s(z) - S| <= eps for

    tanh, logistic  S = V, eps = exp((1 + |V|) sum_{k>0} |z_k|) (|s(z(0)) - V(0)| + int|V' - f(V) z'|), f(s) = s'(z)
    silu            S = z V, eps = |z| eps_V, with V near the logistic function and its eps_V
    identity        S = V, eps = |z - V|

    d_i  =  int|D_i| + L sum_j |B_ij| eps_j,     D = p' - L (A p + B S + E x + c)
    e_0 = |h_0 - p(0)|,    e <- G e + max(1, G) max_i d_i/w_i,    G = e^{mu L}; the next p begins where this one ends

Proof. u = s(z) - V obeys u' = g z' u - r, g = -(s + V) or 1 - (s + V), |g| <= 1 + |V|: Gronwall. D - L B (s(z) - S) is
the defect of p, and mu >= the logarithmic norm of A + B diag(slopes) W for all slopes within r of m:

    mu >= C_ii + R_ii + sum_{j != i} (|C_ij| + R_ij) w_j/w_i,   C = A + m B W, R = r |B||W|

so e bounds the distance of h from p (G. Dahlquist, 1958). All is exact but s and exp, which are enclosed. Numbers that
could be larger without becoming false have to be the least: mu of 2^-64, d and e of 2^-(bits + 32).
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from fractions import Fraction
from itertools import pairwise, zip_longest
from math import ceil, floor, lcm
from operator import mul
from pathlib import Path
from typing import Any

FORMAT, VERSION = "rnn-oracle flow certificate", 1
STEP, PIECE, FIELD = {"length", "p", "s", "defects"}, {"from", "value", "slope"}, {"activation", *"ABWMEbc"}
KEYS = {"format", "version", "field", "inputs", "h0", "times", "digits", "bits", "weights", "mu", "errors", "steps"}
RANGES = {"tanh": "0 1", "logistic": "0 1/4", "silu": "-1/10 11/10", "identity": "1 1"}  # of slopes
FINE, MU_BITS, GROWTH_BITS, START_BITS, SPARE, MOST_BITS = 32, 64, 128, 64, 64, 1 << 20
DYADIC, RATIO = re.compile(r"(-?)0x([0-9a-f]+)p-([0-9]{1,7})"), re.compile(r"-?[0-9]+/[1-9][0-9]*")


class Refused(Exception):
    """What is wrong with a certificate."""


def require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Refused(otherwise)


def listed(value: Any, length: int | None, read: Any, *how: Any) -> list[Any]:
    """A list of a length (None: of any but 0), every entry read; the last argument of a reader is the name."""
    require(isinstance(value, list) and bool(value or length == 0), f"{how[-1]} is no list, or empty")
    require(length is None or len(value) == length, f"{how[-1]} is no list of {length}")
    return [read(entry, *how) for entry in value]


def dyadic(text: Any, bits: int, name: str) -> int:
    """A number such as -0x3fp-160, in multiples of 2^-bits; it has to be one."""
    found = DYADIC.fullmatch(text) if isinstance(text, str) else None
    require(found is not None, f"{name} is {text!r}, no number like -0x3fp-160")
    sign, digits, exponent = found.groups() if found else ("", "", "")
    require(abs(bits - int(exponent)) <= MOST_BITS, f"{name} is {text[:40]}, of an absurd size")
    value = int(sign + digits, 16) * Fraction(2) ** (bits - int(exponent))
    require(value.denominator == 1, f"{name} is no multiple of 2^-{bits}")
    return int(value)


def ratio(text: Any, name: str) -> Fraction:
    require(isinstance(text, str) and bool(RATIO.fullmatch(text)), f"{name} has the entry {text!r}, no p/q")
    return Fraction(text)


def matrix(value: Any, rows: int, columns: int, name: str) -> tuple[list[list[int]], int]:
    """Rows of ratios over one denominator."""
    entries = listed(value, rows, listed, columns, ratio, name)
    common = lcm(*(entry.denominator for row in entries for entry in row))
    return [[entry.numerator * (common // entry.denominator) for entry in row] for row in entries], common


def object_of(value: Any, keys: set[str], name: str) -> dict[str, Any]:
    require(isinstance(value, dict) and set(value) == keys, f"the entries of {name} are others")
    return dict(value)


class Certificate:
    """The content of a file, shapes checked; polynomials in multiples of 2^-bits, errors of 2^-(bits + FINE)."""

    def __init__(self, document: Any) -> None:
        document = object_of(document, KEYS, "the certificate")
        require(document["format"] == FORMAT and document["version"] == VERSION, "it is of another format or version")
        field = object_of(document["field"], FIELD, "the field")
        self.activation = field["activation"]
        require(self.activation in tuple(RANGES), f"the activation {self.activation!r} is not known")
        self.b, self.c = listed(field["b"], None, ratio, "b"), listed(field["c"], None, ratio, "c")
        N, K = len(self.c), len(self.b)
        inputs = len(rows[0]) if isinstance((rows := field["M"]), list) and rows and isinstance(rows[0], list) else 0
        self.A, self.B = matrix(field["A"], N, N, "A"), matrix(field["B"], N, K, "B")
        self.W, self.M = matrix(field["W"], K, N, "W"), matrix(field["M"], K, inputs, "M")
        self.E, self.h0 = matrix(field["E"], N, inputs, "E"), listed(document["h0"], N, ratio, "h0")
        pieces = listed(document["inputs"], None, object_of, PIECE, "inputs")
        self.starts = [ratio(each["from"], "a piece") for each in pieces]
        require(self.starts[0] == 0 and all(a < b for a, b in pairwise(self.starts)), "pieces are not in order from 0")
        self.values = [[listed(p[n], inputs, ratio, "an input") for n in ("value", "slope")] for p in pieces]
        self.times, self.digits = listed(document["times"], None, ratio, "times"), document["digits"]
        self.bits = document["bits"]
        for size, most in ((self.digits, 10_000), (self.bits, MOST_BITS)):
            require(type(size) is int and 1 <= size <= most, f"{size!r} digits or bits are not from 1 to {most}")
        self.weights, fine = listed(document["weights"], N, dyadic, 0, "weights"), self.bits + FINE
        self.mu = Fraction(dyadic(document["mu"], MU_BITS, "mu"), 1 << MU_BITS)
        steps = listed(document["steps"], None, object_of, STEP, "steps")
        self.errors = listed(document["errors"], len(steps) + 1, dyadic, fine, "errors")
        self.lengths = [ratio(step["length"], "a length") for step in steps]
        require(all(length > 0 for length in self.lengths), "a step is not forward")
        self.p = [listed(step["p"], N, listed, None, dyadic, self.bits, "a polynomial") for step in steps]
        self.V = [listed(step["s"], K, listed, None, dyadic, self.bits, "a polynomial") for step in steps]
        good = all(len(row) == len(rows[0]) > 1 for rows in self.p + self.V for row in rows)
        require(good, "a polynomial has no slope, or another length")
        self.defects = [listed(step["defects"], N, dyadic, fine, "defects") for step in steps]

    def input_at(self, start: Fraction, end: Fraction) -> tuple[list[Fraction], list[Fraction]]:
        """x(start) and x(end) - x(start), on one piece."""
        k = max(k for k, since in enumerate(self.starts) if since <= start)
        require(k + 1 == len(self.starts) or end <= self.starts[k + 1], f"a step crosses the break at {end}")
        value, slope = self.values[k]
        moved = [v + (start - self.starts[k]) * s for v, s in zip(value, slope, strict=True)]
        return moved, [(end - start) * s for s in slope]


def exp_of_minus(a: Fraction, bits: int) -> tuple[Fraction, Fraction]:
    """Bounds of e^-a = 1/(1 + a + a^2/2! + ..): what follows a term less than half of the one before is less."""
    one, n, low = 1 << bits, 0, floor(a * (1 << bits))
    if a == 0 or a > bits:
        return (Fraction(1), Fraction(1)) if a == 0 else (Fraction(0), Fraction(1, one))
    below, above, sums = one, one, [one, one]
    while above > 1 or n < 2 * a:
        n += 1
        below, above = below * low // (n << bits), -(-above * (low + 1) // (n << bits))
        sums = [sums[0] + below, sums[1] + above]
    return Fraction(one, sums[1] + above), Fraction(one, sums[0])


def exponential(x: Fraction) -> Fraction:
    """e^x rounded up to a multiple of 2^-GROWTH_BITS."""
    require(abs(x) < 1000, "an exponent is absurd")
    bounds = exp_of_minus(abs(x), GROWTH_BITS + 4 * int(abs(x)) + 2 * SPARE)
    down, up = (ceil((e if x <= 0 else 1 / e) * (1 << GROWTH_BITS)) for e in bounds)
    require(down == up, "e^x is too near a multiple of its last place")
    return Fraction(up, 1 << GROWTH_BITS)


def value(name: str, z: Fraction, bits: int) -> list[Fraction]:
    """Bounds of tanh z = (1 - e)/(1 + e), e = exp(-2|z|), and of the logistic 1/(1 + e)."""
    e = exp_of_minus(abs(z) * (2 if name == "tanh" else 1), bits + SPARE)
    values = [(1 - end) / (1 + end) if name == "tanh" else 1 / (1 + end) for end in e]
    return values if z >= 0 else [-v if name == "tanh" else 1 - v for v in values]


def distance(name: str, z: Fraction, V: Fraction, bits: int) -> Fraction:
    """|s(z) - V| rounded up to a multiple of 2^-bits."""
    sizes = [ceil(abs(end - V) * (1 << bits)) for end in value(name, z, bits)]
    require(abs(sizes[0] - sizes[1]) <= 1, "s(z) is not known to its last place")
    return Fraction(max(sizes), 1 << bits)


def dot(left: Any, right: Any) -> int:
    return sum(map(mul, left, right))


def product(u: Any, v: Any) -> list[Any]:
    """The coefficients of the product of two polynomials."""
    n, back = len(v), v[::-1]
    return [dot(u[max(0, k - n + 1) : k + 1], back[max(0, n - 1 - k) :]) for k in range(len(u) + n - 1)]


def size(u: Any) -> Fraction:  # |u|
    return sum(map(abs, u), Fraction(0))


def integral(u: list[Fraction]) -> Fraction:  # int|u|
    return size(c / (k + 1) for k, c in enumerate(u))


def squash_error(name: str, z: list[Fraction], V: list[int], bits: int) -> Fraction:
    """eps >= |s(z) - V| on [0, 1], s = tanh or the logistic function."""
    one, common = 1 << bits, lcm(*(c.denominator for c in z))
    moved = [k * c.numerator * (common // c.denominator) for k, c in enumerate(z)][1:]
    linear = zip_longest([one] if name == "tanh" else V, product(V, V), fillvalue=0)
    turned = product([(a << bits) - b for a, b in linear], moved)  # f(V) z'
    slopes = zip_longest([(k * c * common) << bits for k, c in enumerate(V)][1:], turned, fillvalue=0)
    r = integral([Fraction(a - b, common << 2 * bits) for a, b in slopes])
    exponent = ceil((1 + size(V) / one) * size(z[1:]) * (1 << GROWTH_BITS))
    first = distance(name, z[0], Fraction(V[0], one), bits + FINE + START_BITS)
    return exponential(Fraction(exponent, 1 << GROWTH_BITS)) * (first + r)


def output(name: str, z: list[Fraction], V: list[int], bits: int) -> tuple[list[Fraction], Fraction]:
    """S and eps."""
    S = [Fraction(c, 1 << bits) for c in V]
    if name == "identity":
        return S, size(a - b for a, b in zip_longest(z, S, fillvalue=Fraction(0)))
    eps = squash_error("tanh" if name == "tanh" else "logistic", z, V, bits)
    return (product(z, S), size(z) * eps) if name == "silu" else (S, eps)


def defects(given: Certificate, k: int, start: Fraction) -> list[int]:
    """d_i of step k in multiples of 2^-(bits + FINE)."""
    p, L, one = given.p[k], given.lengths[k], 1 << given.bits
    (A, of_A), (B, of_B), (E, of_E), (W, of_W), (M, of_M) = given.A, given.B, given.E, given.W, given.M
    (x, dx), states, made, found = given.input_at(start, start + L), list(zip(*p, strict=True)), [], list[int]()
    for j, b in enumerate(given.b):
        z = [Fraction(dot(W[j], column), of_W << given.bits) for column in states]
        z[0], z[1] = z[0] + dot(M[j], x) / Fraction(of_M) + b, z[1] + dot(M[j], dx) / Fraction(of_M)
        made.append(output(given.activation, z, given.V[k][j], given.bits))
    outputs, eps = list(zip_longest(*(S for S, _ in made), fillvalue=Fraction(0))), [error for _, error in made]
    for i, c in enumerate(given.c):
        drive = [dot(E[i], x) / Fraction(of_E) + c, dot(E[i], dx) / Fraction(of_E)]
        slopes, D = [(n * c) for n, c in enumerate(p[i])][1:], []
        for slope, h, s, u in zip_longest(slopes, states, outputs, drive, fillvalue=None):
            F = Fraction(dot(A[i], h or ()), of_A * one) + Fraction(dot(B[i], s or ())) / of_B + (u or 0)
            D.append(Fraction(slope or 0, one) - L * F)
        unseen = sum((abs(b) * e for b, e in zip(B[i], eps, strict=True)), Fraction(0)) / of_B
        found.append(ceil((integral(D) + L * unseen) * (one << FINE)))
    return found


def constant(given: Certificate) -> int:
    """The logarithmic norm in multiples of 2^-MU_BITS, rounded up."""
    (W, of_W), (A, of_A), (B, of_B), w = given.W, given.A, given.B, given.weights
    require(all(weight > 0 for weight in w), "a weight is not positive: that is no norm")
    low, high = map(Fraction, RANGES[given.activation].split())
    m, r, rows = (low + high) / 2, (high - low) / 2, [Fraction(0)] * len(w)
    for i, weight in enumerate(w):
        for j, column in enumerate(zip(*W, strict=True)):
            C = Fraction(A[i][j], of_A) + m * Fraction(dot(B[i], column), of_B * of_W)
            R = r * Fraction(dot(map(abs, B[i]), map(abs, column)), of_B * of_W)
            rows[i] += ((C if i == j else abs(C)) + R) * w[j] / weight
    return ceil(max(rows) * (1 << MU_BITS))


def check(document: Any) -> str:
    """What a certificate proves; raises `Refused` where it does not."""
    given = Certificate(document)
    one, fine, weights, t = 1 << given.bits, given.bits + FINE, given.weights, Fraction(0)
    require(given.mu * (1 << MU_BITS) == constant(given), "mu is not the constant of these weights")
    y = [row[0] for row in given.p[0]]
    off = [abs(h - Fraction(c, one)) for h, c in zip(given.h0, y, strict=True)]
    require(all(2 * size * one <= 1 for size in off), "the first centre is not the nearest one to h0")
    error = ceil(max(size / w for size, w in zip(off, weights, strict=True)) * (1 << fine))
    require(given.errors[0] == error, "the first error is not the distance of h0 from its centre")
    pending = list(given.times)
    for k, (p, L) in enumerate(zip(given.p, given.lengths, strict=True)):
        require(y == [row[0] for row in p], f"step {k} does not begin where the last one ended")
        for i, (found, stated) in enumerate(zip(defects(given, k, t), given.defects[k], strict=True)):
            require(found == stated, f"step {k}, unit {i}: the defect is another one")
        growth = exponential(given.mu * L)
        added = max(Fraction(d, w) for d, w in zip(given.defects[k], weights, strict=True))
        error = ceil(growth * error + max(growth, Fraction(1)) * added)
        require(given.errors[k + 1] == error, f"step {k}: the error is not what follows from the last one")
        t, y = t + L, [sum(row) for row in p]
        if pending and t >= pending[0]:
            require(t == pending.pop(0), f"no step ends at the time {float(t)}")
            for c, w in zip(y, weights, strict=True):
                radius = Fraction(w * error, 1 << fine)
                good = radius * 10**given.digits <= max(Fraction(1), Fraction(abs(c), one) - radius)
                require(good, f"at t = {float(t):.6g} the error exceeds 10^-{given.digits}")
    require(not pending and t == given.times[-1], "the steps do not end at the last time")
    size = f"{len(given.times)} states of {len(weights)} units to {given.digits} digits"
    return f"{size}, {len(given.p)} steps until t = {float(t):.6g}, mu = {float(given.mu):.6g}"


def read(text: str) -> Any:
    """The document in a file whose seal is intact."""
    content = json.loads(text)
    require(isinstance(content, dict), "it is no JSON object")
    stated, plain = content.pop("sha256", None), json.dumps(content, sort_keys=True, separators=(",", ":"))
    require(stated == hashlib.sha256(plain.encode()).hexdigest(), "the content is not what was sealed")
    return content


def main(names: list[str]) -> int:
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
