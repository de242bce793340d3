"""Coefficients of statements that no constructor makes: a leak that is forgotten, another drive, a bias moved.

    outside, paper, elman    A h + d s(W h + M x + b)              moved: d (s(W h + M x) + b)
    inside                   A h + d (W s(h) + M x + b)            moved: d (W s(h + b) + M x)
    leak-inside              s(A h + d (W h + M x + b))            moved: s(A h + d (W h + M x)) + b

and M x may be moved as b is; "state" adds either to the next state as it is.

A is what is kept of the state and d the drive; a field has A = -1/tau and d = 1/tau or 1, and a step what its scheme
makes of them, or what the switches say.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from oracle.procedures.discretize import exponential_euler
from oracle.records.exact import Array, Diagonal, exact_object
from oracle.records.lure import Lure
from oracle.records.operator import Operator

if TYPE_CHECKING:
    from oracle.diagnosis.statement import Statement

ONE = Fraction(1)


def field_of(s: Statement) -> Lure:
    """The field of a network, with the switches that belong to it."""
    gain = ONE if s.form == "paper" else 1 / s.tau
    gain = s.drive / s.step if s.drive is not None else gain
    leak = Operator.diagonal(-s.decay / s.tau, s.N)
    return _written_down(_shaped(s, leak, gain, 1 / s.step), s.output)


def step_of(s: Statement) -> Lure:
    """A step without stages, in the normal form."""
    made = _leak_inside(s) if s.form == "leak-inside" else _shaped(s, *_kept_and_drive(s), ONE)
    return _written_down(made, s.output)


def drive_of(s: Statement) -> Diagonal:
    """d of a step; of a scheme with stages, of its Euler step."""
    if s.drive is not None:
        return s.drive
    if s.form == "elman":
        return ONE
    return _exponential(s)[1] if s.scheme == "exponential-euler" else _euler(s)[1]


def kept_of(s: Statement) -> Diagonal:
    """A of a step; of a scheme with stages, of its Euler step."""
    if s.kept is not None:
        return s.kept
    if s.form == "elman":
        return Fraction(0)
    A, _ = _exponential(s) if s.scheme == "exponential-euler" else _euler(s)
    return A.diagonal_factor()


def _kept_and_drive(s: Statement) -> tuple[Operator, Diagonal]:
    """A and d of a step."""
    A: Operator = Operator.zero(s.N, s.N)
    drive: Diagonal = ONE
    if s.form != "elman":
        A, drive = _exponential(s) if s.scheme == "exponential-euler" else _euler(s)
    if s.kept is not None:
        A = Operator.diagonal(s.kept, s.N)
    return A, drive if s.drive is None else s.drive


def _euler(s: Statement) -> tuple[Operator, Diagonal]:
    kept = Operator.diagonal(ONE, s.N) + Operator.diagonal(-s.decay * s.alpha, s.N)
    return kept, s.step if s.form == "paper" else s.alpha


def _exponential(s: Statement) -> tuple[Operator, Diagonal]:
    gain = ONE if s.form == "paper" else 1 / s.tau
    none = Operator.zero(s.N, s.N)
    leak, drive = (Operator.diagonal(factor, s.N) for factor in (-s.decay / s.tau, gain))
    made = exponential_euler(Lure(leak, drive, none, none, (), none, (), s.activation), s.step)
    return made.A, made.B.terms[0].left


def _shaped(s: Statement, A: Operator, d: Diagonal, plain: Fraction) -> Lure:
    """The normal form with A and d; `plain` multiplies what is added to the next state as it is."""
    N, none = s.N, Operator.zero(s.N, s.M.shape[1])
    driving = Operator.dense(s.M)
    if s.form == "inside":
        B, W = Operator.dense(s.W).scaled(d), Operator.diagonal(ONE, N)
        inner, outer = _placed(s.bias_at, {"moved": ONE}, {"stated": d, "state": plain})
        M, E = _placed(s.input_at, {"moved": ONE}, {"stated": d, "state": plain})
    else:
        B, W = Operator.diagonal(d, N), Operator.dense(s.W)
        inner, outer = _placed(s.bias_at, {"stated": ONE}, {"moved": d, "state": plain})
        M, E = _placed(s.input_at, {"stated": ONE}, {"moved": d, "state": plain})
    return Lure(
        A, B, W, _scaled(driving, M, none), _times(s.b, inner), _scaled(driving, E, none), _times(s.b, outer),
        s.activation,
    )  # fmt: skip


def _placed(place: str, inside: dict[str, Diagonal], outside: dict[str, Diagonal]) -> tuple[Any, Any]:
    """What multiplies a bias or an input inside the nonlinearity, and outside; None where it is not there."""
    return inside.get(place), outside.get(place)


def _scaled(op: Operator, factor: Any, none: Operator) -> Operator:
    return none if factor is None else op if factor is ONE else op.scaled(factor)


def _times(b: tuple[Array, ...], factor: Any) -> tuple[Array, ...]:
    if factor is None:
        return ()
    return b if factor is ONE else tuple(factor * exact_object(part) for part in b)


def _leak_inside(s: Statement) -> Lure:
    """The leak is an argument of the nonlinearity."""
    N, none = s.N, Operator.zero(s.N, s.M.shape[1])
    A, d = _euler(s)
    A = A if s.kept is None else Operator.diagonal(s.kept, N)
    d = d if s.drive is None else s.drive
    inner, outer = _placed(s.bias_at, {"stated": d}, {"moved": ONE, "state": ONE})
    M, E = _placed(s.input_at, {"stated": d}, {"moved": ONE, "state": ONE})
    driving, one = Operator.dense(s.M), Operator.diagonal(ONE, N)
    return Lure(
        Operator.zero(N, N), one, A + Operator.dense(s.W).scaled(d), _scaled(driving, M, none), _times(s.b, inner),
        _scaled(driving, E, none), _times(s.b, outer), s.activation,
    )  # fmt: skip


def _written_down(p: Lure, factor: Any) -> Lure:
    """The map of H = factor h; A is diagonal, so that it stays what it is."""
    if factor is ONE:
        return p
    return replace(
        p,
        B=p.B.scaled(factor),
        W=p.W.times_diagonal(1 / factor),
        E=p.E.scaled(factor),
        c=tuple(factor * exact_object(part) for part in p.c),
    )
