"""torch modules of several layers, directions and lengths: one result each, and mistakes of stacks by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import oracle
from oracle import BadInput

torch = pytest.importorskip("torch")
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence  # noqa: E402

N, INPUTS, STEPS, BATCH = 4, 3, 8, 5
LENGTHS = [8, 3, 6, 3, 1]
PLACES = ["l0", "l0_reverse", "l1", "l1_reverse"]


def made(kind: Any = torch.nn.RNN, seed: int = 3, **options: Any) -> Any:
    """A module of two layers and two directions in float64, with weights of its default initialisation."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return kind(INPUTS, N, **({"num_layers": 2, "bidirectional": True, "dtype": torch.float64} | options))


def probe(places: int = 4, batch_first: bool = False) -> dict[str, Any]:
    """Inputs that differ at every step, and another start for every layer, direction and trajectory."""
    rng = np.random.default_rng(8)
    X = rng.normal(size=(STEPS, BATCH, INPUTS))
    return {"inputs": X.swapaxes(0, 1) if batch_first else X, "h0": rng.uniform(-0.9, 0.9, (places, BATCH, N))}


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
@pytest.mark.parametrize("kind", [torch.nn.RNN, torch.nn.GRU])
def test_every_layer_and_direction_passes(kind: Any, dtype: str) -> None:
    """One passing result for each, in the order of torch's initial states, judged in the module's precision."""
    result = oracle.check(made(kind, dtype=getattr(torch, dtype)), **probe())
    assert result.verdict == "pass", result.summary()
    assert list(result.parts) == PLACES
    assert all(part and part.promised == dtype and part.steps == STEPS for part in result.parts.values())
    assert result.worst == max(part.worst for part in result.parts.values()) == result.parts[result.part].worst
    assert set(result.to_dict()["parts"]) == set(PLACES)
    assert all(place in result.summary() for place in PLACES)


@pytest.mark.parametrize(
    "options", [{"num_layers": 3, "bidirectional": False}, {"num_layers": 1}, {"num_layers": 1, "bias": False}]
)
@pytest.mark.parametrize("batch_first", [False, True])
def test_other_stacks_pass(options: dict[str, Any], batch_first: bool) -> None:
    """Three layers in one direction, one in two; both orders of the batch; inputs without one."""
    module = made(batch_first=batch_first, **options)
    places = len(oracle.layers(module))
    question = probe(places, batch_first)
    assert oracle.check(module, **question).verdict == "pass"
    alone = {"inputs": question["inputs"][0] if batch_first else question["inputs"][:, 0], "h0": question["h0"][:, 0]}
    assert oracle.check(module, **alone).verdict == "pass"


@pytest.mark.parametrize("kind", [torch.nn.RNN, torch.nn.GRU])
@pytest.mark.parametrize("batch_first", [False, True])
def test_lengths_in_every_form(kind: Any, batch_first: bool) -> None:
    """Lengths, a mask and packed inputs are one question: one result per layer, direction and length."""
    module, question = made(kind, batch_first=batch_first), probe(batch_first=batch_first)
    mask = np.arange(STEPS)[:, None] < np.array(LENGTHS)
    packed = pack_padded_sequence(
        torch.tensor(question["inputs"]), torch.tensor(LENGTHS), batch_first=batch_first, enforce_sorted=False
    )
    results = [
        oracle.check(module, **question, lengths=LENGTHS),
        oracle.check(module, **question, mask=mask.T if batch_first else mask),
        oracle.check(module, inputs=packed, h0=question["h0"]),
    ]
    expected = {f"{place}, length {n}": (n, LENGTHS.count(n)) for place in PLACES for n in sorted(set(LENGTHS))}
    for result in results:
        assert result.verdict == "pass", result.summary()
        assert {name: (part.steps, part.batch) for name, part in result.parts.items()} == expected
    assert len({result.worst for result in results}) == 1


class OtherLayer(torch.nn.RNN):  # type: ignore[misc]
    """The second layer backwards computes with the weights of the second layer forwards."""

    def forward(self, x: Any, h: Any = None) -> Any:
        kept = self._flat_weights
        if self.num_layers == 2:
            self._flat_weights = [*kept[:-4], *kept[-8:-4]]
        try:
            return super().forward(x, h)
        finally:
            self._flat_weights = kept


class Transposed(torch.nn.RNN):  # type: ignore[misc]
    """One recurrent matrix, that of the second layer forwards, is used transposed."""

    def forward(self, x: Any, h: Any = None) -> Any:
        kept = self._flat_weights
        if self.num_layers == 2:
            self._flat_weights = [*kept[:9], kept[9].T.contiguous(), *kept[10:]]
        try:
            return super().forward(x, h)
        finally:
            self._flat_weights = kept


