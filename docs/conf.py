"""Sphinx configuration (make docs)."""

import re
from importlib import metadata

project = "knudsen"
author = "The knudsen maintainers"
copyright = "2026, the knudsen maintainers"
release = metadata.version("knudsen")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.viewcode"]
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "generated", "leaderboard"]  # the last: included by leaderboard.md

autodoc_default_options = {"members": True, "show-inheritance": True, "member-order": "bysource"}
autodoc_typehints = "signature"
nitpicky = False  # signatures name types of torch and numpy, whose inventories would need the network

html_theme = "alabaster"
html_theme_options = {"description": "Kinetic theory and learned moment closures", "fixed_sidebar": True, "page_width": "1100px"}
html_static_path: list[str] = []


def as_restructured_text(app, what, name, obj, options, lines):
    """Docstrings here are plain text ("key: meaning" lines, indented where they go on) with mathematics as directives.

    Makes every such line a line of its own, and keeps signs like |A| from being read as markup. What is indented below a bullet
    or a line that ends with two colons stays as it is.
    """
    result, directive, definition, kept = [], False, False, False
    for line in lines:
        if kept and line.startswith(" "):
            result.append(line)
            continue
        if line:
            kept = line.startswith(("- ", "* ")) or line.endswith("::")
        if line.startswith(".. "):
            directive = True
        elif line and not line.startswith(" "):
            directive = False
        if directive or not line or line.startswith((">>>", "...", "|", "- ", "* ")):
            definition = False
            result.append(line)
            continue
        parts = re.split(r"(`[^`]*`)", line.strip())
        text = "".join(part if part.startswith("`") else part.replace("|", r"\|") for part in parts)
        if line.startswith(" "):
            result.append("  " + text if definition else text)
            continue
        if is_definition := bool(re.match(r"[^:.]{1,70}: ", line)):
            text = "| " + text
        if definition != is_definition and result and result[-1]:
            result.append("")
        definition = is_definition
        result.append(text)
    lines[:] = result


def setup(app):
    app.connect("autodoc-process-docstring", as_restructured_text)
