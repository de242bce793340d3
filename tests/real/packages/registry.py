"""The packages that are judged: distribution, the name it imports, and the adapter beside this file."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import NamedTuple

from real.packages.case import Case


class Package(NamedTuple):
    """A distribution, what it is imported as, and its adapter."""

    distribution: str
    imports: str
    adapter: str

    @property
    def installed(self) -> bool:
        """Whether it is there."""
        return find_spec(self.imports) is not None

    @property
    def version(self) -> str:
        """Its version, without what says how it was built."""
        return version(self.distribution).partition("+")[0]

    def cases(self) -> Iterator[Case]:
        """What is judged of it."""
        yield from import_module(f"real.packages.{self.adapter}").cases()


PACKAGES = (
    Package("reservoirpy", "reservoirpy", "reservoirpy_reservoir"),
    Package("neat-python", "neat", "neat_ctrnn"),
    Package("nengo", "nengo", "nengo_filters"),
    Package("snntorch", "snntorch", "snntorch_leaky"),
    Package("ncps", "ncps", "ncps_cells"),
    Package("brainstate", "brainstate", "brainstate_cells"),
    Package("norse", "norse", "norse_integrator"),
    Package("lrnnx", "lrnnx", "lrnnx_discretization"),
    Package("psychrnn", "psychrnn", "psychrnn_basic"),
)
