"""What a closure supplies to the compiled loop: numbers, and row functions that read them.

All arrays are float64 [row, column], contiguous. A row function writes into the arrays it is given, and raises nothing.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import boolean, float32, float64, int64, types

from knudsen.compile import compiled


class Data(NamedTuple):
    """The numbers of a law, of one type for all laws; the row functions read them by names of their own.

    counts: int64 [any]; numbers: float64 [any]; weights: float32 [any], of a network.
    """

    counts: np.ndarray
    numbers: np.ndarray = np.zeros(1)
    weights: np.ndarray = np.zeros(1, np.float32)


class Mesh(NamedTuple):
    """The cells of a case: width; boundary (code of ``solvers.BOUNDARIES``); the states [component] held beyond a fixed one, the
    numbers of walls (``wall_numbers``); the Knudsen number on padded cells."""

    dx: float
    boundary: int
    left: np.ndarray
    right: np.ndarray
    knudsen: np.ndarray


def frequency_numbers(gas) -> list[float]:
    """[scale, exponent] of a gas's collision frequency scale rho T^exponent; exponent -inf: it is 1."""
    scale = gas.model.stress_rate(gas.dims, gas.omega) if gas.is_boltzmann else 1.0
    return [scale, -np.inf if gas.omega is None else 1.0 - gas.omega]


SLOW, FAST, VELOCITY, TEMPERATURE, DEPARTURE = range(
    5
)  # rows of a frame: what the numerical fluxes know of one side of the faces

VECTOR, TABLE = float64[::1], float64[:, ::1]
DATA = types.NamedTuple([int64[::1], VECTOR, float32[::1]], Data)
MESH = types.NamedTuple([float64, int64, VECTOR, VECTOR, VECTOR], Mesh)
VARIABLES = types.void(DATA, TABLE, TABLE)
CORRECT = types.void(DATA, MESH, TABLE, TABLE)
SIDES = types.void(DATA, TABLE, TABLE, TABLE, TABLE)
SPEED = types.void(DATA, TABLE, VECTOR)
RELAX = types.void(DATA, MESH, TABLE, float64)
SOURCE = types.void(DATA, MESH, TABLE, TABLE)
BOOST = types.void(DATA, TABLE, VECTOR)
DIFFUSIVITY = types.void(DATA, MESH, TABLE, VECTOR)
DIFFERENTIATE = types.void(DATA, MESH, TABLE, TABLE, TABLE, TABLE, boolean)
RESPOND = types.void(DATA, TABLE, TABLE)
ADJUST = types.void(DATA, TABLE, TABLE, TABLE, TABLE)
LEFT = types.void(DATA, MESH, TABLE, float64, TABLE)
PRODUCT = types.void(DATA, TABLE, TABLE, TABLE, TABLE, TABLE, TABLE, int64, TABLE)
WALL = types.void(DATA, MESH, TABLE, TABLE, TABLE, TABLE, TABLE)
TRANSPORT = types.void(DATA, MESH, int64, TABLE, TABLE, TABLE, TABLE)


def row_function(signature, **options):
    """A decorator: a function to be handed to the loop, which takes it by one of the signatures above; compiled when it does."""
    return lambda function: compiled(function, **options)


@row_function(SIDES)
def no_sides(data, V, U, F, frame): ...


@row_function(CORRECT)
def no_correction(data, mesh, U, V): ...


@row_function(BOOST)
def no_boost(data, U, velocity): ...


@row_function(RELAX)
def no_relaxation(data, mesh, U, tau): ...


@row_function(SOURCE)
def no_source(data, mesh, U, S):
    for k in range(S.shape[0]):
        for i in range(S.shape[1]):
            S[k, i] = 0.0


@row_function(DIFFUSIVITY)
def no_diffusivity(data, mesh, V, D): ...


@row_function(DIFFERENTIATE)
def no_gradient(data, mesh, U, V, c, kept, fresh): ...


@row_function(RESPOND)
def no_response(data, V, E): ...


@row_function(ADJUST)
def no_adjustment(data, before, U, E, V): ...


@row_function(LEFT)
def no_remainder(data, mesh, U, tau, left): ...


@row_function(PRODUCT)
def no_product(data, V_l, U_l, F_l, V_r, U_r, F_r, shift, product): ...


@row_function(WALL)
def no_walls(data, mesh, V, U, F, frame, flux): ...


@row_function(TRANSPORT)
def no_transport(data, mesh, flux, V_l, V_r, V, K): ...


class Rows(NamedTuple):
    """The compiled form of a law: the counterparts of ``solvers.BalanceLaw``, to which it must agree to round-off.

    data: its numbers. energy [component]: twice the energy is their sum with U. height: number of rows of V.
    variables(data, U, V): V of U, padded cells, without what neighbours say.
    correct(data, mesh, U, V): what the neighbours say is added to V; the outermost column has one neighbour only.
    sides(data, V, U, F, frame): of V on one side of the faces, the conserved U, the flux F and the frame [5, face]: the
        smallest and the largest characteristic speed, u, T, and ``MomentLaw.departure``. ``no_sides`` for laws with a transport.
    speed(data, V, speed): the largest modulus of a characteristic speed, padded cells.
    relax(data, mesh, U, tau): the resolvent of the source, in place, interior cells.
    source(data, mesh, U, S): the source, interior cells; only explicit integrators ask for it.
    boost(data, U, velocity): the same gas with every velocity increased by ``velocity`` [column], in place.
    diffusivity(data, mesh, V, D): padded cells, [column].
    gradient_rows [R]: the components whose flux contains gradients (``BalanceLaw.gradient``), and of them, on padded cells,
        spread_length(data, mesh, V, length) [column], from V without what neighbours say;
        gradient(data, mesh, U, V, c, kept, fresh): ``correct``, and c [R height, column] of the slopes in ``kept``, a table of
            the law's own [kept, column], where they are made anew if ``fresh``;
        response(data, V, E): dV/dU of these components, E [R height, column];
        adjust(data, before, U, E, V): ``variables`` after a change of these components alone, which were ``before`` [R, column];
            E from ``response`` at V before;
        remainder(data, mesh, U, tau, left): what relaxation leaves of them, interior cells, left [R, cell].
    product(data, V_l, U_l, F_l, V_r, U_r, F_r, shift, product): the non-conservative product from column i of the left arrays to
        column i + shift of the right ones, for every column of ``product``.
    transport(data, mesh, flux, V_l, V_r, V, K): dx dU/dt of the interior cells without source, instead of flux differences; flux:
        a code of ``fluxes.FLUXES``; V on padded cells.
    wall(data, mesh, V, U, F, frame, flux): the flux through the walls (``wall_flux``) into flux [component, 2], of V, U, F and
        the frame on the gas's side of the left and the right one.
    """

    data: Data
    energy: np.ndarray
    height: int
    variables: Callable
    sides: Callable
    speed: Callable
    boost: Callable
    relax: Callable = no_relaxation
    source: Callable = no_source
    correct: Callable = no_correction
    diffusivity: Callable = no_diffusivity
    gradient_rows: np.ndarray = np.zeros(0, np.int64)
    spread_length: Callable = no_diffusivity
    kept: int = 0
    gradient: Callable = no_gradient
    response: Callable = no_response
    adjust: Callable = no_adjustment
    remainder: Callable = no_remainder
    product: Callable = no_product
    transport: Callable = no_transport
    wall: Callable = no_walls
