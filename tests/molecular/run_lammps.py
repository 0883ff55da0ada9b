"""One process of a LAMMPS run on several; the first prints energy, pressure, forces. Arguments: data file, checkpoint."""

import json
import sys

import numpy as np

from knudsen import molecular
from knudsen.molecular import lammps_engine

data, checkpoint = sys.argv[1], sys.argv[2]
potential = molecular.load_potential(checkpoint)
lmp = lammps_engine.engine()
lmp.commands_list(["units metal", "atom_style atomic", f"read_data {data}"])
lammps_engine.prepare(lmp, potential)
lammps_engine.attach(lmp, potential, ["Si", "Ge"])
lmp.commands_list(["run 0 post no"])
forces = np.array(lmp.gather_atoms("f", 1, 3))
answer = {
    "energy": lmp.get_thermo("pe"),
    "pressure": [lmp.get_thermo(f"p{c}") for c in ("xx", "yy", "zz", "yz", "xz", "xy")],
    "forces": forces.reshape(-1, 3).tolist(),
    "own": lmp.extract_setting("nlocal"),
    "processes": lmp.extract_setting("world_size"),
}
if lmp.extract_setting("world_rank") == 0:
    print(json.dumps(answer), flush=True)
