"""JSON documents that carry the SHA-256 of their own content, so that damage is seen when they are read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SEAL = "sha256"


def sealed(content: Mapping[str, Any], indent: int | None = None) -> str:
    """A document as text."""
    return json.dumps({**content, SEAL: _digest(content)}, indent=indent, allow_nan=False) + "\n"


def opened(text: str) -> dict[str, Any]:
    """The content of a sealed document.

    Raises
    ------
    ValueError
        It is not JSON, not an object, or not what was sealed.
    """
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")
    content = {key: value for key, value in document.items() if key != SEAL}
    if document.get(SEAL) != _digest(content):
        raise ValueError("its checksum is wrong")
    return content


def _digest(content: Mapping[str, Any]) -> str:
    plain = json.dumps(dict(content), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode("ascii")).hexdigest()
