"""Check the certificate of a flow with Python's integers and fractions, and nothing else.

    python check_flow.py FILE         exit code 0: accepted, 1: refused, 2: no file

    h' = F(h, x(t)) = A h + B s(W h + M x + b) + E x + c,     h(0) = h_0,     x linear in t on every piece

The file brings, for steps of length L in theta = (t - t_k)/L, polynomials p(theta) near h and S_j(theta) near
s(z_j(theta)), z = W p + M x + b. It claims |h - p(1)| <= e at the end of every step, |v| = max |v_i|/w_i. With the
notation |u| = sum |u_k| >= max |u| and int|u| = sum |u_k|/(k+1) >= int_0^1 |u|, for polynomials u on [0, 1]:

    S' - f(S) z' = r        f(s) = s'(z): 1 - s^2 for tanh, s - s^2 for logistic
    |s(z) - S| <= eps  :=   exp((1 + |S|) sum_{k>0} |z_k|) (|s(z(0)) - S(0)| + int|r|)       (identity: S = z, eps = 0)
    d_i  =  int|D_i| + L sum_j |B_ij| eps_j,     D = p' - L (A p + B S + E x + c)
    e_0 = |h_0 - p(0)|,    e <- G e + max(1, G) max_i d_i/w_i,    G = e^{mu L}; the next p begins where this one ends

Proof. u = s(z) - S obeys u' = g z' u - r, g = -(s + S) or 1 - (s + S), |g| <= 1 + |S|: Gronwall. D - L B u is the
defect of p, and mu >= the logarithmic norm of A + B diag(slopes in [0, m]) W, whatever the slopes, m = sup s':

    mu >= C_ii + R_ii + sum_{j != i} (|C_ij| + R_ij) w_j/w_i,   C = A + m/2 B W, R = m/2 |B||W|  (identity: A + B W, 0)

so e bounds the distance of h from p (G. Dahlquist, 1958). Everything is exact but s and exp, which are enclosed; what
is read and exp are those of check_certificate.py beside this file. Numbers that could be larger without becoming false
have to be the least: mu of 2^-64, d and e of 2^-(bits + 32).
"""

from __future__ import annotations

import sys
from fractions import Fraction
from itertools import pairwise
from math import lcm
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from check_certificate import dot, dyadic, exp_of_minus, fractions, listed, main, matrix, require, upward, whole

FORMAT, VERSION = "rnn-oracle flow certificate", 1
STEP = {"length", "p", "s", "defects"}
KEYS = {"format", "version", "field", "inputs", "h0", "times", "digits", "bits", "weights", "mu", "errors", "steps"}
FIELD = {"activation", "A", "B", "W", "M", "b", "E", "c"}
STEEPEST = {"tanh": Fraction(1), "logistic": Fraction(1, 4), "identity": Fraction(1)}  # of the real line
FINE, MU_BITS, GROWTH_BITS, START_BITS, SPARE = 32, 64, 128, 64, 64
MOST_BITS = 1 << 20


# ---------------------------------------------------------------------------------------------------- reading


def ratio(value: Any, name: str) -> Fraction:
    """A ratio p/q."""
    return fractions([value], 1, name)[0]


def every(value: Any, name: str) -> list[Any]:
    """A list of any length but 0."""
    require(isinstance(value, list) and bool(value), f"{name} is no list, or empty")
    return list(value)


def object_of(value: Any, keys: set[str], name: str) -> dict[str, Any]:
    """An object with these entries."""
    require(isinstance(value, dict) and set(value) == keys, f"the entries of {name} are others")
    return dict(value)


