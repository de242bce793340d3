"""Certificates: a trajectory in a file that a program without this library can check. Here, that of a recurrence:

    y_{k+1} = Phi(y_k, x_k) rounded to a multiple of 2^-bits       r_k >= |Phi(y_k, x_k) - y_{k+1}|
    e_{k+1} = q e_k + r_k  rounded up                              |h_k - y_k| <= e_k

in the norm |v| = max_i |v_i| / w_i, w the Perron vector of

    G = |A + m B W| + r |B| |W|  >=  |A + B D W|,   |D - m| <= r,      q = max_i (G w)_i / w_i

so that q is about the least constant that any norm of absolute values gives. The precision is chosen beforehand:
w_i e_k <= (max w / min w) 2^-bits (1 + q + .. + q^k). `proofs/checker/check_certificate.py`, which shares no code with
this library, verifies q, every r_k and every e_k with integers and fractions.
"""

from __future__ import annotations

from typing import Any

from oracle.errors import BadInput
from oracle.records.exact import exact_object, objects
from oracle.records.lure import Lure
from oracle.records.names import parsed
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence
from oracle.reference import arguments, flow_certificate
from oracle.reference.certificate_parts import Certificate, coefficients, dyadic, mpf, ratios, require_rational
from oracle.reference.chain import CONSTANT_BITS, ERROR_BITS, SLOPES, Chain, bits_needed, follow, norm
from oracle.reference.enclosure import Enclosure
from oracle.reference.limits import checked_digits

__all__ = ["Certificate", "certificate"]

FORMAT = "rnn-oracle certificate"
VERSION = 1


def certificate(
    record: Recurrence | Network, inputs: Any = None, h0: Any = None, digits: int = 30, times: Any = None
) -> Certificate:
    """A trajectory from h0 to a number of digits, with a proof that can be checked elsewhere.

    Parameters
    ----------
    record : Recurrence or Network
        A h + B s(W h + M x + b) + E x + c with rational coefficients, one step of it (Elman, leaky, Euler steps) or h';
        the flow of a network for s = tanh, logistic, silu, relu, leaky relu, hardtanh or identity.
    inputs : array_like or signal
        Recurrence: X (K, I), x_k drives the step from h_k to h_{k+1}; (K, 0) without inputs. Network: None, a constant
        (I,), `oracle.held` or `oracle.sampled`.
    h0 : array_like, optional
        (N,), zeros by default.
    digits : int
        Every radius is at most 10^-digits max(1, |value|).
    times : sequence, optional
        Network only: instants after 0, where h0 is, increasing.

    Returns
    -------
    Certificate
        With `enclosure` and `save(path)`.

    Raises
    ------
    oracle.BadInput
        A batch, a record that is not of this form or holds exp, tanh, .. of its parameters (exponential Euler), an
        input in closed form, or times that do not fit.
    oracle.reference.limits.NotReached
        Too many bits would be needed.
    """
    digits = checked_digits(digits)
    if isinstance(record, Network):
        return flow_certificate.certificate(record, inputs, h0, digits, times)
    return _of_steps(record, inputs, h0, digits, times)


def _of_steps(rec: Recurrence, inputs: Any, h0: Any, digits: int, times: Any) -> Certificate:
    lure = _rational_step(rec)
    if times is not None:
        raise BadInput("times were given for a recurrence.", "a recurrence has steps.", "leave times out.")
    columns, start, batched = arguments.columns(rec, inputs, h0)
    if batched:
        raise BadInput("inputs are a batch.", "a certificate is of one trajectory.", "ask for one X of shape (K, I).")
    weights, q = norm(lure)
    bits = bits_needed(digits, weights, q, len(columns))
    chain = follow(rec, columns, exact_object(start), weights, q, bits)
    document = {
        **{"format": FORMAT, "version": VERSION, "map": coefficients(lure), "digits": digits, "bits": bits},
        "inputs": [ratios(x) for x in columns],
        "h0": ratios(start),
        "weights": [dyadic(w, 0) for w in weights],
        "q": dyadic(int(q * (1 << CONSTANT_BITS)), CONSTANT_BITS),
        "rounding": [dyadic(r, bits + ERROR_BITS) for r in chain.rounding],
        "errors": [dyadic(e, bits + ERROR_BITS) for e in chain.errors],
        "centres": [[dyadic(y, bits) for y in row] for row in chain.centres],
    }
    return Certificate(_enclosure(chain, weights, bits), document)


def _rational_step(rec: Any) -> Lure:
    if not isinstance(rec, Recurrence):
        raise BadInput(
            f"a {type(rec).__name__} was passed.",
            "certificates are of recurrences and flows.",
            "pass an oracle.Recurrence or an oracle.Network.",
        )
    if rec.equation != "lure":
        raise BadInput(
            f"the recurrence is a {rec.equation} step.",
            "certificates hold one nonlinearity per step: A h + B s(W h + M x + b) + E x + c.",
            "use oracle.reference, which proves any step but saves no certificate.",
        )
    lure = rec.lure
    _require_checked(lure.activation)
    require_rational(lure, "step")
    return lure


def _require_checked(activation: str) -> None:
    family, parameters = parsed(activation)
    if family in SLOPES and not (family == "softplus" and parameters[0] is not None):
        return
    why = {
        "softplus": "it jumps where it becomes linear, so that no constant bounds what becomes of an error",
        "square": "its slope is unbounded, so that no constant bounds what becomes of an error",
    }
    raise BadInput(
        f"the activation is {activation}.",
        f"{why.get(family, 'the independent checker knows nothing of it')}.",
        f"use oracle.reference, which saves no certificate, or one of {', '.join(SLOPES)}.",
    )


def _enclosure(chain: Chain, weights: list[int], bits: int) -> Enclosure:
    rows, units = len(chain.centres), len(weights)
    mid = objects(mpf(y, bits) for row in chain.centres for y in row).reshape(rows, units)
    rad = objects(mpf(w * e, bits + ERROR_BITS) for e in chain.errors for w in weights).reshape(rows, units)
    return Enclosure(mid, rad, "proved", bits=bits, method="certificate")
