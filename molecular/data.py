"""Labelled configurations in files: extended XYZ, and the NumPy layout of DeePMD-kit. Energies eV, forces eV/A, stress eV/A^3."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_numbers, chemical_symbols
from ase.io import read
from ase.io.extxyz import output_column_format
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress

from knudsen.molecular.errors import InputError
from knudsen.molecular.label import Label, attach

UNITS = {"energy": "eV", "forces": "eV/angstrom", "stress": "eV/angstrom^3", "length": "angstrom", "virial": "eV"}
UNITS_FILE = "units.json"
LARGEST_CELL = 1e6  # [A]


def read_frames(path: str | Path) -> list[Atoms]:
    """The configurations of a file that ASE reads, or of a folder in DeePMD-kit's layout (or of several such folders in it).

    Labels, where there are any, are the results of each frame's calculator. InputError names the file.
    """
    path = Path(path)
    if not (path.is_file() or path.is_dir()):
        what = "neither a file nor a folder" if path.exists() else "no such file"
        raise InputError(f"{path}: {what}; give system.data=FILE (extended XYZ) or a folder in DeePMD-kit's layout")
    if path.is_dir():
        folders = [path] if (path / "type.raw").exists() else sorted(f.parent for f in path.glob("*/type.raw"))
        if not folders:
            raise InputError(f"{path}: no type.raw in this folder; give a folder in DeePMD-kit's layout, or a file")
        return [frame for folder in folders for frame in read_deepmd(folder)]
    extended = path.suffix in (".xyz", ".extxyz")
    if extended:
        _check_counts(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of keys that ASE renames
            frames = read(path, ":", format="extxyz" if extended else None)
    except Exception as error:  # ASE's readers raise whatever a strange file leads them into
        raise InputError(f"{path}: not a file of configurations that ASE reads ({error}); give extended XYZ") from error
    if not frames:
        raise InputError(f"{path}: holds no configuration; give extended XYZ")
    for k, frame in enumerate(frames):
        try:
            _check_frame(frame)
            _take_virial(frame)
        except InputError as error:
            raise InputError(f"{path}: frame {k}: {error}") from None
    return frames


def _check_counts(path: Path) -> None:
    """Are there as many lines as the counts of atoms promise, and values as the columns do? A reader would make room for them."""
    size = path.stat().st_size
    with open(path, errors="replace") as file:
        k = 0
        while line := file.readline():
            if not line.strip():
                continue
            try:
                atoms = int(line)
            except ValueError:
                return  # a plain XYZ file's business, or junk: the reader says so
            if not 0 <= atoms <= size:
                raise InputError(f"{path}: frame {k} promises {atoms} atoms, more than the file can hold; correct the number")
            columns = sum(map(int, re.findall(r":[SRILsril]:(\d+)", file.readline())))
            if columns > size:
                raise InputError(f"{path}: frame {k} promises {columns} columns, more than the file can hold; correct Properties")
            for row in range(atoms):
                if not file.readline():
                    raise InputError(f"{path}: frame {k} promises {atoms} atoms, but the file ends after {row}; correct it")
            k += 1


def _check_frame(frame: Atoms) -> None:
    """InputError where a number of a frame cannot be one of a configuration or of its labels."""
    if not len(frame):
        raise InputError("has no atoms; leave it out")
    if not np.isfinite(frame.positions).all():
        raise InputError("a position is not a finite number; correct it")
    cell = frame.cell.array
    if not np.isfinite(cell).all() or np.abs(cell).max() > LARGEST_CELL:
        raise InputError(f"the cell is not one of numbers up to {LARGEST_CELL:g} A; correct it")
    results = {} if frame.calc is None else frame.calc.results
    for name in ("energy", "forces", "stress"):
        if name in results and (np.asarray(results[name]).dtype.kind not in "fiu" or not np.isfinite(results[name]).all()):
            raise InputError(f"{name}: not a finite number; correct it, or leave the label out")
    if "forces" in results and np.shape(results["forces"]) != (len(frame), 3):
        raise InputError(f"forces: shape {np.shape(results['forces'])}; give three numbers for each of {len(frame)} atoms")


def _take_virial(frame: Atoms) -> None:
    """A ``virial`` [eV], -dE/d(strain), in the header becomes the stress that it is, -virial/volume."""
    if "virial" not in frame.info:
        return
    virial = np.asarray(frame.info["virial"])
    if virial.dtype.kind not in "fiu" or virial.size != 9 or not np.isfinite(virial).all():
        raise InputError("virial: give nine finite numbers [eV]")
    if frame.cell.rank < 3:
        raise InputError("virial: the stress needs a volume; give a cell, or leave the virial out")
    stress = full_3x3_to_voigt_6_stress(-virial.reshape(3, 3) / frame.get_volume())
    results = {} if frame.calc is None else frame.calc.results
    if "stress" in results and not np.allclose(results["stress"], stress, rtol=1e-3, atol=1e-6):
        raise InputError("stress and virial disagree (stress = -virial/volume, eV/A^3); keep the right one")
    del frame.info["virial"]
    frame.calc = SinglePointCalculator(frame, **({"stress": stress} | results))


def foreign_labels(frame: Atoms) -> list[str]:
    """Names in a frame that look like labels but are not those that are read: energy, forces, stress, virial."""
    names = [*frame.info, *(name for name in frame.arrays if name not in ("numbers", "positions"))]
    return [name for name in names if re.search("energ|forc|stress|virial", name, re.IGNORECASE)]


def check_labelled(frames: Sequence[Atoms]) -> None:
    """InputError, naming frame and remedy, where one has no energy or forces."""
    for k, frame in enumerate(frames):
        results = {} if frame.calc is None else frame.calc.results
        if missing := [name for name in ("energy", "forces") if name not in results]:
            others = foreign_labels(frame)
            remedy = f"it has {', '.join(others)}: rename them to energy and forces" if others else "label it first"
            raise InputError(f"frame {k}: has no {' and no '.join(missing)}; {remedy}, e.g. with experiment=md_label")


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

    Units eV and angstrom; a folder that says others in ``units.json`` is refused. Without box.npy, or with the file ``nopbc``,
    the atoms are not periodic. ``set.*/real_atom_types.npy`` (mixed types): the types of every frame, -1 for places that it
    leaves empty. virial: -dE/d(strain) [eV], [frame, 9].
    """
    folder = Path(folder)
    types, symbols = _types(folder / "type.raw"), _symbols(folder / "type_map.raw")
    if (folder / UNITS_FILE).exists() and _units(folder / UNITS_FILE) != UNITS:
        raise InputError(f"{folder / UNITS_FILE}: units other than eV and angstrom; convert the data")
    frames = []
    for part in sorted(folder.glob("set.*")):
        frames += _read_set(part, types, symbols, periodic=not (folder / "nopbc").exists())
    if not frames:
        raise InputError(f"{folder}: no set.*/coord.npy in this folder; give a folder in DeePMD-kit's layout")
    return frames


