"""References kept in files, and taken from there only if they are intact.

One file per question (`question`), named by its digest: JSON, sealed with a checksum, numbers as hexadecimal mantissa
and exponent, so that what is read is what was computed, bit by bit. Files appear whole or not at all. An entry that is
damaged, or answers another question, is dropped with a note in the log `oracle.cache`, and the answer computed again;
a folder that cannot be used costs a note as well, never the answer.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from time import time
from typing import Any

import mpmath

from oracle.errors import BadInput
from oracle.records.exact import Array, objects
from oracle.records.sealing import opened, sealed
from oracle.records.writing import replace_file
from oracle.reference.enclosure import Enclosure
from oracle.reference.question import Question, algorithm, question

FORMAT = "rnn-oracle cached reference"
VERSION = 1
_NUMBER = re.compile(r"(-?0x[0-9a-f]+)p(-?[0-9]{1,12})")
_NAME = re.compile(r"[0-9a-f]{64}\.json")
_ABANDONED = re.compile(r"\.[0-9a-f]{64}\.json\.[0-9a-f]{16}")
_WRITING = 3600.0  # seconds: a temporary file that is older belongs to a process that was killed
_log = logging.getLogger("oracle.cache")


@dataclass(frozen=True)
class Store:
    """A folder of references."""

    folder: Path

    def path(self, key: str) -> Path:
        """Where the answer to a question is, if it is."""
        return self.folder / key[:2] / f"{key}.json"

    def get(self, asked: Question) -> Enclosure | None:
        """The answer, if it is there and intact; what is damaged is dropped."""
        path = self.path(asked.key)
        try:
            return read(path, asked.shape)
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.warning("%s cannot be read: %s", path, error.strerror)
        except ValueError as error:
            _log.warning("%s is dropped: %s; the reference is computed again", path, error)
            drop(path)
        return None

    def put(self, asked: Question, answer: Enclosure) -> None:
        """Keep an answer."""
        path = self.path(asked.key)
        try:
            content = _content(asked, answer)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(path, sealed(content).encode("ascii"))
        except (OSError, ValueError) as error:
            _log.warning("the reference is not kept in %s: %s", self.folder, error)

    def entries(self) -> Iterator[Path]:
        """The files of all entries."""
        yield from self._named(_NAME)

    def abandoned(self) -> Iterator[Path]:
        """Temporary files of processes that were killed while they wrote."""
        for path in self._named(_ABANDONED):
            if time() - path.stat().st_mtime > _WRITING:
                yield path

    def _named(self, pattern: re.Pattern[str]) -> Iterator[Path]:
        for folder in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            yield from (path for path in sorted(folder.iterdir()) if pattern.fullmatch(path.name))


def cached(place: Any, arguments: tuple[Any, ...], compute: Callable[[], Enclosure]) -> Enclosure:
    """The answer from a store, or computed and kept there.

    Parameters
    ----------
    place : True, path-like or Store
        True is the user's cache folder.
    arguments : tuple
        Those of `question`.
    compute : callable
        The answer.
    """
    store, asked = at(place), question(*arguments)
    if asked is None:
        return compute()
    found = store.get(asked)
    if found is None:
        found = compute()
        store.put(asked, found)
    return found


def at(place: Any) -> Store:
    """The store that an argument `cache=` means."""
    if isinstance(place, Store):
        return place
    if place is True:
        return Store(user_folder())
    if isinstance(place, str | os.PathLike) and os.fspath(place):
        return Store(Path(place))
    raise BadInput(
        f"cache is {place!r}.", "it is neither a folder nor True.", "pass True for the user's cache folder, or a path."
    )


def user_folder() -> Path:
    """Where this system keeps a user's caches: XDG_CACHE_HOME, else what the platform says."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):  # the XDG specification: relative paths are invalid and to be ignored
        return Path(given) / "rnn-oracle" / "references"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "rnn-oracle" / "references"
    home = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return home / "rnn-oracle" / "references"


def drop(path: Path) -> None:
    """Remove an entry, if that is possible."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("%s cannot be removed: %s", path, error.strerror)


def read(path: Path, shape: tuple[int, ...] | None = None) -> Enclosure:
    """The answer in a file.

    Raises
    ------
    ValueError
        It is damaged, of another shape, or not the answer to the question that its name says.
    OSError
        The file cannot be read.
    """
    content = contents(path)
    try:
        stated = tuple(content["shape"])
        if shape is not None and stated != shape:
            raise ValueError(f"its shape is {stated}; the question's is {shape}")
        mid, rad = (_numbers(content[name], stated) for name in ("mid", "rad"))
        if any(r < 0 for r in rad.ravel()):
            raise ValueError("a radius is negative")
        agreement = None if content["agreement"] is None else _number(content["agreement"])
        if content["status"] not in ("proved", "observed"):
            raise ValueError(f"its status is {content['status']!r}")
        return Enclosure(mid, rad, content["status"], agreement, int(content["bits"]), str(content["method"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"an entry is missing or of another type: {error}") from None


def contents(path: Path) -> dict[str, Any]:
    """The sealed content of an entry, with its name compared."""
    content = opened(path.read_bytes().decode("ascii"))
    if (content.get("format"), content.get("version")) != (FORMAT, VERSION):
        raise ValueError("it is of another format or version")
    if f"{content.get('key')}.json" != path.name:
        raise ValueError("it answers another question")
    return content


def stale(path: Path) -> bool:
    """Whether an intact entry was computed by other code than this."""
    return contents(path).get("algorithm") != algorithm()


def _content(asked: Question, answer: Enclosure) -> dict[str, Any]:
    if answer.shape != asked.shape:
        raise ValueError(f"the answer has shape {answer.shape}, not {asked.shape}")
    return {
        **{"format": FORMAT, "version": VERSION, "key": asked.key, "algorithm": algorithm()},
        **{"status": answer.status, "bits": answer.bits, "method": answer.method, "shape": list(answer.shape)},
        "agreement": None if answer.agreement is None else _text(answer.agreement),
        "mid": [_text(m) for m in answer.mid.ravel()],
        "rad": [_text(r) for r in answer.rad.ravel()],
    }


def _text(value: Any) -> str:
    sign, man, exponent, _ = value._mpf_
    if not man and exponent:
        raise ValueError(f"an entry is {value}")
    return f"{'-' if sign else ''}{int(man):#x}p{exponent}"


def _number(text: Any) -> Any:
    match = _NUMBER.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"an entry is {text!r}, which is no finite number")
    return mpmath.mp.make_mpf(mpmath.libmp.from_man_exp(int(match[1], 16), int(match[2])))


def _numbers(texts: Any, shape: tuple[int, ...]) -> Array:
    if not isinstance(texts, list) or len(texts) != prod(shape):
        raise ValueError(f"it does not have {shape} entries")
    return objects(_number(text) for text in texts).reshape(shape)
