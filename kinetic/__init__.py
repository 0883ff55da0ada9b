"""The micro-scale model: gases, Maxwellians, moments, cases, the discrete-velocity BGK solver and steady shocks.

Must not know: closures, networks, experiments, torch.

Public names: Gas, gas, InputError, Case, Wall, cases, VelocityGrid, velocity_grid, simulate, Trajectory,
save_trajectories, load_trajectories, macroscopic, maxwellian_moments, rankine_hugoniot, solve_shock, ShockProfile,
solve_channel, ChannelProfile, slip_coefficients. The compiled parts are imported on first use: importing is quick.
"""

from importlib import import_module

from kinetic import cases
from kinetic.case import Case
from kinetic.errors import InputError
from kinetic.gas import Gas, gas
from kinetic.moments import macroscopic, maxwellian_moments, rankine_hugoniot
from kinetic.wall import Wall

_LAZY = {
    "VelocityGrid": "kinetic.grid",
    "velocity_grid": "kinetic.grid",
    "simulate": "kinetic.simulation",
    "Trajectory": "kinetic.simulation",
    "save_trajectories": "kinetic.trajectories",
    "load_trajectories": "kinetic.trajectories",
    "solve_shock": "kinetic.shock",
    "ShockProfile": "kinetic.shock",
    "solve_channel": "kinetic.channel",
    "ChannelProfile": "kinetic.channel",
    "slip_coefficients": "kinetic.slip",
}

__all__ = ["Case", "Gas", "InputError", "Wall", "cases", "gas", "macroscopic", "maxwellian_moments", "rankine_hugoniot", *_LAZY]


def __getattr__(name):
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'kinetic' has no attribute {name!r}")