class SwappedGates(torch.nn.GRU):  # type: ignore[misc]
    """Reset and update gate are exchanged in the first layer backwards."""

    def forward(self, x: Any, h: Any = None) -> Any:
        kept, n = self._flat_weights, N
        order = [*range(n, 2 * n), *range(n), *range(2 * n, 3 * n)]
        self._flat_weights = [*kept[:4], *(part[order].contiguous() for part in kept[4:8]), *kept[8:]]
        try:
            return super().forward(x, h)
        finally:
            self._flat_weights = kept


class NotReversed(torch.nn.RNN):  # type: ignore[misc]
    """What should run backwards runs forwards."""

    def forward(self, x: Any, h: Any = None) -> Any:
        output, last = super().forward(x, h)
        mirrored = super().forward(x.flip(0), h)[0].flip(0)
        return torch.cat([output[..., :N], mirrored[..., N:]], -1), last


class OtherStart(torch.nn.RNN):  # type: ignore[misc]
    """The initial states of the two directions are exchanged."""

    def forward(self, x: Any, h: Any = None) -> Any:
        return super().forward(x, h.flip(0))


class IgnoresLengths(torch.nn.RNN):  # type: ignore[misc]
    """Sequences are padded, and the backward direction starts in the padding."""

    def forward(self, x: Any, h: Any = None) -> Any:
        padded, lengths = pad_packed_sequence(x)
        output, last = super().forward(padded, h)
        return pack_padded_sequence(output, lengths, enforce_sorted=False), last


