"""Taylor series of a field in limbs: one order after another, in as few limbs as the order has left. Compiled (numba).

In the time sigma of one step of length L, p = sum_k c_k sigma^k and, for k = 0, 1, ..,

    z_k = W c_k + (M x + b)_k                   n s_n = sum_{j=1}^n j z_j u_{n-j}          (s' = (a_0 + a_1 s - s^2) z')
    u_k = a_0 [k = 0] + a_1 s_k - sum_i s_i s_{k-i}                       tanh a = (1, 0), logistic a = (0, 1)
    f_k = A c_k + B s_k + (E x + c)_k           c_{k+1} = L/(k+1) f_k

c_k is of size (L/R)^k, R the radius of convergence: its first limbs are zero and no product reads them. Where digits
beyond the guard are left out, the loops count the pairs: each is below ulp(m)/4 at the first position left out, and all
later ones together are below 2^-20 of a pair per product (`limb_loops`).
"""

from __future__ import annotations

import numpy as np
from numba import int32, int64

from oracle.kernels.limb_compile import compiled
from oracle.kernels.limb_loops import PAIRS, carry, normalise, settle
from oracle.kernels.limb_squash import activate
from oracle.kernels.limb_steps import apply
from oracle.kernels.limbs import HALF, LARGEST, RADIX

TERMS = 4  # of a convolution that are added up between two visits of the sum


@compiled
def leading(x):  # type: ignore[no-untyped-def]
    """The first limb that is not zero in every lane."""
    m, n = x.shape
    for p in range(m):
        for i in range(n):
            if x[p, i] != 0:
                return p
    return m


@compiled
def left_out(f, g, m):  # type: ignore[no-untyped-def]
    """Pairs of limbs a >= f and b >= g, both below m, with a + b = m + 1."""
    return max(0, min(m - 1, m + 1 - g) - max(f, 2) + 1)


@compiled
def convolve(u, v, fu, fv, low, high, k, acc):  # type: ignore[no-untyped-def]
    """acc += sum_{j=low}^{high} u_j v_{k-j}; returns the pairs left out. fu, fv: limbs before are zero."""
    m, n = u.shape[1], u.shape[2]
    dropped, held, j = 0, 0, low
    while j <= high:
        count = TERMS if j + TERMS - 1 <= high else 1
        f, g = m, m
        for t in range(j, j + count):
            f, g = min(f, fu[t]), min(g, fv[k - t])
            dropped += left_out(fu[t], fv[k - t], m)
        most = count * max(0, m + 1 - f - g)  # products at one position
        if held + most > PAIRS:
            settle(acc)
            held = 0
        held += most
        for a in range(f, m):
            for b in range(g, min(m, m + 1 - a)):
                row = acc[a + b]
                ua, va = u[j, a], v[k - j, b]
                if count == TERMS:
                    ub, uc, ud = u[j + 1, a], u[j + 2, a], u[j + 3, a]
                    vb, vc, vd = v[k - j - 1, b], v[k - j - 2, b], v[k - j - 3, b]
                    for i in range(n):
                        row[i] += (
                            int64(ua[i]) * int64(va[i])
                            + int64(ub[i]) * int64(vb[i])
                            + int64(uc[i]) * int64(vc[i])
                            + int64(ud[i]) * int64(vd[i])
                        )
                else:
                    for i in range(n):
                        row[i] += int64(ua[i]) * int64(va[i])
        j += count
    settle(acc)
    return dropped


@compiled
def times(r, x, first, acc, out):  # type: ignore[no-untyped-def]
    """out = r x for one number r (m,), x (m, n); returns the pairs left out. |error| also has 1/2 of the carry."""
    m, n = x.shape
    lead = 0
    while lead < m and r[lead] == 0:
        lead += 1
    acc[:] = 0
    for a in range(lead, m):
        ra = int64(r[a])
        for b in range(first, min(m, m + 1 - a)):
            row, xb = acc[a + b], x[b]
            for i in range(n):
                row[i] += ra * int64(xb[i])
    carry(acc, out)
    return left_out(lead, first, m)


@compiled
def multiple(j, x, out):  # type: ignore[no-untyped-def]
    """out = j x, exactly, for a whole number 0 < j < 2^24; returns the largest integer part."""
    m, n = x.shape
    up = np.zeros(n, np.int64)
    for p in range(m - 1, 0, -1):
        for i in range(n):
            total = j * int64(x[p, i]) + up[i]
            carried = (total + HALF) >> RADIX
            out[p, i] = int32(total - (carried << RADIX))
            up[i] = carried
    top = int64(0)
    for i in range(n):
        total = j * int64(x[0, i]) + up[i]
        top = max(top, abs(total))
        out[0, i] = int32(total)
    return top


