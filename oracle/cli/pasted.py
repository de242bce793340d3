"""The test that says the same as a command line, to be pasted into a test file and run from the same directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from oracle.cli.files import INPUT_NAMES, TABLES, chosen, has_header, number, read_archive

ASKED = ("promised", "recorded", "kind", "batch_first", "time_limit")


def pasted_check(candidate: str, given: dict[str, Any]) -> str:
    """The test of `rnn-oracle check CANDIDATE ..`.

    Parameters
    ----------
    candidate : str
        As it was named on the command line.
    given : dict
        Values of the options of the command, by name, and what `question` made of those that are passed on.
    """
    return _test("follows_its_equation", [("candidate", candidate)], "check(candidate", given)


def pasted_comparison(a: str, b: str, given: dict[str, Any]) -> str:
    """The test of `rnn-oracle compare A B ..`; parameters as for `pasted_check`."""
    return _test("both_follow_one_equation", [("a", a), ("b", b)], "compare(a, b", given)


def _test(name: str, programs: list[tuple[str, str]], call: str, given: dict[str, Any]) -> str:
    asked = [f"{key}={given[key]!r}" for key in ASKED if given.get(key) is not None]
    asked += [] if given.get("noise") is None else [_noise(given["noise"])]
    lines, X, h0 = _samples(given)
    lines = [*_programs(programs), _equation(programs[0][0], given), *lines]
    lines.append(f"rnn_oracle.{call}, rec, {', '.join([f'inputs={X}', f'h0={h0}', *asked])})")
    text = "\n".join([f"def test_{name}(rnn_oracle):", *(f"    {line}" for line in lines)])
    return "\n".join([*_imports(text), "", text])


def _imports(text: str) -> list[str]:
    """The lines that import what a text uses, close together: the text has to fit on a first screen."""
    own = [f"import {module}" for module in ("importlib", "runpy") if f"{module}." in text]
    own += ["from fractions import Fraction"] if "Fraction(" in text else []
    return [*own, *(["import numpy as np"] if "np." in text else []), "import oracle"]


def _programs(programs: list[tuple[str, str]]) -> list[str]:
    """The objects that the names of candidates mean; a file is run once, whatever is taken from it."""
    files = {text.rpartition(":")[0] for _, text in programs}
    if len(programs) > 1 and len(files) == 1 and (place := files.pop()).endswith(".py"):
        return [
            f"found = runpy.run_path({place!r})",
            *(f"{variable} = {_of('found', text)}" for variable, text in programs),
        ]
    return [f"{variable} = {_program(text)}" for variable, text in programs]


def _program(text: str) -> str:
    if Path(text).suffix.lower() in TABLES and ":" not in Path(text).name:
        return _array(text, ("H", "h"))
    place, _, attribute = text.rpartition(":")
    if place.endswith(".py"):
        return _of(f"runpy.run_path({place!r})", text)
    return f"importlib.import_module({place!r}).{attribute}"


def _of(found: str, text: str) -> str:
    """An attribute of a file that was run, with attributes of its own."""
    first, *others = text.rpartition(":")[2].split(".")
    return ".".join([f"{found}[{first!r}]", *others])


def _noise(text: str) -> str:
    """SIGMA:SCALE[:SITE] as a promise of noise."""
    sigma, *names = text.split(":")
    return f"noise=oracle.Noise({', '.join([repr(float(sigma)), *map(repr, names)])})"


def _equation(variable: str, given: dict[str, Any]) -> str:
    if given["network"] is None:
        return f"rec = oracle.recurrence({variable})"
    loaded = f"rec = oracle.load({given['network']!r})"
    if given["step"] is None:
        return loaded
    return f"{loaded}.discretize(step={number(given['step'], '--step')!r}, scheme={given['scheme'] or 'euler'!r})"


def _samples(given: dict[str, Any]) -> tuple[list[str], str, str]:
    """Lines that read or make the samples, then inputs and initial state as they are passed."""
    start = None if given["h0"] is None else _array(given["h0"], ("h0", "H"), columns=1)
    if given["inputs"] is not None:
        read = [f"X = {_array(given['inputs'], INPUT_NAMES)}", *([f"h0 = {start}"] if start else [])]
        return read, "X", "h0" if start else "None"
    made = f"probe = oracle.probe(rec, steps={given['steps']}, batch={given['batch'] or 1}, seed={given['seed']})"
    if given["batch"] is None:
        return [made], "probe.inputs[:, 0]", start or "probe.h0[0]"
    return [made], "probe.inputs", start or "probe.h0"


def _array(path: str, names: tuple[str, ...], columns: int = 2) -> str:
    """Reading an array as the commands do; `columns` is the least number of axes of one that is a text file."""
    suffix = Path(path).suffix.lower()
    if suffix == ".csv":
        skipped = has_header(Path(path).read_text(encoding="utf-8").splitlines())
        return f'np.loadtxt({path!r}, delimiter=",", ndmin={columns}{", skiprows=1" if skipped else ""})'
    if suffix == ".npz":
        return f"np.load({path!r})[{chosen(read_archive(path), path, names)!r}]"
    return f"np.load({path!r})"