PLANTED: dict[str, tuple[Any, dict[str, Any], str, str]] = {
    "other layer's weights": (OtherLayer, {}, "l1_reverse", "weights-of:l1"),
    "transposed": (Transposed, {}, "l1", "transposed-recurrent-weights"),
    "swapped gates": (SwappedGates, {}, "l0_reverse", ""),
    "not reversed": (NotReversed, {"num_layers": 1}, "l0_reverse", "direction-not-reversed"),
    "other start": (OtherStart, {"num_layers": 1}, "l0", "initial-state-of:l0_reverse"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_faults_are_found_where_they_are(name: str) -> None:
    """The part that has the fault fails with its name; layers and directions below it pass."""
    kind, options, place, finding = PLANTED[name]
    module = made(kind, **options)
    result = oracle.check(module, **probe(len(oracle.layers(module))))
    assert result.verdict == "fail"
    failed = [part for part, r in result.parts.items() if not r]
    assert failed[0] == place
    assert result.parts[place].verdict == "fail"
    if finding:
        assert result.parts[place].explained_by == finding
        assert "unexplained" not in [f.name for f in result.parts[place].diagnosis]


def test_ignored_lengths_are_found() -> None:
    """Of sequences shorter than the longest: the outputs of the backward direction, the final state of both."""
    result = oracle.check(made(IgnoresLengths, num_layers=1), **probe(2), lengths=LENGTHS)
    failed = {name for name, part in result.parts.items() if not part}
    assert failed == {f"{place}, length {n}" for n in (1, 3, 6) for place in ("l0", "l0_reverse")}
    assert {result.parts[f"l0, length {n}"].diagnosis[0].name for n in (1, 3, 6)} == {"final-state"}


def test_the_records_may_be_those_of_a_file() -> None:
    """Other weights for one layer: that part fails, and no other; names have to be those of the module."""
    module = made()
    records = oracle.layers(module)
    assert oracle.check(module, records, **probe())
    records["l0_reverse"] = oracle.layers(made(seed=5))["l0_reverse"]
    result = oracle.check(module, records, **probe())
    assert [name for name, part in result.parts.items() if not part] == ["l0_reverse"]
    for wrong in (records["l0"], {"l0": records["l0"]}, 3):
        with pytest.raises(BadInput, match=r"l0, l0_reverse, l1, l1_reverse"):
            oracle.check(module, wrong, **probe())


def test_a_stack_that_raises_or_is_random() -> None:
    """What the module does is a finding; runs that differ are both judged."""

    class Raises(torch.nn.RNN):  # type: ignore[misc]
        def forward(self, *arguments: Any) -> Any:
            raise RuntimeError("broken")

    class Random(torch.nn.RNN):  # type: ignore[misc]
        def forward(self, *arguments: Any) -> Any:
            packed, last = super().forward(*arguments)
            noisy = packed.data + 0.01 * torch.rand(packed.data.shape, dtype=packed.data.dtype)
            return packed._replace(data=noisy), last

    raised = oracle.check(made(Raises), **probe())
    assert raised.verdict == "fail"
    assert "broken" in str(raised.problem)
    random = oracle.check(
        made(Random, num_layers=1, bidirectional=False), **probe(1), mask=np.ones((STEPS, BATCH), bool)
    )
    assert random.verdict == "fail"
    assert "not-deterministic" in [finding.name for finding in random.diagnosis]
    assert list(random.parts) == ["l0, length 8", "l0, length 8, second run"]


def test_a_run_of_a_stack_changes_nothing() -> None:
    """Weights, names, mode and gradients are as before; runs repeat."""
    module = made().train()
    before = {name: value for name, value in vars(module).items() if name.startswith(("_flat", "_all", "num"))}
    lengths = {name: len(value) for name, value in before.items() if isinstance(value, list)}
    weights = [parameter.detach().clone() for parameter in module.parameters()]
    oracle.check(module, **probe())
    assert all(vars(module)[name] is value for name, value in before.items())
    assert {name: len(before[name]) for name in lengths} == lengths
    assert all(torch.equal(old, new) for old, new in zip(weights, module.parameters(), strict=True))
    assert module.training
    assert all(parameter.grad is None for parameter in module.parameters())


class Trained(torch.nn.RNN):  # type: ignore[misc]
    """A module with an initial state of its own."""

    def __init__(self, *arguments: Any, shape: tuple[int, ...], name: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        values = np.random.default_rng(4).uniform(-0.9, 0.9, shape)
        setattr(self, name, torch.nn.Parameter(torch.tensor(values, dtype=torch.float64)))


@pytest.mark.parametrize("name", ["h0", "initial_state", "init_state"])
@pytest.mark.parametrize(("layers", "shape"), [(1, (N,)), (1, (1, 1, N)), (2, (2, 1, N)), (2, (2, N))])
def test_a_trainable_initial_state_is_read(name: str, layers: int, shape: tuple[int, ...]) -> None:
    """The run starts there, which is said; a state that is given goes first; zero would be another run."""
    module = made(Trained, num_layers=layers, bidirectional=False, shape=shape, name=name)
    X = probe()["inputs"]
    own = oracle.check(module, inputs=X)
    assert own.verdict == "pass"
    assert any("own initial state" in text for text in own.assumptions)
    values = getattr(module, name).detach().numpy().reshape(layers, 1, N)
    given = values[0, 0] if layers == 1 else np.broadcast_to(values, (layers, BATCH, N))
    told, zero = oracle.check(module, inputs=X, h0=given), oracle.check(module, inputs=X, h0=np.zeros(N))
    assert np.array_equal(own.residuals, told.residuals)
    assert not np.array_equal(own.residuals, zero.residuals)
    assert not any("own initial state" in text for text in told.assumptions)


def test_initial_states_of_another_size_are_refused() -> None:
    """Three parts, with both sizes."""
    module = made(Trained, num_layers=1, bidirectional=False, shape=(7,), name="h0")
    with pytest.raises(BadInput, match=r"shape \(7,\), and 1 x 4 states"):
        oracle.check(module, inputs=probe()["inputs"])


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "both": ({"lengths": LENGTHS, "mask": np.ones((STEPS, BATCH), bool)}, "lengths and mask"),
    "other batch": ({"lengths": LENGTHS[:3]}, "expected 5 integers"),
    "floats": ({"lengths": np.array(LENGTHS) / 2}, "expected 5 integers"),
    "too long": ({"lengths": [9, 3, 6, 3, 1]}, "have 8 steps"),
    "negative": ({"lengths": [-1, 3, 6, 3, 1]}, "have 8 steps"),
    "mask of numbers": ({"mask": np.ones((STEPS, BATCH))}, "of true and false"),
    "mask transposed": ({"mask": np.ones((BATCH, STEPS), bool)}, "of true and false"),
    "mask with holes": ({"mask": np.arange(STEPS * BATCH).reshape(STEPS, BATCH) % 7 > 0}, "no holes"),
    "empty sequence": ({"lengths": [8, 0, 6, 3, 1]}, "have a step"),
    "other states": ({"h0": np.zeros((3, BATCH, N))}, "4 layers and directions"),
    "readout": ({"observe": "activity"}, "several parts"),
}


@pytest.mark.parametrize("name", BAD)
def test_questions_that_do_not_fit_are_refused(name: str) -> None:
    """In three parts, before anything is judged."""
    changes, seen = BAD[name]
    with pytest.raises(BadInput, match=seen) as caught:
        oracle.check(made(), **(probe() | changes))
    assert len(str(caught.value).splitlines()) == 3


def test_lengths_of_what_is_no_layer_are_refused() -> None:
    """A step or a cell is not told where its sequences end."""
    cell = torch.nn.RNNCell(INPUTS, N)
    for candidate, rec in ((cell, None), (lambda h, x: h, oracle.recurrence(cell))):
        with pytest.raises(BadInput, match="lengths, a mask or a PackedSequence"):
            oracle.check(candidate, rec, inputs=probe()["inputs"], lengths=LENGTHS)
