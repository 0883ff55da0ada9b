"""The constitutive closure: a dissipation potential for any weights, and shocks at Mach numbers that it was not trained on."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from closure_samples import make_law

from knudsen import closure, kinetic
from knudsen.closure.training import constitutive as training
from knudsen.closure.training.epochs import TrainOptions
from knudsen.kinetic.measured import MeasuredProfile
from knudsen.solvers import Boundary, Cells

GAS = kinetic.gas("hard_sphere_3v", omega=0.81)


@pytest.fixture(scope="module", params=["bgk_2v", "bgk_3v", "shakhov_3v"])
def law(request):
    return make_law("constitutive", request.param)


@pytest.fixture
def gradients():
    """X [400, 2] and c [400], from tiny to far beyond any training."""
    draw = np.random.default_rng(3)
    size = 10 ** draw.uniform(-4, 1, (400, 1))
    return torch.tensor(size * draw.standard_normal((400, 2))), torch.tensor(size[:, 0] * draw.standard_normal(400))


@torch.no_grad()
def test_small_gradients_are_navier_stokes_fourier(law):
    _, hessian = law.derivatives(torch.zeros(1, 2, dtype=torch.float64), torch.zeros(1, dtype=torch.float64))
    D = law.gas.dims
    exact = [[2 * (D - 1) / D, 0.0], [0.0, (D + 2) / (2 * law.gas.prandtl)]]
    torch.testing.assert_close(hessian[0], torch.tensor(exact, dtype=torch.float64), rtol=1e-12, atol=1e-12)
    X, c = torch.tensor([[1e-7, -2e-7]]).double(), torch.tensor([1e-7]).double()
    torch.testing.assert_close(law.derivatives(X, c)[0], law.nsf * X, rtol=1e-4, atol=0.0)


@torch.no_grad()
def test_dissipative_convex_and_mirrored_for_any_weights(law, gradients):
    X, c = gradients
    gradient, hessian = law.derivatives(X, c)
    production = (X * gradient).sum(1)
    assert (production >= 0.2 * (law.nsf * X * X).sum(1)).all()  # eta of Navier-Stokes-Fourier's at least
    scale = law.nsf.sqrt()
    assert torch.linalg.eigvalsh(hessian / (scale[:, None] * scale)).min() > 0.2 - 1e-9
    torch.testing.assert_close(hessian, hessian.transpose(1, 2))
    mirror = torch.tensor([1.0, -1.0]).double()
    torch.testing.assert_close(law.derivatives(X * mirror, -c)[0], gradient * mirror, rtol=1e-9, atol=1e-12)


def test_hessian_is_the_derivative_of_the_gradient(law, gradients):
    X, c = gradients[0][:50], gradients[1][:50]
    exact = torch.autograd.functional.jacobian(lambda x: law.derivatives(x, c)[0].sum(0), X, vectorize=True).movedim(1, 0)
    torch.testing.assert_close(law.derivatives(X, c)[1].detach(), exact, rtol=1e-8, atol=1e-8)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["periodic", "outflow", "fixed"])
def test_implicit_diffusion_far_beyond_the_explicit_step(law, kind):
    """Rough data, a step 50 times what an explicit scheme would stand: the implicit equation holds, energy and momentum too."""
    n, x = 24, (torch.arange(24).double() + 0.5) / 24
    wave = torch.sin(2 * torch.pi * x)
    rho, u, T = 1 + 0.4 * wave, 0.6 * torch.cos(2 * torch.pi * x), 1 + 0.5 * torch.sign(wave) * (1 + 0.1 * wave)
    U = torch.stack((rho, rho * u, 0.5 * rho * (u * u + law.gas.dims * T)))[None]
    ends = (U[:, :, :1], U[:, :, -1:]) if kind == "fixed" else ()
    cells = Cells(dx=1 / n, n=n, knudsen=0.05, boundary=Boundary(kind, *ends))
    tau = torch.full((1, 1, 1), 50 * (1 / n) ** 2 / 0.05 / 4).double()
    law.newton_iterations = 30
    after = law.relax(U, tau, cells)
    del law.newton_iterations
    assert law.fluid(after)[2].min() > 0
    torch.testing.assert_close(after, U + tau * law.source(after, cells), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(after[:, 0], U[:, 0])
    if kind == "periodic":
        torch.testing.assert_close(after.sum(2), U.sum(2), rtol=1e-12, atol=1e-12)
        fluctuation = ((law.fluid(after)[2] - law.fluid(after)[2].mean()) ** 2).mean()
        assert fluctuation < ((T - T.mean()) ** 2).mean()


def test_stress_and_heat_flux_of_a_shock_follow_from_density_and_temperature():
    """Nine places of a kinetic shock, no stress or heat flux among them, against the kinetic ones."""
    gas, x = kinetic.gas("shakhov_3v", omega=0.81), np.array([-6.0, -4, -3, -2, -1, 1, 2, 3, 4])
    shock = kinetic.solve_shock(gas, 2.5, tolerance=1e-4)
    (rho1, _, T1), (rho2, _, T2) = kinetic.rankine_hugoniot(2.5, gas)
    at = shock.sample(x * shock.mean_free_path)
    values = {"rho_n": (at["rho"] - rho1) / (rho2 - rho1), "T_n": (at["T"] - T1) / (T2 - T1)}
    a, b, _, sigma, q, *_ = training.of_shock(MeasuredProfile("shock", 2.5, x, values), gas)
    exact = shock.sample(np.linspace(-6, 4, training.PLACES) * shock.mean_free_path)
    p = exact["rho"] * exact["T"]
    for found, truth in ((sigma, exact["sigma"] / p), (q, exact["q"] / (p * np.sqrt(exact["T"])))):
        assert np.abs(found - truth).max() < 0.02 * np.abs(truth).max()
    assert np.all(a < 0) and np.all(b[: len(b) // 2] > 0)  # compressed everywhere, heated upstream


# Density and temperature of VHS molecules (viscosity ~ T^0.81) at Mach 3 and 5, between 0 and 1, at X mean free paths: by the
# Boltzmann equation, kinetic.solve_shock (tolerance 2e-3, last change 1e-4), which agrees with the particle data to 0.03 %.
X = np.array([-5.0, -4, -3, -2, -1, 0, 1, 2, 3])
UNSEEN = {
    3.0: (
        [0.0125, 0.0262, 0.0565, 0.1242, 0.2661, 0.5, 0.7423, 0.8922, 0.9584],
        [0.0693, 0.1375, 0.2674, 0.4815, 0.7349, 0.9083, 0.9759, 0.9954, 1.0003],
    ),
    5.0: (
        [0.0223, 0.0413, 0.0782, 0.1509, 0.2874, 0.5, 0.7269, 0.8793, 0.9517],
        [0.1507, 0.2565, 0.4210, 0.6372, 0.8427, 0.9606, 0.9976, 1.0039, 1.0036],
    ),
}


def shock_error(law, mach, cells):
    """(rms over density and temperature in the unit of the jump, lambda1/delta) of the closure's steady shock."""
    start = kinetic.solve_shock(kinetic.gas("shakhov_3v", omega=0.81), mach, tolerance=1e-3)  # to begin from
    unit = GAS.viscosity(1.0, 1.0)
    start = replace(start, x=start.x * unit, mean_free_path=start.mean_free_path * unit)
    shock = closure.solve_shock(law, GAS, mach, start=start, cells_per_thickness=cells)
    assert shock.status == "ok"
    found = shock.sample(X * shock.mean_free_path)
    ends = np.array(kinetic.rankine_hugoniot(mach, GAS))
    errors = [
        (found[name] - ends[0, i]) / (ends[1, i] - ends[0, i]) - truth
        for (name, i), truth in zip((("rho", 0), ("T", 2)), UNSEEN[mach], strict=True)
    ]
    return float(np.sqrt(np.mean(np.square(errors)))), shock.lambda1_over_delta


