"""R, D and L as equalities of records, and what breaks them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from specimens import H, M, N, W, X, dyadic, networks

from oracle import BadInput, Network, Recurrence, strategies
from oracle.arithmetic.mp import Mp
from oracle.equations.catalogue import advance
from oracle.procedures.discretize import SCHEMES

factors = st.fractions(min_value=Fraction(1, 9), max_value=9, max_denominator=12)
steps = st.fractions(min_value=Fraction(1, 1000), max_value=1, max_denominator=1000)
LURE = ("euler", "exponential-euler")
POINT = H[:, 0], X[:, 0]


@given(strategies.networks(), factors, steps, st.sampled_from(SCHEMES))
def test_rescaling_commutes_with_discretisation(net: Network, r: Fraction, step: Fraction, scheme: str) -> None:
    """D_{step/r} R_r = R_r D_step: equal maps on equal grids, for every scheme, form and time constant."""
    assert net.rescale(r).discretize(step=step / r, scheme=scheme) == net.discretize(step=step, scheme=scheme).rescale(
        r
    )


@given(strategies.networks(), factors.filter(lambda r: r != 1), steps, st.sampled_from(SCHEMES))
def test_without_rescaling_the_step_it_does_not(net: Network, r: Fraction, step: Fraction, scheme: str) -> None:
    """Dropped assumption: the same step before and after R gives another map."""
    rescaled, original = net.rescale(r).discretize(step=step, scheme=scheme), net.discretize(step=step, scheme=scheme)
    assert rescaled != original.rescale(r)
    assert not rescaled.same_map(original)


@given(strategies.networks(activations=("tanh", "logistic", "identity")), steps, st.sampled_from(LURE))
def test_linearisation_commutes_with_discretisation(net: Network, step: Fraction, scheme: str) -> None:
    """L D = D L at any operating point, for Euler and for exponential Euler with the split kept."""
    at = strategies.weights(net.N, (net.N,)), strategies.weights(net.I, (net.I,))
    both = net.discretize(step=step, scheme=scheme).linearize(at=at)
    assert both == net.linearize(at=at).discretize(step=step, scheme=scheme)
    elsewhere = at[0] + 1, at[1]
    assert (both == net.discretize(step=step, scheme=scheme).linearize(at=elsewhere)) == (net.activation == "identity")


@given(strategies.networks(activations=("tanh", "logistic")), factors)
def test_linearisation_commutes_with_rescaling(net: Network, r: Fraction) -> None:
    """L R = R L at the same point."""
    at = strategies.weights(net.N, (net.N,)), strategies.weights(net.I, (net.I,))
    assert net.rescale(r).linearize(at=at) == net.linearize(at=at).rescale(r)


@given(strategies.networks(), factors, factors)
def test_rescaling_is_a_group_action(net: Network, r: Fraction, q: Fraction) -> None:
    """R_r R_q = R_rq, R_1 = 1, and R_r undoes R_{1/r}."""
    assert net.rescale(r).rescale(q) == net.rescale(r * q)
    assert net.rescale(r).rescale(1 / r) == net
    assert net.rescale(1) == net


@pytest.mark.parametrize("name", networks())
def test_collapsing_commutes_with_euler_and_rescaling(name: str) -> None:
    """With one matrix instead of two, R and Euler act the same."""
    linear = networks()[name].linearize(at=POINT if networks()[name].I else POINT[0])
    assert linear.collapsed().rescale(3) == linear.rescale(3).collapsed()
    assert linear.collapsed().discretize(step=0.1) == linear.discretize(step=0.1).collapsed()
    assert linear.collapsed().discretize(step=0.1) != linear.discretize(step=0.2).collapsed()


def test_collapsing_does_not_commute_with_exponential_euler() -> None:
    """One unit, A = -1 and B S W = 1/2: exp(-D/2) against exp(-D) + (1 - exp(-D))/2; the records differ, provably.

    The collapsed matrix of several units is dense, and exponential Euler refuses it.
    """
    net = Network(A=-1, W=[[0.5]], activation="identity")
    joined = Network(A=-0.5, W=[[0.0]], activation="identity")
    assert net.collapsed() == joined.collapsed()
    late = net.discretize(step=1, scheme="exponential-euler").collapsed()
    early = joined.discretize(step=1, scheme="exponential-euler").collapsed()
    assert late != early
    ops: Any = Mp(30)
    one, nothing = ops.lift(np.ones((1, 1))), ops.lift(np.zeros((0, 1)))
    apart = advance(ops, late, one, nothing) - advance(ops, early, one, nothing)
    # e^-1 + (1 - e^-1)/2 - e^-1/2 = 0.6839... - 0.6065...
    assert 0.077 < float(apart[0, 0]) < 0.078
    with pytest.raises(BadInput, match="dense"):
        networks("identity")["rate, scalar tau"].collapsed().discretize(step=0.1, scheme="exponential-euler")


def test_exponential_euler_is_euler_with_another_step_for_one_leak() -> None:
    """Scalar tau: exponential Euler is Euler with Delta_eff = tau (1 - exp(-Delta/tau)); not so for tau per unit."""
    net, several = networks()["rate, scalar tau"], networks()["rate, per unit tau"]
    ops: Any = Mp(40)
    effective = ops.context.mpf(1) / 2 * (1 - ops.context.exp(-ops.context.mpf(1) / 5))
    for record, equal in ((net, True), (several, False)):
        h, x = ops.lift(H), ops.lift(X)
        exponential = advance(ops, record.discretize(step=Fraction(1, 10), scheme="exponential-euler"), h, x)
        step = Fraction(int(effective * 10**38), 10**38)
        gap = abs(exponential - advance(ops, record.discretize(step=step), h, x)).max()
        assert (gap < 1e-35) == equal  # the step is truncated at 10^-38, the field is below 2^9


def test_euler_is_the_leaky_recurrence() -> None:
    """D of `rate` is `leaky` with alpha = step/tau, `current` is `leaky` inside, and alpha = 1 is Elman."""
    b = dyadic(3, N)
    tau = Fraction(1, 10)
    assert Network.rate(W, M, b, tau=tau).discretize(step=tau / 5) == Recurrence.leaky(
        W, M, b, alpha=Fraction(1, 5), step=tau / 5
    )
    assert Network.current(W, M, b, tau=tau).discretize(step=tau / 5) == Recurrence.leaky(
        W, M, b, alpha=Fraction(1, 5), sigma="inside", step=tau / 5
    )
    assert Network.rate(W, M, b, tau=tau).discretize(step=tau) == Recurrence.elman(W, M, b, step=tau)
    assert Network.paper(W, M, b, tau=tau).discretize(step=tau) != Recurrence.elman(W, M, b, step=tau)
    assert Network.rate(W, M, b, tau=0.1).discretize(step=0.02) != Recurrence.leaky(W, M, b, alpha=0.2, step=0.02), (
        "0.02/0.1 of floats is not the float 0.2, and exact records say so"
    )


def test_a_kink_is_refused_where_it_is_hit_and_only_there() -> None:
    """ReLU at exactly z* = 0 has no tangent; beside it, on either side, it has."""
    net = Network.rate([[0.5, -0.25], [0.25, 0.75]], activation="relu")
    with pytest.raises(BadInput, match="kink"):
        net.linearize()
    with pytest.raises(BadInput, match="kink"):
        net.linearize(at=[1.0, 2.0])
    tiny = 2.0**-1074
    assert net.linearize(at=[1.0, 2.0 - 2.0**-52]) != net.linearize(at=[1.0, 2.0 + 2.0**-51])
    assert net.linearize(at=[tiny, tiny]) == net.linearize(at=[1.0, 1.0])


def test_linearising_keeps_the_value_at_the_point() -> None:
    """At (h*, x*) the linearised step has the value of the step itself."""
    rec = networks()["current, per unit tau"].discretize(step=0.125)
    ops: Any = Mp(60)
    h, x = (ops.lift(part) for part in POINT)
    gap = advance(ops, rec, h, x) - advance(ops, rec.linearize(at=POINT), h, x)
    assert max(abs(entry) for entry in gap.ravel()) < 1e-55  # a hundred roundings of 60 digits on numbers below 100
    moved = advance(ops, rec, h + 1, x) - advance(ops, rec.linearize(at=POINT), h + 1, x)
    assert min(abs(entry) for entry in moved.ravel()) > 1e-3
