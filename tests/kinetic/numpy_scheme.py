"""The kinetic solver's scheme once more, in plain vectorised NumPy: what the compiled kernel is compared with."""

import numpy as np

GHOST = 3


def minmod_slope(a, b):
    """Half the monotonised central slope of the differences a (behind) and b (ahead)."""
    size = np.minimum(np.minimum(2 * np.abs(a), 2 * np.abs(b)), 0.5 * np.abs(a + b))
    return 0.5 * np.where(a * b > 0, np.sign(a) * size, 0.0)


def muscl_faces(f, v):
    """Values at the n + 1 faces of f [..., n + 2 GHOST, K]."""
    d = np.diff(f, axis=-2)
    half = minmod_slope(d[..., :-1, :], d[..., 1:, :])  # of rows 1 .. -2
    left = f[..., GHOST - 1 : -GHOST, :] + half[..., GHOST - 2 : -GHOST + 1, :]
    right = f[..., GHOST : -GHOST + 1, :] - half[..., GHOST - 1 : (-GHOST + 2) or None, :]
    return np.where(v > 0, left, right)


def weno5_value(a, b, c, d, e):
    """Fifth-order WENO-Z face value between c and d, from the five values upwind-biased to c."""
    beta = (
        13 / 12 * (a - 2 * b + c) ** 2 + (a - 4 * b + 3 * c) ** 2 / 4,
        13 / 12 * (b - 2 * c + d) ** 2 + (b - d) ** 2 / 4,
        13 / 12 * (c - 2 * d + e) ** 2 + (3 * c - 4 * d + e) ** 2 / 4,
    )
    value = ((2 * a - 7 * b + 11 * c) / 6, (-b + 5 * c + 2 * d) / 6, (2 * c + 5 * d - e) / 6)
    tau = np.abs(beta[0] - beta[2])
    weight = [ideal * (1 + (tau / (b + 1e-40)) ** 2) for ideal, b in zip((0.1, 0.6, 0.3), beta, strict=True)]
    return sum(w * q for w, q in zip(weight, value, strict=True)) / sum(weight)


def weno5_faces(f, v):
    n = f.shape[-2] - 2 * GHOST
    row = [f[..., i : i + n + 1, :] for i in range(6)]
    return np.where(v > 0, weno5_value(*row[:5]), weno5_value(*row[:0:-1]))


FACES = {"muscl": muscl_faces, "weno5": weno5_faces}


def with_periodic_ghosts(f):
    return np.concatenate([f[..., -GHOST:, :], f, f[..., :GHOST, :]], axis=-2)


def maxwellian(f, v, dv, dims):
    """The conservative discrete Maxwellians [field, n, K] of f's moments, on a resolved grid; and rho, T."""
    rho = f[0].sum(-1) * dv
    u = f[0] @ v * dv / rho
    energy = f[0] @ v**2 * dv + (f[1].sum(-1) * dv if dims > 1 else 0)
    T = (energy / rho - u**2) / dims
    c = (v - u[:, None]) / np.sqrt(T)[:, None]
    M = (rho / np.sqrt(2 * np.pi * T))[:, None] * np.exp(-0.5 * c**2)
    r0, r1, r2 = (want - (c**k * M).sum(-1) * dv / rho for k, want in ((0, 1), (1, 0), (2, 1)))
    p2 = 0.5 * (r2 - r0)
    M *= 1 + (r0 - p2)[:, None] + r1[:, None] * c + p2[:, None] * c**2
    fields = [M] if dims == 1 else [M, (dims - 1) * T[:, None] * M]
    return np.stack(fields), rho, T


def relaxation(f, v, dv, gas, rate):
    """(target [field, n, K], rho, T, rate of the model) of f before an implicit stage of ``rate`` = dt a_jj/eps [n].

    The models' targets are those of the stage's own stress and heat flux, which follow from the moment equations.
    """
    M, rho, T = maxwellian(f, v, dv, gas.dims)
    if gas.collision == "bgk":
        return M, rho, T, 1.0
    u, nu = f[0] @ v * dv / rho, gas.frequency(rho, T)
    c = v - u[:, None]
    sigma = (c**2 * f[0]).sum(-1) * dv - rho * T
    q = 0.5 * (c * (c**2 * f[0] + f[1])).sum(-1) * dv
    sigma, q = sigma / (1 + rate * nu), q / (1 + gas.prandtl * rate * nu)
    return np.stack(gas.model.target(rho, u, T, sigma, q, v, gas.dims, gas.prandtl)), rho, T, gas.model.rate(gas.prandtl)


def step(f, v, dv, dx, dt, knudsen, gas, scheme, transport):
    """One step of f [field, n, K], periodic."""
    faces = FACES[transport]
    (ahead, back), moved, collided, stage = scheme.arrays(), [], [], f
    for j in range(1, scheme.stages + 1):
        moved.append(-dt / dx * v * np.diff(faces(with_periodic_ghosts(stage), v), axis=-2))
        explicit = f + sum(ahead[j, i] * moved[i] for i in range(j))
        explicit += sum(back[j, i + 1] * collided[i] for i in range(j - 1))
        M, rho, T, own = relaxation(explicit, v, dv, gas, dt * back[j, j] / knudsen)
        rate = (own * dt * gas.frequency(rho, T) / knudsen)[:, None]
        stage = (explicit + back[j, j] * rate * M) / (1 + back[j, j] * rate)
        collided.append(rate * (M - stage))
    return stage
