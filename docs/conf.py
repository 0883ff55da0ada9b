"""Sphinx configuration (make docs)."""

import re
import sys
import warnings
from importlib import metadata
from pathlib import Path

from myst_parser.sphinx_ import Parser as MystParser

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs"))
import closure_table  # noqa: E402
import configuration_pages  # noqa: E402
import notebook_pages  # noqa: E402

project = "knudsen"
author = "The knudsen maintainers"
copyright = "2026, the knudsen maintainers"
release = metadata.version("knudsen")

extensions = [
    "myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax", "sphinx.ext.viewcode", "sphinx_copybutton", "sphinx_design",
]  # fmt: skip
myst_enable_extensions = ["dollarmath", "amsmath", "deflist", "colon_fence"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown", ".ipynb": "notebook"}
exclude_patterns = ["_build", "generated", "leaderboard"]  # the last two: included by pages

mathjax_path = "mathjax/tex-svg-full.js"  # MathJax 3.2.2 in one file, fonts included: equations show without a network
copybutton_exclude = ".linenos, .gp, .go"
copybutton_selector = "div:not(.output) > div.highlight > pre"

autodoc_default_options = {"members": True, "show-inheritance": True, "member-order": "bysource"}
autodoc_typehints = "signature"
nitpicky = False  # signatures name types of torch and numpy, whose inventories would need the network

html_theme = "furo"
html_title = f"knudsen {release}"
html_static_path = ["_static"]
html_css_files = ["knudsen.css"]
html_theme_options = {"navigation_with_keys": True}


class NotebookParser(MystParser):
    """Pages of notebooks: run when they are read, so that what they show is of this version."""

    supported = ("notebook",)

    def parse(self, inputstring, document):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = notebook_pages.page(inputstring, Path(document["source"]))
        super().parse(text, document)


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


def write_generated(app):
    """What pages include: tables made of the option files and of the leaderboard's numbers."""
    pages = {
        "closures": closure_table.table(ROOT / "docs" / "leaderboard"),
        "configuration": configuration_pages.configuration(ROOT / "conf"),
        "experiments": configuration_pages.experiments(ROOT / "conf"),
        "options": configuration_pages.options(ROOT / "conf"),
    }
    folder = ROOT / "docs" / "generated"
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        file = folder / f"{name}.md"
        if not file.is_file() or file.read_text() != text + "\n":  # what has not changed is not read again
            file.write_text(text + "\n")


def setup(app):
    app.add_source_parser(NotebookParser)
    app.connect("builder-inited", write_generated)
    app.connect("autodoc-process-docstring", as_restructured_text)
