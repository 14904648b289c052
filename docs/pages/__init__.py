"""The generated pages of the manual: file name to text, each from the table in the code that decides.

What enters: tables of `translator` and recordings. What leaves: Markdown. Nothing here writes to disk; `docs/generate.py` does, and a
test compares.
"""

from collections.abc import Callable, Mapping

from docs.pages.compatibility import compatibility_page
from docs.pages.modules import modules_page
from docs.pages.parameters import parameters_page
from docs.pages.state_machine import state_machine_page
from translator.response.catalogue_page import render_markdown

PAGES: Mapping[str, Callable[[], str]] = {
    "state-machine.md": state_machine_page,
    "errors.md": render_markdown,
    "parameters.md": parameters_page,
    "compatibility.md": compatibility_page,
    "modules.md": modules_page,
}
