"""PyTorch: torch.nn.RNN, GRU, LSTM and their cells as recurrences and as candidates.

    RNN, RNNCell    h+ = s(W_hh h + W_ih x + b_ih + b_hh),  s tanh or relu
    GRU, GRUCell    as `oracle.equations.gru`, reset after the product: r * (W_hn h + b_hn)
    LSTM, LSTMCell  as `oracle.equations.lstm`; a layer puts out h alone, a cell (h, c)

Source: the class documentation of torch.nn (PyTorch 2). Weights are (out, in); gates are stacked r, z, n, or
i, f, g, o.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence

LAYERS = (torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM)
CELLS = (torch.nn.RNNCell, torch.nn.GRUCell, torch.nn.LSTMCell)
MEMORY = (torch.nn.LSTM, torch.nn.LSTMCell)


def handles(candidate: Any) -> bool:
    """Whether the object is a torch module (a tensor is not)."""
    return isinstance(candidate, torch.nn.Module)


def recurrence(module: Any) -> Recurrence:
    """The documented equation, with the weights the module computes with."""
    _refuse_unknown(module)
    return part(module, "_l0" if isinstance(module, LAYERS) else "")


def stack(module: Any) -> Any:
    """The module as a stack of layers and directions; None for cells, which have one of each."""
    from oracle.bridges.torch_stack import TorchStack

    _refuse_class(module)
    return TorchStack(module) if isinstance(module, LAYERS) else None


def part(module: Any, suffix: str) -> Recurrence:
    """The documented equation of one layer and direction, by the suffix of its weights: "_l0", "_l1_reverse"."""
    names = [f"{kind}{suffix}" for kind in ("weight_hh", "weight_ih", "bias_ih", "bias_hh")]
    W, M = (getattr(module, name) for name in names[:2])
    biases = tuple(getattr(module, name) for name in names[2:]) if module.bias else ()
    if isinstance(module, torch.nn.GRU | torch.nn.GRUCell):
        return Recurrence.gru(W, M, *biases)
    if isinstance(module, MEMORY):
        _refuse_projection(module)
        return Recurrence.lstm(W, M, *biases)
    return Recurrence.elman(W, M, biases or None, activation=module.nonlinearity)


def candidate(module: Any) -> TorchCandidate:
    """The module as something that can be run."""
    _refuse_unknown(module)
    return TorchCandidate(module)


def _refuse_unknown(module: Any) -> None:
    _refuse_class(module)
    if isinstance(module, LAYERS):
        _refuse_stacks(module)


def _refuse_class(module: Any) -> None:
    if isinstance(module, LAYERS + CELLS):
        return
    kind = type(module)
    inner = [name for name, part in module.named_modules() if isinstance(part, LAYERS + CELLS)]
    raise BadInput(
        f"the module is a {kind.__module__}.{kind.__qualname__}.",
        f"it is a model; its recurrent parts are {', '.join(inner)}."
        if inner
        else "its equation is not in the catalogue.",
        f"pass one of them, model.get_submodule({inner[0]!r}), or give the class a method oracle_recurrence()."
        if inner
        else "pass a torch.nn.RNN, GRU, LSTM or a cell of one, a step function with its Recurrence, or give the class "
        "a method oracle_recurrence().",
        kind=kind,
    )


def _refuse_projection(module: Any) -> None:
    if getattr(module, "proj_size", 0):
        raise BadInput(
            f"the {type(module).__name__} has proj_size={module.proj_size}.",
            "its output is a product with the gated memory, which is another equation.",
            "check one without a projection.",
        )


def _refuse_stacks(module: Any) -> None:
    seen = {
        "num_layers": (module.num_layers, 1, "several layers are several recurrences, one driving the next"),
        "bidirectional": (module.bidirectional, False, "two directions are two recurrences over the same inputs"),
        "proj_size": (getattr(module, "proj_size", 0), 0, "a projected state is another equation"),
    }
    for name, (value, expected, meaning) in seen.items():
        if value != expected:
            raise BadInput(
                f"the {type(module).__name__} has {name}={value}.",
                f"{meaning}; a Recurrence is one step map.",
                'take one of oracle.layers(module)["l0"]; oracle.check(module, inputs=X) checks all of them.',
                **{name: value},
            )


class TorchCandidate:
    """A recurrent layer or cell, run without gradients, in evaluation mode, on its own device and in its own dtype.

    Attributes
    ----------
    name : str
        "torch.nn.RNN", "torch.nn.GRUCell", ...
    dtype : str
        Of the recurrent weights: "float32", "float64", "float16", "bfloat16".
    batch_first : bool or None
        As the layer has it; None for cells, which see one step at a time.
    final : ndarray or None
        What the last run of a layer returned beside its outputs, (batch, N): h_n, of an LSTM (h_n, c_n) side by side.
    """

    final: Array | None = None

    @property
    def outputs_only(self) -> bool:
        """Whether its states are seen in part: of an LSTM layer the outputs, not the memories."""
        return isinstance(self.module, torch.nn.LSTM)

    def __init__(self, module: Any) -> None:
        self.module = module
        self.weight: Any = module.weight_hh_l0 if isinstance(module, LAYERS) else module.weight_hh
        self.name = f"torch.nn.{type(module).__name__}"
        self.dtype = str(self.weight.dtype).removeprefix("torch.")
        self.batch_first: bool | None = bool(module.batch_first) if isinstance(module, LAYERS) else None

    def run(self, h0: Array, X: Array) -> Array:
        """States for inputs X (K, I) or (K, batch, I) from h0 (N,) or (batch, N).

        Returns
        -------
        ndarray, (K+1, N) or (K+1, batch, N)
            In the module's dtype (float32, which holds it exactly, for bfloat16); H[0] is h0 as the module received it.
        An LSTM has states (h, c): its cell returns both, 2N numbers, the layer h alone.
        """
        x, h = self._tensor(X), self._tensor(h0)
        if h.ndim < x.ndim - 1:
            h = h.expand(x.shape[1], -1).clone()
        start = h.clone()
        if isinstance(self.module, torch.nn.LSTM):
            start = start[..., : self.module.hidden_size]
        with evaluating(self.module), torch.no_grad():
            states = self._layer(x, h) if isinstance(self.module, LAYERS) else self._cell(x, h)
        return np.concatenate([as_array(start)[None], as_array(states)])

    def gradients(self, h0: Array, X: Array, objective: Any) -> dict[str, Any]:
        """Gradients by autograd of objective(H[1..K]), by name; the module's own .grad is left alone.

        Returns
        -------
        dict of ndarray
            "W", "M", the biases as `recurrence` names them ("b[0]" is bias_ih and "b[1]" bias_hh; for gates "b" and
            "b_recurrent"), "h0" and "inputs", in the module's dtype. The states of an LSTM layer are its outputs alone.
        """
        suffix = "_l0" if isinstance(self.module, LAYERS) else ""
        x, start = (self._tensor(part).requires_grad_() for part in (X, h0))
        state = start.expand(x.shape[1], -1) if start.ndim < x.ndim - 1 else start
        with evaluating(self.module), torch.enable_grad():
            states = self._layer(x, state) if isinstance(self.module, LAYERS) else self._cell(x, state)
            variables = {**parameters(self.module, suffix), "h0": start, "inputs": x}
            return differentiated(objective(states), variables)

    def received(self, values: Array) -> Array:
        """The numbers the module sees: rounded once to its dtype."""
        return as_array(self._tensor(values))

    def _tensor(self, values: Array) -> torch.Tensor:
        return torch.tensor(np.ascontiguousarray(values)).to(dtype=self.weight.dtype, device=self.weight.device)

    def _layer(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        swap = bool(self.batch_first) and x.ndim == 3
        start: Any = h[None]
        if isinstance(self.module, torch.nn.LSTM):
            start = tuple(part.contiguous() for part in start.chunk(2, dim=-1))
        returned = self.module(x.transpose(0, 1) if swap else x, start)
        self.final = next(iter(as_finals(returned)), None)
        output: torch.Tensor = returned[0]
        return output.transpose(0, 1) if swap else output

    def _cell(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        states = []
        for drive in x:
            if isinstance(self.module, torch.nn.LSTMCell):
                h = torch.cat(self.module(drive, h.chunk(2, dim=-1)), dim=-1)
            else:
                h = self.module(drive, h)
            states.append(h.clone())
        return torch.stack(states)


def parameters(module: Any, suffix: str) -> dict[str, torch.Tensor]:
    """Weights and biases of a cell, or of a layer and direction, under the names `recurrence` gives them."""
    gated = isinstance(module, torch.nn.GRU | torch.nn.GRUCell | torch.nn.LSTM | torch.nn.LSTMCell)
    biases = ("b", "b_recurrent") if gated else ("b[0]", "b[1]")
    kinds = {"W": "weight_hh", "M": "weight_ih"}
    kinds |= dict(zip(biases, ("bias_ih", "bias_hh"), strict=True)) if module.bias else {}
    return {name: getattr(module, kind + suffix) for name, kind in kinds.items()}


def differentiated(loss: torch.Tensor, variables: dict[str, torch.Tensor]) -> dict[str, Array]:
    """Gradients by autograd of every variable that has one; zero by those the loss does not depend on."""
    wanted = {name: variable for name, variable in variables.items() if variable.requires_grad}
    made = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    zipped = zip(wanted.items(), made, strict=True)
    return {name: as_array(torch.zeros_like(v) if grad is None else grad) for (name, v), grad in zipped}


def as_finals(returned: Any) -> list[Array]:
    """Of (outputs, h_n) or (outputs, (h_n, c_n)) the final states, (batch, N) per layer and direction, c_n beside h_n.

    None for a class of the user's own that returns something else there; a batch of one where there is no batch.
    """
    final = returned[1] if isinstance(returned, tuple) and len(returned) > 1 else None
    parts = final if isinstance(final, tuple) else (final,)
    if not all(isinstance(each, torch.Tensor) and each.ndim in (2, 3) for each in parts):
        return []
    joined = torch.cat(parts, dim=-1)
    return list(as_array(joined[:, None] if joined.ndim == 2 else joined))


def as_array(tensor: torch.Tensor) -> Array:
    tensor = tensor.detach().cpu()
    array: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array.copy()


@contextmanager
def evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode, and every submodule's own mode afterwards."""
    before = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in before:
            part.training = training
