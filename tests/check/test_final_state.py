"""The state that a layer returns at its end: right where its outputs are right, and found where it alone is wrong."""

import numpy as np
import pytest

import oracle

torch = pytest.importorskip("torch")
N, INPUTS, STEPS, BATCH = 5, 3, 9, 4
FAULTS = {
    "(c, h) in place of (h, c)": lambda h, c, before: (c, h),
    "h0": lambda h, c, before: before,
    "zero": lambda h, c, before: (torch.zeros_like(h), torch.zeros_like(c)),
    "": lambda h, c, before: (h, c * (1 + 1e-3)),
}


def faulty(fault, base=torch.nn.LSTM, **options):
    """An LSTM whose outputs are right and whose final state is changed."""

    class Faulty(base):
        def forward(self, x, state=None):
            outputs, (h, c) = super().forward(x, state)
            return outputs, FAULTS[fault](h, c, state)

    torch.manual_seed(3)
    return Faulty(INPUTS, N, dtype=torch.float64, **options)


def probe(places=1):
    rng = np.random.default_rng(2)
    shape = (BATCH, N) if places == 1 else (places, BATCH, N)
    return rng.normal(size=(STEPS, BATCH, INPUTS)), tuple(rng.normal(size=shape) for _ in range(2))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_final_state_is_found_and_told(fault):
    X, h0 = probe()
    result = oracle.check(faulty(fault), inputs=X, h0=h0)
    assert (result.verdict, result.diagnosis[0].name) == ("fail", "final-state")
    assert result.explained_by == ("final-state" if fault else None)
    assert fault in result.diagnosis[0].text
    assert (result.first.step, result.first.site) == (STEPS, "bookkeeping")
    assert result.worst > 1


def test_of_stacks_and_lengths():
    X, h0 = probe(4)
    module = faulty("zero", num_layers=2, bidirectional=True)
    result = oracle.check(module, inputs=X, h0=h0, lengths=[9, 4, 7, 2])
    assert result.verdict == "fail"
    assert {part.explained_by for part in result.parts.values()} == {"final-state"}
    whole = torch.nn.LSTM(INPUTS, N, num_layers=2, bidirectional=True)
    assert oracle.check(whole, inputs=X, h0=h0, lengths=[9, 4, 7, 2])


def test_the_last_output_of_a_backward_direction_is_no_final_state():
    """h_n of the second direction belongs to the first sample."""

    class Faulty(torch.nn.GRU):
        def forward(self, x, state=None):
            outputs, h = super().forward(x, state)
            return outputs, torch.stack([h[0], outputs[-1, :, N:]])

    X, (h0, _) = probe(2)
    result = oracle.check(Faulty(INPUTS, N, bidirectional=True), inputs=X, h0=h0)
    assert (result.verdict, result.part, result.explained_by) == ("fail", "l0_reverse", "final-state")
    assert "that after the first step" in result.diagnosis[0].text


def test_a_final_state_of_another_shape_is_told():
    class Faulty(torch.nn.RNN):
        def forward(self, x, state=None):
            outputs, h = super().forward(x, state)
            return outputs, h[..., :2]

    X, (h0, _) = probe()
    result = oracle.check(Faulty(INPUTS, N), inputs=X, h0=h0)
    assert result.verdict == "fail"
    assert f"({BATCH}, 2)" in result.diagnosis[0].text


def test_a_class_that_returns_outputs_alone_is_judged_by_them():
    class Own(torch.nn.RNN):
        def forward(self, x, state=None):
            return super().forward(x, state)[0], None

    X, (h0, _) = probe()
    assert oracle.check(Own(INPUTS, N), inputs=X, h0=h0)
