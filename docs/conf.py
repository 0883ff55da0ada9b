"""Sphinx configuration (make docs)."""

from importlib.metadata import version

project = "knudsen"
author = "The knudsen maintainers"
copyright = "2026, the knudsen maintainers"
release = version("knudsen")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "generated"]

autodoc_default_options = {"members": True, "show-inheritance": True, "member-order": "bysource"}
autodoc_typehints = "signature"
nitpicky = False    # signatures name types of torch and numpy, whose inventories would need the network

html_theme = "alabaster"
html_theme_options = {"description": "Kinetic theory and learned moment closures", "fixed_sidebar": True, "page_width": "1100px"}
html_static_path: list[str] = []
