"""Files of .safetensors, written here byte by byte as the format says: read exactly, refused when they are damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oracle
from oracle import BadInput, Recurrence

N, INPUTS = 4, 3
CODES = {"float64": "F64", "float32": "F32", "float16": "F16", "uint16": "BF16"}


def drawn(dtype: str = "float32", gates: int = 1, seed: int = 3, inputs: int = INPUTS) -> dict[str, Any]:
    """Weights and two biases of a layer."""
    rng = np.random.default_rng(seed)
    shapes = {"weight_ih": (gates * N, inputs), "weight_hh": (gates * N, N), "bias_ih": (gates * N,)}
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in (shapes | {"bias_hh": (gates * N,)}).items()}


def placed(arrays: dict[str, Any], prefix: str = "", suffix: str = "_l0") -> dict[str, Any]:
    """The arrays under the names of a state_dict."""
    return {f"{prefix}{name}{suffix}": array for name, array in arrays.items()}


def laid_out(arrays: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Header and data."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, array in arrays.items():
        piece = array.tobytes()
        span = [len(data), len(data) + len(piece)]
        header[name] = {"dtype": CODES[array.dtype.name], "shape": list(array.shape), "data_offsets": span}
        data += piece
    return header, data


def written(path: Path, header: Any, data: bytes) -> Path:
    """A file of this header and this data."""
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def expected(given: dict[str, Any], activation: str = "tanh") -> Recurrence:
    """The record the arrays state."""
    biases = given["bias_ih"], given["bias_hh"]
    return Recurrence.elman(given["weight_hh"], given["weight_ih"], biases, activation=activation)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_the_arrays_are_read_exactly(tmp_path: Path, dtype: str) -> None:
    """Every bit, the orientation, both biases, the activation that is stated, and the dtype."""
    given = drawn(dtype)
    path = written(tmp_path / "m.safetensors", *laid_out(placed(given, "rnn.")))
    rec = oracle.load(path, activation="relu")
    assert rec == expected(given, "relu")
    assert rec.dtype == dtype
    swapped = Recurrence.elman(given["weight_hh"].T, given["weight_ih"], given["bias_ih"], activation="relu")
    assert rec not in (expected(given), swapped)


def test_bfloat16_is_read_exactly(tmp_path: Path) -> None:
    """The upper half of a float32; the record remembers the narrow format."""
    given = {name: (array.view(np.uint32) >> 16).astype(np.uint16) for name, array in drawn().items()}
    widened = {name: (array.astype(np.uint32) << 16).view(np.float32) for name, array in given.items()}
    rec = oracle.load(written(tmp_path / "m.safetensors", *laid_out(placed(given))), activation="tanh")
    assert rec == expected(widened) != expected(drawn())
    assert rec.dtype == "bfloat16"


def test_layers_directions_and_cells_are_told_apart(tmp_path: Path) -> None:
    """Names as torch has them, prefixes of modules inside modules; each layer has its own arrays."""
    parts = {
        "rnn.l0": placed(drawn(seed=1), "rnn."),
        "rnn.l0_reverse": placed(drawn(seed=2), "rnn.", "_l0_reverse"),
        "rnn.l1": placed(drawn(seed=4, inputs=2 * N), "rnn.", "_l1"),
        "decoder.cell": placed(drawn(seed=5, gates=3), "decoder.cell.", ""),
    }
    arrays = {"out.weight": np.ones((2, N), "float32")} | {k: v for part in parts.values() for k, v in part.items()}
    path = written(tmp_path / "m.safetensors", *laid_out(arrays))
    every = oracle.layers(path, activation="tanh")
    assert list(every) == list(parts)
    assert every["rnn.l0_reverse"] == expected(drawn(seed=2)) == oracle.load(path, "rnn.l0_reverse", "tanh")
    assert every["rnn.l1"].I == 2 * N
    gated = drawn(seed=5, gates=3)
    assert every["decoder.cell"] == Recurrence.gru(
        *(gated[k] for k in ("weight_hh", "weight_ih", "bias_ih", "bias_hh"))
    )
    assert len({repr(record) for record in every.values()}) == 4
    with pytest.raises(
        BadInput, match=r"rnn\.l0 .*rnn\.l0_reverse .*rnn\.l1 .*decoder\.cell \(GRU: weight_hh \(12, 4\)"
    ):
        oracle.load(path)
    with pytest.raises(BadInput, match=r"none of them 'rnn\.l7'"):
        oracle.load(path, "rnn.l7")


def test_pruned_weights_are_the_product(tmp_path: Path) -> None:
    """orig times mask, as the module computes; the mask is not left out."""
    given = drawn("float64")
    arrays = placed(given)
    mask = np.random.default_rng(6).integers(0, 2, size=(N, N)).astype("float64")
    arrays["weight_hh_l0_orig"], arrays["weight_hh_l0_mask"] = arrays.pop("weight_hh_l0"), mask
    rec = oracle.load(written(tmp_path / "m.safetensors", *laid_out(arrays)), activation="tanh")
    assert rec == expected(given | {"weight_hh": given["weight_hh"] * mask}) != expected(given)


def edited(**changes: Any) -> Any:
    """A damaged header: entries of weight_hh_l0 replaced."""

    def make(path: Path) -> Path:
        header, data = laid_out(placed(drawn()))
        header["weight_hh_l0"] |= changes
        return written(path, header, data)

    return make


def short(path: Path, keep: int) -> Path:
    """The first bytes of a good file."""
    good = written(path, *laid_out(placed(drawn())))
    good.write_bytes(good.read_bytes()[:keep])
    return good


def plain(content: Any, data: bytes = b"") -> Any:
    """A file with another header."""
    return lambda path: written(path, content, data)


TWICE = b'{"a": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}, "a": 1}'
DAMAGED = {
    "absent": (lambda path: path, "No such file"),
    "truncated data": (lambda path: short(path, 450), "of .* after byte"),
    "truncated header": (lambda path: short(path, 60), "header has"),
    "no header": (lambda path: short(path, 5), "header has"),
    "text": (plain(b"hello"), "no JSON"),
    "list": (plain([1]), "header is a list"),
    "one name twice": (plain(TWICE), "twice"),
    "overlap": (edited(data_offsets=[0, 64]), "overlap"),
    "another length": (edited(data_offsets=[48, 108]), "bytes 48 to 108"),
    "backwards": (edited(data_offsets=[112, 48]), "bytes 112 to 48"),
    "beyond the end": (edited(data_offsets=[10**6, 10**6 + 64]), "bytes 1000000"),
    "negative": (edited(shape=[-4, -4]), r"\[-4, -4\]"),
    "a truth value": (edited(shape=[4, True, 4]), "True"),
    "unknown dtype": (edited(dtype="F128"), "F128"),
    "another entry": (edited(code="import os"), "no dtype, shape and data_offsets"),
    "more bytes": (plain(*[{}, b"12345678"]), "8 bytes belong to no array"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_refused(tmp_path: Path, name: str) -> None:
    """Every byte has to be accounted for, and the message says which are not."""
    make, seen = DAMAGED[name]
    with pytest.raises(BadInput, match=seen):
        oracle.load(make(tmp_path / "m.safetensors"))


AMBIGUOUS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "rnn without activation": (placed(drawn()), {}, "tanh or of relu"),
    "gru with activation": (placed(drawn(gates=3)), {"activation": "tanh"}, "logistic and a tanh"),
    "lstm with activation": (placed(drawn(gates=4)), {"activation": "tanh"}, "logistic and a tanh"),
    "no recurrent weights": ({"out.weight": np.ones((2, 2))}, {}, r"holds out\.weight"),
    "only recurrent weights": ({"weight_hh_l0": np.ones((N, N))}, {"activation": "tanh"}, "weight_ih None"),
    "two gates": (placed(drawn(gates=2)), {"activation": "tanh"}, "unknown: weight_hh"),
    "weight norm": ({"parametrizations.weight_hh_l0.original0": np.ones((4, 1))}, {}, "parametrized"),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_the_arrays_do_not_say_is_not_guessed(tmp_path: Path, name: str) -> None:
    """The message lists what was seen."""
    arrays, arguments, seen = AMBIGUOUS[name]
    with pytest.raises(BadInput) as caught:
        oracle.load(written(tmp_path / "m.safetensors", *laid_out(arrays)), **arguments)
    message = str(caught.value)
    assert seen.replace("\\", "") in message
    assert len(message.splitlines()) == 3


def test_files_that_say_their_activation_take_no_other(tmp_path: Path) -> None:
    """A native file is complete; there is nothing to state, and no layers."""
    path = tmp_path / "net.json"
    oracle.save(expected(drawn()), path)
    with pytest.raises(BadInput, match="was given for net"):
        oracle.load(path, activation="tanh")
    with pytest.raises(BadInput, match="one record, without layers"):
        oracle.layers(path)
