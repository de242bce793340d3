"""The long short-term memory, without peepholes.

    i = logistic(M_i x + b_i + W_i h + c_i)       f and o alike
    g = tanh(M_g x + b_g + W_g h + c_g)
    c+ = f * c + i * g
    h+ = o * tanh(c+)

S. Hochreiter and J. Schmidhuber, Neural Computation 9 (1997), with the forget gate of F. Gers, J. Schmidhuber and
F. Cummins (2000), as torch.nn.LSTM and keras.layers.LSTM document it. Gates are stored in the order of both, i, f, g, o
(Keras calls the third one c). The state is (h, c), one below the other: everything that knows states and steps needs
not know that this one has two parts. A faulty cell may have another activation in both places of tanh, or in its gates.
"""

from __future__ import annotations

from oracle.equations.gru import drive, gate
from oracle.equations.interface import Arithmetic, V
from oracle.records.gates import MemoryGates

__all__ = ["drive", "step"]


def step(ops: Arithmetic[V], p: MemoryGates, state: V, u: tuple[V, ...]) -> V:
    """(h, c) -> (h+, c+)."""
    h, c = (ops.affine([(part, state)]) for part in p.parts)
    i, f, o = (gate(ops, p, g, h, u) for g in (0, 1, 3))
    g = ops.act(p.activation, ops.affine([(p.recurrent[2], h)], p.b_recurrent[2], [u[2]]))
    memory = ops.sum([ops.mul(f, c), ops.mul(i, g)])
    output = ops.mul(o, ops.act(p.activation, memory))
    return ops.affine(list(zip(p.places, (output, memory), strict=True)))
