"""Anderson's method for fixed points.

D. G. Anderson, J. ACM 12, 547 (1965), doi:10.1145/321296.321305.
"""

import numpy as np

HISTORY = 12  # steps that are combined


class Anderson:
    """Fixed points of x -> x + F(x): the combination of the last steps whose linearised residual is least."""

    def __init__(self, depth: int = HISTORY):
        self.depth = depth
        self.forget()

    def __call__(self, x, F):
        """The next x."""
        if self.x is not None:
            self.dx.append(x - self.x)
            self.dF.append(F - self.F)
            del self.dx[: -self.depth], self.dF[: -self.depth]
        self.x, self.F = x, F
        if not self.dF:
            return x + F
        dF = np.stack(self.dF)
        weights = np.linalg.lstsq(dF @ dF.T, dF @ F, rcond=1e-14)[0]
        return x + F - weights @ (np.stack(self.dx) + dF)

    def forget(self):
        self.x, self.F, self.dx, self.dF = None, None, [], []
