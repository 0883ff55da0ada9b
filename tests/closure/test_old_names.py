"""Names of version 0.1 that programs outside still use."""

import subprocess
import sys


def test_what_was_a_module_and_is_a_function_is_both():
    """In either order: ``from knudsen.closure.simulate import ...`` and ``closure.simulate(...)``."""
    program = (
        "from knudsen.closure.simulate import equilibrium_state, initial_state\n"
        "from knudsen import closure\n"
        "from knudsen.closure import simulation\n"
        "assert closure.simulate is simulation.simulate and equilibrium_state is simulation.equilibrium_state\n"
    )
    anew = "import sys\nfor name in [n for n in sys.modules if n.startswith('knudsen')]: del sys.modules[name]\n"
    late = "from knudsen import closure\nfirst = closure.simulate\n" + program + "assert closure.simulate is first\n"
    subprocess.run([sys.executable, "-c", program + anew + late], check=True)
