"""Moment closures in two space dimensions: ``knudsen.closure.plane_law``, ``simulate_plane``."""
