"""A law and its schemes, ready to run one case after another."""

import numpy as np

from knudsen.closure.compiled import protocol, walls
from knudsen.closure.compiled.fluxes import DIFFERENCES, FLUXES, UPWIND, Waves, no_differences
from knudsen.closure.compiled.gradients import no_spread, spread
from knudsen.closure.compiled.loop import FUNCTIONS, Has, Stepping, run, scratch
from knudsen.closure.compiled.reconstructions import RECONSTRUCTIONS
from knudsen.solvers.boundaries import BOUNDARIES
from knudsen.solvers.cells import GHOST
from knudsen.solvers.integrators import INTEGRATORS


class Rollout:
    """The compiled solver of a law with row functions ``rows`` (``law.compiled()``) and the options of ``solvers.Solver``."""

    def __init__(self, rows: protocol.Rows, law, reconstruction: str, flux: str, integrator: str, cfl: float):
        self.schemes, self.regularised = (reconstruction, flux, integrator), 0
        tableau = INTEGRATORS[integrator]
        stages = len(tableau.explicit)
        explicit, implicit = np.zeros((2, stages, stages))
        for table, lines in ((explicit, tableau.explicit), (implicit, tableau.implicit or ())):
            for i, line in enumerate(lines):
                table[i, : len(line)] = line
        self.stepping = Stepping(float(cfl), FLUXES[flux], explicit, implicit, tableau.implicit is not None)
        self.waves = waves_of(law, FLUXES[flux] == UPWIND and rows.transport is protocol.no_transport)
        self.has = Has(
            rows.diffusivity is not protocol.no_diffusivity,
            rows.gradient_rows.size > 0,
            rows.product is not protocol.no_product,
            rows.transport is not protocol.no_transport,
        )
        functions = rows._asdict() | {
            "reconstruct": RECONSTRUCTIONS[reconstruction],
            "differences": no_differences if self.has.transport else DIFFERENCES[flux],
            "spread": spread if self.has.gradients else no_spread,
        }
        if tableau.implicit is not None:
            functions["source"] = protocol.no_source
        if flux != "upwind":
            functions["boost"] = protocol.no_boost
        self.functions = functions
        self.rows = rows

    def __call__(self, start, ends, dx: float, knudsen, boundary: str, times):
        """start [component, cell]; ends: the two states [component] of a fixed boundary, the numbers of two
        walls, or None; knudsen [cell]; times increase.

        Returns (U [1 + times, component, cell], steps, None or (time, cell) of the failure); U is NaN from there on.
        """
        start = np.ascontiguousarray(start, float)
        left, right = ends if ends is not None else (start[:, 0], start[:, -1])
        padded = np.pad(np.asarray(knudsen, float), GHOST, "wrap" if boundary == "periodic" else "edge")
        mesh = protocol.Mesh(
            float(dx), BOUNDARIES[boundary], np.ascontiguousarray(left, float), np.ascontiguousarray(right, float), padded
        )
        saved = np.full((len(times) + 1, *start.shape), np.nan)
        saved[0] = start
        between_walls = boundary == "walls"
        functions = self.functions | {
            "extend": walls.extend if between_walls else walls.no_extension,
            "at_walls": walls.at_walls if between_walls else walls.nothing_at_walls,
            "wall": self.rows.wall if between_walls else protocol.no_walls,
        }
        rows, has, stepping = self.rows, self.has, self.stepping
        space = scratch(len(start), rows.height, rows.gradient_rows.size, rows.kept, len(stepping.explicit), mesh)
        steps, failed_at, cell = run(
            saved, np.asarray(times, float), rows.energy, rows.gradient_rows, mesh, rows.data, has, stepping, self.waves,
            space, *(functions[name] for name in FUNCTIONS),
        )  # fmt: skip
        return saved, int(steps), None if cell < 0 else (float(failed_at), int(cell))


def waves_of(law, needed: bool) -> Waves:
    """Those of the upwind flux; empty where it is not needed."""
    if not needed:
        empty = np.zeros((1, 1))
        return Waves(np.zeros(1, np.int64), empty[0], empty, empty)
    speeds, right, left = (np.ascontiguousarray(table.numpy()) for table in law.characteristics)
    return Waves(law.degrees.numpy().astype(np.int64), speeds, right, left)
