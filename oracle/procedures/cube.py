"""The cube: three procedures on one network, eight vertices, twelve edges, six faces, six paths.

    R  temporal rescaling   (t -> s)                  t = r s
    D  discretisation       (continuous -> discrete)  with step Delta in t and Delta / r in s
    L  linearisation        (nonlinear -> linear)     at the operating point (h*, x*)

Every face is one commutation square, compared from its lowest corner in exact arithmetic; the six paths lead from
(t, continuous, nonlinear) to (s, discrete, linear). After arXiv 2312.15974, whose theses are that the faces commute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import permutations
from typing import Any

from oracle.errors import BadInput
from oracle.procedures.cube_shape import AXES, EDGES, FACES, PROCEDURES, VERTICES, Edge, Key, edges_of
from oracle.procedures.float_orders import Measured, measured
from oracle.procedures.linearize import operating_point
from oracle.procedures.sameness import Sameness, compared
from oracle.procedures.tangent_map import ExponentialStep, TangentStep, Vertex
from oracle.records.exact import Array
from oracle.records.layout import Samples, samples
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence, positive
from oracle.records.staged import Staged


@dataclass(frozen=True, eq=False)
class Outcome:
    """Two ways through the cube, compared: `holds` is "equal", "different" or "undecided"; `gap` is 0 when equal, a
    certified lower bound of the difference when different, None when there is none.
    """

    name: str
    holds: str
    evidence: str
    gap: Fraction | float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        gap = None if self.gap is None else float(self.gap)
        return {"name": self.name, "holds": self.holds, "evidence": self.evidence, "gap": gap}


@dataclass(frozen=True, eq=False)
class Face(Outcome):
    """One commutation square, and the four edges around it."""

    edges: tuple[Edge, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**super().to_dict(), "edges": [[edge.name, list(edge.start), list(edge.end)] for edge in self.edges]}


@dataclass(frozen=True, eq=False)
class Path(Outcome):
    """One order of the three procedures, first applied first, and its end, compared with that of the path R D L."""

    end: Vertex


@dataclass(frozen=True, eq=False)
class Cube:
    """R, D and L of one network, in every order.

    Parameters
    ----------
    net : Network
        The vertex (t, continuous, nonlinear).
    tau : number
        The rescaling factor r > 0 of t = r s; `r` is an alias that cannot be confused with the network's tau.
    step : number
        Step Delta > 0 in t; in s it is Delta / r.
    at : tuple of array_like, optional
        Operating point (h*, x*), h* (N,), x* (I,); the zero point by default. It need not be an equilibrium.
    scheme : str
        "euler" (default), "exponential-euler", "midpoint", "heun" or "rk4".
    collapsed : bool
        Let L forget the split into leak and recurrent part (A + B S W is one matrix). Exponential Euler then no longer
        commutes with L: the counterexample of arXiv 2312.15974's third thesis.
    step_after, at_after : optional
        Other values of the step and the operating point in s, to see the cube fail.

    Raises
    ------
    oracle.BadInput
        A factor or step that is not positive, a point of the wrong shape or at a kink, an unknown scheme.
    """

    net: Network
    r: Fraction
    step: Fraction
    at: tuple[Array, Array]
    scheme: str
    collapsed: bool
    step_after: Fraction
    at_after: tuple[Array, Array]

    def __init__(
        self,
        net: Network,
        *,
        tau: Any = None,
        r: Any = None,
        step: Any,
        at: Any = None,
        scheme: str = "euler",
        collapsed: bool = False,
        step_after: Any = None,
        at_after: Any = None,
    ) -> None:
        if not isinstance(net, Network):
            raise BadInput(
                f"the cube got a {type(net).__name__}.",
                "R, D and L start from a continuous-time network.",
                "pass an oracle.Network.",
            )
        if (tau is None) == (r is None):
            raise BadInput(
                "both tau and r were given." if r is not None else "no rescaling factor was given.",
                "tau here is the factor r of t = r s, not the network's time constant.",
                "pass exactly one of tau= and r=.",
            )
        factor, delta = positive(tau if r is None else r, "r"), positive(step)
        point = operating_point(net, at)
        values = {
            "net": net,
            "r": factor,
            "step": delta,
            "at": point,
            "scheme": scheme,
            "collapsed": collapsed,
            "step_after": delta / factor if step_after is None else positive(step_after, "step_after"),
            "at_after": point if at_after is None else operating_point(net, at_after),
            "_reached": {(): net},
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    # -- the three procedures, as the cube's edges ------------------------------------------------------------------
    def _R(self, vertex: Vertex, rescaled: bool) -> Vertex:
        return vertex.rescale(self.r)

    def _D(self, vertex: Vertex, rescaled: bool) -> Vertex:
        assert isinstance(vertex, Network), "only a continuous vertex is discretised"
        step = self.step_after if rescaled else self.step
        if self.scheme == "exponential-euler" and not vertex.field.A.is_diagonal and vertex.activation == "identity":
            return ExponentialStep(Staged(vertex.field, step), step)
        result: Recurrence = vertex.discretize(step, self.scheme)
        return result

    def _L(self, vertex: Vertex, rescaled: bool) -> Vertex:
        assert isinstance(vertex, Network | Recurrence), "only a nonlinear vertex is linearised"
        at = self.at_after if rescaled else self.at
        if isinstance(vertex, Recurrence) and isinstance(vertex.parameters, Staged):
            return TangentStep(vertex, at)
        linear = vertex.linearize(at)
        return linear.collapsed() if self.collapsed else linear

    def follow(self, order: tuple[str, ...] | str) -> Vertex:
        """The vertex at the end of some procedures, first applied first: `cube.follow("RDL")`."""
        order = tuple(order)
        reached: dict[tuple[str, ...], Vertex] = self.__dict__["_reached"]
        if order not in reached:
            before = self.follow(order[:-1])
            edge: Callable[[Vertex, bool], Vertex] = getattr(self, f"_{order[-1]}")
            reached[order] = edge(before, "R" in order[:-1])
        return reached[order]

    # -- what is compared ---------------------------------------------------------------------------------------------
    def __getitem__(self, key: Key) -> Vertex:
        if key not in VERTICES:
            raise KeyError(f"{key!r} is no vertex; one of {VERTICES}")
        return self.follow(tuple(name for axis, name in enumerate(PROCEDURES) if key[axis] == AXES[name][1]))

    @property
    def vertices(self) -> dict[Key, Vertex]:
        """The eight vertices, each reached in the order R, D, L."""
        return {key: self[key] for key in VERTICES}

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The twelve edges."""
        return EDGES

    @cached_property
    def faces(self) -> tuple[Face, ...]:
        """The six commutation squares, compared."""
        return tuple(self.face(name) for name in FACES)

    def face(self, name: str) -> Face:
        """One commutation square."""
        first, second, before = FACES[name]
        outcome = compared(self.follow((*before, first, second)), self.follow((*before, second, first)))
        return Face(name, outcome.holds, outcome.evidence, outcome.gap, edges_of(name))

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """The six orders, each compared with R D L."""
        return tuple(self._path(order) for order in permutations(PROCEDURES))

    def _path(self, order: tuple[str, ...]) -> Path:
        end = self.follow(order)
        if order == PROCEDURES:
            return Path(" ".join(order), "equal", "the path the others are compared with", Fraction(0), end)
        outcome: Sameness = compared(self.follow(PROCEDURES), end)
        return Path(" ".join(order), outcome.holds, outcome.evidence, outcome.gap, end)

    @property
    def _outcomes(self) -> list[Outcome]:
        return [*self.faces, *self.paths]

    @property
    def commutes(self) -> bool:
        """Whether every face and every path is equal, exactly."""
        return all(part.holds == "equal" for part in self._outcomes)

    def measure(self, inputs: Any, h0: Any = None, steps: int | None = None) -> tuple[Measured, ...]:
        """Both orders of every discrete face in float64; see `oracle.procedures.float_orders`.

        Parameters
        ----------
        inputs : array_like, (K, I) or (K, batch, I)
        h0 : array_like, (N,) or (batch, N), optional
            Initial state, zero by default.
        steps : int, optional
            Use the first samples only.

        Returns
        -------
        tuple of Measured
            Per face: bitwise agreement of both runs and their largest difference (observed).
        """
        run = samples(inputs, h0, N=self.net.N, I=self.net.I)
        short = run if steps is None else Samples(run.X[:steps], run.h0, run.batched)
        return tuple(
            measured(self, name, short)
            for name, (first, second, before) in FACES.items()
            if "D" in (first, second, *before)
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {
            "r": str(self.r),
            "step": str(self.step),
            "scheme": self.scheme,
            "collapsed": self.collapsed,
            "vertices": [list(key) for key in VERTICES],
            "edges": [{"name": edge.name, "start": list(edge.start), "end": list(edge.end)} for edge in EDGES],
            "faces": [face.to_dict() for face in self.faces],
            "paths": [path.to_dict() for path in self.paths],
            "commutes": self.commutes,
        }

    def __repr__(self) -> str:
        lines = [f"{part.name:<15} {part.holds:<10} {part.evidence}" for part in self._outcomes]
        return "\n".join([f"Cube(r={self.r}, step={self.step}, scheme={self.scheme!r})", *lines])
