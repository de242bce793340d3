"""Native files: exact round trips, atomic writes, and refusal of everything that is not one."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from specimens import LEAK, B, H, M, W, X, dyadic, networks, recurrences, transcendental

import oracle
from oracle import BadInput, Network, Recurrence
from oracle.bridges import native
from oracle.records.exact import Constant
from oracle.records.operator import Operator

POINT = H[:, 0], X[:, 0]
E2 = Constant.atom("exp", Fraction(-2))
SINGLE = W.astype(np.float32), M.astype(np.float32)
RECORDS: dict[str, Any] = {
    **{f"{name} (network)": net for name, net in networks().items()},
    **recurrences("logistic"),
    **transcendental(),
    "per-unit alpha inside": Recurrence.leaky(W, M, B, alpha=LEAK, sigma="inside"),
    "fractions": Recurrence.elman([[Fraction(1, 3), 2], [3, Fraction(5, 7)]], step=Fraction(1, 3)),
    "gates without biases": Recurrence.gru(dyadic(7, 9, 3)),
    "gates in float32": Recurrence.gru(dyadic(7, 9, 3).astype(np.float32), reset="before"),
    "float32": Network.rate(*SINGLE, tau=0.1),
    "float16": Recurrence.elman(W.astype(np.float16)),
    "float32 beside a list": Recurrence.elman([[0.1, 0.2], [0.3, 0.5]], np.ones((2, 1), np.float32)),
    "extremes": Recurrence.elman([[5e-324, -1.7976931348623157e308], [0.1, -0.0]]),
    "constants": Recurrence.leaky(W, alpha=1 - E2),
    "operators": Network(A=Operator.diagonal(-1 - 3 * E2 * E2, 3), W=Operator.dense(W).scaled(E2), B=2, c=B),
    "every verb": networks()["current, per unit tau"]
    .rescale(Fraction(7, 3))
    .linearize(at=POINT)
    .collapsed()
    .discretize(dt=0.01)
    .rescale(2),
}


@pytest.mark.parametrize("name", RECORDS)
def test_round_trips_are_exact(name: str, tmp_path: Path) -> None:
    """Equality, hash, repr, type and dtype survive, and the second file is the first, byte for byte."""
    record = RECORDS[name]
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    oracle.save(record, first)
    read = oracle.load(str(first))
    assert type(read) is type(record)
    assert read == record
    assert (hash(read), repr(read), read.dtype) == (hash(record), repr(record), record.dtype)
    oracle.save(read, second)
    assert first.read_bytes() == second.read_bytes()


def test_bfloat16_of_torch_survives(tmp_path: Path) -> None:
    """A dtype that NumPy does not have is remembered."""
    torch: Any = pytest.importorskip("torch")
    record = Recurrence.elman(torch.tensor(W, dtype=torch.bfloat16))
    oracle.save(record, tmp_path / "a.json")
    assert oracle.load(tmp_path / "a.json").dtype == record.dtype == "bfloat16"


def document() -> Any:
    """A valid document, to be spoiled."""
    return json.loads(json.dumps(native.document(Network.rate(W, M, B, tau=0.5).rescale(3))))


def spoil(change: Callable[[Any], Any]) -> bytes:
    """The document after a change, as a file."""
    made = document()
    change(made)
    return json.dumps(made).encode()


def arguments(made: Any) -> Any:
    """Arguments of the constructor."""
    return made["origin"][0]["arguments"]


def archive() -> bytes:
    """An .npz file."""
    buffer = io.BytesIO()
    np.savez(buffer, W=W)
    return buffer.getvalue()


class Trap:
    """Raises if it is ever unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('unpickled')",))


