"""Training: what was cut goes on as if it had not been; the optimiser knows no preferred basis."""

import json

import numpy as np
import pytest
import torch

from knudsen.molecular import DeepPotSmooth, StillingerWeber, TrainOptions, label_frames, train
from knudsen.molecular.soap import Soap

SMALL = {"cutoff": 4.0, "smooth_from": 1.0, "embedding": [4, 8], "axis": 3, "fitting": [8, 8], "dtype": "float64"}
OPTIONS = TrainOptions(steps=24, log_every=6)


@pytest.fixture
def frames(disordered):
    return label_frames(StillingerWeber(), [disordered("Si", seed=k) for k in range(4)])


@pytest.mark.parametrize("cut", [11, 12, 23])
def test_a_training_that_was_cut_goes_on_bit_for_bit(cut, frames, tmp_path):
    def stop(step, _):
        if step == cut:
            raise KeyboardInterrupt

    whole, parts = DeepPotSmooth(["Si"], **SMALL), DeepPotSmooth(["Si"], **SMALL)
    expected = train(whole, frames[:3], frames[3:], OPTIONS, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(parts, frames[:3], frames[3:], OPTIONS, tmp_path / "parts", progress=stop)
    steps = []
    parts = DeepPotSmooth(["Si"], **SMALL)
    found = train(parts, frames[:3], frames[3:], OPTIONS, tmp_path / "parts", progress=lambda step, _: steps.append(step))
    assert steps[0] == 6 * (cut // 6) + 1
    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name
    assert found["force_rmse"] == expected["force_rmse"]
    lines = [json.loads(line)["step"] for line in (tmp_path / "parts" / "metrics.jsonl").read_text().splitlines()]
    assert lines == [6, 12, 18, 24]
    assert sorted(p.name for p in (tmp_path / "parts").iterdir()) == ["checkpoint.pt", "metrics.jsonl"]


def test_another_training_starts_anew(frames, tmp_path):
    """What was left by a training with other options is not taken up."""

    def stop(step, _):
        if step == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(DeepPotSmooth(["Si"], **SMALL), frames[:3], frames[3:], OPTIONS, tmp_path, progress=stop)
    (tmp_path / "resume.pt").write_bytes((tmp_path / "resume.pt").read_bytes()[:-99])  # nor what is damaged
    steps = []
    for options in (OPTIONS, TrainOptions(steps=24, log_every=6, seed=1)):
        steps.clear()
        train(
            DeepPotSmooth(["Si"], **SMALL), frames[:3], frames[3:], options, tmp_path, progress=lambda step, _: steps.append(step)
        )
        assert steps[0] == 1


def path(optimiser, left, right):
    """Weights after some steps of a nonlinear regression whose inputs and outputs are turned by left and right."""
    generator = torch.Generator().manual_seed(0)
    start, truth = torch.randn(2, 6, 6, generator=generator, dtype=torch.float64)
    scales = torch.logspace(0, -2, 6, dtype=torch.float64)
    weight = torch.nn.Parameter(left @ start @ right.T)
    chosen = optimiser([weight], lr=0.02)
    for _ in range(35):
        x = torch.randn(20, 6, generator=generator, dtype=torch.float64) * scales
        loss = (torch.tanh(x @ left.T @ weight @ right) - x @ truth).square().mean()
        chosen.zero_grad()
        loss.backward()
        chosen.step()
    return left.T @ weight.detach() @ right


def test_the_optimiser_does_not_depend_on_the_basis():
    """Rows and columns turned by orthogonal matrices: the same path, turned. Adam's own depends on the basis."""
    generator = torch.Generator().manual_seed(1)
    left, right = (torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))[0] for _ in range(2))
    one = torch.eye(6, dtype=torch.float64)
    np.testing.assert_allclose(path(Soap, left, right), path(Soap, one, one), atol=1e-9)
    assert (path(torch.optim.Adam, left, right) - path(torch.optim.Adam, one, one)).abs().max() > 1e-2


def test_single_vectors_are_left_to_adam():
    """The same iterates as torch's Adam with the same averages."""
    start = torch.linspace(-1, 1, 5, dtype=torch.float64)
    found = []
    for optimiser in (Soap, torch.optim.Adam):
        weight = torch.nn.Parameter(start.clone())
        chosen = optimiser([weight], lr=0.1, betas=(0.9, 0.99))
        for _ in range(20):
            chosen.zero_grad()
            weight.square().sum().backward()
            chosen.step()
        found.append(weight.detach().numpy())
    np.testing.assert_allclose(*found, rtol=1e-6)
