"""torch modules as recurrences (their documented equation, exactly) and as candidates (run without side effects)."""

from fractions import Fraction

import numpy as np
import pytest

import oracle
from oracle import Recurrence
from oracle.arithmetic.rational import Rational
from oracle.bridges.registry import candidate, recurrence
from oracle.equations.catalogue import advance
from oracle.errors import BadInput

torch = pytest.importorskip("torch")

N, INPUTS, STEPS, BATCH = 5, 3, 7, 4
SINGLE = {"RNN": torch.nn.RNN, "GRU": torch.nn.GRU}
CELLS = {"RNNCell": torch.nn.RNNCell, "GRUCell": torch.nn.GRUCell}


def made(kind, seed=3, **options):
    """A module with weights of its default initialisation, from its own seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return {**SINGLE, **CELLS}[kind](INPUTS, N, **options)


def exact(tensor):
    return tensor.detach().double().numpy()


def probe(batch=None, seed=8):
    rng = np.random.default_rng(seed)
    leading = () if batch is None else (batch,)
    return rng.normal(size=(*leading, N)), rng.normal(size=(STEPS, *leading, INPUTS))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("kind", ["RNN", "RNNCell"])
def test_the_documented_equation_of_rnn(kind, dtype):
    """rec == s(W_hh h + W_ih x + b_ih + b_hh) with every weight exact, both biases kept, and the dtype remembered."""
    module = made(kind, dtype=getattr(torch, dtype))
    suffix = "_l0" if kind == "RNN" else ""
    W, M, b, c = (exact(getattr(module, n + suffix)) for n in ("weight_hh", "weight_ih", "bias_ih", "bias_hh"))
    rec = recurrence(module)
    assert rec == Recurrence.elman(W, M, (b, c))
    assert rec.dtype == dtype
    assert len(rec.lure.b) == 2
    for wrong in (Recurrence.elman(W.T, M, (b, c)), Recurrence.elman(W, M, b), Recurrence.elman(W, M, (b, b))):
        assert rec != wrong


@pytest.mark.parametrize("kind", ["RNN", "RNNCell"])
def test_relu_and_no_bias(kind):
    """The nonlinearity is that of the module; without bias there is none."""
    rec = recurrence(made(kind, nonlinearity="relu", bias=False))
    assert rec.activation == "relu"
    assert rec.lure.b == ()


@pytest.mark.parametrize("kind", ["GRU", "GRUCell"])
@pytest.mark.parametrize("bias", [True, False])
def test_the_documented_equation_of_gru(kind, bias):
    """Reset after the product; b_ih outside and b_hh inside it."""
    module = made(kind, bias=bias)
    suffix = "_l0" if kind == "GRU" else ""
    W, M = (exact(getattr(module, n + suffix)) for n in ("weight_hh", "weight_ih"))
    biases = [exact(getattr(module, n + suffix)) for n in ("bias_ih", "bias_hh")] if bias else []
    rec = recurrence(module)
    assert rec == Recurrence.gru(W, M, *biases)
    assert (rec.equation, rec.dtype) == ("gru", "float32")
    if bias:
        assert rec != Recurrence.gru(W, M, *biases[::-1])


@pytest.mark.parametrize(
    ("kind", "options", "seen"),
    [
        ("RNN", {"num_layers": 2}, "num_layers=2"),
        ("GRU", {"num_layers": 3}, "num_layers=3"),
        ("RNN", {"bidirectional": True}, "bidirectional=True"),
        ("GRU", {"bidirectional": True}, "bidirectional=True"),
    ],
)
def test_stacks_are_refused(kind, options, seen):
    """Several layers or directions are not one recurrence; the error says which option."""
    for reader in (recurrence, candidate):
        with pytest.raises(BadInput) as caught:
            reader(made(kind, **options))
        assert seen in caught.value.seen


@pytest.mark.parametrize("unknown", [torch.nn.Linear(2, 3), torch.nn.Sequential()])
def test_unknown_classes_are_refused(unknown):
    """A class without an equation is named, never guessed."""
    with pytest.raises(BadInput) as caught:
        recurrence(unknown)
    assert type(unknown).__name__ in caught.value.seen
    assert "torch.nn.RNN" in caught.value.remedy


def test_weights_that_diverged_are_refused():
    """A NaN in a module's weights is found where it is."""
    module = made("RNN")
    with torch.no_grad():
        module.weight_hh_l0[2, 1] = float("nan")
    with pytest.raises(BadInput, match=r"W\[2, 1\] is nan"):
        recurrence(module)


def test_the_record_does_not_follow_later_training():
    """The record holds the weights of the moment it was made."""
    module = made("RNN", dtype=torch.float64)
    before = recurrence(module)
    W = exact(module.weight_hh_l0).copy()
    with torch.no_grad():
        module.weight_hh_l0 += 1
    assert before != recurrence(module)
    assert np.all(before.W == W)


def powers(kind, batch_first=False):
    """A relu module of small integer weights: float32 is exact, so states can be compared exactly."""
    options = {"nonlinearity": "relu"} | ({"batch_first": batch_first} if kind == "RNN" else {})
    module = made(kind, **options)
    rng = np.random.default_rng(5)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.tensor(rng.integers(-2, 3, size=parameter.shape)))
    return module


