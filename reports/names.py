"""The reference: every public name with its signature, commands, findings and claims, out of the code itself.

    python reports/names.py [--check]

writes oracle/guide/reference.md; with --check it writes nothing, and exit code 1 says that the page is out of date.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import oracle
from oracle import claims
from oracle.arithmetic.suprema import slope_range
from oracle.cli.app import COMMANDS
from oracle.diagnosis.meanings import MEANINGS
from oracle.equations.activations import ACTIVATIONS
from oracle.records.framework_names import TABLE
from oracle.records.names import activation_name
from oracle.records.precision import ACTIVATION_ULPS

OTHERS = {
    "precision:<format>": "factors or states are of that format, and a finer one was promised",
    "precision:below-<promised>": "exact probes prove that the promised format is not kept",
    "rounded-weights:<format>": "weights are rounded to a narrower format before they are used",
    "inaccurate-activation": "the activation is further from its value than is granted",
    "noise:<scale>": "the noise depends on the step in another way than promised",
    "wrong-readout": "the states follow, and the readout C h + d does not",
    "final-state": "a layer's outputs follow, and the state it returns beside them is not the one after the last step",
    "weights-of:<part>": "a layer or direction computes with the weights of another one",
    "initial-state-of:<part>": "a layer or direction starts from the initial state of another one",
    "direction-reversed": "a forward direction runs backwards through its samples",
    "direction-not-reversed": "a backward direction runs forwards",
    "unexplained": "no named deviation explains every residual",
    "candidate-raised": "the program raised an exception",
    "wrong-shape": "what it returns has another shape than a state or a trajectory",
    "wrong-dtype": "what it returns is no array of real numbers",
    "masked-values": "what it returns has masked entries",
    "mutates-arguments": "it writes into the state or the sample it was given",
    "views-of-one-buffer": "the states it returns are one array",
    "not-deterministic": "two runs from the same inputs differ",
    "changes-global-state": "it changed NumPy's error handling, a global generator, the folder, ..: put back",
    "time-limit": "it was interrupted; nothing is known",
    "nothing-to-check": "no trajectory has a step",
}
"""Findings that are no edits of an equation."""

PAGE = Path(__file__).parents[1] / "oracle" / "guide" / "reference.md"
TOPICS = {
    "State an equation": (
        "Network",
        "Recurrence",
        "Noise",
        "recurrence",
        "layers",
        "held",
        "sampled",
        "analytic",
        "activation",
    ),
    "Ask about a program": ("check", "assert_follows", "compare", "identify", "check_gradient", "check_precision"),
    "Prepare and read": ("probe", "as_step", "CheckResult", "CheckFailed", "BadInput"),
    "References and bounds": ("reference", "Enclosure", "gradient", "tolerance", "certificate", "Certificate"),
    "Rescale, discretise, linearise": ("Cube", "relate", "verify_all"),
    "Run and keep": ("simulate", "save", "load"),
}
MADE_BY_USERS = ("Network", "Recurrence", "Noise", "Cube")
INTERNAL = ("made", "key")  # for other rooms of the library
HEAD = """# The names

