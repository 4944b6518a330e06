# SPDX-License-Identifier: MIT
"""Topics that the documentation must explain, and the form of its tables."""

import re

from documents import all_documents, chapter, documentation
from harness import worked_example

CELL = re.compile(r"\(([0-9a-f]{2}),\s*([0-9a-f]{2,4})\)")


def test_documentation_explains_the_masks():
    text = documentation("dynamic-configuration.md").lower()
    assert "apmask" in text and "aqmask" in text
    assert "cartesian product" in text or "product of" in text
    assert "owned by" in text or "ownership" in text


def test_documentation_has_chapters_on_se_and_sclp():
    document = documentation("dynamic-configuration.md")
    assert "apus se adapter" in chapter(document, "Support Element")
    assert "apus sclp" in chapter(document, "SCLP")


def test_tables_label_their_axes_and_name_the_card_first(apus):
    host = apus(worked_example())
    printed = host.cli("map")
    assert printed.returncode == 0, printed.stderr
    drawn = tables(printed.stdout)
    assert len(drawn) == 1
    check_table("apus map", drawn[0])
    cells = [f"{card}.{domain}" for card, domain in CELL.findall(drawn[0])]
    assert sorted(cells) == worked_example().queues()
    for file, text in all_documents().items():
        for table in tables(text):
            check_table(file, table)


def tables(text):
    """Runs of lines that hold cells like (04,0047)."""
    return [run for run in re.split(r"\n\s*\n", text) if CELL.search(run)]


def check_table(file, table):
    assert re.search(r"adapter|card", table, re.I) and re.search(r"domain", table, re.I), (file, table)
    lines = [line for line in table.splitlines() if CELL.search(line)]
    rows = [CELL.findall(line) for line in lines]
    for column in zip(*rows):
        assert len({card for card, _ in column}) == 1, f"{file}: columns are adapters\n{table}"
    for row in rows:
        assert len({domain for _, domain in row}) == 1, f"{file}: rows are domains\n{table}"


def test_a_stray_text_of_the_series_is_not_reproduced():
    for file, text in all_documents().items():
        assert "AcceleratorNote" not in text, file
