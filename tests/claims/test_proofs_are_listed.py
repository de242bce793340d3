"""What a claim says of its proofs is so: the files are there, are tests, and plant faults."""

from pathlib import Path

import pytest

import oracle

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", list(oracle.claims))
def test_proof_files_exist(name):
    """Each proof file exists, proves something, and tests that the proof can fail."""
    proofs = oracle.claims[name].proofs
    assert proofs
    for proof in proofs:
        text = (ROOT / proof.file).read_text(encoding="utf-8")
        assert "def prove" in text
        assert "test_planted_faults_break_the_proof" in text
        assert name in text


def test_every_proof_is_of_a_claim():
    """No proof file is left over."""
    listed = {proof.file for claim in oracle.claims.values() for proof in claim.proofs}
    there = {f"proofs/symbolic/{path.name}" for path in (ROOT / "proofs" / "symbolic").glob("test_*.py")}
    assert there == listed
