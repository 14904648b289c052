"""The page of errors beyond what servers say: every code that users can meet has its cause and remedy there."""

import pytest

from docs.pages.catalogue_page import DIFY_ERRORS
from docs.pages.errors import errors_page
from plugin_entry.network.error_rows import ROWS, ErrorRow
from tests.faults.cells import NotApplicable
from tests.faults.faults import FAULTS
from tests.faults.summary import summaries


def codes_of_the_fault_matrix() -> set[str]:
    outcomes = (expected for summary in summaries(FAULTS) for expected in summary.expected.values())
    return {expected.code for expected in outcomes if not isinstance(expected, NotApplicable) and expected.family is not None}


def test_errors_page_has_every_code_of_the_fault_matrix() -> None:
    """`docs/fault-matrix.md` says that causes and remedies are there."""
    page = errors_page()
    assert sorted(code for code in codes_of_the_fault_matrix() if f"| `{code}` |" not in page) == []


@pytest.mark.parametrize("code", ["answer_too_large", "context_too_long", "plugin_fault", "plugin_stopping"])
def test_errors_page_has_what_no_server_says(code: str) -> None:
    assert errors_page().count(f"| `{code}` | ") == 1


@pytest.mark.parametrize(("code", "row"), ROWS.items(), ids=ROWS)
def test_errors_page_has_cause_and_remedy_of_a_connection(code: str, row: ErrorRow) -> None:
    section = errors_page().partition("## No connection, or no time left\n")[2].partition("\n## ")[0]
    assert f"| `{code}` | {row.cause} {row.remedy} | {DIFY_ERRORS[row.family]} |\n" in section
