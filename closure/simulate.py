"""What version 0.1 called this module, now ``knudsen.closure.simulation``: programs that import from it go on to work.

``closure.simulate`` is the function, before and after such an import: this module gives its place to it.
"""

import sys

from knudsen.closure import simulation

for name in ("Solution", "case_cells", "drift", "equilibrium_state", "initial_state", "simulate"):
    setattr(simulation.simulate, name, getattr(simulation, name))
sys.modules[__name__] = simulation.simulate