def test_shock_at_a_mach_number_between_those_of_the_training():
    law, nsf = closure.build("constitutive", GAS), closure.build("nsf", GAS)
    coarse, fine = shock_error(law, 3.0, 20), shock_error(law, 3.0, 40)
    assert fine[0] < 0.01 < 0.05 < shock_error(nsf, 3.0, 40)[0]
    assert abs(coarse[0] - fine[0]) < 1e-3 and coarse[1] == pytest.approx(fine[1], rel=5e-3)  # the closure, not its grid


@pytest.mark.slow
def test_strong_shock_between_those_of_the_training():
    assert shock_error(closure.build("constitutive", GAS), 5.0, 60)[0] < 0.01


def test_training_from_a_table_lowers_the_error(tmp_path):
    data = training.load(training.SHIPPED, GAS)
    network = {"_target_": "knudsen.closure.learned.constitutive.ConvexRidges", "units": 8}
    law = closure.untrained(GAS, name="constitutive", network=network, seed=1)
    rows = {name: torch.tensor(data[name].values) for name in training.COLUMNS}
    before = float((training.slope_errors(law, rows) ** 2).mean().detach().sqrt())
    result = training.train(law, network, data, TrainOptions(epochs=8, threads=1), tmp_path, recipe={})
    assert result["slope_error"] < 0.3 * before
    again = closure.build("constitutive", GAS, checkpoint=tmp_path / "checkpoint.pt")
    torch.testing.assert_close(training.slope_errors(again, rows), training.slope_errors(law, rows))