def _types(file: Path) -> np.ndarray:
    try:
        types = np.array(file.read_text().split(), int)
        if not types.size:
            raise ValueError("empty")
        return types
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(f"{file}: missing or malformed ({error}); give the type of each atom, a number from 0") from error


def _symbols(file: Path) -> list[str]:
    try:
        symbols = file.read_text().split()
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: missing or malformed ({error}); give a chemical symbol for each type") from error
    if not set(symbols) <= set(chemical_symbols):
        raise InputError(f"{file}: {', '.join(sorted(set(symbols) - set(chemical_symbols)))}: no chemical symbol; correct it")
    return symbols


def _units(file: Path) -> dict:
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: malformed ({error}); correct it, or remove it for eV and angstrom") from error


def _numbers(types: np.ndarray, symbols: list[str], file: Path) -> np.ndarray:
    """Atomic numbers of types."""
    if types.min(initial=0) < 0 or types.max(initial=0) >= len(symbols):
        raise InputError(f"{file}: a type without a symbol in type_map.raw; give one for every type")
    return np.array([atomic_numbers[s] for s in symbols])[types]


def _array(file: Path, shape: tuple[int, ...], dtype: type = float) -> np.ndarray:
    """A ``.npy`` file as [frame, *shape], finite."""
    try:
        data = np.load(file, allow_pickle=False, mmap_mode="r")
        if data.dtype.kind not in "fiu":
            raise ValueError(f"numbers of kind {data.dtype}")
        data = np.array(data, dtype).reshape(-1, *shape)
    except Exception as error:  # NumPy's reader raises whatever a strange header leads it into
        what = f"{shape[0]} atoms" if len(shape) == 2 and shape != (3, 3) else "frames"
        raise InputError(f"{file}: not an array of {what} ({error}); write it again") from error
    if not np.isfinite(data).all():
        raise InputError(f"{file}: frame {int(np.argmin(np.isfinite(data.reshape(len(data), -1)).all(1)))}: not a finite number")
    return data


def _read_set(part: Path, types: np.ndarray, symbols: list[str], periodic: bool) -> list[Atoms]:
    """The frames of one ``set.*`` folder."""
    n = len(types)
    shapes = {"coord": (n, 3), "box": (3, 3), "energy": (), "force": (n, 3), "virial": (3, 3)}
    if not (part / "coord.npy").is_file():
        raise InputError(f"{part / 'coord.npy'}: no such file")
    data = {name: _array(part / f"{name}.npy", shape) for name, shape in shapes.items() if (part / f"{name}.npy").exists()}
    mixed = part / "real_atom_types.npy"
    kinds = _array(mixed, (n,), int) if mixed.exists() else np.broadcast_to(types, (len(data["coord"]), n))
    for name, values in {**data, "real_atom_types": kinds}.items():
        if len(values) != len(data["coord"]):
            raise InputError(f"{part / name}.npy: {len(values)} frames, but coord.npy has {len(data['coord'])}; write it again")
    frames = []
    for k, positions in enumerate(data["coord"]):
        there = kinds[k] >= 0 if mixed.exists() else np.ones(n, bool)
        numbers = _numbers(kinds[k][there], symbols, mixed if mixed.exists() else part.parent / "type.raw")
        box = {"cell": data["box"][k], "pbc": True} if "box" in data and periodic else {}
        frame = Atoms(numbers=numbers, positions=positions[there], **box)
        if "energy" in data and "force" in data:
            has_stress = "virial" in data and frame.cell.rank == 3
            stress = full_3x3_to_voigt_6_stress(-data["virial"][k] / frame.get_volume()) if has_stress else None
            frame = attach(frame, Label(float(data["energy"][k]), data["force"][k][there], stress))
        try:
            _check_frame(frame)
        except InputError as error:
            raise InputError(f"{part}: frame {k}: {error}") from None
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
    check_labelled(frames)
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
