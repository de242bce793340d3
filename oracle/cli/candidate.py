"""The candidate named on the command line: module:callable, file.py:callable, or a recorded trajectory."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from oracle.check.breach import passes_through, words
from oracle.cli.files import TABLES, read_array
from oracle.cli.terminal import candidates_output
from oracle.errors import BadInput


def read_candidate(name: str, modules: dict[str, Any] | None = None) -> Any:
    """Find a candidate.

    Parameters
    ----------
    name : str
        "package.module:function", "folder/file.py:function" (attributes of attributes with dots), or a path ending in
        .npy or .csv. The current directory is importable.
    modules : dict, optional
        Modules by the name they were given; a file that two candidates are in is run once, and their weights are one.

    Raises
    ------
    oracle.BadInput
        Nothing of that name, a module that fails when it is imported, an object that is no candidate.
    """
    if Path(name).suffix.lower() in TABLES and ":" not in Path(name).name:
        return read_array(name, ("H", "h"))
    place, colon, attribute = name.rpartition(":")
    if not colon or not place or not attribute:
        raise BadInput(
            f"the candidate is {name!r}.",
            "it says neither where a function is nor which file holds a trajectory.",
            f"write module:function or file.py:function, or a path that ends in {' or '.join(TABLES)}.",
        )
    with candidates_output():
        known = {} if modules is None else modules
        if place not in known:
            known[place] = _module(place)
        found = _attribute(known[place], attribute, place)
    if not callable(found) and not hasattr(type(found), "__array__"):
        raise BadInput(
            f"{name} is a {type(found).__name__}.",
            "it can be neither called nor read as a trajectory.",
            "name a step(h, x), a run(h0, X), a module object or an array.",
        )
    return found


def _module(place: str) -> Any:
    try:
        if place.endswith(".py"):
            return _from_file(Path(place))
        here = str(Path.cwd())
        if here not in sys.path:
            sys.path.insert(0, here)
        return importlib.import_module(place)
    except BadInput:
        raise
    except ModuleNotFoundError as error:
        missing = error.name or place
        raise BadInput(
            f"there is no module {missing!r}.",
            "it is misspelt, or neither in this directory nor installed."
            if place.startswith(missing)
            else f"{place} imports it, and it is not installed here.",
            "run this where the module is, or give the path: folder/file.py:function.",
        ) from None
    except BaseException as error:
        if isinstance(error, SystemExit) or passes_through(error):
            raise
        raise BadInput(
            f"importing {place} raised {words(error)}",
            "the module has a fault, or expects to be run elsewhere.",
            f"make `python -c 'import {Path(place).stem}'` work first.",
        ) from error


def _from_file(path: Path) -> Any:
    if not path.is_file():
        raise BadInput(f"there is no file {path}.", "the path is misspelt.", "give the path of a Python file.")
    name = path.stem if path.stem not in sys.modules else f"{path.stem} (candidate)"  # random.py is not `random`
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _attribute(module: Any, attribute: str, place: str) -> Any:
    found = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            public = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
            raise BadInput(
                f"{place} has no {attribute!r}.",
                "it is misspelt, or defined inside a function.",
                f"it has {', '.join(public[:8])}." if public else "define it at the top level of the module.",
            )
        found = getattr(found, part)
    return found
