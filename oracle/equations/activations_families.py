"""From a name to its activation."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from oracle.equations import activations_pieces as pieces
from oracle.equations import activations_smooth as smooth
from oracle.equations import activations_user as user
from oracle.equations.activations import Activation
from oracle.records.names import USER, parsed


def _softplus(name: str, threshold: Fraction | None, beta: Fraction) -> Activation:
    return smooth.softplus(beta) if threshold is None else pieces.softplus_threshold(name, threshold, beta)


FAMILIES: dict[str, Callable[..., Activation]] = {
    "relu": pieces.relu,
    "identity": pieces.identity,
    "leaky-relu": pieces.leaky_relu,
    "hardtanh": pieces.hardtanh,
    "elu": pieces.elu,
    "square": pieces.square,
    "softplus": _softplus,
}


def made(name: str) -> Activation:
    """The activation of this name, as `activation_name` spells it."""
    if name in smooth.TABLE:
        return smooth.TABLE[name]
    if name in USER:
        return user.registered(name, *USER[name])
    family, parameters = parsed(name)
    if family in FAMILIES:
        return FAMILIES[family](name, *parameters)
    return user.expression(name)
