"""The gallery's scripts run (on small grids), and what they draw is what they say."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from knudsen import kinetic

GALLERY = Path(__file__).parents[2] / "docs" / "gallery"
SMALL = {
    "random_data": {"seeds": (1,), "cells": 100},
    "phase_space": {"times": (0.0, 0.05), "cells": 20, "velocities": 40},
    "shock_phase_space": {"mach_numbers": (2.0,), "points": 60, "speeds": 24},
    "sod_closures": {"knudsen": (0.1,), "cells": 20, "models": ("nsf", "euler")},
    "maxwell_cost": {"knudsen": (0.1,), "cells": 20, "models": ("quadrature", "nsf"), "velocities": (14,), "truth": 16},
    "channel_profiles": {"delta": (1.0,)},
    "hard_sphere_shock": {"mach_numbers": (2.0,), "velocity_points": 14},
    "monte_carlo": {"dims": (1, 4), "powers": range(4, 8), "budget": 2**6},
    "random_features": {"dims": (1,), "every": (1, 3), "budget": 2**7, "powers": range(3, 6)},
    "lorenz": {"orders": (2, 4), "loads": (2,), "time": 0.5, "dt": 0.01},
    "memory": {"units": (2,)},
    "cavity_closures": {"cells": 8},
    "free_flight": {"few": (4,), "points": 21, "regimes": 3},
}
ARGUMENTS = ("monte_carlo", "random_features", "lorenz", "memory", "free_flight")


def script(name):
    spec = importlib.util.spec_from_file_location(name, GALLERY / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", SMALL)
def test_gallery_figure_is_drawn(name, tmp_path):
    figure = script(name).figure(**SMALL[name])
    figure.savefig(tmp_path / "figure.png", dpi=40)
    assert np.asarray(Image.open(tmp_path / "figure.png").convert("L")).std() > 1  # not a blank page
    shown = GALLERY.parent / "figures" / f"{name}.png"
    assert shown.stat().st_size < 200_000


@pytest.mark.parametrize("name", ARGUMENTS)
def test_gallery_argument_holds(name):
    """Each script asserts the physics that its figure shows: convergence orders, exact kernels, conserved energy, balances."""
    script(name).check()


def test_gallery_animation(tmp_path):
    script("phase_space").animation(tmp_path / "small.gif", frames=3, cells=20, velocities=40, t_end=0.02)
    assert Image.open(tmp_path / "small.gif").n_frames == 3
    assert (GALLERY.parent / "figures" / "phase_space.gif").stat().st_size < 1_500_000


def test_distribution_inside_a_shock_has_the_shocks_moments():
    """What the gallery draws along characteristics carries the density, velocity and temperature that it started from."""
    gallery = script("shock_phase_space")
    shock = kinetic.solve_shock(kinetic.gas("bgk_3v"), 2.0)
    v = gallery.velocities(shock, 160)
    speed = (np.arange(80) + 0.5) * 0.08
    f = gallery.distribution(shock, v, speed)
    ring = 2 * np.pi * speed * 0.08 * (v[1] - v[0])
    rho = (f * ring).sum((1, 2))
    u = (f * ring * v[:, None]).sum((1, 2)) / rho
    T = ((f * ring * (v[:, None] ** 2 + speed**2)).sum((1, 2)) / rho - u**2) / 3
    # midpoint sums: f has a kink at v = 0, (2 dv)^2/12 of its slope; rings: 0.08^2/12 over T = 1; the grid ends at 4.5 deviations
    for value, exact in ((rho, shock.rho), (u, shock.u), (T, shock.T)):
        np.testing.assert_allclose(value, exact, rtol=3e-3)


def test_channel_profiles_have_the_published_flow_rates():
    """G_P and G_T of BGK at delta = 1: 1.53867956 and 0.29490037 (analytical discrete ordinates; G_P as Loyalka 1979)."""
    gallery = script("channel_profiles")
    for name, rate in (("poiseuille", 1.53867956), ("creep", 0.29490037)):
        x, u = gallery.profile(name, "u_y", 1.0, kinetic.gas("bgk_3v"))
        assert 2 * np.trapezoid(u, x) == pytest.approx(rate, rel=2e-3)  # trapezoids on the solver's graded nodes
