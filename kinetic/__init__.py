"""The micro-scale model: gases, Maxwellians, moments, cases, the discrete-velocity BGK solver and steady shocks.

Must not know: closures, networks, experiments, torch.

Public names: Gas, gas, InputError, Case, Wall, cases, VelocityGrid, velocity_grid, grid_of_case, simulate, Trajectory,
save_trajectories, load_trajectories, macroscopic, maxwellian_moments, rankine_hugoniot, solve_shock, ShockProfile,
solve_channel, ChannelProfile, slip_coefficients, load_profiles, MeasuredProfile, calibrate, Calibration; in two space dimensions
PlaneCase, plane_cases, solve_plane, PlaneFlow, PlaneTrajectory, plane_velocities, plane_memory. The compiled parts are imported
on first use: importing is quick.
"""

from knudsen.errors import InputError
from knudsen.kinetic import cases
from knudsen.kinetic.case import Case
from knudsen.kinetic.gas import Gas, gas
from knudsen.kinetic.moments import macroscopic, maxwellian_moments, rankine_hugoniot
from knudsen.kinetic.plane import cases as plane_cases
from knudsen.kinetic.plane.case import PlaneCase
from knudsen.kinetic.wall import Wall
from knudsen.lazy import attach

__getattr__, __dir__, lazy = attach(
    __name__,
    {
        "VelocityGrid": "grid",
        "velocity_grid": "grid",
        "grid_of_case": "grid",
        "simulate": "simulation",
        "Trajectory": "trajectory",
        "save_trajectories": "trajectories",
        "load_trajectories": "trajectories",
        "solve_shock": "shock",
        "ShockProfile": "shock_profile",
        "solve_channel": "channel",
        "ChannelProfile": "channel",
        "slip_coefficients": "slip",
        "MeasuredProfile": "measured",
        "load_profiles": "measured",
        "solve_plane": "plane.steady",
        "PlaneFlow": "plane.steady",
        "PlaneTrajectory": "plane.run",
        "plane_velocities": "plane.velocities",
        "plane_memory": "plane.run",
        "calibrate": "calibration",
        "Calibration": "calibration",
    },
)
__all__ = [
    "Case", "Gas", "InputError", "PlaneCase", "Wall", "cases", "gas", "macroscopic", "maxwellian_moments", "plane_cases",
    "rankine_hugoniot", *lazy,
]  # fmt: skip
