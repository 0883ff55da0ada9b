"""The toy problem and its undisturbed result."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # tests import toy, as the driver processes do


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """{trouble: fingerprint of a run that nothing disturbs}, serial and in this process."""
    import toy

    known = {}

    def fingerprint(trouble=""):
        if trouble not in known:
            known[trouble] = toy.fingerprint(toy.solve(tmp_path_factory.mktemp("undisturbed"), trouble=trouble))
        return known[trouble]

    return fingerprint
