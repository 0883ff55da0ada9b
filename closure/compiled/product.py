"""Products of small matrices, two to five times as fast as a BLAS that packs its arguments first, and always in one thread.

A tile of the result, a few rows of one or two vectors, stays in the processor's registers while the sums run. Numba has no
vectors: the tiles are written in LLVM's language.
"""

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from knudsen.compile import compiled

BYTES = 64 if get_host_cpu_features().get("avx512f") else 32  # of a vector
ROWS = 4  # of a tile, two vectors wide: eight sums, as many as are in flight at once
LANES = {size: BYTES // size for size in (4, 8)}  # numbers in a vector, by the bytes of one
SINGLE, DOUBLE = LANES[4], LANES[8]


def _tile(rows: int, vectors: int):
    """(a, first, down, along, inner, b, c, row, column): the tile of that many rows and vectors that begins there, of
    c[row, column] = sum_k a[first + down row + along k] b[k, column]."""

    def build(context, builder, signature, args):
        a, first, down, along, inner, b, c, row, column = args
        a, b, c = (context.make_array(signature.args[i])(context, builder, args[i]) for i in (0, 5, 6))
        number = context.get_data_type(signature.args[0].dtype)
        lanes = LANES[context.get_abi_sizeof(number)]
        vector, whole, index = ir.VectorType(number, lanes), ir.IntType(32), ir.IntType(64)
        zero, empty = ir.Constant(vector, [0.0] * lanes), ir.Constant(vector, ir.Undefined)
        same = ir.Constant(ir.VectorType(whole, lanes), [0] * lanes)

        def place(table, i, v):
            """Where vector v of row i begins."""
            along_row = builder.add(column, ir.Constant(index, v * lanes))
            at = builder.add(builder.mul(i, cgutils.unpack_tuple(builder, table.shape)[1]), along_row)
            return builder.bitcast(builder.gep(table.data, [at]), vector.as_pointer())

        sums = [[cgutils.alloca_once(builder, vector) for _ in range(vectors)] for _ in range(rows)]
        for row_of_sums in sums:
            for total in row_of_sums:
                builder.store(zero, total)
        with cgutils.for_range(builder, inner) as loop:
            right = [builder.load(place(b, loop.index, v), align=4) for v in range(vectors)]
            for r in range(rows):
                at = builder.add(builder.mul(builder.add(row, ir.Constant(index, r)), down), builder.mul(loop.index, along))
                left = builder.load(builder.gep(a.data, [builder.add(first, at)]))
                left = builder.shuffle_vector(builder.insert_element(empty, left, ir.Constant(whole, 0)), empty, same)
                for total, factor in zip(sums[r], right, strict=True):
                    term = builder.fmul(left, factor, flags=("contract",))
                    builder.store(builder.fadd(builder.load(total), term, flags=("contract",)), total)
        for r in range(rows):
            for v in range(vectors):
                builder.store(builder.load(sums[r][v]), place(c, builder.add(row, ir.Constant(index, r)), v), align=4)
        return context.get_dummy_value()

    @intrinsic
    def tile(typingctx, a, first, down, along, inner, b, c, row, column):
        n = types.int64
        return types.void(a, n, n, n, n, b, c, n, n), build

    return tile


_large, _narrow, _flat, _small = _tile(ROWS, 2), _tile(ROWS, 1), _tile(1, 2), _tile(1, 1)


@compiled
def padded(width, lanes):
    """The next multiple of ``lanes`` (SINGLE, DOUBLE), to which ``multiply`` wants its columns filled up."""
    return (width + lanes - 1) // lanes * lanes


@compiled
def multiply(a, first, down, along, b, c):
    """c [row, column] = A b, of a table A that stands in ``a``: A_rk = a[first + down r + along k], counted as in memory; all of
    one precision. The rows of b and c are as long as ``padded`` says."""
    inner, wide, both = b.shape[0], b.shape[1], 2 * (BYTES // b.itemsize)
    for column in range(0, wide, both):
        two, row = column + both <= wide, 0
        while row + ROWS <= c.shape[0]:
            if two:
                _large(a, first, down, along, inner, b, c, row, column)
            else:
                _narrow(a, first, down, along, inner, b, c, row, column)
            row += ROWS
        while row < c.shape[0]:
            if two:
                _flat(a, first, down, along, inner, b, c, row, column)
            else:
                _small(a, first, down, along, inner, b, c, row, column)
            row += 1
