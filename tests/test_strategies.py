"""The Hypothesis strategies reach the whole catalogue, and never draw what hides faults."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle import strategies
from oracle.records.names import CATALOGUE


def test_every_form_and_activation_is_drawn():
    """Within a few hundred draws, of recurrences and of networks."""
    activations, forms = {"recurrences": set(), "networks": set()}, {"recurrences": set(), "networks": set()}

    @settings(max_examples=400, database=None, derandomize=True)
    @given(st.tuples(*(getattr(strategies, name)(units=2, inputs=1) for name in activations)))
    def drawn(records):
        for name, record in zip(activations, records, strict=True):
            activations[name].add(record.activation)
            forms[name].add(record.form)

    drawn()
    assert activations == {name: set(CATALOGUE) for name in activations}
    assert forms["recurrences"] == {"elman", "leaky", "leak_inside", "gru", "lstm"}
    assert len(forms["networks"]) == len(strategies.NETWORK_FORMS)


@given(strategies.recurrences(units=4), strategies.networks(units=4))
def test_weights_are_neither_symmetric_nor_constant(rec, net):
    """However far an example is shrunk."""
    for record in (rec, net):
        W = np.asarray(record.origin.arguments["W"])
        if min(W.shape) > 1:
            square = W[: W.shape[1]]
            assert not np.array_equal(square, square.T)
            assert len(np.unique(W)) == W.size
