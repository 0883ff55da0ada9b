"""Closures written from theory: Euler, Navier-Stokes-Fourier, Grad and its relatives, the quadrature closure; moment algebra."""
