"""What one would use instead of certified references, for the same problems. None of it proves anything.

Flows h' = -h + tanh(W h + c) to t = 5:

    heyoka      its multiprecision Taylor integrator, tolerance 10^-(digits + 2), 6 digits more to work with
    odefun      mpmath's, at the digits asked for and ten more to work with
    integers    Taylor series in fixed point, Python's integers

Recurrences h+ = (1 - a) h + a tanh(W h + M x + b), by 50 digits where there is a choice: mp.matrix, mp.fdot, mpmath.iv,
integers, longdouble, float64, and Arb with the radii dropped after every step ("re-centred").
"""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from math import ceil, log
from typing import Any

import mpmath
import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import precision
from oracle.reference.enclosure import exact

LAST = 5
ALPHA = Fraction(0.1)  # the float


def least(job: Callable[[], Any], rounds: int) -> float:
    """Processor seconds, the least of some runs."""
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        job()
        spent.append(time.process_time() - start)
    return min(spent)


def heyoka(W: Any, c: Any, h0: Any, digits: int, rounds: int = 2) -> dict[str, float] | None:
    """Seconds, and those of compilation; None where it is not installed."""
    try:
        import heyoka as hy
    except ImportError:
        return None
    N, bits = len(c), ceil((digits + 6) * log(10, 2))
    h = [hy.make_vars(f"h{i}") for i in range(N)]

    def real(value: Any) -> Any:
        return hy.real(float(value), bits)

    field = [
        (h[i], -h[i] + hy.tanh(hy.sum([*(real(W[i, j]) * h[j] for j in range(N)), hy.expression(real(c[i]))])))
        for i in range(N)
    ]
    tolerance, begin = hy.real(f"1e-{digits + 2}", bits), time.process_time()
    flow = hy.taylor_adaptive(
        field, [real(x) for x in h0], fp_type=hy.real, prec=bits, tol=tolerance, compact_mode=True
    )
    compiled = time.process_time() - begin

    def job() -> None:
        flow.time = real(0)
        flow.state[:] = np.array([real(x) for x in h0])
        flow.propagate_until(real(LAST))

    return {"seconds": least(job, rounds), "compilation": compiled}


def odefun(W: Any, c: Any, h0: Any, digits: int) -> float:
    """Seconds."""
    ctx = mpmath.MPContext()
    ctx.dps = digits + 10
    rows = [[ctx.mpf(w) for w in row] for row in W.tolist()]
    drive, y = [ctx.mpf(float(v)) for v in c], [ctx.mpf(float(v)) for v in h0]

    def field(_: Any, h: list[Any]) -> list[Any]:
        return [-h[i] + ctx.tanh(ctx.fdot(row, h) + drive[i]) for i, row in enumerate(rows)]

    return least(lambda: ctx.odefun(field, 0, y, tol=ctx.mpf(10) ** -digits)(LAST), 1)


def fixed(values: Any, bits: int) -> list[int]:
    """Floats in fixed point."""
    return [round(Fraction(float(v)) * (1 << bits)) for v in values]


def tanh_fixed(z: int, bits: int) -> int:
    """tanh of a fixed-point number, through mpmath's integer exponential."""
    from mpmath.libmp.libelefun import exp_fixed

    e = exp_fixed(-2 * abs(z), bits)
    found = (((1 << bits) - int(e)) << bits) // ((1 << bits) + int(e))
    return found if z >= 0 else -found


