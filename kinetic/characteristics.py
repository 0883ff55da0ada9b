r"""Steady transport v dg/ds = M - g on a mesh of elements, exact along characteristics for a source that is a polynomial in each.

In an element of width d, of optical depth :math:`\delta = d/|v|`, with :math:`\xi \in [0, 1]` from the side the particles enter,

.. math:: g(\xi) = e^{-\delta \xi} g(0) + \sum_j W_j(\xi)\, M_j, \qquad
          W_j(\xi) = \delta \int_0^\xi e^{-\delta (\xi - \eta)} \ell_j(\eta)\, d\eta .
"""

import numpy as np
from scipy.special import roots_jacobi, roots_legendre

DEGREE = 5  # of the polynomials in an element
THIN = 4.0  # optical width below which the weights are integrated numerically: the recurrence loses digits there


class Mesh:
    """Elements with Gauss-Lobatto nodes s [N] between the given edges, of which the middle one is s = 0."""

    def __init__(self, edges):
        self.edges = edges
        inner = roots_jacobi(DEGREE - 1, 1, 1)[0]
        self.xi = 0.5 * (1 + np.concatenate([[-1], inner, [1]]))
        self.coefficients = np.linalg.inv(np.vander(self.xi, increasing=True))  # [power, node]: the Lagrange polynomials
        self.width = np.diff(self.edges)
        self.s = np.append((self.edges[:-1, None] + self.width[:, None] * self.xi[:-1]).ravel(), self.edges[-1])
        self.centre = self.width.size // 2 * DEGREE
        powers = np.arange(DEGREE + 1)
        raised = powers[1:, None] * self.coefficients[1:]
        self.differentiate = np.vander(self.xi, DEGREE, increasing=True) @ raised  # d l_j / d xi at the nodes
        self.integrate = self.xi[:, None] ** (powers + 1) @ (self.coefficients / (powers + 1)[:, None])  # int_0^xi l_j

    @classmethod
    def towards_middle(cls, scale, reach, elements):
        """Refined towards s = 0: s = c sinh(a y), y uniform.

        scale: width of the region to resolve; reach: half-width of the domain; elements: their number (made even).
        """
        half = (elements + 1) // 2
        core = scale / 4
        return cls(core * np.sinh(np.arcsinh(reach / core) * np.arange(-half, half + 1) / half))

    @classmethod
    def towards_ends(cls, length, first, ratio):
        """Refined towards both ends: edges at distances length first ratio^j from each, up to the middle."""
        levels = int(np.ceil(np.log(0.5 / first) / np.log(ratio)))
        distance = length * np.append(0.0, 0.5 * ratio ** np.arange(-levels, 1.0))
        return cls(np.concatenate([distance - 0.5 * length, 0.5 * length - distance[-2::-1]]))

    def nodes(self, e):
        return slice(e * DEGREE, (e + 1) * DEGREE + 1)

    def derivative(self, values):
        """d/ds of nodal values [N, ...]: the polynomials' derivatives, averaged where two elements meet."""
        total, count = np.zeros_like(values), np.zeros(len(values))
        for e, width in enumerate(self.width):
            total[self.nodes(e)] += self.differentiate @ values[self.nodes(e)] / width
            count[self.nodes(e)] += 1
        return total / count.reshape(-1, *[1] * (values.ndim - 1))

    def antiderivative(self, values):
        """int ds from s = 0, at the nodes."""
        total = np.zeros_like(values)
        for e, width in enumerate(self.width):
            total[self.nodes(e)] = total[e * DEGREE] + width * (self.integrate @ values[self.nodes(e)])
        return total - total[self.centre]

    @property
    def weights(self):
        """Quadrature weights of int ds at the nodes."""
        total = np.zeros_like(self.s)
        for e, width in enumerate(self.width):
            total[self.nodes(e)] += width * self.integrate[-1]
        return total