@compiled
def evaluate(c, q, acc, out):  # type: ignore[no-untyped-def]
    """out = sum_k c_k q^k for a number 0 < q <= 1 in limbs (m,), by Horner's rule, exactly where q = 1.

    Returns the largest integer part, and the pairs left out.
    """
    P, m = c.shape[0] - 1, c.shape[1]
    one = q[0] == 1 and not q[1:].any()  # balanced digits: 7/8 begins with 1, too
    scaled = np.empty_like(out)
    out[:] = c[P]
    dropped = 0
    for k in range(P - 1, -1, -1):
        if not one:
            dropped += times(q, out, leading(out), acc, scaled)
            out[:] = scaled
        out += c[k]
        normalise(out, m)
    top = int64(0)
    for i in range(out.shape[1]):
        top = max(top, abs(int64(out[0, i])))
    return top, dropped


@compiled
def sizes(x, found):  # type: ignore[no-untyped-def]
    """|x| in float64, to a few roundings."""
    m, n = x.shape
    found[:] = 0.0
    for p in range(m - 1, -1, -1):
        for i in range(n):
            found[i] = found[i] * 2.0**-RADIX + x[p, i]
    for i in range(n):
        found[i] = abs(found[i])


@compiled
def expand(kind, c, A, B, W, inside, outside, over, rate, tables, work, seen, forces, counts):  # type: ignore[no-untyped-def]
    """c (P+1, m, n) from c_0 on.

    Parameters
    ----------
    inside, outside : ndarray
        (orders, m, units) and (orders, m, n): the drive, zero at later orders.
    over, rate : ndarray
        (P+1, m): 1/k and L/k at k.
    seen : ndarray
        (3, P+1, units), filled: |z_k|, |s_k|, |u_k| in float64.
    forces : ndarray
        (P+1, n), filled: |f_k|.
    counts : ndarray
        (4,), filled: pairs left out in all u_k, in all s_n times n (each / n), by the factors 1/n, by L/k.

    Returns
    -------
    int
        The largest integer part anywhere; if it is beyond LARGEST, what was filled is of no use.
    """
    P, m, n = c.shape[0] - 1, c.shape[1], c.shape[2]
    k_units = inside.shape[2]
    z, w = np.zeros((P + 1, m, k_units), np.int32), np.zeros((P + 1, m, k_units), np.int32)
    s, u = np.zeros((P + 1, m, k_units), np.int32), np.zeros((P + 1, m, k_units), np.int32)
    one_k, two_k = np.empty((m, k_units), np.int32), np.empty((m, k_units), np.int32)
    one_n, two_n = np.empty((m, n), np.int32), np.empty((m, n), np.int32)
    row_k, row_n = np.empty(k_units, np.int64), np.empty(n, np.int64)
    inner, inner_product = np.empty((m + 1, k_units), np.int64), np.empty((m + 1, k_units), np.int64)
    outer, outer_product = np.empty((m + 1, n), np.int64), np.empty((m + 1, n), np.int64)
    fw, fs, fu = np.zeros(P + 1, np.int64), np.zeros(P + 1, np.int64), np.zeros(P + 1, np.int64)
    whole, part, fine, series, first, length, newton, zeros = tables
    counts[:] = 0
    top = int64(0)
    for k in range(P + 1):
        inner[:] = 0
        if k < inside.shape[0]:
            inner[:m] += inside[k]
        top = max(top, apply(W, c[k], leading(c[k]), m, 1, inner, inner_product, one_k, two_k, row_k))
        top = max(top, carry(inner, z[k]))
        if top > LARGEST:
            return top
        if kind < 2:
            s[k] = z[k]
            fs[k] = leading(s[k])
        else:
            if k == 0:
                activate(kind, z[0], s[0], whole, part, fine, series, first, length, newton, zeros, work)
            else:
                top = max(top, multiple(k, z[k], w[k]))
                fw[k] = leading(w[k])
                inner[:] = 0
                counts[1] += convolve(w, u, fw, fu, 1, k, k, inner) / k
                top = max(top, carry(inner, one_k))
                counts[2] += times(over[k], one_k, leading(one_k), inner, s[k])
            fs[k] = leading(s[k])
            inner[:] = 0
            dropped = 2 * convolve(s, s, fs, fs, 0, (k + 1) // 2 - 1, k, inner)
            inner *= -2
            if k % 2 == 0:
                inner_product[:] = 0
                dropped += convolve(s, s, fs, fs, k // 2, k // 2, k, inner_product)
                inner -= inner_product
            counts[0] += dropped
            if kind == 3:
                inner[:m] += s[k]
            elif k == 0:
                inner[0] += 1
            top = max(top, carry(inner, u[k]))
            fu[k] = leading(u[k])
        if top > LARGEST:
            return top
        outer[:] = 0
        if k < outside.shape[0]:
            outer[:m] += outside[k]
        top = max(top, apply(A, c[k], leading(c[k]), m, 1, outer, outer_product, one_n, two_n, row_n))
        top = max(top, apply(B, s[k], fs[k], m, 1, outer, outer_product, one_n, two_n, row_n))
        settle(outer)
        top = max(top, carry(outer, one_n))
        if top > LARGEST:
            return top
        if k < P:
            counts[3] += times(rate[k + 1], one_n, leading(one_n), outer, c[k + 1])
        sizes(one_n, forces[k])
        sizes(z[k], seen[0, k])
        sizes(s[k], seen[1, k])
        sizes(u[k], seen[2, k])
    return top
