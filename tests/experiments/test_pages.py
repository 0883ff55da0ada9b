"""The documentation as a reader sees it, offline: no warning, links alive, equations drawn, a silent console."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom")

pytestmark = pytest.mark.slow


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.targets, self.names = [], set()

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.names |= {found[key] for key in ("id", "name") if found.get(key)}
        self.targets += [found[key] for key in ("href", "src") if found.get(key)]


def texts(folder: Path) -> list[Path]:
    """The pages that are not listings of sources."""
    return sorted(file for file in folder.rglob("*.html") if "_modules" not in file.parts)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    pytest.importorskip("furo")
    folder = tmp_path_factory.mktemp("html")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(ROOT / "docs"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def test_links_are_alive_and_nothing_is_fetched(pages):
    read = {}
    for file in pages.rglob("*.html"):
        read[file] = Links()
        read[file].feed(file.read_text())
    dead = []
    for file in texts(pages):
        links = read[file]
        for target in links.targets:
            parts = urlparse(target)
            if parts.scheme or target.startswith("//"):
                continue
            there = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            if not there.exists():
                dead.append(f"{file.name}: {target}")
            elif parts.fragment and there in read and unquote(parts.fragment) not in read[there].names:
                dead.append(f"{file.name}: {target}")
        scripts = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(https?://[^\"]+)", file.read_text())
        dead += [f"{file.name} fetches {url}" for url in scripts if 'rel="canonical"' not in url]
    assert not dead, dead[:20]


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_equations_are_drawn_and_the_console_is_silent(pages):
    wrong = []
    for file in texts(pages):
        asked = len(re.findall(r'class="math notranslate', file.read_text()))
        done = subprocess.run([CHROMIUM, *FLAGS, file.as_uri()], capture_output=True, text=True, timeout=120)
        drawn = done.stdout.count("<mjx-container")
        if drawn < asked or "mjx-merror" in done.stdout or "data-mjx-error" in done.stdout:
            wrong.append(f"{file.name}: {drawn} of {asked} equations")
        wrong += [f"{file.name}: {line}" for line in done.stderr.splitlines() if ":CONSOLE" in line]
    assert not wrong, wrong[:20]
