"""The reduced model: moment systems and what closes them, classical and learned; training, checkpoints, shipped weights.

Must not know: experiments.

Public: build, supports, CLOSURES, simulate, solve_shock, Solution, ShockSolution; submodules labels, training, epochs,
checkpoint, networks.
"""

from knudsen.closure.registry import CLOSURES, build, supports, training_of, untrained
from knudsen.closure.shock import ShockSolution, solve_shock
from knudsen.closure.simulate import Solution, simulate

__all__ = ["CLOSURES", "ShockSolution", "Solution", "build", "simulate", "solve_shock", "supports", "training_of", "untrained"]
