"""The compiled solver of the reduced fields: rows of velocities, transport, ends, Maxwellians, targets, the loop over stages.

Must not know: cases, gases, files.

Public names: advance, scratch, Model, Ends, Force, Scheme, Velocities, GHOST, TINY, MOST_VELOCITIES.
"""

from knudsen.kinetic.kernel.ends import Ends
from knudsen.kinetic.kernel.loop import Scheme, Velocities, advance
from knudsen.kinetic.kernel.rows import MOST_VELOCITIES, scratch
from knudsen.kinetic.kernel.target import Model
from knudsen.kinetic.kernel.transport import GHOST, TINY, Force

__all__ = ["GHOST", "MOST_VELOCITIES", "TINY", "Ends", "Force", "Model", "Scheme", "Velocities", "advance", "scratch"]
