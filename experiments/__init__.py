"""Experiments: one file each; reads a config, calls the rooms, writes results and plots.

Holds no physics of its own.
"""
