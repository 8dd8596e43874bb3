"""Tables get into the page between their marks, and nowhere else."""

from __future__ import annotations

import pytest
from research.results import fill

PAGE = "before\n<!-- a -->\nold\n<!-- end of a -->\nafter\n<!-- b -->\n<!-- end of b -->\n"


def test_a_table_replaces_the_one_between_its_marks() -> None:
    page = fill(PAGE, "a", "| x |\n\\1 | $ |\n\n")
    assert page == PAGE.replace("old\n", "\n| x |\n\\1 | $ |\n\n")
    assert fill(page, "a", "| x |\n\\1 | $ |") == page
    assert fill(PAGE, "b", "y").endswith("<!-- b -->\n\ny\n\n<!-- end of b -->\n")


@pytest.mark.parametrize("page", ["", "<!-- a -->\n", PAGE + PAGE])
def test_a_page_without_its_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="once"):
        fill(page, "a", "text")
