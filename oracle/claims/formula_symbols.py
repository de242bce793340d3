"""The symbols of the claims' formulas, each with its meaning. SymPy is loaded when they are first asked for.

Sizes are in any of the norms that a claim names, so |J|, |B| and |W| are numbers here; fields, steps and matrices that
an operator acts on do not commute.
"""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

POSITIVE = {
    "Delta": "step of the discretisation, in the unit of time of the network",
    "Delta_1": "a step",
    "Delta_2": "another step",
    "r": "factor of the rescaling t = r s",
    "tau": "time constant",
    "alpha": "Delta / tau, the share of the state that one step replaces",
    "g": "gain in front of s: tau in the paper form",
    "sigma": "strength of the noise",
    "C_2": "sup |s''|",
    "C_3": "sup |s'''|",
    "M_2": "sup |h''| over the step, |J F + E^ x'|",
    "q": "factor by which one step maps differences at most",
    "e": "bound of the error at step k",
    "d": "bound of the linearisation's remainder at step k",
    "v": "| |B| (W delta + M xi)^{o2} |, the squared deviation of the arguments",
    "x_held": "|x_k - x(t_k)|, how far the held sample is from the input",
    "X": "bound of |x|",
    "X_1": "bound of |x'|",
    "X_2": "bound of |x''|",
    "m": "rate of contraction, -mu > 0",
    "c": "rate of contraction in a weighted norm",
    "eps": "accuracy asked of the linearisation",
    "w": "|W|",
    "beta": "|B|",
    "gamma": "|E^|, what the input does to h'",
    "f": "|F| at the operating point",
    "y": "|Phi(h) - h|",
    "distance": "distance to uncontrollability, min over lambda of sigma_min [J - lambda I, E^]",
    "beta_1": "one-step rounding bound of the first order of operations",
    "beta_2": "one-step rounding bound of the second",
    "ell": "value of an integral loss",
}
REAL = {
    "h": "state",
    "h_0": "initial state",
    "h_next": "state after one step",
    "x": "input of one step",
    "x_next": "input of the next step",
    "x_f": "input filtered with tau, x~",
    "z": "argument of s",
    "z_0": "argument of s at the operating point, z*",
    "u": "input of the current form",
    "s_0": "s(0)",
    "s_2": "s''(0)",
    "a": "real part of an eigenvalue",
    "b": "imaginary part of an eigenvalue",
    "W": "recurrent weights",
    "M": "input weights",
    "bias": "bias inside s",
    "A": "leak of the network",
    "A_d": "leak of the recurrence",
    "P": "share of a state that one step keeps",
    "G": "sum_j |B_ij| + (|E| X + |c|)_i",
    "lyapunov": "a Lyapunov exponent",
    "gradient": "dL/dW",
}
COMPLEX = {"lambda_": "eigenvalue of the Jacobian", "mu": "eigenvalue of the step"}
NONCOMMUTING = {"J": "Jacobian A + B S W", "K": "B S W", "E": "input matrix E + B S M", "F": "field", "Phi": "step"}
MEANINGS = {**POSITIVE, **REAL, **COMPLEX, **NONCOMMUTING}


@cache
def symbols() -> SimpleNamespace:
    """Every symbol of `MEANINGS`, and the functions: s (activation), D, R, L, U (operators), size, dist."""
    import sympy

    made: dict[str, Any] = {name: sympy.Symbol(name, positive=True) for name in POSITIVE}
    made |= {name: sympy.Symbol(name, real=True) for name in REAL}
    made |= {name: sympy.Symbol(name.rstrip("_")) for name in COMPLEX}
    made |= {name: sympy.Symbol(name, commutative=False) for name in NONCOMMUTING}
    operators = {f"{name}_op": sympy.Function(name) for name in ("D", "R", "L", "U", "fl", "p", "gradient", "loss")}
    sizes = {name: sympy.Function(name, nonnegative=True) for name in ("size", "dist")}
    return SimpleNamespace(**made, **operators, **sizes, s=sympy.Function("s", real=True), sympy=sympy)
