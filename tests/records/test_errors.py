"""Errors keep their parts on the way from a worker process to its caller."""

import pickle

from oracle.errors import BadInput


def test_bad_input_survives_pickling():
    """Message, parts and data are the same after a round trip."""
    error = BadInput("W is (3, 4).", "a transposed matrix.", "pass a square one.", name="W", shape=(3, 4))
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert (again.seen, again.meaning, again.remedy) == (error.seen, error.meaning, error.remedy)
    assert again.data == {"name": "W", "shape": (3, 4)}
