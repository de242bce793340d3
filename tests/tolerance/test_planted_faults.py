"""Testing the tests: each fault planted in the source is caught by a named test of the suite."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import test_residuals
import test_statistic
import test_trajectory

from oracle.arithmetic import ball, rounding
from oracle.arithmetic.rounding import Rounded, Rounding
from oracle.check import candidates, judge
from oracle.diagnosis import check as public
from oracle.records.precision import representable
from oracle.tolerance import residuals as balls
from oracle.tolerance import statistic as formats
from oracle.tolerance import trajectory
from oracle.tolerance.recorded import EXACTLY


def _load(path: str) -> ModuleType:
    """A test file of another folder, as a module."""
    file = Path(__file__).parents[1] / path
    spec = importlib.util.spec_from_file_location(f"loaded_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


edges = _load("arithmetic/test_rounding.py")
contract = _load("check/test_contract.py")
Patch = pytest.MonkeyPatch


def _affine(change: Callable[[Rounded], Rounded]) -> Callable[[Patch], None]:
    original = Rounding.affine
    return lambda patch: patch.setattr(Rounding, "affine", lambda self, *a, **k: change(original(self, *a, **k)))


def _one_term(patch: Patch) -> None:
    original = Rounding._product
    patch.setattr(Rounding, "_product", lambda self, term, v: (original(self, term, v)[0], 1))


def _flat(patch: Patch) -> None:
    original = Rounding.act
    patch.setattr(
        Rounding, "act", lambda self, name, z: original(self, name, z._replace(error=0 * z.error, growth=0.0))
    )


def _factors(patch: Patch) -> None:
    original = Rounding.__init__

    def init(self: Any, model: Any) -> None:
        original(self, model)
        self._factors = 0.0

    patch.setattr(Rounding, "__init__", init)


def _no_underflow(patch: Patch) -> None:
    original = Rounding.__init__
    patch.setattr(
        Rounding,
        "__init__",
        lambda self, model: original(self, rounding.Precision(**{**vars(model), "underflow": 0.0})),
    )


def _product_without_errors(patch: Patch) -> None:
    original = Rounding.mul
    patch.setattr(Rounding, "mul", lambda self, u, v: original(self, u, v)._replace(error=0 * u.value * v.value))


def _last_source_only(patch: Patch) -> None:
    patch.setattr(trajectory, "_propagated", lambda along, sources, rest, k: sources[k])


def _lost_curvature(patch: Patch) -> None:
    patch.setattr(trajectory, "CURVATURE", dict.fromkeys(trajectory.CURVATURE, 0.0))


def _lipschitz_spread(patch: Patch) -> None:
    patch.setattr(Rounding, "_spread", lambda self, entry: abs(self._floats.number(entry)))  # cancels inside a constant


def _with_patch(test: Callable[[Patch], None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        test(patch)


Fault = tuple[Callable[[Patch], Any], Callable[[], Any]]
FAULTS: dict[str, Fault] = {
    "growth halved": (
        _affine(lambda v: v._replace(growth=v.growth / 2)),
        lambda: edges.test_the_bound_of_a_sum_is_attained(1000),
    ),
    "magnitudes cancelled": (
        _affine(lambda v: v._replace(magnitude=np.abs(v.value))),
        lambda: edges.test_the_bound_is_the_formula_within_a_small_factor(None, 32, "float32"),
    ),
    "terms not counted": (_one_term, lambda: edges.test_the_bound_of_a_sum_is_attained(100)),
    "activation error dropped": (
        lambda patch: patch.setattr(Rounding, "activation_error", lambda self, name, *at: (0.0, 0.0)),
        lambda: edges.test_the_bound_is_the_formula_within_a_small_factor(None, 4, "float32"),
    ),
    "argument's error not passed through the activation": (
        _flat,
        lambda: edges.test_the_bound_is_the_formula_within_a_small_factor(0.2, 200, "float64"),
    ),
    "roundoff of TF32 factors dropped": (
        _factors,
        lambda: edges.test_products_of_narrow_factors_are_two_roundings_each(),
    ),
    "casts of parameters free": (
        lambda patch: patch.setattr(Rounding, "_stored_as_given", lambda self, exact, u=None: (0.0, 0.0)),
        lambda: edges.test_a_cast_is_one_more_factor(),
    ),
    "forming a coefficient free": (
        lambda patch: patch.setattr(Rounding, "_forming", lambda self, factor: 0.0),
        lambda: edges.test_the_argument_of_an_exponential_may_be_cast_and_divided(),
    ),
    "1 - exp(-a) taken at its own size": (
        _lipschitz_spread,
        lambda: edges.test_a_long_exponential_step_may_be_written_as_a_step_towards_the_drive(),
    ),
    "underflow dropped": (_no_underflow, lambda: edges.test_products_and_casts_may_underflow(1e-45)),
    "errors of factors dropped": (
        _product_without_errors,
        lambda: edges.test_bounds_of_operations_hold_exactly(),
    ),
    "format of the record ignored": (
        lambda patch: patch.setattr(edges, "recorded_as", lambda name: EXACTLY),
        lambda: edges.test_states_written_in_decimal(6),
    ),
    "one bit too few is representable": (
        lambda patch: patch.setattr(edges, "representable", lambda values, u: representable(values, 2 * u)),
        lambda: edges.test_representable_counts_bits(1 + 2.0**-7, "bfloat16", True),
    ),
    "upper bounds not rounded up": (
        lambda patch: patch.setattr(balls, "upper_floats", lambda v: np.abs(ball.middles(v))),
        lambda: test_residuals.test_balls_contain_the_exact_residual("leaky", 0),
    ),
    "verdict looks at signed middles": (
        lambda patch: (
            patch.setattr(balls, "upper_floats", ball.middles) or patch.setattr(balls, "lower_floats", ball.middles)
        ),
        lambda: test_residuals.test_balls_contain_the_exact_residual("elman", 0),
    ),
    "precision never raised": (
        lambda patch: patch.setattr(balls, "LAST_BITS", 128),
        lambda: _with_patch(test_residuals.test_precision_rises_until_every_element_is_decided),
    ),
    "largest unit in place of the median": (
        lambda patch: patch.setattr(formats.np, "median", np.max),
        lambda: test_statistic.test_one_wrong_unit_is_no_precision(),
    ),
    "earlier errors not propagated": (
        _last_source_only,
        lambda: test_trajectory.test_errors_that_add_up_are_followed(),
    ),
    "no remainder": (_lost_curvature, lambda: test_trajectory.test_a_coarse_run_is_inside_its_own_bound("elman tanh")),
    "second run not judged": (
        lambda patch: patch.setattr(public, "_both_runs_follow", lambda *evidence: True),
        lambda: contract.test_a_breach_of_contract_is_named_in_the_result("keeps state between calls"),
    ),
    "mutation overlooked": (
        lambda patch: patch.setattr(candidates, "_same", lambda a, b: True),
        lambda: contract.test_a_breach_of_contract_is_named_in_the_result("changes its state"),
    ),
    "first row not compared": (
        lambda patch: patch.setattr(judge, "start_of", lambda evidence: None),
        lambda: contract.test_a_wrong_first_row_is_a_violation_at_step_zero(),
    ),
    "NaN has no residual": (
        lambda patch: patch.setattr(judge, "residuals", _blind_to_nan),
        lambda: contract.test_one_state_that_is_not_finite_fails(6, np.nan, None),
    ),
}


def _blind_to_nan(*arguments: Any) -> Any:
    found = balls.residuals(*arguments)
    return found._replace(lower=np.nan_to_num(found.lower, posinf=0.0), upper=np.nan_to_num(found.upper, posinf=0.0))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str) -> None:
    """The named test passes on the source as it is and fails on the source with the fault."""
    plant, test = FAULTS[fault]
    test()
    with pytest.MonkeyPatch.context() as patch:
        plant(patch)
        with pytest.raises(AssertionError):
            test()
