"""state_dicts as torch saves them: the layers of the module, and nothing is unpickled but tensors."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oracle
from oracle import BadInput

torch = pytest.importorskip("torch")

MARK = "ran"


class Harmful:
    """Unpickling this writes a file."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path(MARK),)


class Model(torch.nn.Module):  # type: ignore[misc]
    """Two recurrent parts and a readout."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = torch.nn.RNN(2, 4, num_layers=2, bidirectional=True, dtype=torch.float64)
        self.gru = torch.nn.GRUCell(3, 5)
        self.out = torch.nn.Linear(5, 1)


def saved(path: Path, held: Any) -> Path:
    torch.save(held, path)
    return path


@pytest.fixture
def model() -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        return Model()


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("suffix", [".pt", ".pth"])
def test_the_layers_of_a_file_are_those_of_the_module(tmp_path: Path, model: Any, suffix: str, wrapped: bool) -> None:
    """Each record equals that of the module, layer by layer and direction by direction; so does one in a checkpoint."""
    held = {"epoch": 3, "model": model.state_dict(), "optimizer": {"lr": 0.1}} if wrapped else model.state_dict()
    path = saved(tmp_path / f"m{suffix}", held)
    found = oracle.layers(path, activation="tanh")
    parts = {f"rnn.{name}": record for name, record in oracle.layers(model.rnn).items()}
    assert list(found) == [*parts, "gru"]
    assert all(found[name] == record and found[name].dtype == "float64" for name, record in parts.items())
    assert found["gru"] == oracle.recurrence(model.gru)
    assert len({repr(record) for record in found.values()}) == 5
    assert oracle.load(path, layer="rnn.l1_reverse", activation="tanh") == parts["rnn.l1_reverse"]


def test_pruned_modules(tmp_path: Path, model: Any) -> None:
    """The file of a pruned module gives the weights it computes with."""
    from torch.nn.utils import prune

    prune.l1_unstructured(model.gru, "weight_hh", amount=30)
    found = oracle.load(saved(tmp_path / "m.pt", model.gru.state_dict()))
    assert found == oracle.recurrence(model.gru)
    assert np.sum(np.concatenate(found.parameters.W) == 0) == 30


def test_nothing_is_unpickled_but_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    """Objects are named and refused; what they would run is not run. Planted: plain unpickling does run it."""
    monkeypatch.chdir(tmp_path)
    path = saved(tmp_path / "m.pt", {"weight_hh": torch.ones(1, 1), "harm": Harmful()})
    with pytest.raises(BadInput, match=r"Python objects \(.*getattr|Path"):
        oracle.load(path)
    assert not Path(MARK).exists()
    torch.load(path, weights_only=False)
    assert Path(MARK).exists()
    with pytest.raises(BadInput, match=r"Python objects \(.*Model\)"):
        oracle.load(saved(tmp_path / "whole.pt", model))


def scripted(path: Path) -> Path:
    """What a TorchScript archive can be told by."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/constants.pkl", b"")
    return path


def text(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


REFUSED: dict[str, tuple[Any, str]] = {
    "absent": (lambda p, m: p, "No such file"),
    "text": (lambda p, m: text(p, b"hello"), "cannot be read as tensors"),
    "empty": (lambda p, m: text(p, b""), "cannot be read as tensors"),
    "truncated": (lambda p, m: text(p, saved(p, m.state_dict()).read_bytes()[:900]), "cannot be read as tensors"),
    "script": (lambda p, m: scripted(p), "TorchScript"),
    "list": (lambda p, m: saved(p, [1, 2]), "holds a list"),
    "tensor": (lambda p, m: saved(p, torch.ones(3)), "holds a Tensor"),
    "other layers": (lambda p, m: saved(p, m.out.state_dict()), "holds weight, bias"),
    "two models": (
        lambda p, m: saved(p, {"a": m.gru.state_dict(), "b": m.gru.state_dict()}),
        "recurrent weights: a, b",
    ),
    "without activation": (lambda p, m: saved(p, torch.nn.RNN(2, 3).state_dict()), "tanh or of relu"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_three_parts(tmp_path: Path, model: Any, name: str) -> None:
    """What was seen, what it means, what to do; no advice to unpickle."""
    make, seen = REFUSED[name]
    with pytest.raises(BadInput) as caught:
        oracle.load(make(tmp_path / "m.pt", model))
    message = str(caught.value)
    assert seen in message
    assert "weights_only" not in message
    assert len(message.splitlines()) == 3


def test_models_list_their_recurrent_parts(model: Any) -> None:
    """A model is no recurrence; the message names the parts that are."""
    with pytest.raises(BadInput, match=r"recurrent parts are rnn, gru"):
        oracle.recurrence(model)
    with pytest.raises(BadInput, match=r"get_submodule\('rnn'\)"):
        oracle.check(model, inputs=np.ones((3, 2)))
