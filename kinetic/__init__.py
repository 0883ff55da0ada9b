"""The micro-scale model: gases, Maxwellians, moments, cases, the discrete-velocity BGK solver and steady shocks.

Must not know: closures, networks, experiments, torch.

Public names: Gas, gas, InputError, Case, Wall, cases, VelocityGrid, velocity_grid, grid_of_case, simulate, Trajectory,
save_trajectories, load_trajectories, macroscopic, maxwellian_moments, rankine_hugoniot, solve_shock, ShockProfile,
solve_channel, ChannelProfile, slip_coefficients, load_profiles, MeasuredProfile, calibrate, Calibration; in two space dimensions
PlaneCase, plane_cases, solve_plane, PlaneFlow, PlaneTrajectory, plane_velocities, plane_memory. The compiled parts are imported
on first use: importing is quick.
"""

from typing import TYPE_CHECKING

from knudsen.errors import InputError
from knudsen.kinetic import cases
from knudsen.kinetic.case import Case
from knudsen.kinetic.gas import Gas, gas
from knudsen.kinetic.moments import macroscopic, maxwellian_moments, rankine_hugoniot
from knudsen.kinetic.plane import cases as plane_cases
from knudsen.kinetic.plane.case import PlaneCase
from knudsen.kinetic.wall import Wall
from knudsen.lazy import attach

if TYPE_CHECKING:  # for type checkers, what attach brings on first use
    from knudsen.kinetic.calibration import Calibration as Calibration
    from knudsen.kinetic.calibration import calibrate as calibrate
    from knudsen.kinetic.channel import ChannelProfile as ChannelProfile
    from knudsen.kinetic.channel import solve_channel as solve_channel
    from knudsen.kinetic.grid import VelocityGrid as VelocityGrid
    from knudsen.kinetic.grid import grid_of_case as grid_of_case
    from knudsen.kinetic.grid import velocity_grid as velocity_grid
    from knudsen.kinetic.measured import MeasuredProfile as MeasuredProfile
    from knudsen.kinetic.measured import load_profiles as load_profiles
    from knudsen.kinetic.plane.run import PlaneTrajectory as PlaneTrajectory
    from knudsen.kinetic.plane.run import plane_memory as plane_memory
    from knudsen.kinetic.plane.steady import PlaneFlow as PlaneFlow
    from knudsen.kinetic.plane.steady import solve_plane as solve_plane
    from knudsen.kinetic.plane.velocities import plane_velocities as plane_velocities
    from knudsen.kinetic.shock import solve_shock as solve_shock
    from knudsen.kinetic.shock_profile import ShockProfile as ShockProfile
    from knudsen.kinetic.simulation import simulate as simulate
    from knudsen.kinetic.slip import slip_coefficients as slip_coefficients
    from knudsen.kinetic.trajectories import load_trajectories as load_trajectories
    from knudsen.kinetic.trajectories import save_trajectories as save_trajectories
    from knudsen.kinetic.trajectory import Trajectory as Trajectory

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
