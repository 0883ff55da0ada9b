"""The reduced model: moment systems and what closes them, classical and learned; training, checkpoints, shipped weights.

Must not know: experiments.

Public: build, find, register, supports, CLOSURES, MomentLaw, LearnedLaw, simulate, solve_shock, Solution, ShockSolution;
in two space dimensions plane_law, simulate_plane, PlaneSolution, plane_memory; training_of, untrained; submodules laws,
learned, training, checkpoint, diagnostics.
"""

from knudsen.lazy import attach

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