VALID = json.dumps(native.document(Network.rate(W, M, B, tau=0.5))).encode()
BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is not JSON"),
    "truncated": (VALID[: len(VALID) // 2], "truncated"),
    "one byte short": (VALID[:-1], "truncated"),
    "not text": ("é".encode("latin-1"), "is not JSON"),
    "nested without end": (b"[" * 100_000, "is not JSON"),
    "a pickle": (pickle.dumps(Trap()), "is a Python pickle"),
    "a zip archive": (archive(), "is a zip archive"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(64), "is an HDF5 file"),
    "gzip": (b"\x1f\x8b" + bytes(16), "is a gzip archive"),
    "npy": (b"\x93NUMPY" + bytes(16), "is a NumPy array"),
    "a number": (b"3", "does not say that it is"),
    "another format": (spoil(lambda d: d.update(format="nir")), "does not say that it is"),
    "a newer version": (spoil(lambda d: d.update(version=2)), "version 2"),
    "more entries": (spoil(lambda d: d.update(extra=1)), "the entries are"),
    "no chain": (spoil(lambda d: d.update(origin=[])), "is empty"),
    "chain of text": (spoil(lambda d: d.update(origin=["rate"])), "no name and arguments"),
    "kind a list": (spoil(lambda d: d.update(kind=[])), "not both text"),
    "unknown kind": (spoil(lambda d: d.update(kind="Module")), "no constructor"),
    "unknown constructor": (spoil(lambda d: d["origin"][0].update(name="__init__")), "no constructor"),
    "constructor of another kind": (spoil(lambda d: d.update(kind="Recurrence")), "no constructor"),
    "private constructor": (spoil(lambda d: d["origin"][0].update(name="made")), "no constructor"),
    "unknown verb": (spoil(lambda d: d["origin"][1].update(name="__class__")), "applies '__class__'"),
    "verb without its argument": (spoil(lambda d: d["origin"][1].update(arguments={})), "applies 'rescale'"),
    "unknown dtype": (spoil(lambda d: d.update(dtype="float8")), "dtype 'float8'"),
    "unknown argument": (spoil(lambda d: arguments(d).update(_made={"none": True})), "do not fit|not fit"),
    "argument missing": (spoil(lambda d: arguments(d).pop("W")), "do not fit"),
    "nan": (spoil(lambda d: arguments(d)["W"]["float64"].__setitem__(0, "nan")), "W has the entry nan"),
    "JSON NaN": (spoil(lambda d: arguments(d)["W"]["float64"].__setitem__(0, float("nan"))), "contains NaN"),
    "JSON Infinity": (spoil(lambda d: d.update(version=float("inf"))), "contains Infinity"),
    "decimal": (spoil(lambda d: arguments(d)["W"]["float64"].__setitem__(0, "0.1")), "no hexadecimal"),
    "number": (spoil(lambda d: arguments(d)["W"]["float64"].__setitem__(0, 0.1)), "no hexadecimal"),
    "beyond float64": (spoil(lambda d: arguments(d)["W"]["float64"].__setitem__(0, "0x1.0p+9999")), "W is not a"),
    "short": (spoil(lambda d: arguments(d)["W"]["float64"].pop()), "W has 8 entries"),
    "shape": (spoil(lambda d: arguments(d)["W"].update(shape=[3, -3])), "the shape"),
    "shape of text": (spoil(lambda d: arguments(d)["W"].update(shape="33")), "the shape"),
    "not square": (spoil(lambda d: arguments(d)["W"].update(shape=[1, 9])), "expected square"),
    "by zero": (spoil(lambda d: arguments(d)["tau"].update(rational="1/0")), "no rational"),
    "tau zero": (spoil(lambda d: arguments(d)["tau"].update(rational="0/1")), "tau is 0"),
    "unknown code": (spoil(lambda d: arguments(d).update(tau={"eval": "1"})), "tau is not a parameter"),
    "two codes": (spoil(lambda d: arguments(d)["tau"].update(text="1")), "tau is not a parameter"),
    "no code": (spoil(lambda d: arguments(d).update(tau=[1])), "tau is not a parameter"),
    "activation": (spoil(lambda d: arguments(d)["activation"].update(text="swash")), "'swash' is not known"),
    "text a number": (spoil(lambda d: arguments(d)["activation"].update(text=3)), "no text"),
    "atom": (
        spoil(lambda d: arguments(d).update(tau={"constant": [["1/1", [["sin", "1/1", "", 1]]]]})),
        "names the constant 'sin'",
    ),
    "power": (
        spoil(lambda d: arguments(d).update(tau={"constant": [["1/1", [["exp", "1/1", "", 10**9]]]]})),
        "power 1000000000",
    ),
    "operator": (spoil(lambda d: arguments(d).update(W={"operator": [{"left": 1}], "shape": [3, 3]})), "W is not"),
}


@pytest.mark.parametrize("name", BAD)
def test_files_that_are_none_are_refused(name: str, tmp_path: Path) -> None:
    """Truncated, binary, of another format, spoiled: an error in three parts, and nothing is run."""
    data, said = BAD[name]
    path = tmp_path / "bad.json"
    path.write_bytes(data)
    with pytest.raises(BadInput, match=said) as caught:
        oracle.load(path)
    assert str(caught.value).count("\n") == 2


def test_the_spoiled_files_were_sound_before() -> None:
    """The document that the refusals spoil is itself read."""
    assert native.rebuilt(document(), "it") == Network.rate(W, M, B, tau=0.5).rescale(3)


def test_other_suffixes_and_missing_files(tmp_path: Path) -> None:
    """A suffix nobody reads, a file that is not there, a folder, a folder that is not there."""
    record = Network.rate(W)
    (tmp_path / "folder.json").mkdir()
    for path, said in (("a.onnx", "suffix '.onnx'"), ("a.json", "a.json: No such file"), ("folder.json", "directory")):
        with pytest.raises(BadInput, match=said):
            oracle.load(tmp_path / path)
    for path, said in (("a.txt", "does not end in .json"), ("no/a.json", "No such file"), ("folder.json", "irectory")):
        with pytest.raises(BadInput, match=said):
            oracle.save(record, tmp_path / path)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.json"], "nothing half-written is left"


def test_large_files_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit nothing is parsed, and nothing is written that could not be read."""
    path = tmp_path / "a.json"
    oracle.save(Network.rate(W), path)
    monkeypatch.setattr(native, "MAX_BYTES", path.stat().st_size - 1)
    with pytest.raises(BadInput, match="more than"):
        oracle.load(path)
    monkeypatch.setattr(native, "MAX_BYTES", 100)
    with pytest.raises(BadInput, match="at most 100"):
        oracle.save(Network.rate(W), tmp_path / "b.json")
    assert not (tmp_path / "b.json").exists()


def test_a_failing_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Atomic: when the disk fails, what was there stays, whole, and no temporary file does."""
    path = tmp_path / "a.json"
    oracle.save(Network.rate(W, tau=0.5), path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(BadInput, match="No space left"):
        oracle.save(Network.rate(W, tau=0.25), path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]
    assert oracle.load(path) == Network.rate(W, tau=0.5)


@pytest.mark.parametrize("thing", [None, W, {"W": W}, "record"])
def test_what_is_no_record_is_not_saved(thing: Any, tmp_path: Path) -> None:
    """Only networks and recurrences have a native file."""
    with pytest.raises(BadInput, match="only networks and recurrences"):
        oracle.save(thing, tmp_path / "a.json")
    assert list(tmp_path.iterdir()) == []


def test_bridges_register_suffixes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A suffix maps to a function or to "module:function", which is imported when it is needed."""
    monkeypatch.setitem(native.LOADERS, ".one", lambda path, layer: (path.name, layer))
    monkeypatch.setitem(native.LOADERS, ".two", "os.path:join")
    assert oracle.load(tmp_path / "a.one", layer="inner") == ("a.one", "inner")
    assert oracle.load(tmp_path / "a.two", layer="inner") == str(tmp_path / "a.two" / "inner")


def test_native_file_has_no_layers(tmp_path: Path) -> None:
    """A layer asked of a native file is refused."""
    oracle.save(oracle.Recurrence.elman(W), tmp_path / "a.json")
    with pytest.raises(BadInput, match="without layers"):
        oracle.load(tmp_path / "a.json", layer="inner")
