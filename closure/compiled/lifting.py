"""Plain functions in compiled code: what a law says of values, once, on torch tensors and on numbers.

A plain function takes and returns values and tuples of values, and is made of arithmetic, the functions of ``laws.elementary``,
and other plain functions of its file. :func:`lift` makes it known to the compiler; :func:`compiled_with` compiles a row function
that holds plain functions of a law, and keeps the result on disk by their names and sources.
"""

import math
from types import FunctionType

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import RequireLiteralValue
from numba.extending import intrinsic, overload

from knudsen.closure.compiled import vectors
from knudsen.closure.laws import elementary
from knudsen.compile import OPTIONS, compiled
from knudsen.solvers import rows

TILE = 136  # columns of a block: a hundred cells with their ghosts, and an odd number of cache lines
LIFTED = set()


def lift(function):
    """Makes a plain function, and those of its module that it calls, callable in compiled code, where they are inlined."""
    if function in LIFTED or not isinstance(function, FunctionType):
        return function
    LIFTED.add(function)
    overload(function, jit_options={"fastmath": OPTIONS["fastmath"], "error_model": "numpy", "forceinline": True}, strict=False)(
        lambda *values: function
    )
    for name in function.__code__.co_names:
        other = function.__globals__.get(name)
        if isinstance(other, FunctionType):
            lift(other)
    return function


def _elementary(function, of_numbers):
    LIFTED.add(function)
    overload(function, inline="always", strict=False)(lambda *values: of_numbers)


for _name, _function in (
    ("exp", lambda x: vectors.exp(x)),
    ("log", lambda x: rows.log(x)),
    ("sqrt", lambda x: math.sqrt(x)),
    ("maximum", lambda x, y: max(x, y)),
    ("minimum", lambda x, y: min(x, y)),
    ("where", lambda condition, x, y: x if condition else y),
):
    _elementary(getattr(elementary, _name), _function)


@intrinsic
def take(typingctx, numbers, first, step, count):
    """numbers[first], numbers[first + step], ... as a tuple; step and count are constants."""
    if not (isinstance(step, types.IntegerLiteral) and isinstance(count, types.IntegerLiteral)):
        raise RequireLiteralValue("step and count must be constants")
    signature = types.UniTuple(types.float64, count.literal_value)(numbers, types.intp, step, count)

    def generate(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        places = (builder.add(args[1], ir.Constant(ir.IntType(64), k * step.literal_value)) for k in range(count.literal_value))
        values = [builder.load(builder.gep(data, [place])) for place in places]
        return cgutils.pack_array(builder, values) if values else context.get_dummy_value()

    return signature, generate


@intrinsic
def put(typingctx, numbers, first, step, values):
    """numbers[first], numbers[first + step], ... = a tuple of values; step is a constant."""
    if not isinstance(step, types.IntegerLiteral):
        raise RequireLiteralValue("step must be a constant")

    def generate(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        for k, of in enumerate(signature.args[3]):
            value = context.cast(builder, builder.extract_value(args[3], k), of, types.float64)
            place = builder.add(args[1], ir.Constant(ir.IntType(64), k * step.literal_value))
            builder.store(value, builder.gep(data, [place]))
        return context.get_dummy_value()

    return types.void(numbers, types.intp, step, values), generate


@compiled
def load(tile, row, V, first, columns):
    """Columns first.. of V into the rows row.. of the tile."""
    for k in range(V.shape[0]):
        for i in range(columns):
            tile[(row + k) * TILE + i] = V[k, first + i]


@compiled
def store(tile, row, V, first, columns):
    """The rows row.. of the tile into columns first.. of V."""
    for k in range(V.shape[0]):
        for i in range(columns):
            V[k, first + i] = tile[(row + k) * TILE + i]
