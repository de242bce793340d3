"""A recurrence as somebody would state it: form, weights, leak, scheme. Deviations are edits of a statement.

    outside        (1-a) h + a s(W h + M x + b)             the rate form; a = step / tau
    paper          (1-a) h + step s(W h + M x + b)
    inside         (1-a) h + a (W s(h) + M x + b)           the current form
    leak-inside    s((1-a) h + a (W h + M x + b))
    elman          s(W h + M x + b)

A leak that was given as alpha is step / tau with step = 1 and tau = 1 / alpha.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.records.exact import Array, Time
from oracle.records.network import Network
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence

FORMS = {"rate": "outside", "paper": "paper", "current": "inside"}
NETWORKS = {form: name for name, form in FORMS.items()}
ONE = Fraction(1)


@dataclass(frozen=True, eq=False)
class Statement:
    """What was stated; `record` is the recurrence it means."""

    form: str
    W: Array
    M: Array
    b: tuple[Array, ...]
    activation: str
    tau: Time = ONE
    step: Fraction = ONE
    scheme: str = "euler"
    dtype: str = "float64"

    @property
    def alpha(self) -> Time:
        """step / tau."""
        return self.step / self.tau

    def but(self, **changes: Any) -> Statement:
        """The statement with some of it changed."""
        return replace(self, **changes)

    def record(self) -> Recurrence:
        """The recurrence this statement means, remembering the stated dtype."""
        made = self._made()
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


def statement(rec: Recurrence) -> Statement | None:
    """The statement behind a recurrence; None where it is not one of the conventions."""
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


def has_bias(s: Statement) -> bool:
    """Whether the total bias is not zero."""
    return bool(s.b) and bool(np.any(sum(np.asarray(part, dtype=object) for part in s.b) != 0))


def name_of(rec: Recurrence) -> str:
    """The fixed name of a documented equation."""
    s = statement(rec)
    if s is None:
        return rec.equation if rec.equation != "lure" else rec.form
    if s.scheme != "euler":
        return s.scheme
    return {"outside": "form-rate", "paper": "form-paper", "inside": "form-current"}.get(s.form, s.form)
