"""Ghost cells of the compiled loop (``solvers.Boundary``)."""

from knudsen.compile import compiled
from knudsen.solvers.boundaries import OUTFLOW, PERIODIC, WALLS
from knudsen.solvers.cells import GHOST


@compiled
def pad(U, padded, mesh):
    """U with ghosts; those of walls are copies, until ``walls.extend`` has filled them."""
    cells = U.shape[1]
    for k in range(U.shape[0]):
        for i in range(cells):
            padded[k, GHOST + i] = U[k, i]
        for g in range(GHOST):
            if mesh.boundary == PERIODIC:
                padded[k, g], padded[k, GHOST + cells + g] = U[k, (g - GHOST) % cells], U[k, g % cells]
            elif mesh.boundary == OUTFLOW or mesh.boundary == WALLS:
                padded[k, g], padded[k, GHOST + cells + g] = U[k, 0], U[k, cells - 1]
            else:
                padded[k, g], padded[k, GHOST + cells + g] = mesh.left[k], mesh.right[k]
