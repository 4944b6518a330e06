# SPDX-License-Identifier: MIT
"""The items of the checklist that are about documentation alone."""

from documents import chapter, documentation


def test_S09_documentation_explains_the_masks():
    text = documentation("dynamic-configuration.md").lower()
    assert "apmask" in text and "aqmask" in text
    assert "cartesian product" in text or "product of" in text
    assert "owned by" in text or "ownership" in text


def test_S10_documentation_has_chapters_on_se_and_sclp():
    document = documentation("dynamic-configuration.md")
    assert "apus se adapter" in chapter(document, "Support Element")
    assert "apus sclp" in chapter(document, "SCLP")
