"""A continuous-time recurrent network in the normal form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oracle.records import forms, parse
from oracle.records.exact import Array
from oracle.records.lure import Lure
from oracle.records.names import activation_name
from oracle.records.record import Origin, Record
from oracle.records.verbs import verb


@dataclass(frozen=True, eq=False, repr=False)
class Network(Record):
    """dh/dt = A h + B s(W h + M x + b) + E x + c, with exact coefficients.

    Parameters
    ----------
    A, B, W, M, b, E, c : array_like, optional
        Coefficients: A (N, N), B (N, K), W (K, N), M (K, I), b (K,) or a tuple of them, E (N, I), c (N,). A number is a
        multiple of the identity, a vector a diagonal matrix. Absent: zero, and the identity for B.
    activation : str or callable
        "tanh", "logistic", "relu", "identity", or a numpy or torch callable of that name.

    Attributes
    ----------
    field : Lure
        The exact coefficients.
    form : str
        "paper", "rate", "current", "general", or the verb that made the record.

    Raises
    ------
    oracle.BadInput
        Entries that are not finite, shapes that disagree, tau <= 0, an unknown activation.

    Notes
    -----
    Weights are (out, in), row = receiving unit. The conventional forms are `paper`, `rate` and `current`
    (C. Jarne and M. Caruso, arXiv 2312.15974, section 2).
    """

    field: Lure

    def __init__(
        self,
        *,
        A: Any = None,
        B: Any = None,
        W: Any = None,
        M: Any = None,
        b: Any = None,
        E: Any = None,
        c: Any = None,
        activation: Any = "tanh",
        _made: tuple[Lure, Origin] | None = None,
    ) -> None:
        if _made is None:
            field, arguments, dtype = parse.stated(activation, A=A, B=B, W=W, M=M, b=b, E=E, c=c)
            _made = (field, Origin("general", arguments, dtype=dtype))
        object.__setattr__(self, "field", _made[0])
        object.__setattr__(self, "origin", _made[1])

    @classmethod
    def made(cls, field: Lure, origin: Origin) -> Network:
        """A network from coefficients that are known to be valid, with its origin."""
        return cls(_made=(field, origin))

    @classmethod
    def _formed(cls, form: Callable[..., Lure], W: Any, M: Any, b: Any, tau: Any, activation: Any) -> Network:
        given = {"W": W, "M": M, "b": b}
        weights = parse.square(W)
        units = len(weights)
        arguments = {
            "W": weights,
            "M": parse.input_matrix(M, units),
            "b": parse.biases(b, units),
            "tau": parse.time_like(tau, units, "tau"),
            "activation": activation_name(activation),
        }
        return cls.made(form(**arguments), Origin(form.__name__, arguments, dtype=parse.given_dtype(given)))

    @classmethod
    def paper(cls, W: Any, M: Any = None, b: Any = None, *, tau: Any = 1, activation: Any = "tanh") -> Network:
        """h' = -h/tau + s(W h + M x + b); W (N, N), M (N, I), b (N,) or a tuple of them, tau a number or (N,)."""
        return cls._formed(forms.paper, W, M, b, tau, activation)

    @classmethod
    def rate(cls, W: Any, M: Any = None, b: Any = None, *, tau: Any = 1, activation: Any = "tanh") -> Network:
        """tau h' = -h + s(W h + M x + b); W (N, N), M (N, I), b (N,) or a tuple of them, tau a number or (N,)."""
        return cls._formed(forms.rate, W, M, b, tau, activation)

    @classmethod
    def current(cls, W: Any, M: Any = None, b: Any = None, *, tau: Any = 1, activation: Any = "tanh") -> Network:
        """tau h' = -h + W s(h) + M x + b; W (N, N), M (N, I), b (N,) or a tuple of them, tau a number or (N,)."""
        return cls._formed(forms.current, W, M, b, tau, activation)

    def key(self) -> tuple[Any, ...]:
        """What equality compares: the exact coefficients."""
        return (self.field,)

    @property
    def form(self) -> str:
        """The convention the network was stated in, or the verb that made it."""
        return self.origin.name

    @property
    def tau(self) -> Any:
        """The time constant as given (Fraction, or one per unit), where the convention has one."""
        return self.origin.arguments.get("tau")

    @property
    def activation(self) -> str:
        """Name of the nonlinearity."""
        return self.field.activation

    @property
    def N(self) -> int:
        """Number of states."""
        return self.field.state_size

    @property
    def I(self) -> int:
        """Number of inputs."""
        return self.field.input_size

    def __getattr__(self, name: str) -> Array:
        if name in ("A", "B", "W", "M", "b", "E", "c"):
            return verb("view")(self.field, name)  # type: ignore[no-any-return]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def rescale(self, r: Any) -> Network:
        """R: the same network in the time s = t / r; x(t) becomes x(r s). Coefficients A, B, E, c times r > 0."""
        return verb("rescale")(self, r)  # type: ignore[no-any-return]

    def discretize(self, step: Any = None, scheme: str = "euler", *, dt: Any = None) -> Any:
        """D: one step of a scheme as a recurrence.

        Parameters
        ----------
        step : number
            Time step > 0; `dt` is an alias.
        scheme : str
            "euler", "exponential-euler", "heun", "midpoint", "rk4", "backward-euler", "trapezoidal", or "zoh" for
            linear networks; input held over the step.

        Returns
        -------
        Recurrence
        """
        return verb("discretize")(self, step, scheme, dt)

    def linearize(self, at: Any = None) -> Network:
        """L: s replaced by its tangent at the operating point (h, x); the zero point by default."""
        return verb("linearize")(self, at)  # type: ignore[no-any-return]

    def collapsed(self) -> Network:
        """A linear network with A + B W as its one matrix; the split into A and B is lost."""
        return verb("collapse")(self)  # type: ignore[no-any-return]
