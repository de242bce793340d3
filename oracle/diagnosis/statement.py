"""A recurrence as somebody would state it: form, weights, leak, scheme. Deviations are edits of a statement.

    outside        (1-a) h + a s(W h + M x + b)             the rate form; a = step / tau
    paper          (1-a) h + step s(W h + M x + b)
    inside         (1-a) h + a (W s(h) + M x + b)           the current form
    leak-inside    s((1-a) h + a (W h + M x + b))
    elman          s(W h + M x + b)

A leak that was given as alpha is step / tau with step = 1 and tau = 1 / alpha. The switches (`decay`, `kept`, `drive`,
`bias_at`, `input_at`, `output`) are what no convention states; edits compose, so that a pair of deviations is an edit
of an edit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.diagnosis.coefficients import ONE, field_of, step_of
from oracle.equations.implicit import THETAS
from oracle.equations.runge_kutta import Tableau, Tabled
from oracle.procedures.discretize import IMPLICIT, LINEAR, zero_order_hold
from oracle.records.exact import Array, Diagonal, Time
from oracle.records.network import Network
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Implicit, Staged

FORMS = {"rate": "outside", "paper": "paper", "current": "inside"}
NETWORKS = {form: name for name, form in FORMS.items()}
STAGED = ("heun", "midpoint", "rk4", *IMPLICIT, *LINEAR)
"""Schemes whose step is not the one-stage formula a h + d s(..) of a convention."""


OF_LEAK = frozenset(("form", "tau", "step", "scheme", "decay", "kept", "drive"))
"""What the factors of the state and of the drive follow from."""


@dataclass(frozen=True, eq=False)
class Statement:
    """What was stated; `record` is the recurrence it means.

    Attributes
    ----------
    decay : Fraction
        Factor of the leak in the field: 1; 0 where it is forgotten, -1 where it has the wrong sign.
    kept : exact scalar or diagonal, optional
        What multiplies h in a one-stage step, instead of 1 - alpha or exp(-alpha).
    drive : exact scalar or diagonal, optional
        What multiplies s(..), or W s(h) + M x + b, in a step, instead of alpha.
    bias_at : str
        "stated", "moved" (to the other side of the nonlinearity) or "state" (added to the next state).
    input_at : str
        The same of M x.
    output : exact scalar or diagonal
        What the states are multiplied by when they are written down.
    tableau : Tableau, optional
        Coefficients of the Runge-Kutta method, instead of those of its scheme.
    known : dict
        What follows from leak and drive alone, once it was asked for; statements that share them share it.
    """

    form: str
    W: Array
    M: Array
    b: tuple[Array, ...]
    activation: str
    tau: Time = ONE
    step: Fraction = ONE
    scheme: str = "euler"
    dtype: str = "float64"
    decay: Fraction = ONE
    kept: Diagonal | None = None
    drive: Diagonal | None = None
    bias_at: str = "stated"
    input_at: str = "stated"
    output: Diagonal = ONE
    tableau: Tableau | None = None
    known: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def alpha(self) -> Time:
        """step / tau."""
        if "alpha" not in self.known:
            self.known["alpha"] = self.step / self.tau
        known: Time = self.known["alpha"]
        return known

    @property
    def N(self) -> int:
        """Number of units."""
        return len(self.W)

    @property
    def staged(self) -> bool:
        """Whether the scheme has stages, so that its step is no normal form."""
        return self.form in NETWORKS and self.scheme in STAGED

    @property
    def leaky(self) -> bool:
        """Whether there is a leak."""
        return self.form != "elman"

    def but(self, **changes: Any) -> Statement:
        """The statement with some of it changed."""
        return replace(self, **changes, known={} if OF_LEAK & changes.keys() else self.known)

    def recurrent(self, change: Callable[[Array], Array]) -> Statement:
        """With other recurrent weights."""
        return self.but(W=change(self.W))

    def driving(self, change: Callable[[Array], Array]) -> Statement:
        """With other input weights."""
        return self.but(M=change(self.M))

    @property
    def biases(self) -> int:
        """Number of biases that are stated."""
        return len(self.b)

    def biased(self, factors: tuple[int, ...]) -> Statement:
        """Each bias times a factor; 0 leaves it out."""
        return self.but(b=tuple(k * part if k != 1 else part for k, part in zip(factors, self.b, strict=True) if k))

    @property
    def plain(self) -> bool:
        """Whether every switch is as conventions have it."""
        unset = self.kept is None and self.drive is None and self.output is ONE and self.tableau is None
        return unset and self.decay == 1 and self.bias_at == self.input_at == "stated"

    def record(self) -> Recurrence:
        """The recurrence this statement means, remembering the stated dtype."""
        made = self._made() if self.plain else self.altered()
        origin = made.origin
        root = Origin(origin.name, origin.arguments, origin.parent, self.dtype)
        return Recurrence.made(made.equation, made.parameters, made.step, root)

    def _made(self) -> Recurrence:
        weights: dict[str, Any] = {"W": self.W, "M": self.M, "b": self.b, "activation": self.activation}
        if self.form == "elman":
            return Recurrence.elman(**weights, step=self.step)
        if self.form == "leak-inside":
            return Recurrence.leak_inside(**weights, alpha=self.alpha, step=self.step)
        if self.scheme == "euler" and self.form in ("outside", "inside"):
            return Recurrence.leaky(**weights, alpha=self.alpha, sigma=self.form, step=self.step)
        net: Network = getattr(Network, NETWORKS[self.form])(**weights, tau=self.tau)
        made: Recurrence = net.discretize(step=self.step, scheme=self.scheme)
        return made

    def altered(self) -> Recurrence:
        """The record of a statement with a switch set, from its coefficients."""
        origin = Origin("edited", {}, None, self.dtype)
        if self.scheme in IMPLICIT and self.staged:
            solved = Implicit(field_of(self), self.step, THETAS[self.scheme])
            return Recurrence.made(self.scheme, solved, self.step, origin)
        if self.scheme in LINEAR and self.staged:
            return Recurrence.made("lure", zero_order_hold(field_of(self), self.step), self.step, origin)
        if self.staged and self.tableau is not None:
            tabled = Tabled(field_of(self), self.step, self.tableau)
            return Recurrence.made("runge-kutta", tabled, self.step, origin)
        if self.staged:
            return Recurrence.made(self.scheme, Staged(field_of(self), self.step), self.step, origin)
        return Recurrence.made("lure", step_of(self), self.step, origin)


def statement(rec: Recurrence) -> Statement | None:
    """The statement behind a recurrence in the normal form; None where it is not one of the conventions."""
    root = rec.origin.root()
    given = root.arguments
    if not {"W", "M", "b", "activation"} <= given.keys():
        return None
    weights = {name: given[name] for name in ("W", "M", "b", "activation")}
    chain = _chain(rec.origin)
    if root.name in FORMS and [link.name for link in chain] == ["discretize"]:
        step, scheme = chain[0].arguments["step"], chain[0].arguments["scheme"]
        return Statement(FORMS[root.name], **weights, tau=given["tau"], step=step, scheme=scheme, dtype=rec.dtype)
    if chain:
        return None
    if root.name == "elman":
        return Statement("elman", **weights, dtype=rec.dtype)
    form = "leak-inside" if root.name == "leak_inside" else given.get("sigma", "")
    if form not in ("leak-inside", "outside", "inside"):
        return None
    return Statement(form, **weights, tau=1 / given["alpha"], dtype=rec.dtype)


def _chain(origin: Origin) -> list[Origin]:
    """Verbs applied to the root, first to last; rescaling a recurrence changes its grid only and is left out."""
    links = []
    while origin.parent is not None:
        if not (origin.name == "rescale" and isinstance(origin.parent, Recurrence)):
            links.append(origin)
        origin = origin.parent.origin
    return links[::-1]


def has_bias(s: Any) -> bool:
    """Whether a bias is stated that is not zero."""
    return bool(s.biases) and any(np.any(np.asarray(part, dtype=object) != 0) for part in s.b)


def name_of(rec: Recurrence) -> str:
    """The fixed name of a documented equation."""
    s = statement(rec)
    if s is None:
        return rec.equation if rec.equation != "lure" else rec.form
    if s.scheme != "euler":
        return s.scheme
    return {"outside": "form-rate", "paper": "form-paper", "inside": "form-current"}.get(s.form, s.form)
