"""A discrete-time recurrence: a step map (equation, parameters, step), of which the normal form is one kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.errors import BadInput
from oracle.records import forms, parse
from oracle.records.exact import Array
from oracle.records.gates import GATES, Gates, MemoryGates
from oracle.records.lure import Lure
from oracle.records.names import activation_name
from oracle.records.record import Origin, Record
from oracle.records.verbs import verb


@dataclass(frozen=True, eq=False, repr=False)
class Recurrence(Record):
    """h_{k+1} = A h_k + B s(W h_k + M x_k + b) + E x_k + c, or another step map, on the time grid t_k = k step.

    Parameters
    ----------
    A, B, W, M, b, E, c : array_like, optional
        Coefficients of the normal form, as for `Network`.
    activation : str or callable
        As for `Network`.
    step : number
        Spacing of the time grid, 1 where the recurrence knows no time.

    Attributes
    ----------
    equation : str
        Name of the step map in `oracle.equations`: "lure", "rk4", "midpoint", "heun", "gru", "gru-reset-before",
        "lstm", "backward-euler", "trapezoidal".
    parameters : Lure, Staged, Gates or MemoryGates
        What the equation needs.

    Raises
    ------
    oracle.BadInput
        Entries that are not finite, shapes that disagree, alpha <= 0, an unknown activation.

    Notes
    -----
    Sample convention: x_k drives the step from h_k to h_{k+1}; torch's output[k] is h_{k+1}.
    """

    equation: str
    parameters: Any
    step: Fraction

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
        step: Any = 1,
        _made: tuple[str, Any, Fraction, Origin] | None = None,
    ) -> None:
        if _made is None:
            lure, arguments, dtype = parse.stated(activation, A=A, B=B, W=W, M=M, b=b, E=E, c=c)
            grid = positive(step)
            _made = ("lure", lure, grid, Origin("general", {**arguments, "step": grid}, dtype=dtype))
        for name, value in zip(("equation", "parameters", "step", "origin"), _made, strict=True):
            object.__setattr__(self, name, value)

    @classmethod
    def made(cls, equation: str, parameters: Any, step: Fraction, origin: Origin) -> Recurrence:
        """A recurrence from parameters that are known to be valid, with its origin."""
        return cls(_made=(equation, parameters, step, origin))

    @classmethod
    def _formed(
        cls, name: str, form: Callable[..., Lure], W: Any, M: Any, b: Any, activation: Any, step: Any, **more: Any
    ) -> Recurrence:
        dtype = parse.given_dtype({"W": W, "M": M, "b": b})
        weights = parse.square(W)
        units = len(weights)
        arguments = {
            "W": weights,
            "M": parse.input_matrix(M, units),
            "b": parse.biases(b, units),
            "activation": activation_name(activation),
        }
        if "alpha" in more:
            arguments["alpha"] = parse.rate_like(more["alpha"], units, "alpha")
        lure = form(**arguments)
        arguments |= {key: more[key] for key in ("sigma", "residual") if more.get(key)}
        grid = positive(step)
        return cls.made("lure", lure, grid, Origin(name, {**arguments, "step": grid}, dtype=dtype))

    @classmethod
    def elman(
        cls,
        W: Any,
        M: Any = None,
        b: Any = None,
        *,
        activation: Any = "tanh",
        residual: bool = False,
        step: Any = 1,
    ) -> Recurrence:
        """h+ = s(W h + M x + b), as torch.nn.RNN and Keras SimpleRNN; b may be a tuple of biases.

        With `residual` h+ = s(h + W h + M x + b), as the SimpleCell of Flax has it (arXiv 1801.06105).
        """
        form = forms.residual if residual else forms.elman
        return cls._formed("elman", form, W, M, b, activation, step, residual=bool(residual))

    @classmethod
    def leaky(
        cls,
        W: Any,
        M: Any = None,
        b: Any = None,
        *,
        alpha: Any,
        sigma: str = "outside",
        activation: Any = "tanh",
        step: Any = 1,
    ) -> Recurrence:
        """(1-a) h + a s(W h + M x + b) with sigma="outside", (1-a) h + a (W s(h) + M x + b) with sigma="inside"."""
        if sigma not in ("outside", "inside"):
            raise BadInput(
                f"sigma is {sigma!r}.",
                "it says whether the nonlinearity is applied to the weighted sum or to the state.",
                'pass sigma="outside" for a s(W h + ..), sigma="inside" for a (W s(h) + ..).',
            )
        form = forms.leaky_outside if sigma == "outside" else forms.leaky_inside
        return cls._formed("leaky", form, W, M, b, activation, step, alpha=alpha, sigma=sigma)

    @classmethod
    def leak_inside(
        cls, W: Any, M: Any = None, b: Any = None, *, alpha: Any, activation: Any = "tanh", step: Any = 1
    ) -> Recurrence:
        """h+ = s((1-a) h + a (W h + M x + b)): the leak is inside the nonlinearity."""
        return cls._formed("leak_inside", forms.leak_inside, W, M, b, activation, step, alpha=alpha)

    @classmethod
    def gru(
        cls, W: Any, M: Any = None, b: Any = None, b_recurrent: Any = None, *, reset: str = "after", step: Any = 1
    ) -> Recurrence:
        """The gated recurrent unit; gates stacked as r, z, n along the rows, as torch does.

        Parameters
        ----------
        W : array_like, (3N, N)
            Recurrent weights.
        M : array_like, (3N, I), optional
            Input weights.
        b, b_recurrent : array_like, (3N,), optional
            Biases of the input and of the recurrent products.
        reset : {"after", "before"}
            Whether the reset gate multiplies W_n h + c_n (torch, Keras) or h (Cho et al. 2014).
        """
        if reset not in ("after", "before"):
            raise BadInput(
                f"reset is {reset!r}.",
                "the two conventions are one letter apart and give different networks.",
                'pass reset="after" (torch, Keras reset_after=True) or reset="before" (Cho et al.).',
            )
        equation = "gru" if reset == "after" else "gru-reset-before"
        return cls._gated(equation, "gru", Gates, (W, M, b, b_recurrent), step, reset=reset)

    @classmethod
    def lstm(cls, W: Any, M: Any = None, b: Any = None, b_recurrent: Any = None, *, step: Any = 1) -> Recurrence:
        """The long short-term memory without peepholes; gates stacked as i, f, g, o along the rows, as torch and Keras.

        Parameters
        ----------
        W : array_like, (4N, N)
            Recurrent weights.
        M : array_like, (4N, I), optional
            Input weights.
        b, b_recurrent : array_like, (4N,), optional
            Biases of the input and of the recurrent products, as they are: nothing is added to the forget gate's.

        Notes
        -----
        The state is (h, c), the outputs and then the memories: `rec.N` is 2N, h0 has 2N entries (or is the pair
        (h0, c0)), and `oracle.simulate` returns both. torch's output is the first half. A run or trajectory that is
        checked may show both, or h alone: the memories are then reconstructed from the outputs.
        """
        return cls._gated("lstm", "lstm", MemoryGates, (W, M, b, b_recurrent), step)

    @classmethod
    def _gated(
        cls, equation: str, name: str, kind: type[Gates], given: tuple[Any, Any, Any, Any], step: Any, **more: Any
    ) -> Recurrence:
        count = GATES[equation]
        dtype = parse.given_dtype(dict(zip(("W", "M", "b", "b_recurrent"), given, strict=True)))
        arguments = parse.gates(*given, count=count)
        stacked = {each: tuple(np.array_split(array, count)) for each, array in arguments.items()}
        none: tuple[tuple[Array, ...], ...] = ((),) * count
        b, c = (tuple((part,) for part in stacked[each]) if each in stacked else none for each in ("b", "b_recurrent"))
        grid = positive(step)
        origin = Origin(name, {**arguments, **more, "step": grid}, dtype=dtype)
        return cls.made(equation, kind(stacked["W"], stacked["M"], b, c), grid, origin)

    def key(self) -> tuple[Any, ...]:
        """What equality compares: the step map, exactly, and its time grid."""
        return (self.equation, self.parameters, self.step)

    def same_map(self, other: Recurrence) -> bool:
        """Whether both are one map, whatever their time grids."""
        return self.equation == other.equation and bool(self.parameters == other.parameters)

    @property
    def lure(self) -> Lure:
        """The normal form.

        Raises
        ------
        oracle.BadInput
            The recurrence is of another kind (a Runge-Kutta step, a gated cell).
        """
        if isinstance(self.parameters, Lure):
            return self.parameters
        raise BadInput(
            f"the recurrence is a {self.equation} step.",
            "its map is not of the form A h + B s(W h + M x + b) + E x + c.",
            "use Euler or exponential Euler, or work with `equation` and `parameters`.",
        )

    @property
    def form(self) -> str:
        """The convention the recurrence was stated in, or the verb that made it."""
        return self.origin.name

    @property
    def alpha(self) -> Any:
        """The leak as given (Fraction, or one per unit), where the convention has one."""
        return self.origin.arguments.get("alpha")

    @property
    def activation(self) -> str:
        """Name of the nonlinearity."""
        return str(getattr(getattr(self.parameters, "field", self.parameters), "activation", "tanh"))

    @property
    def N(self) -> int:
        """Number of states."""
        return int(self.parameters.state_size)

    @property
    def outputs(self) -> int:
        """Number of states that modules put out: N, or half of them where the other half are memories."""
        return self.parameters.units if isinstance(self.parameters, MemoryGates) else self.N

    @property
    def I(self) -> int:
        """Number of inputs."""
        return int(self.parameters.input_size)

    def __getattr__(self, name: str) -> Array:
        if name in ("A", "B", "W", "M", "b", "E", "c") and "parameters" in self.__dict__:
            return verb("view")(self.lure, name)  # type: ignore[no-any-return]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def rescale(self, r: Any) -> Recurrence:
        """R: the same map and samples on the grid step / r."""
        return verb("rescale")(self, r)  # type: ignore[no-any-return]

    def linearize(self, at: Any = None) -> Recurrence:
        """L: the tangent map at the operating point (h, x); the zero point by default."""
        return verb("linearize")(self, at)  # type: ignore[no-any-return]

    def collapsed(self) -> Recurrence:
        """A linear recurrence with A + B W as its one matrix."""
        return verb("collapse")(self)  # type: ignore[no-any-return]


def positive(step: Any, name: str = "step") -> Fraction:
    """A step or factor > 0, exactly."""
    factor = parse.time_like(step, 1, name)
    if isinstance(factor, Fraction):
        return factor
    raise BadInput(f"{name} has several entries.", f"one number is expected for {name}.", f"pass a single {name}.")
