"""Real Fourier transforms of fields on a velocity grid; cosine transforms of those that are even in the transverse velocities."""

from math import pi

import numpy as np
from scipy import fft


class Transform:
    """Period ``points`` times ``dv`` per coordinate (of an even field twice that in the transverse ones)."""

    def __init__(self, points, dv, even: bool):
        self.points, self.dv, self.even = tuple(points), tuple(dv), even
        self.axes = tuple(range(-len(points), 0))

    def wave_numbers(self):
        """|k| of every mode."""
        if self.even:
            k = [2 * pi * np.fft.rfftfreq(self.points[0], self.dv[0])]
            k += [pi * np.arange(n) / (n * d) for n, d in zip(self.points[1:], self.dv[1:])]
        else:
            k = [2 * pi * np.fft.fftfreq(n, d) for n, d in zip(self.points[:-1], self.dv[:-1])]
            k += [2 * pi * np.fft.rfftfreq(self.points[-1], self.dv[-1])]
        return np.sqrt(sum(a**2 for a in np.meshgrid(*k, indexing="ij")))

    def forward(self, a):
        """Spectrum of a [..., *points]; shorter axes are filled up with zeros."""
        if not self.even:
            return fft.rfftn(a, s=self.points, axes=self.axes)
        a = fft.dctn(a, s=self.points[1:], axes=self.axes[1:], overwrite_x=True)
        return fft.rfft(a, n=self.points[0], axis=self.axes[0])

    def backward(self, spectrum):
        """The real field of a spectrum."""
        if not self.even:
            return fft.irfftn(spectrum, s=self.points, axes=self.axes)
        a = fft.irfft(spectrum, n=self.points[0], axis=self.axes[0])
        return fft.idctn(a, axes=self.axes[1:], overwrite_x=True)