@pytest.mark.parametrize("kind", ["RNN", "RNNCell"])
@pytest.mark.parametrize("batch", [None, BATCH])
@pytest.mark.parametrize("batch_first", [False, True])
def test_a_candidate_runs_the_recurrence(kind, batch, batch_first):
    """On integers, where float32 is exact, H equals the exact rational run, whatever the layout of the batch."""
    module = powers(kind, batch_first)
    rng = np.random.default_rng(6)
    shape = () if batch is None else (batch,)
    h0, X = rng.integers(-3, 4, size=(*shape, N)), rng.integers(-3, 4, size=(STEPS - 3, *shape, INPUTS))
    H = candidate(module).run(h0.astype(float), X.astype(float))
    rec = recurrence(module)
    expected = [np.atleast_2d(h0).T.astype(object)]
    for x in X:
        expected.append(advance(Rational(), rec, expected[-1], np.atleast_2d(x).T.astype(object)))
    assert H.dtype == np.float32
    assert H.shape == (STEPS - 2, *shape, N)
    states = np.array([h.T for h in expected]).reshape(H.shape)
    assert np.max(states) < Fraction(2**24), "the run has left the integers float32 holds"
    assert np.all(states == H)
    assert np.any(states[-1] != 0)


def test_a_candidate_knows_its_layout():
    """batch_first as the layer has it, None for cells; names and dtypes as the user knows them."""
    assert candidate(made("RNN", batch_first=True)).batch_first is True
    assert candidate(made("GRU")).batch_first is False
    assert candidate(made("GRUCell")).batch_first is None
    described = candidate(made("RNNCell", dtype=torch.bfloat16))
    assert (described.name, described.dtype) == ("torch.nn.RNNCell", "bfloat16")


def test_a_candidate_says_what_it_received():
    """Inputs are rounded once to the module's dtype; H[0] is the rounded h0."""
    h0, X = probe()
    for dtype in ("float32", "bfloat16", "float16"):
        runner = candidate(made("RNN", dtype=getattr(torch, dtype)))
        rounded = torch.tensor(X).to(getattr(torch, dtype)).double().numpy()
        assert np.all(runner.received(X) == rounded)
        assert np.any(rounded != X)
        assert np.all(runner.run(h0, X)[0] == runner.received(h0))


@pytest.mark.parametrize("kind", ["RNN", "RNNCell", "GRU", "GRUCell"])
def test_a_run_changes_nothing(kind):
    """Training mode, gradients, default dtype, threads, weights and the caller's arrays are as before; runs repeat."""
    module = made(kind).train()
    weights = [exact(parameter).copy() for parameter in module.parameters()]
    h0, X = probe(BATCH)
    kept = h0.copy(), X.copy()

    def state():
        return torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads(), module.training

    before, random = state(), torch.get_rng_state()
    first, second = candidate(module).run(h0, X), candidate(module).run(h0, X)
    assert state() == before
    assert torch.equal(torch.get_rng_state(), random)
    assert all(parameter.grad is None for parameter in module.parameters())
    assert all(np.all(exact(p) == w) for p, w in zip(module.parameters(), weights, strict=True))
    assert np.all(h0 == kept[0])
    assert np.all(kept[1] == X)
    assert np.all(first == second)
    assert not np.shares_memory(first, second)
    assert first.shape == (STEPS + 1, BATCH, N)


def test_training_mode_is_restored_when_the_module_raises():
    """A subclass that raises is left as it was found."""

    class Broken(torch.nn.RNN):
        def forward(self, *arguments):
            assert not self.training, "it is run in evaluation mode"
            raise RuntimeError("broken")

    module = Broken(INPUTS, N).train()
    with pytest.raises(RuntimeError, match="broken"):
        candidate(module).run(*probe())
    assert module.training
    assert torch.is_grad_enabled()


def test_effective_weights_of_a_parametrised_module():
    """A pruned weight is read as the module computes with it."""
    from torch.nn.utils import prune

    module = made("RNNCell")
    prune.l1_unstructured(module, "weight_hh", amount=7)
    assert recurrence(module) == Recurrence.elman(
        exact(module.weight_hh), exact(module.weight_ih), (exact(module.bias_ih), exact(module.bias_hh))
    )
    assert np.sum(recurrence(module).W == 0) == 7


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("kind", ["RNN", "RNNCell", "GRU", "GRUCell"])
@pytest.mark.parametrize("batch", [None, BATCH])
def test_the_check_takes_modules(kind, dtype, batch):
    """Every class in every dtype passes against its own equation, judged on what it received."""
    h0, X = probe(batch)
    module = made(kind, dtype=getattr(torch, dtype))
    result = oracle.check(module, inputs=X, h0=h0)
    assert result.verdict == "pass", result.summary()
    assert result.promised == dtype


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [(kind, dtype) for kind in ("RNN", "GRU") for dtype in ("float16", "bfloat16", "float32", "float64")]
    + [("RNNCell", "float32"), ("GRUCell", "float32")],
)
def test_the_check_fails_modules_with_other_weights(kind, dtype):
    """The equation of another module of the same class is not this module's, and has other weights if any name."""
    h0, X = probe(BATCH)
    dtype = getattr(torch, dtype)
    other = recurrence(made(kind, seed=4, dtype=dtype))
    result = oracle.check(made(kind, dtype=dtype), other, inputs=X, h0=h0, batch_first=False)
    assert result.verdict == "fail"
    assert result.explained_by in (None, "wrong-weights"), result.summary()


def test_the_check_names_a_module_that_raises():
    """A module that raises fails, with the problem set, and is not an error of the caller."""

    class Broken(torch.nn.RNNCell):
        def forward(self, *arguments):
            raise RuntimeError("broken")

    h0, X = probe()
    result = oracle.check(Broken(INPUTS, N), inputs=X, h0=h0)
    assert result.verdict == "fail"
    assert "broken" in str(result.problem)