Made from the docstrings by `python reports/names.py`; `help(oracle.check)` says more.
"""
ACTIVATED = """`activation=` takes a name with parameters (`"leaky-relu(0.2)"`, `"softplus(20)"`), an expression in z
(`"z / (1 + exp(-z))"`, or one of SymPy), or a function or module of NumPy, torch, jax or Keras, with that framework's
parameters. Slopes are certified by balls where they are not plain; "granted" is what the proven bound assumes."""


def names() -> list[str]:
    """What `oracle` offers; what no topic names comes under a last one."""
    return [name for name in oracle.__all__ if name != "claims"]


def topics() -> dict[str, Iterable[str]]:
    """Names by topic."""
    placed = {name for group in TOPICS.values() for name in group}
    rest = tuple(name for name in names() if name not in placed)
    return {**TOPICS, **({"Also": rest} if rest else {})}


def first(thing: Any) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def signature(name: str, thing: Any) -> str:
    """As it is called: names and defaults, no types."""
    try:
        parameters = inspect.signature(thing).parameters.values()
    except ValueError:
        return name
    public = [plain(p) for p in parameters if p.name not in ("self", "cls") and not p.name.startswith("_")]
    return name + str(inspect.Signature(public))


def plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """Without its type, and a type as default by its name."""
    default = parameter.default
    named = isinstance(default, type) and default is not parameter.empty
    return parameter.replace(annotation=parameter.empty, default=Name(default.__name__) if named else default)


class Name(str):
    """Text that is shown without quotes."""

    __repr__ = str.__str__


def members(kind: type) -> Iterator[str]:
    """A line for each public method or property of a class, in the order in which they stand there."""
    for name, member in vars(kind).items():
        if name.startswith("_") or name in INTERNAL:
            continue
        bare = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if isinstance(bare, property):
            yield f"- `.{name}`: {first(bare)}"
        elif inspect.isfunction(bare):
            yield f"- `.{signature(name, bare)}`: {first(bare)}"


def entry(name: str) -> list[str]:
    """A name: how it is called, what it is, and what a class has."""
    thing = getattr(oracle, name)
    called = not inspect.isclass(thing) or name in MADE_BY_USERS
    listed = list(members(thing)) if inspect.isclass(thing) and not issubclass(thing, Exception) else []
    head = f"### `oracle.{signature(name, thing) if called else name}`"
    return [head, "", first(thing), "", *([*listed, ""] if listed else [])]


def commands() -> Iterator[str]:
    """A row for each command."""
    for name in COMMANDS:
        command = importlib.import_module(f"oracle.cli.{name}").command
        yield from rows_of(name, command)
        for part, subcommand in getattr(command, "commands", {}).items():
            yield from rows_of(f"{name} {part}", subcommand)


def rows_of(name: str, command: Any) -> Iterator[str]:
    """The row of a command: what it is called with, what it does, its options."""
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    given = " ".join(
        text if p.required or text.startswith("[") else f"[{text}]"
        for p in arguments
        for text in [p.metavar or p.name.upper()]
    )
    options = " ".join(f"`{option.opts[0]}`" for option in command.params if option.opts[0].startswith("--"))
    called = f"rnn-oracle {name} {given}".strip().replace("|", "\\|")
    yield f"| `{called}` | {command.get_short_help_str(120)} | {options} |"


def activations() -> Iterator[str]:
    """A row for each family: the least and largest slope, names, and what a program's rounding is granted."""
    for ours, torch, jax, keras in TABLE:
        kind = ACTIVATIONS[activation_name(ours.partition("(")[0])]
        low, high = ("unbounded" if end is None else f"{float(end):.9g}" for end in slope_range(kind.name))
        granted = kind.assumed.format(ulps=f"{ACTIVATION_ULPS:g}")
        yield f"| `{ours}` | {low} to {high} | {torch} | {jax} | {keras} | {cell(granted)} |"


def cell(text: str) -> str:
    """Text that may stand in a cell of a table."""
    return text.replace("|", "\\|")


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    for topic, group in topics().items():
        lines += [f"## {topic}", ""]
        for name in group:
            lines += entry(name)
    lines += ["## Commands", "", "| command | what it does | options |", "|---|---|---|", *commands(), ""]
    lines += ["## Findings", "", "The names a diagnosis may claim, from the table that it searches.", ""]
    lines += ["| name | what the program does |", "|---|---|"]
    lines += [f"| `{name}` | {cell(meaning)} |" for name, meaning in MEANINGS.items()]
    lines += [
        "",
        "Names that are found in other ways: of precision, noise, modules, and what a program does besides.",
        "",
    ]
    lines += ["| name | what it means |", "|---|---|"]
    lines += [f"| `{name}` | {cell(meaning)} |" for name, meaning in OTHERS.items()]
    lines += ["", "## Activations", "", ACTIVATED, ""]
    lines += [
        "| name | slopes (of the usual parameters) | torch | jax | Keras | granted |",
        "|---|---|---|---|---|---|",
    ]
    lines += activations()
    lines += ["", "## Claims", "", '`oracle.claims["C1"].verify(net)`; every one has a proof in `proofs/symbolic`.', ""]
    lines += ["| claim | statement |", "|---|---|"]
    lines += [f"| {name} {claim.title} | {cell(claim.statement)} |" for name, claim in claims.CLAIMS.items()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def main() -> int:
    """Write the page, or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if the page is out of date")
    options = parser.parse_args()
    made = page()
    if options.check:
        return int(not PAGE.exists() or PAGE.read_text(encoding="utf-8") != made)
    PAGE.write_text(made, encoding="utf-8")
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