class Sweep:
    """The linear map from sources M [N, K] to distributions g [N, K], and its moments' Jacobian; v [K], none of them zero."""

    def __init__(self, mesh, v):
        self.mesh, self.v = mesh, v
        self.right = v > 0
        depth = mesh.width[:, None] / np.abs(v)  # [E, K]
        self.decay = np.exp(-mesh.xi[:, None] * depth[:, None])  # [E, m, K]
        self.weights = source_weights(mesh, depth)  # [E, m, j, K]

    def __call__(self, M, left, right):
        """g from the source M and what enters at the two ends [K]."""
        p, g = DEGREE, np.empty_like(M)
        ahead, back = self.right, ~self.right
        g[0, ahead], g[-1, back] = left[ahead], right[back]
        elements = self.mesh.width.size
        for e in range(elements):
            n = self.mesh.nodes(e)
            entering = g[e * p, ahead]
            g[n, ahead] = self.decay[e][:, ahead] * entering + np.einsum("mjk,jk->mk", self.weights[e][:, :, ahead], M[n, ahead])
        for e in reversed(range(elements)):
            n = self.mesh.nodes(e)
            entering = g[(e + 1) * p, back]
            weights = self.weights[e][::-1, ::-1][:, :, back]
            g[n, back] = self.decay[e][::-1][:, back] * entering + np.einsum("mjk,jk->mk", weights, M[n, back])
        return g

    def jacobian(self, rows, dM):
        """d(sum_k rows[a, k] g_ik)/dw_jb [N, a, N, b] for dM[j, b, k] = dM_jk/dw_b."""
        mesh, p = self.mesh, DEGREE
        N, a, b = mesh.s.size, len(rows), dM.shape[1]
        J = np.zeros((N, a, N, b))
        for e in range(mesh.width.size):
            n = mesh.nodes(e)
            for ahead, k in ((True, self.right), (False, ~self.right)):
                weights = self.weights[e][:, :, k] if ahead else self.weights[e][::-1, ::-1][:, :, k]
                source = dM[n][:, :, k]
                within = (weights[:, None] * rows[None, :, None, k]).reshape((p + 1) * a, p + 1, -1)
                J[n, :, n] += np.einsum("ijk,jbk->ijb", within, source, optimize=True).reshape(p + 1, a, p + 1, b)
                beyond = slice((e + 1) * p + 1, N) if ahead else slice(0, e * p)
                distance = np.abs(mesh.s[beyond] - mesh.edges[e + 1 if ahead else e])
                reached = np.exp(-distance[:, None] / np.abs(self.v[k]))  # [i, k]
                leaving = weights[-1 if ahead else 0][:, None] * source  # [j, b, k]
                response = (reached[:, None] * rows[:, k]).reshape(-1, leaving.shape[-1]) @ leaving.reshape((p + 1) * b, -1).T
                J[beyond, :, n] += response.reshape(-1, a, p + 1, b)
        return J


