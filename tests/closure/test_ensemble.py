"""An ensemble closes with the mean of its members, and says how far they are apart."""

import numpy as np
import pytest
import torch
from closure_samples import random_moments

from knudsen import closure
from knudsen.closure import checkpoint
from knudsen.closure.learned.herm_mlc import ensemble
from knudsen.errors import InputError
from knudsen.kinetic import cases
from knudsen.kinetic.gas import gas
from knudsen.solvers import Cells

NETWORK = {"_target_": "knudsen.closure.learned.networks.Equivariant", "width": 8, "depth": 2}


def member(seed: int, gas_name: str = "bgk_1v", **options):
    torch.manual_seed(seed)
    law = closure.untrained(gas(gas_name), network=NETWORK, **options)
    law.network.scale_out.fill_(0.1)
    return law


@pytest.mark.parametrize("gas_name", ["bgk_1v", "bgk_3v"])
def test_the_correction_is_the_mean_and_the_spread_that_of_the_closed_moments(gas_name):
    laws = [member(k, gas_name) for k in range(3)]
    joint = ensemble(laws)
    U, cells = joint.from_moments(*random_moments(joint.gas, 16, joint.order)), Cells(1 / 16, 16, knudsen=0.3)
    phi = torch.randn(2, joint.inputs, 5, dtype=torch.float64)
    apart = torch.stack([law.correction(phi) for law in laws])
    torch.testing.assert_close(joint.corrections(phi), apart, rtol=0, atol=0)
    torch.testing.assert_close(joint.correction(phi), apart.mean(0))
    closed = torch.stack([law.closed_moment(U, cells) for law in laws])
    assert closed.std(0, correction=0).min() > 0
    torch.testing.assert_close(joint.spread(U, cells), closed.std(0, correction=0), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(joint.closed_moment(U, cells), closed.mean(0), rtol=1e-9, atol=1e-12)
    assert [len(law.members) for law in (*laws, joint)] == [1, 1, 1, 3]  # the members stay what they were


def test_several_checkpoints_are_an_ensemble(tmp_path):
    """Compiled and in torch alike; of equal members it is each of them, without a spread."""
    files = [tmp_path / f"{k}.pt" for k in range(2)]
    for k, file in enumerate(files):
        checkpoint.save(file, member(k), NETWORK, {})
    case = cases.mix(3, cells=40, t_end=0.03, knudsen=0.5)
    build = lambda *paths: closure.build("herm_mlc", gas("bgk_1v"), checkpoint=list(paths))  # noqa: E731
    compiled, torch_ = (closure.simulate(build(*files), case, compiled=flag)[0] for flag in (True, False))
    np.testing.assert_allclose(compiled.U, torch_.U, rtol=2e-5, atol=2e-5)  # single precision of the networks
    np.testing.assert_allclose(compiled.spread, torch_.spread, rtol=1e-3, atol=1e-5)
    assert compiled.spread.shape == compiled.closed.shape and compiled.spread.max() > 1e-3
    alone, twice = (closure.simulate(law, case)[0] for law in (build(files[0]), build(files[0], files[0])))
    np.testing.assert_allclose(twice.U, alone.U, rtol=1e-12, atol=1e-12)
    assert twice.spread.max() == 0 and alone.spread is None


def test_members_that_do_not_fit_are_refused(tmp_path):
    files = [tmp_path / "9.pt", tmp_path / "7.pt"]
    for moments, file in zip((9, 7), files, strict=True):
        checkpoint.save(file, member(0, moments=moments), NETWORK, {})
    with pytest.raises(InputError, match="different options"):
        closure.build("herm_mlc", gas("bgk_1v"), checkpoint=files)
    with pytest.raises(InputError, match="give one file"):
        closure.build("herm_mlc", gas("bgk_1v"), checkpoint=[])
    with pytest.raises(InputError, match="one by one"):
        closure.untrained(gas("bgk_1v"), network=NETWORK, checkpoint=files)
