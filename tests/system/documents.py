# SPDX-License-Identifier: MIT
"""The documentation, for tests of its content."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def documentation(name):
    return (ROOT / "docs" / name).read_text()


def all_documents():
    """{path: text} of the README, docs/ and the man pages."""
    files = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*"))]
    return {file: file.read_text() for file in files if file.is_file()}


def chapter(document, word):
    """The text of the first chapter whose title has this word, up to the next title of the same level."""
    match = re.search(rf"^(#+) [^\n]*{re.escape(word)}[^\n]*$", document, re.M)
    assert match, f"no chapter on {word}"
    rest = document[match.end():]
    following = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.M)
    return rest[:following.start()] if following else rest