@pytest.mark.parametrize(
    ("line", "named"), [("2,0,1.2,1.3", "rho_n < 1"), ("2,0,0.5,0.4", "T_n > rho_n"), ("2,0,0.5,", "5 different places")]
)
def test_tables_that_tell_no_stress_are_refused(tmp_path, line, named):
    path = tmp_path / "bad.csv"
    rows = [f"2,{x},{0.5 + x / 10},{0.6 + x / 10}" for x in (-2, -1, 1, 2)]
    path.write_text("\n".join(["mach,x_over_lambda1,rho_n,T_n", *rows, line]))
    with pytest.raises(kinetic.InputError, match=named):
        training.load(path, GAS)


def test_rows_of_kinetic_labels():
    """Snapshots of Maxwellians: gradients by central differences, second order, and neither stress nor heat flux."""
    gas, error = kinetic.gas("bgk_3v"), []
    for n in (50, 100):
        x = (np.arange(n) + 0.5) / n
        rho, u, T = 1 + 0.2 * np.sin(6 * x), 0.3 * np.cos(5 * x), 1 + 0.1 * x**2
        G, H = (m.swapaxes(0, 1)[None].swapaxes(1, 2) for m in kinetic.maxwellian_moments(rho, u, T, gas, 4))
        dims = ("snapshot", "moment", "cell")
        data = xr.Dataset({"G": (dims, G), "H": (dims, H), "knudsen": (("snapshot", "cell"), np.full((1, n), 0.1))})
        rows = training.of_labels(data.assign(dx=("snapshot", [1 / n]), trajectory=("snapshot", [7])), gas)
        assert np.abs(rows.sigma).max() < 1e-12 > np.abs(rows.q).max() and set(rows.trajectory.values) == {7}
        inner, eps = x[1:-1], 0.1
        exact = {"a": -1.5 * eps * np.sin(5 * inner), "b": eps * 0.2 * inner / np.sqrt(T[1:-1])}
        exact["c"] = eps * np.sqrt(T[1:-1]) * 1.2 * np.cos(6 * inner) / rho[1:-1]
        error.append(max(float(np.abs(rows[name] - value).max()) for name, value in exact.items()))
    assert 3.6 < error[0] / error[1] < 4.4
