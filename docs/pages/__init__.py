"""The generated pages and pictures of the manual: file name to text, each from the table in the code that decides.

They are Markdown and SVG, made of tables of `translator` and of recordings. Nothing here writes to disk; `docs/generate.py` does, and a
test compares.
"""

from collections.abc import Callable, Mapping

from docs.pages.compatibility import compatibility_page
from docs.pages.demo_picture import demo_picture
from docs.pages.errors import errors_page
from docs.pages.fault_matrix import fault_matrix_page
from docs.pages.form import form_page
from docs.pages.limits import limits_page
from docs.pages.modules import modules_page
from docs.pages.parameters import parameters_page
from docs.pages.state_machine import state_machine_page
from docs.pages.state_picture import state_picture
from docs.pages.token_picture import token_picture

PAGES: Mapping[str, Callable[[], str]] = {
    "demo.svg": demo_picture,
    "state-machine.md": state_machine_page,
    "state-machine.svg": state_picture,
    "token-path.svg": token_picture,
    "errors.md": errors_page,
    "fault-matrix.md": fault_matrix_page,
    "form.md": form_page,
    "limits.md": limits_page,
    "parameters.md": parameters_page,
    "compatibility.md": compatibility_page,
    "modules.md": modules_page,
}