class Certificate:
    """The content of a file, its shapes checked; polynomials in multiples of 2^-bits, errors of 2^-(bits + FINE)."""

    def __init__(self, document: Any) -> None:
        document = object_of(document, KEYS, "the certificate")
        require(document["format"] == FORMAT and document["version"] == VERSION, "it is of another format or version")
        field = object_of(document["field"], FIELD, "the field")
        require(field["activation"] in tuple(STEEPEST), f"the activation {field['activation']!r} is not known")
        N, K = len(every(field["c"], "c")), len(every(field["b"], "b"))
        inputs = len(rows[0]) if isinstance((rows := listed(field["M"], K, "M"))[0], list) else 0
        self.activation = str(field["activation"])
        self.A, self.B = matrix(field["A"], N, N, "A"), matrix(field["B"], N, K, "B")
        self.W, self.M = matrix(field["W"], K, N, "W"), matrix(field["M"], K, inputs, "M")
        self.E = matrix(field["E"], N, inputs, "E")
        self.b, self.c = fractions(field["b"], K, "b"), fractions(field["c"], N, "c")
        self.pieces = [
            object_of(each, {"from", "value", "slope"}, "a piece") for each in every(document["inputs"], "inputs")
        ]
        self.starts = [ratio(each["from"], "a piece") for each in self.pieces]
        require(self.starts[0] == 0, "the input does not begin at 0")
        require(all(a < b for a, b in pairwise(self.starts)), "pieces are not in order")
        self.values = [[fractions(p[n], inputs, "an input") for n in ("value", "slope")] for p in self.pieces]
        self.h0 = fractions(document["h0"], N, "h0")
        self.times = [ratio(t, "a time") for t in every(document["times"], "times")]
        self.digits = whole(document["digits"], 1, 10_000, "digits")
        self.bits = whole(document["bits"], 1, MOST_BITS, "bits")
        self.weights = [dyadic(w, 0, "a weight") for w in listed(document["weights"], N, "weights")]
        self.mu = Fraction(dyadic(document["mu"], MU_BITS, "mu"), 1 << MU_BITS)
        steps = [object_of(s, STEP, "a step") for s in every(document["steps"], "steps")]
        fine = self.bits + FINE
        self.errors = [dyadic(e, fine, "an error") for e in listed(document["errors"], len(steps) + 1, "errors")]
        self.lengths = [ratio(s["length"], "a length") for s in steps]
        require(all(length > 0 for length in self.lengths), "a step is not forward")
        self.p, self.S = [self._rows(s["p"], N) for s in steps], [self._rows(s["s"], K) for s in steps]
        self.defects = [[dyadic(d, fine, "a defect") for d in listed(s["defects"], N, "defects")] for s in steps]

    def _rows(self, value: Any, rows: int) -> list[list[int]]:
        """One polynomial per row, of one length, at least 2."""
        given = listed(value, rows, "a polynomial")
        length = len(every(given[0], "a polynomial"))
        require(length >= 2, "a polynomial has no slope")
        return [[dyadic(c, self.bits, "a coefficient") for c in listed(r, length, "a polynomial")] for r in given]

    def input_at(self, start: Fraction, end: Fraction) -> tuple[list[Fraction], list[Fraction]]:
        """x(start) and x(end) - x(start), on one piece."""
        k = max(k for k, since in enumerate(self.starts) if since <= start)
        require(k + 1 == len(self.starts) or end <= self.starts[k + 1], f"a step crosses the break at {end}")
        value, slope = self.values[k]
        moved = [v + (start - self.starts[k]) * s for v, s in zip(value, slope, strict=True)]
        return moved, [(end - start) * s for s in slope]


# ---------------------------------------------------------------------------------------------------- exp and s


def exponential(x: Fraction, bits: int) -> Fraction:
    """e^x rounded up to a multiple of 2^-bits."""
    require(abs(x) < 1000, "an exponent is absurd")
    if not x:
        return Fraction(1)
    fine = bits + 4 * int(abs(x)) + 2 * SPARE
    bounds = [Fraction(end, 1 << fine) for end in exp_of_minus(abs(x), fine)]
    down, up = (upward((e if x < 0 else 1 / e) * (1 << bits)) for e in (bounds if x < 0 else bounds[::-1]))
    require(down == up, "e^x is too near a multiple of its last place")
    return Fraction(up, 1 << bits)


