"""The micro-scale model: gases, Maxwellians, moments, cases, the discrete-velocity BGK solver and steady shocks.

Must not know: closures, networks, experiments, torch.

Public names: Gas, gas, InputError, Case, Wall, cases, VelocityGrid, velocity_grid, simulate, Trajectory,
save_trajectories, load_trajectories, macroscopic, maxwellian_moments, rankine_hugoniot, solve_shock, ShockProfile,
solve_channel, ChannelProfile, slip_coefficients. The compiled parts are imported on first use: importing is quick.
"""

from importlib import import_module

from knudsen.errors import InputError
from knudsen.kinetic import cases
from knudsen.kinetic.case import Case
from knudsen.kinetic.gas import Gas, gas
from knudsen.kinetic.moments import macroscopic, maxwellian_moments, rankine_hugoniot
from knudsen.kinetic.wall import Wall

_LAZY = {
    "VelocityGrid": "knudsen.kinetic.grid",
    "velocity_grid": "knudsen.kinetic.grid",
    "simulate": "knudsen.kinetic.simulation",
    "Trajectory": "knudsen.kinetic.simulation",
    "save_trajectories": "knudsen.kinetic.trajectories",
    "load_trajectories": "knudsen.kinetic.trajectories",
    "solve_shock": "knudsen.kinetic.shock",
    "ShockProfile": "knudsen.kinetic.shock",
    "solve_channel": "knudsen.kinetic.channel",
    "ChannelProfile": "knudsen.kinetic.channel",
    "slip_coefficients": "knudsen.kinetic.slip",
}

__all__ = ["Case", "Gas", "InputError", "Wall", "cases", "gas", "macroscopic", "maxwellian_moments", "rankine_hugoniot", *_LAZY]


def __getattr__(name):
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'knudsen.kinetic' has no attribute {name!r}")
