"""Weights that PsychRNN has saved: the recurrence of its Basic model, exactly; nothing is unpickled."""

from fractions import Fraction

import numpy as np
import pytest

import oracle
from oracle.errors import BadInput

N, INPUTS = 5, 3


@pytest.fixture
def saved(tmp_path):
    """A file as RNN.save writes it: float32, dale_ratio None among the arrays."""
    rng = np.random.default_rng(6)
    shapes = {"W_rec": (N, N), "W_in": (N, INPUTS), "W_out": (2, N), "b_rec": (N,), "b_out": (2,), "init_state": (1, N)}
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    np.savez(tmp_path / "weights.npz", **arrays, dale_ratio=None)
    return tmp_path / "weights.npz", arrays


def test_the_equation_of_the_basic_model(saved):
    """(1 - a) h + a (W_rec f(h) + W_in u + b_rec), row = receiving unit, in the dtype of the file."""
    path, w = saved
    rec = oracle.load(path, activation="relu", alpha=Fraction(1, 10))
    stated = {"alpha": Fraction(1, 10), "activation": "relu"}
    assert rec == oracle.Recurrence.leaky(w["W_rec"], w["W_in"], w["b_rec"], sigma="inside", **stated)
    assert rec.dtype == "float32"
    assert rec != oracle.Recurrence.leaky(w["W_rec"].T, w["W_in"], w["b_rec"], sigma="inside", **stated)
    assert rec != oracle.Recurrence.leaky(w["W_rec"], w["W_in"], w["b_rec"], **stated)


@pytest.mark.parametrize(
    ("stated", "seen"),
    [({}, "activation and alpha"), ({"alpha": 0.1}, "activation is not"), ({"activation": "relu"}, "alpha is not")],
)
def test_what_the_file_does_not_say_is_asked_for(saved, stated, seen):
    with pytest.raises(BadInput) as caught:
        oracle.load(saved[0], **stated)
    assert seen in caught.value.seen


def test_other_arrays_are_no_equation(tmp_path):
    """W, M and b alone do not say which: nothing is guessed."""
    np.savez(tmp_path / "w.npz", W=np.eye(3), M=np.ones((3, 2)))
    with pytest.raises(BadInput, match="W_rec and W_in and b_rec") as caught:
        oracle.load(tmp_path / "w.npz", activation="relu", alpha=0.1)
    assert "identify" in caught.value.remedy


def test_damaged_files_and_layers_are_refused(saved, tmp_path):
    path, _ = saved
    cut = tmp_path / "cut.npz"
    cut.write_bytes(path.read_bytes()[:-40])
    for damaged in (cut, tmp_path / "absent.npz"):
        with pytest.raises(BadInput, match="cannot be read"):
            oracle.load(damaged, activation="relu", alpha=0.1)
    with pytest.raises(BadInput, match="layer 'l0'"):
        oracle.load(path, layer="l0", activation="relu", alpha=0.1)


def test_alpha_is_for_files_that_leave_it_out(tmp_path):
    oracle.save(oracle.Recurrence.elman(np.eye(2)), tmp_path / "rec.json")
    with pytest.raises(BadInput, match="alpha"):
        oracle.load(tmp_path / "rec.json", alpha=0.1)