def distance(name: str, z: Fraction, S: Fraction, bits: int) -> Fraction:
    """|s(z) - S| rounded up to a multiple of 2^-bits: tanh z = (1 - e)/(1 + e), e = exp(-2|z|), logistic 1/(1 + e)."""
    if not z:
        return Fraction(upward(abs((0 if name == "tanh" else Fraction(1, 2)) - S) * (1 << bits)), 1 << bits)
    fine, a = bits + SPARE, abs(z) * (2 if name == "tanh" else 1)
    ends = [Fraction(e, 1 << fine) for e in (exp_of_minus(a, fine) if a <= fine else (0, 1))]
    ends = [(1 - e) / (1 + e) if name == "tanh" else 1 / (1 + e) for e in ends]
    if z < 0:
        ends = [-end if name == "tanh" else 1 - end for end in ends]
    sizes = [upward(abs(end - S) * (1 << bits)) for end in ends]
    require(abs(sizes[0] - sizes[1]) <= 1, "s(z) is not known to its last place")
    return Fraction(max(sizes), 1 << bits)


# ---------------------------------------------------------------------------------------------------- the checks


def product(u: list[int], v: list[int]) -> list[int]:
    """The coefficients of the product of two polynomials."""
    n, back = len(v), v[::-1]
    return [dot(u[max(0, k - n + 1) : k + 1], back[max(0, n - 1 - k) :]) for k in range(len(u) + n - 1)]


def integral(u: list[Fraction]) -> Fraction:
    """int|u|."""
    return sum((abs(c) / (k + 1) for k, c in enumerate(u)), Fraction(0))


def entry(u: list[Any], k: int) -> Any:
    """Coefficient k, 0 beyond the degree."""
    return u[k] if k < len(u) else 0


def argument(given: Certificate, j: int, p: list[list[int]], x: list[Fraction], dx: list[Fraction]) -> list[Fraction]:
    """The coefficients of z_j = W p + M x + b."""
    (W, of_W), (M, of_M) = given.W, given.M
    z = [Fraction(dot(W[j], column), of_W << given.bits) for column in zip(*p, strict=True)]
    return [z[0] + dot(M[j], x) / Fraction(of_M) + given.b[j], z[1] + dot(M[j], dx) / Fraction(of_M), *z[2:]]


