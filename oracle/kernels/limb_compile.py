"""How the loops over limbs are compiled: once per machine, and anew whenever any of their files changes.

numba keeps compiled code on disk and asks only whether the file of the outermost function is newer. Functions of the
other files are part of that code, and so are the constants it reads, so a stale one would go on being run, and what it
computes would be called proved. The stamp here is a digest of all these files.

Compilation takes half a minute, and LLVM calls back into Python, where an exception is printed and ignored: a Ctrl-C
there would be lost. So it is noticed while a function is compiled, and raised when that one is done.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import njit


@lru_cache(maxsize=1)
def digest() -> str:
    """Of all files that compiled code comes from."""
    files = sorted(Path(__file__).parent.glob("limb*.py"))
    return sha256(b"\0".join(file.name.encode() + b"\0" + file.read_bytes() for file in files)).hexdigest()


def compiled(function: Callable[..., Any]) -> Any:
    """A function in compiled form, kept on disk under the digest; not kept where numba lets no stamp be set."""
    made = njit(function)
    compile_for = made.compile

    def compile_and_notice(signature: Any) -> Any:
        with interruptible():
            return compile_for(signature)

    made.compile = compile_and_notice
    try:
        made.enable_caching()
        kept = made._cache._cache_file
        assert kept._source_stamp is not None
        kept._source_stamp = (digest(), len(digest()))
    except (AttributeError, AssertionError, RuntimeError):
        return njit(function)
    return made


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C is raised at the end, if something inside has kept it from being raised at once."""
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield
        return
    seen = []

    def noticed(number: int, frame: Any) -> None:
        seen.append(number)
        usual(number, frame)

    signal.signal(signal.SIGINT, noticed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if seen:
        raise KeyboardInterrupt
