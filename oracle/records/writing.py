"""Files that appear whole or not at all: a temporary file beside the target, then a rename or a link."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oracle.errors import BadInput


def replace_file(target: Path, data: bytes) -> None:
    """Write a file; whatever happens before the rename, an interrupt included, leaves the target as it was."""
    _appear(target, data, Path.replace)


def create_file(target: Path, data: bytes) -> None:
    """Write a file where there is none yet; FileExistsError where there is one, which stays as it is."""
    _appear(target, data, lambda temporary, there: there.hardlink_to(temporary))


def _appear(target: Path, data: bytes, under_its_name: Callable[[Path, Path], Any]) -> None:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        under_its_name(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Any, data: bytes) -> Path:
    """Write a file that the user has named.

    Raises
    ------
    oracle.BadInput
        The folder does not exist or cannot be written.
    """
    target = Path(path)
    try:
        replace_file(target, data)
    except OSError as error:
        raise BadInput(
            f"{target}: {error.strerror}.",
            "its folder does not exist, or is not yours to write in.",
            "create the folder, or give another path.",
        ) from error
    return target
