"""Closures with a learned part, and the networks in them."""