class Slab:
    r"""Steady transport between two walls that reflect a share of the molecules specularly: a linear map, held as matrices.

    Directions d = 0 (v > 0, from the left wall) and 1 (v < 0, from the right). With :math:`e = e^{-L/|v|}` across the slab, what
    leaves a wall obeys :math:`E_0 = A_0 + r_0 (a_1 + e E_1)`, :math:`E_1 = A_1 + r_1 (a_0 + e E_0)`, A emitted, a arriving from
    the sources between the walls; solved in closed form. mesh: symmetric about its middle; speed [K] > 0; reflected: (r_0, r_1).
    """

    def __init__(self, mesh, speed, reflected):
        N, K = mesh.s.size, speed.size
        depth = mesh.width[:, None] / speed
        weights, decay = source_weights(mesh, depth), np.exp(-mesh.xi[:, None] * depth[:, None])
        ahead = np.zeros((K, N, N))
        for e in range(mesh.width.size):
            n = mesh.nodes(e)
            ahead[:, n] = decay[e].T[:, :, None] * ahead[:, n.start, None]
            ahead[:, n, n] += weights[e].transpose(2, 0, 1)
        back = ahead[:, ::-1, ::-1]
        left = np.exp(-(mesh.s - mesh.s[0]) / speed[:, None])
        reach, across = np.stack([left, left[:, ::-1]]), left[:, -1]  # [2, K, N], [K]
        r = np.asarray(reflected, float)[:, None]
        bounce = 1 / (1 - r[0] * r[1] * across**2)
        self.direct = np.stack([ahead, back])
        self.reflecting = bool(r.any())
        self.emitted = reach * bounce[:, None]  # by the wall that a direction starts from
        if self.reflecting:
            arriving = np.stack([ahead[:, -1], back[:, 0]])  # at the far wall [2, K, N]
            self.direct += reach[..., None] * ((r[0] * r[1] * across * bounce)[:, None] * arriving)[:, :, None]
            self.crossed = reach[..., None] * ((r * bounce)[..., None] * arriving[::-1])[:, :, None]
            self.returned = reach * (r * across * bounce)[..., None]  # emitted by the other wall

    def __call__(self, source, emission):
        """Distributions [f, 2, K, N] of sources of that shape (real or complex) and emissions [f, 2, K]."""
        source = np.ascontiguousarray(np.moveaxis(source, 0, -1))
        kind, columns = source.dtype, source.view(float)  # real and imaginary parts side by side
        g = self.direct @ columns
        if self.reflecting:
            g += self.crossed @ columns[::-1]
        return np.moveaxis(g.view(kind), -1, 0) + self.emit(emission)

    def emit(self, emission):
        """Distributions [f, 2, K, N] of emissions alone."""
        g = self.emitted * emission[..., None]
        return g + self.returned * emission[:, ::-1, :, None] if self.reflecting else g

    def jacobian(self, rows, change):
        """d raw/dw [N, a, b, N] of raw moments rows [a, f, 2, K] for a change of the source [f, b, 2, K, N]."""
        J = self._contract(self.direct, rows, change)
        return J + self._contract(self.crossed, rows, change[:, :, ::-1]) if self.reflecting else J

    @staticmethod
    def _contract(response, rows, change):
        (a, f), (b, N) = rows.shape[:2], (change.shape[1], change.shape[-1])
        products = np.einsum("afk,fbkj->jkab", rows.reshape(a, f, -1), change.reshape(f, b, -1, N), optimize=True)
        J = response.reshape(-1, N, N).transpose(2, 1, 0) @ products.reshape(N, -1, a * b)  # [j, i, ab]
        return J.reshape(N, N, a, b).transpose(1, 2, 3, 0)


def source_weights(mesh, depth):
    """W [E, m, j, K] for optical depths ``depth`` [E, K]."""
    depth = depth[:, None, None]
    xi, powers = mesh.xi[:, None], np.arange(DEGREE + 1)
    # int_0^xi depth e^{-depth (xi - eta)} eta^q d eta by the recurrence I_q = xi^q - (q/depth) I_{q-1} ...
    thick = [np.broadcast_to(1 - np.exp(-depth * xi[:, None]), np.broadcast_shapes(depth.shape, xi[:, None].shape))]
    for q in powers[1:]:
        thick.append(xi[:, None] ** q - q / depth * thick[-1])
    thick = np.concatenate(thick, axis=2)  # [E, m, q, K]
    # ... and by quadrature
    nodes, weights = roots_legendre(14)
    eta = 0.5 * (1 + nodes) * xi  # [m, quadrature]
    small = np.minimum(depth, THIN)
    kernel = np.exp(-small * (xi - eta)[..., None]) * (0.5 * weights * xi)[..., None]  # [E, m, quadrature, K]
    thin = small * np.einsum("emzk,mzq->emqk", kernel, eta[..., None] ** powers, optimize=True)
    return np.einsum("emqk,qj->emjk", np.where(depth < THIN, thin, thick), mesh.coefficients, optimize=True)
