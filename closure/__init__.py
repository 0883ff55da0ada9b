"""The reduced model: moment systems and what closes them, classical and learned; training, checkpoints, shipped weights.

Must not know: experiments.

Public: build, find, register, supports, CLOSURES, MomentLaw, LearnedLaw, simulate, solve_shock, Solution, ShockSolution;
in two space dimensions plane_law, simulate_plane, PlaneSolution, plane_memory; training_of, untrained; submodules laws,
learned, training, checkpoint, diagnostics.
"""

from typing import TYPE_CHECKING

from knudsen.lazy import attach

if TYPE_CHECKING:  # for type checkers, what attach brings on first use
    from knudsen.closure.laws.base import MomentLaw as MomentLaw
    from knudsen.closure.learned.protocol import LearnedLaw as LearnedLaw
    from knudsen.closure.plane.registry import plane_law as plane_law
    from knudsen.closure.plane.simulation import PlaneSolution as PlaneSolution
    from knudsen.closure.plane.simulation import simulate_plane as simulate_plane
    from knudsen.closure.registry import CLOSURES as CLOSURES
    from knudsen.closure.registry import build as build
    from knudsen.closure.registry import find as find
    from knudsen.closure.registry import register as register
    from knudsen.closure.registry import supports as supports
    from knudsen.closure.registry import training_of as training_of
    from knudsen.closure.registry import untrained as untrained
    from knudsen.closure.shock import ShockSolution as ShockSolution
    from knudsen.closure.shock import solve_shock as solve_shock
    from knudsen.closure.simulation import Solution as Solution
    from knudsen.closure.simulation import simulate as simulate

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "CLOSURES": "registry",
        "LearnedLaw": "learned.protocol",
        "MomentLaw": "laws.base",
        "build": "registry",
        "find": "registry",
        "register": "registry",
        "supports": "registry",
        "training_of": "registry",
        "untrained": "registry",
        "Solution": "simulation",
        "simulate": "simulation",
        "PlaneSolution": "plane.simulation",
        "simulate_plane": "plane.simulation",
        "plane_law": "plane.registry",
        "plane_memory": "plane.simulation",
        "ShockSolution": "shock",
        "solve_shock": "shock",
    },
)