def activation_error(name: str, z: list[Fraction], S: list[int], bits: int) -> Fraction:
    """eps >= |s(z) - S| on [0, 1]."""
    one, common = 1 << bits, lcm(*(c.denominator for c in z))
    if name == "identity":
        terms = range(max(len(z), len(S)))
        return sum((abs(entry(z, k) - Fraction(entry(S, k), one)) for k in terms), Fraction(0))
    moved = [k * c.numerator * (common // c.denominator) for k, c in enumerate(z)][1:]
    slope = [-c for c in product(S, S)]
    for k, c in enumerate([one] if name == "tanh" else S):
        slope[k] += c << bits
    rest = [-c for c in product(slope, moved)]
    for k, c in enumerate(S[1:], 1):
        rest[k - 1] += (k * c * common) << bits
    r = integral([Fraction(c, common << 2 * bits) for c in rest])
    exponent = (1 + Fraction(sum(map(abs, S)), one)) * sum(map(abs, z[1:]))
    exponent = Fraction(upward(exponent * (1 << GROWTH_BITS)), 1 << GROWTH_BITS)
    first = distance(name, z[0], Fraction(S[0], one), bits + FINE + START_BITS)
    return exponential(exponent, GROWTH_BITS) * (first + r)


def defects(given: Certificate, k: int, start: Fraction) -> list[int]:
    """d_i of step k in multiples of 2^-(bits + FINE)."""
    p, S, L, one = given.p[k], given.S[k], given.lengths[k], 1 << given.bits
    (A, of_A), (B, of_B), (E, of_E) = given.A, given.B, given.E
    x, dx = given.input_at(start, start + L)
    zs = [argument(given, j, p, x, dx) for j in range(len(S))]
    eps = [activation_error(given.activation, z, s, given.bits) for z, s in zip(zs, S, strict=True)]
    states, outputs, found = list(zip(*p, strict=True)), list(zip(*S, strict=True)), []
    for i, c in enumerate(given.c):
        drive = [dot(E[i], x) / Fraction(of_E) + c, dot(E[i], dx) / Fraction(of_E)]
        D = []
        for n in range(max(len(states), len(outputs))):
            F = Fraction(dot(A[i], entry(states, n) or ()), of_A * one) + entry(drive, n)
            F += Fraction(dot(B[i], entry(outputs, n) or ()), of_B * one)
            D.append(Fraction((n + 1) * entry(p[i], n + 1), one) - L * F)
        unseen = sum((abs(b) * e for b, e in zip(B[i], eps, strict=True)), Fraction(0)) / of_B
        found.append(upward((integral(D) + L * unseen) * (one << FINE)))
    return found


def constant(given: Certificate) -> int:
    """The logarithmic norm in multiples of 2^-MU_BITS, rounded up."""
    (W, of_W), (A, of_A), (B, of_B) = given.W, given.A, given.B
    w, half, rows = given.weights, STEEPEST[given.activation] / 2, []
    require(all(weight > 0 for weight in w), "a weight is not positive: that is no norm")
    for i, weight in enumerate(w):
        total = Fraction(0)
        for j, column in enumerate(zip(*W, strict=True)):
            BW = Fraction(dot(B[i], column), of_B * of_W)
            R = half * Fraction(dot(map(abs, B[i]), map(abs, column)), of_B * of_W)
            C = Fraction(A[i][j], of_A) + half * BW
            if given.activation == "identity":
                C, R = C + half * BW, Fraction(0)
            total += ((C if i == j else abs(C)) + R) * w[j]
        rows.append(total / weight)
    return upward(max(rows) * (1 << MU_BITS))


def check(document: Any) -> str:
    """What a certificate proves; raises `Refused` where it does not."""
    given = Certificate(document)
    one, fine, weights, t = 1 << given.bits, given.bits + FINE, given.weights, Fraction(0)
    require(given.mu * (1 << MU_BITS) == constant(given), "mu is not the constant of these weights")
    y = [row[0] for row in given.p[0]]
    off = [abs(h - Fraction(c, one)) for h, c in zip(given.h0, y, strict=True)]
    require(all(2 * size * one <= 1 for size in off), "the first centre is not the nearest one to h0")
    error = upward(max(size / w for size, w in zip(off, weights, strict=True)) * (1 << fine))
    require(given.errors[0] == error, "the first error is not the distance of h0 from its centre")
    pending, goal = list(given.times), Fraction(1, 10**given.digits)
    for k, (p, L) in enumerate(zip(given.p, given.lengths, strict=True)):
        require(y == [row[0] for row in p], f"step {k} does not begin where the last one ended")
        for i, (found, stated) in enumerate(zip(defects(given, k, t), given.defects[k], strict=True)):
            require(found == stated, f"step {k}, unit {i}: the defect is another one")
        growth = exponential(given.mu * L, GROWTH_BITS)
        added = max(Fraction(d, w) for d, w in zip(given.defects[k], weights, strict=True))
        error = upward(growth * error + max(growth, Fraction(1)) * added)
        require(given.errors[k + 1] == error, f"step {k}: the error is not what follows from the last one")
        t, y = t + L, [sum(row) for row in p]
        if pending and t >= pending[0]:
            require(t == pending.pop(0), f"no step ends at the time {float(t)}")
            for c, w in zip(y, weights, strict=True):
                radius = Fraction(w * error, 1 << fine)
                low = max(Fraction(1), Fraction(abs(c), one) - radius)
                require(radius <= goal * low, f"at t = {float(t):.6g} the error exceeds 10^-{given.digits}")
    require(not pending and t == given.times[-1], "the steps do not end at the last time")
    return (
        f"{len(given.times)} states of {len(weights)} units to {given.digits} digits, {len(given.p)} steps until "
        f"t = {float(t):.6g}, mu = {float(given.mu):.6g}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], check))