def integers_flow(W: Any, c: Any, h0: Any, digits: int) -> tuple[float, list[float]]:
    """Seconds and the state: s' = (1 - s^2) z' order by order, steps of an eighth as long as the radius of convergence.

    The order and the step are those of A. Jorba and M. Zou (2005): P = 1.15 digits, R / e^2.
    """
    bits, order, step = ceil(digits * log(10, 2)) + 40, ceil(1.15 * digits) + 2, Fraction(1, 8)
    rows, drive, y = [fixed(row, bits) for row in W], fixed(c, bits), fixed(h0, bits)

    def advanced(y: list[int]) -> list[int]:
        found = []
        h = [[v] for v in y]
        z = [[(sum(map(int.__mul__, row, y)) >> bits) + d] for row, d in zip(rows, drive, strict=True)]
        s = [[tanh_fixed(each[0], bits)] for each in z]
        u = [[(1 << bits) - (each[0] * each[0] >> bits)] for each in s]
        for k in range(1, order + 1):
            for i, coefficients in enumerate(h):
                coefficients.append((s[i][k - 1] - coefficients[k - 1]) * step.numerator // (k * step.denominator))
            last = [each[k] for each in h]
            for i, row in enumerate(rows):
                z[i].append(sum(map(int.__mul__, row, last)) >> bits)
                moved = sum((j + 1) * a * b for j, (a, b) in enumerate(zip(z[i][1:], reversed(u[i]), strict=True)))
                s[i].append((moved >> bits) // k)
                u[i].append(-(sum(map(int.__mul__, s[i], reversed(s[i]))) >> bits))
        for coefficients in h:
            found.append(sum(coefficients))
        return found

    def job() -> None:
        state[:] = y
        for _ in range(int(LAST / step)):
            state[:] = advanced(state)

    state = list(y)
    seconds = least(job, 1)
    return seconds, [float(Fraction(v, 1 << bits)) for v in state]


Steps = Callable[[Any, int], list[Fraction]]
"""(X, K) -> the state after K steps."""


def in_matrices(W: Any, M: Any, b: Any, h0: Any) -> Steps:
    """mpmath, its matrices."""
    ctx = mpmath.MPContext()
    ctx.dps = 50
    W_, M_, b_, alpha = ctx.matrix(W), ctx.matrix(M), ctx.matrix(b), ctx.mpf(0.1)

    def run(X: Any, K: int) -> list[Fraction]:
        h = ctx.matrix(h0)
        for x in X[:K]:
            h = (1 - alpha) * h + alpha * (W_ * h + M_ * ctx.matrix(x) + b_).apply(ctx.tanh)
        return list(map(exact, h))

    return run


def in_dots(W: Any, M: Any, b: Any, h0: Any) -> Steps:
    """mpmath, one exact dot product per unit."""
    ctx = mpmath.MPContext()
    ctx.dps = 50
    rows = [list(map(ctx.mpf, row)) for row in np.hstack([W, M, b[:, None]]).tolist()]
    alpha = ctx.mpf(0.1)

    def run(X: Any, K: int) -> list[Fraction]:
        h = list(map(ctx.mpf, h0.tolist()))
        for x in X[:K].tolist():
            given = [*h, *map(ctx.mpf, x), ctx.one]
            h = [(1 - alpha) * v + alpha * ctx.tanh(ctx.fdot(row, given)) for v, row in zip(h, rows, strict=True)]
        return list(map(exact, h))

    return run


def in_intervals(W: Any, M: Any, b: Any, h0: Any) -> Steps:
    """mpmath.iv, whose exp can exclude exp(x) (mpmath issue 1181); tanh z = 1 - 2/(1 + e^{2z})."""
    ctx = mpmath.iv.__class__()
    ctx.dps = 50
    rows = [list(map(ctx.mpf, row)) for row in np.hstack([W, M, b[:, None]]).tolist()]
    alpha = ctx.mpf(0.1)

    def run(X: Any, K: int) -> list[Fraction]:
        h = list(map(ctx.mpf, h0.tolist()))
        for x in X[:K].tolist():
            given, after = [*h, *map(ctx.mpf, x), ctx.mpf(1)], []
            for v, row in zip(h, rows, strict=True):
                z = sum((a * g for a, g in zip(row, given, strict=True)), ctx.mpf(0))
                after.append((1 - alpha) * v + alpha * (1 - 2 / (1 + ctx.exp(2 * z))))
            h = after
        return [exact(mpmath.mp.make_mpf(v._mpi_[0])) for v in h]

    return run


def in_integers(W: Any, M: Any, b: Any, h0: Any) -> Steps:
    """Fixed point in Python's integers."""
    bits = ceil(50 * log(10, 2)) + 30
    rows = [fixed(row, bits) for row in np.hstack([W, M]).tolist()]
    bias, alpha = fixed(b, bits), fixed([0.1], bits)[0]

    def run(X: Any, K: int) -> list[Fraction]:
        h = fixed(h0, bits)
        for x in X[:K]:
            given, after = [*h, *fixed(x, bits)], []
            for v, row, add in zip(h, rows, bias, strict=True):
                s = tanh_fixed((sum(map(int.__mul__, row, given)) >> bits) + add, bits)
                after.append(v + (alpha * (s - v) >> bits))
            h = after
        return [Fraction(v, 1 << bits) for v in h]

    return run


def recentred(W: Any, M: Any, b: Any, h0: Any) -> Steps:
    """Arb, the radii dropped after every step: what one writes who wants digits and no proof."""

    def run(X: Any, K: int) -> list[Fraction]:
        with precision(ceil(50 * log(10, 2)) + 30):
            G, h = arb_mat(np.hstack([W, M, b[:, None]]).tolist()), [arb(v) for v in h0.tolist()]
            alpha = arb(0.1)
            for x in X[:K].tolist():
                z = (G * arb_mat(len(h) + len(x) + 1, 1, [*h, *x, 1])).entries()
                h = [((1 - alpha) * v + alpha * s.tanh()).mid() for v, s in zip(h, z, strict=True)]
            return [Fraction(int(m)) * Fraction(2) ** int(e) for m, e in (v.man_exp() for v in h)]

    return run


def in_numpy(dtype: Any) -> Callable[..., Steps]:
    """NumPy in a precision."""

    def made(W: Any, M: Any, b: Any, h0: Any) -> Steps:
        W_, M_, b_, alpha = W.astype(dtype), M.astype(dtype), b.astype(dtype), dtype(0.1)

        def run(X: Any, K: int) -> list[Fraction]:
            h, drive = h0.astype(dtype), X[:K].astype(dtype) @ M_.T + b_
            for d in drive:
                h = (1 - alpha) * h + alpha * np.tanh(W_ @ h + d)
            return [Fraction(float(v)) + Fraction(float(v - dtype(float(v)))) for v in h]

        return run

    return made
