"""Every closure on every gas it is for, with random states that a positive distribution has; one torch thread."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
torch.set_num_threads(1)

from closure_samples import PAIRS, make_law, random_moments  # noqa: E402


@pytest.fixture(params=PAIRS, ids=lambda p: f"{p[0]}-{p[1]}")
def law(request):
    return make_law(*request.param)


@pytest.fixture
def state(law):
    return law.from_moments(*random_moments(law.gas, 12, law.order))
