"""What a fault planted in the code of a claim has to be met with: `reports/claim_mutants.py` tabulates it."""

import pytest

REPORTED = ("violated", "not applicable")


@pytest.fixture
def planted(record_property):
    """Asserts that a planted fault is reported: violated, or refused because an assumption is certainly not met."""

    def seen(fault, result, verdict="violated"):
        assert verdict in REPORTED
        assert result.verdict == verdict, result
        numbers = [None if value is None else float(value) for value in (result.measured, result.bound)]
        record_property("planted", [result.id, fault, result.verdict, *numbers])

    return seen
