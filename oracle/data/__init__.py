"""A small network the project trained itself (reports/train_flipflop.py), its readout, and inputs it was trained on.

24 tanh units in the `rate` form, tau = 0.1, trained as the Euler step at 0.02 to keep two bits (`oracle.data.task`).
"""

from __future__ import annotations

import json
from importlib import resources

from oracle.data.task import pulses, remembered
from oracle.records.exact import Array
from oracle.records.network import Network

__all__ = ["flipflop", "pulses", "readout", "remembered"]

STEP = 0.02  # of the Euler step the network was trained as


def flipflop() -> Network:
    """The trained network: N = 24 units, I = 2 pulse channels; train step `oracle.data.STEP`.

    Returns
    -------
    Network
        tau h' = -h + tanh(W h + M x + b), with the float64 weights as training left them.
    """
    from oracle.bridges import native

    with resources.as_file(resources.files(__name__) / "flipflop.json") as path:
        net = native.load(path)
    assert isinstance(net, Network)
    return net


def readout() -> tuple[Array, Array]:
    """The trained readout y = C h + d of `flipflop`: C (2, 24) and d (2,); the sign of y is the remembered bit."""
    from oracle.bridges.encoding import decode

    text = (resources.files(__name__) / "flipflop_readout.json").read_text(encoding="utf-8")
    coded = json.loads(text)
    return decode(coded["C"], "C"), decode(coded["d"], "d")
