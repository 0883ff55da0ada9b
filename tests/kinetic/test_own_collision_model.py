"""A collision model of one's own is one class: every solver of relaxation models takes it, with the rates that it promises."""

import numpy as np
import pytest

from knudsen.kinetic import Case, InputError, cases, simulate, solve_channel, solve_shock
from knudsen.kinetic.collisions import BGK, COLLISIONS, RelaxationModel, register
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.homogeneous import from_case, relax


class Blend(RelaxationModel):
    """Between Shakhov's model (r = 1) and ES-BGK (r = Pr): its target holds a share of the stress and one of the heat flux."""

    name, label = "blend", "blend"

    def rate(self, prandtl):
        return 0.5 * (1 + prandtl)


@pytest.fixture(autouse=True)
def blend():
    register(Blend)
    yield Gas("own", 3, collision="blend")
    del COLLISIONS["blend"]


def streams(t_end=1.0, **options):
    rho, u, T = (np.repeat(np.array(a)[:, None], 4, axis=1) for a in ((0.6, 0.5), (0.5, -0.7), (0.7, 1.6)))
    return Case("streams", (0, 0.1), 4, "periodic", rho, u, T, 1.0, t_end, (0.25,), **options)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_stress_relaxes_at_nu_and_heat_flux_at_prandtl_nu(dims):
    """In a uniform gas, whatever the rate r of the target: by the shares 1 - 1/r and 1 - Pr/r that it holds."""
    solution = simulate(streams(), Gas("own", dims, collision="blend", prandtl=0.75), integrator="ars443")[0]
    for field, rate in (("sigma", 1.0), ("q", 0.75)):
        value = getattr(solution, field)[:, 0]
        if dims > 1 or field == "q":
            np.testing.assert_allclose(value / value[0], np.exp(-rate * solution.t), rtol=1e-9)


@pytest.mark.parametrize("prandtl", [0.6, 1.2])
def test_the_reduced_fields_and_all_velocities_tell_the_same(prandtl):
    """The kernel's polynomials and the target itself on all velocities, to the quadrature error of the latter's grid (1e-9)."""
    the_gas, case = Gas("own", 2, collision="blend", prandtl=prandtl), streams(t_end=0.5)
    reduced = simulate(case, the_gas, integrator="ars443")[0]
    full = relax(from_case(case, the_gas), the_gas)
    v = full.grid.mesh()[0]
    fourth = full.grid.integral(full.f[-1] * v**4)  # collisions do not know its rate: it is the target's own
    assert fourth == pytest.approx(reduced.G[-1, 4, 0], rel=1e-8)
    assert (full.stress[-1], full.heat_flux[-1]) == pytest.approx((reduced.sigma[-1, 0], reduced.q[-1, 0]), rel=1e-8)


def test_shock_and_channel(blend):
    """The shock has the end states and sums that it must have, and lies between those of the models it blends."""
    slopes = [solve_shock(Gas(name, 3, collision=name, omega=0.81), 2.0, tolerance=1e-4).lambda1_over_delta
              for name in ("shakhov", "blend", "es_bgk")]  # fmt: skip
    assert min(slopes[0], slopes[2]) < slopes[1] < max(slopes[0], slopes[2])
    for solve in (lambda case: solve_channel(case, blend), lambda case: simulate(case, blend)):
        with pytest.raises(InputError, match="closed form"):  # a product of both shares with shear is no cubic
            solve(cases.couette(blend, cells=10))


def test_a_name_belongs_to_one_model():
    class Mine(BGK):
        name = "shakhov"

    with pytest.raises(ValueError, match="Shakhov"):
        register(Mine)


def test_the_models_of_the_textbooks_are_rates():
    """Shakhov holds no stress and 1 - Pr of the heat flux, ES-BGK 1 - 1/Pr of the stress and no heat flux, exactly."""
    for prandtl in (2 / 3, 0.7, 0.9):
        assert COLLISIONS["shakhov"].shares(prandtl) == (0.0, 1.0 - prandtl)
        assert COLLISIONS["es_bgk"].shares(prandtl) == (1.0 - 1.0 / prandtl, 0.0)
    assert COLLISIONS["bgk"].shares(1.0) == (0.0, 0.0)
