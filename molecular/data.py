"""Labelled configurations in files: extended XYZ, and the NumPy layout of DeePMD-kit. Energies eV, forces eV/A, stress eV/A^3."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from ase.io import read
from ase.io.extxyz import output_column_format
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress

from knudsen.molecular.errors import InputError
from knudsen.molecular.label import Label, attach

UNITS = {"energy": "eV", "forces": "eV/angstrom", "stress": "eV/angstrom^3", "length": "angstrom", "virial": "eV"}
UNITS_FILE = "units.json"


def read_frames(path: str | Path) -> list[Atoms]:
    """The configurations of a file that ASE reads, or of a folder in DeePMD-kit's layout (or of several such folders in it).

    Labels, where there are any, are the results of each frame's calculator. InputError names the file.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file; give system.data=FILE (extended XYZ) or a folder in DeePMD-kit's layout")
    if path.is_dir():
        folders = [path] if (path / "type.raw").exists() else sorted(f.parent for f in path.glob("*/type.raw"))
        if not folders:
            raise InputError(f"{path}: no type.raw in this folder; give a folder in DeePMD-kit's layout, or a file")
        return [frame for folder in folders for frame in read_deepmd(folder)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of keys that ASE renames
            frames = read(path, ":", format="extxyz" if path.suffix in (".xyz", ".extxyz") else None)
    except Exception as error:  # ASE's readers raise whatever a strange file leads them into
        raise InputError(f"{path}: not a file of configurations that ASE reads ({error}); give extended XYZ") from error
    if not frames:
        raise InputError(f"{path}: holds no configuration; give extended XYZ")
    for k, frame in enumerate(frames):
        if len(frame) and not np.isfinite(frame.positions).all():
            raise InputError(f"{path}: frame {k}: a position is not a finite number; correct it")
    return frames


def write_frames(path: str | Path, frames: Sequence[Atoms]) -> None:
    """Write extended XYZ, every number exactly (17 digits, where ASE's writer keeps 8 decimals), units in each frame's header."""
    with open(path, "w") as file:
        for frame in frames:
            file.write(_frame_as_text(frame))


def _frame_as_text(frame: Atoms) -> str:
    atoms = frame.copy()
    arrays = {"symbols": np.array(list(atoms.symbols)), "positions": atoms.positions}
    arrays |= {name: a for name, a in atoms.arrays.items() if name not in ("numbers", "positions")}
    if frame.calc is not None:
        results = frame.calc.results
        arrays |= {"forces": results["forces"]} if "forces" in results else {}
        atoms.info |= {"energy": float(results["energy"])} if "energy" in results else {}
        atoms.info |= {"stress": voigt_6_to_full_3x3_stress(results["stress"])} if "stress" in results else {}
        atoms.info["units"] = "eV angstrom"
    atoms.arrays |= {name: a for name, a in arrays.items() if name != "symbols"}
    header, widths, dtype, form = output_column_format(atoms, list(arrays), arrays, True)
    form = form.replace("%16.8f", "%.17g").rstrip()
    columns = [a.reshape(len(atoms), -1)[:, c] for a, width in zip(arrays.values(), widths) for c in range(width)]
    return "\n".join([str(len(atoms)), header, *(form % row for row in zip(*columns))]) + "\n"


def read_deepmd(folder: str | Path) -> list[Atoms]:
    """The frames of a folder in DeePMD-kit's layout: ``type.raw``, ``type_map.raw``, ``set.*/coord|box|energy|force|virial.npy``.

    Units eV and angstrom; a folder that says others in ``units.json`` is refused. Without box.npy the atoms are not periodic.
    virial: -dE/d(strain) [eV], [frame, 9].
    """
    folder = Path(folder)
    try:
        types = np.loadtxt(folder / "type.raw", dtype=int, ndmin=1)
        symbols = (folder / "type_map.raw").read_text().split()
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: type.raw or type_map.raw is missing or malformed ({error}); give both") from error
    if types.min(initial=0) < 0 or types.max(initial=0) >= len(symbols) or not set(symbols) <= set(chemical_symbols):
        raise InputError(f"{folder}: type_map.raw must name a chemical symbol for every type in type.raw")
    if (folder / UNITS_FILE).exists() and json.loads((folder / UNITS_FILE).read_text()) != UNITS:
        raise InputError(f"{folder / UNITS_FILE}: units other than eV and angstrom; convert the data")
    numbers = np.array([atomic_numbers[s] for s in symbols])[types]
    frames = []
    for part in sorted(folder.glob("set.*")):
        frames += _read_set(part, numbers)
    if not frames:
        raise InputError(f"{folder}: no set.*/coord.npy in this folder; give a folder in DeePMD-kit's layout")
    return frames


def _read_set(part: Path, numbers: np.ndarray) -> list[Atoms]:
    """The frames of one ``set.*`` folder."""
    n = len(numbers)
    shapes = {"coord": (n, 3), "box": (3, 3), "energy": (), "force": (n, 3), "virial": (3, 3)}
    data = {}
    for name, shape in shapes.items():
        file = part / f"{name}.npy"
        if not file.exists():
            if name == "coord":
                raise InputError(f"{file}: no such file")
            continue
        try:
            data[name] = np.load(file, allow_pickle=False).astype(float).reshape(-1, *shape)
        except (ValueError, OSError, EOFError) as error:
            raise InputError(f"{file}: not an array of {n} atoms ({error})") from error
        if len(data[name]) != len(data["coord"]) or not np.isfinite(data[name]).all():
            raise InputError(f"{file}: must hold finite numbers for as many frames as coord.npy")
    frames = []
    for k, positions in enumerate(data["coord"]):
        box = {"cell": data["box"][k], "pbc": True} if "box" in data else {}
        frame = Atoms(numbers=numbers, positions=positions, **box)
        if "energy" in data and "force" in data:
            stress = full_3x3_to_voigt_6_stress(-data["virial"][k] / frame.get_volume()) if "virial" in data else None
            frame = attach(frame, Label(float(data["energy"][k]), data["force"][k], stress))
        frames.append(frame)
    return frames


def write_deepmd(folder: str | Path, frames: Sequence[Atoms]) -> None:
    """Write frames with the same atoms, in the same order, as one folder in DeePMD-kit's layout (float64), with ``units.json``.

    All are periodic in three directions, or none; all carry energy and forces. ``virial.npy`` where all have a stress.
    """
    if not frames:
        raise InputError(f"{folder}: no frame to write")
    numbers, periodic = frames[0].numbers, bool(frames[0].pbc.all())
    for k, frame in enumerate(frames):
        if not np.array_equal(frame.numbers, numbers) or bool(frame.pbc.all()) != periodic or frame.pbc.any() != periodic:
            raise InputError(f"frame {k}: other atoms or periodicity than frame 0; write a folder for each")
        if frame.calc is None or not {"energy", "forces"} <= set(frame.calc.results):
            raise InputError(f"frame {k}: has no energy and forces; label it first")
    symbols = sorted(set(frames[0].symbols))
    results = [frame.calc.results for frame in frames]
    arrays = {
        "coord": [f.positions.ravel() for f in frames],
        "energy": [r["energy"] for r in results],
        "force": [np.ravel(r["forces"]) for r in results],
    }
    if periodic:
        arrays["box"] = [f.cell.array.ravel() for f in frames]
        if all("stress" in r for r in results):
            arrays["virial"] = [
                -f.get_volume() * voigt_6_to_full_3x3_stress(r["stress"]).ravel() for f, r in zip(frames, results)
            ]
    part = Path(folder) / "set.000"
    os.makedirs(part, exist_ok=True)
    for name, values in arrays.items():
        np.save(part / f"{name}.npy", np.array(values, dtype=float))
    (part.parent / "type_map.raw").write_text("\n".join(symbols) + "\n")
    (part.parent / UNITS_FILE).write_text(json.dumps(UNITS) + "\n")
    np.savetxt(part.parent / "type.raw", [symbols.index(s) for s in frames[0].symbols], fmt="%d")


def split(frames: Sequence[Atoms], fraction: float, seed: int = 0) -> tuple[list[Atoms], list[Atoms]]:
    """(training, validation): round(fraction n) frames drawn for validation, both in the given order.

    The same frames and seed give the same split, on every machine.
    """
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 <= fraction < 1:
        raise InputError(f"validation={fraction}: give a fraction from 0 to below 1")
    drawn = set(np.random.Generator(np.random.PCG64(seed)).permutation(len(frames))[: round(fraction * len(frames))].tolist())
    return [f for k, f in enumerate(frames) if k not in drawn], [f for k, f in enumerate(frames) if k in drawn]
