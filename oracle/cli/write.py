"""`rnn-oracle write`: a starter test for a program, honest about what only its author knows."""

from __future__ import annotations

import re
from keyword import iskeyword
from pathlib import Path

import click

from oracle.cli import exits
from oracle.cli.candidate import read_candidate
from oracle.errors import BadInput
from oracle.records.writing import create_file

TEMPLATE = '''\
"""Does {name} follow the equation it documents? Fill in what says TODO; until then the test fails and says so."""

import oracle


def program():
    """The program under test."""
    from {module} import {top}

    return {attribute}


def documented():
    """The documented equation with the weights of the program; row = receiving unit."""
    # TODO: return one of these, with W (N, N), M (N, I) and b (N,) as the program has them, and delete the line below.
    #   oracle.Recurrence.elman(W, M, b)                           tanh(W h + M x + b)
    #   oracle.Recurrence.leaky(W, M, b, alpha=0.1)                (1-a) h + a tanh(W h + M x + b)
    #   oracle.Recurrence.leak_inside(W, M, b, alpha=0.1)          tanh((1-a) h + a (W h + M x + b))
    #   oracle.Network.rate(W, M, b, tau=0.1).discretize(step=0.01, scheme="euler")
    raise NotImplementedError("TODO: state the documented equation of {name} in documented()")


def test_{function}_follows_its_equation(rnn_oracle):
    """Every step of the program is inside the proven bound of its equation."""
    rec = documented()
    probe = oracle.probe(rec)  # inputs and a start that hide no fault; (K, batch, I) and (batch, N)
    # kind="step" for h, x -> h; "run" for h0, X -> H; "module" for a layer of a framework. promised= is the precision.
    rnn_oracle.check(program(), rec, inputs=probe.inputs[:, 0], h0=probe.h0[0])
'''


@click.command("write")
@click.argument("candidate", metavar="MODULE:CALLABLE")
@click.option("--out", metavar="FILE", help="Where to write; test_CALLABLE.py by default. Nothing is overwritten.")
def command(candidate: str, out: str | None) -> int:
    """Write a pytest file that checks MODULE:CALLABLE against the equation you fill in."""
    module, attribute = _named(candidate)
    read_candidate(candidate)
    function = re.sub(r"\W+", "_", attribute).strip("_").lower()
    target = Path(out or f"test_{function}.py")
    _create(target, starter(module, attribute, function))
    click.echo(f"{target}: fill in documented(), then run pytest {target}")
    return exits.PASS


def starter(module: str, attribute: str, function: str) -> str:
    """The text of a test file."""
    top, name = attribute.partition(".")[0], f"{module}:{attribute}"
    return TEMPLATE.format(name=name, module=module, top=top, attribute=attribute, function=function)


def _named(candidate: str) -> tuple[str, str]:
    module, _, attribute = candidate.partition(":")
    parts = [*module.split("."), *attribute.split(".")]
    if not module.endswith(".py") and all(part.isidentifier() and not iskeyword(part) for part in parts):
        return module, attribute
    raise BadInput(
        f"the program is {candidate!r}.",
        "it is a path, or no name that a test could import.",
        "write package.module:function, from the directory that pytest is run in.",
    )


def _create(target: Path, text: str) -> None:
    try:
        create_file(target, text.encode("utf-8"))
    except FileExistsError:
        raise BadInput(
            f"{target} exists.", "it may have been filled in since.", "give another path with --out."
        ) from None
    except OSError as error:
        raise BadInput(
            f"{target}: {error.strerror}.",
            "its folder does not exist, or is not yours to write in.",
            "create the folder, or give another path with --out.",
        ) from error
