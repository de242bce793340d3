"""torch.nn.RNN, GRU and LSTM with several layers, in one or two directions, and inputs of several lengths.

The output of a layer is seen from outside only where it is the last one. So the layers up to l are run as a module of
their own: the same class, forward and weights, with num_layers = l + 1. The last of these runs is that of the module
itself. Inputs of several lengths are packed, as torch asks for it.

Source: the documentation of torch.nn.RNN and torch.nn.utils.rnn.pack_padded_sequence (PyTorch 2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from oracle.bridges.torch import as_array, as_finals, differentiated, evaluating, parameters, part
from oracle.errors import BadInput
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence


class TorchStack:
    """A recurrent layer of torch as the recurrences it consists of; attributes as `oracle.bridges.registry.Stack`."""

    finals: tuple[Array, ...] = ()

    def __init__(self, module: Any) -> None:
        self.module = module
        self.weight: Any = module.weight_hh_l0
        self.name = f"torch.nn.{type(module).__name__}"
        self.dtype = str(self.weight.dtype).removeprefix("torch.")
        self.batch_first: bool | None = bool(module.batch_first)
        self.directions = 2 if module.bidirectional else 1
        ways = ("", "_reverse")[: self.directions]
        places = [f"l{layer}{way}" for layer in range(module.num_layers) for way in ways]
        self.records: dict[str, Recurrence] = {place: part(module, f"_{place}") for place in places}

    def received(self, values: Array) -> Array:
        """The numbers the module sees: rounded once to its dtype."""
        return as_array(self._tensor(values))

    def unpacked(self, inputs: Any) -> tuple[Array, Array]:
        """A PackedSequence as padded inputs (K, batch, I) and lengths (batch,)."""
        padded, lengths = pad_packed_sequence(inputs)
        return as_array(padded), lengths.numpy()

    def outputs(self, h0: Array, X: Array, mask: Array | None) -> list[Array]:
        """What every layer puts out, (K, batch, directions N) each, time first; zeros where a sequence has ended."""
        x, h = self._tensor(X), self._tensor(h0)
        lengths = None if mask is None else lengths_of(mask)
        made = []
        with torch.no_grad():
            for count in range(1, self.module.num_layers + 1):
                lower = _up_to(self.module, count)
                with evaluating(lower):
                    made.append(self._run(lower, x, h[: count * self.directions], lengths))
        return made

    def gradients(self, h0: dict[str, Array], X: Array, objective: Any) -> dict[str, Array]:
        """Gradients by autograd of objective(outputs of the last layer), (K, batch, directions N).

        Returns
        -------
        dict of ndarray
            By place and name, "l0.W", "l0.h0", .., and "inputs"; of an LSTM, h0 is (h, c) side by side.
        """
        x = self._tensor(X).requires_grad_()
        starts = {place: self._tensor(h0[place]).requires_grad_() for place in self.records}
        first = bool(self.module.batch_first)
        with evaluating(self.module), torch.enable_grad():
            start: Any = torch.stack(list(starts.values()))
            if isinstance(self.module, torch.nn.LSTM):
                start = tuple(part.contiguous() for part in start.chunk(2, dim=-1))
            output = self.module(x.transpose(0, 1) if first else x, start)[0]
            variables = {f"{place}.h0": each for place, each in starts.items()} | {"inputs": x}
            for place in self.records:
                own = parameters(self.module, f"_{place}")
                variables |= {f"{place}.{name}": each for name, each in own.items()}
            return differentiated(objective(output.transpose(0, 1) if first else output), variables)

    def _run(self, module: Any, x: torch.Tensor, h: torch.Tensor, lengths: Array | None) -> Array:
        first = bool(module.batch_first)
        given: Any = x.transpose(0, 1) if first else x
        if lengths is not None:
            given = pack_padded_sequence(given, torch.tensor(lengths), batch_first=first, enforce_sorted=False)
        start: Any = h.contiguous()
        if isinstance(module, torch.nn.LSTM):
            start = tuple(part.contiguous() for part in h.chunk(2, dim=-1))
        returned = module(given, start)
        self.finals, output = tuple(as_finals(returned)), returned[0]
        if lengths is not None:
            if not isinstance(output, PackedSequence):
                raise TypeError(f"forward returned a {type(output).__name__} for a PackedSequence")
            output = pad_packed_sequence(output, batch_first=first, total_length=len(x))[0]
        return as_array(output.transpose(0, 1) if first else output)

    def _tensor(self, values: Array) -> torch.Tensor:
        return torch.tensor(np.ascontiguousarray(values)).to(dtype=self.weight.dtype, device=self.weight.device)


def _up_to(module: Any, count: int) -> Any:
    """The first layers of a module as a module that shares its weights; the module itself for all of them."""
    if count == module.num_layers:
        return module
    lower = object.__new__(type(module))
    lower.__dict__.update(module.__dict__)  # a copy of its own names, so that the module keeps what it has
    weights = len(module._flat_weights) // module.num_layers * count
    changed = {name: kept[:weights] for name, kept in vars(module).items() if name.startswith("_flat_weight")}
    changed |= {"num_layers": count, "_all_weights": module._all_weights[: count * (1 + bool(module.bidirectional))]}
    lower.__dict__.update(changed)
    return lower


def lengths_of(mask: Array) -> Array:
    """Lengths (batch,) of a mask (K, batch) that is true up to the end of each sequence.

    Raises
    ------
    oracle.BadInput
        A mask with holes, or of a sequence without a step: torch packs neither.
    """
    lengths = mask.sum(axis=0)
    whole = np.arange(len(mask))[:, None] < lengths
    if np.array_equal(mask, whole) and lengths.min(initial=1) > 0:
        return np.asarray(lengths, dtype=np.int64)
    column = int(np.argwhere((mask != whole).any(axis=0) | (lengths == 0))[0, 0])
    raise BadInput(
        f"the mask of trajectory {column} is {mask[:, column].astype(int).tolist()[:20]}.",
        "torch packs sequences that begin at the first sample, have no holes, and have a step at least.",
        "pass lengths, or leave the trajectory out.",
    )
