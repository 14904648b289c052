"""The table of model parameters as a page."""

from docs.pages.source_notes import generated_from, table
from translator.request.parameters import PARAMETERS, RETIRED, SYNONYMS, Parameter, ParameterPlace

INTRODUCTION = """
# Model parameters

What Dify's parameter panel offers for a model, and what an app may carry. A default is what the server does by itself: it is shown, and
nothing is sent until the parameter is switched on. A dash means that it depends on the model, the machine or the server's version.
"""

PLACES = {ParameterPlace.OPTION: "`options.{wire}`", ParameterPlace.TOP: "`{wire}`", ParameterPlace.OURS: "not sent"}

OTHERS = """
Other names that mean the same: {synonyms}.

Options that servers once knew are taken without complaint and not sent: {retired}. Apps that were saved with them go on working. Any other
name is refused by an error that names it.
"""


def parameters_page() -> str:
    """The whole page, ending with a newline."""
    header = ("Name", "In the form", "Type", "Range", "Server's default", "Sent as", "Servers since", "What it does")
    others = OTHERS.format(
        synonyms=", ".join(f"`{name}` for `{meant}`" for name, meant in SYNONYMS.items()),
        retired=", ".join(f"`{name}`" for name in sorted(RETIRED)),
    )
    return (
        generated_from("translator/request/parameters.py") + INTRODUCTION + "\n" + table(header, [_row(row) for row in PARAMETERS]) + others
    )


def _row(row: Parameter) -> tuple[str, ...]:
    return (
        f"`{row.name}`",
        row.label["en_US"] if row.in_form else "Dify's own field",
        str(row.kind),
        _range(row),
        _default(row),
        PLACES[row.place].format(wire=row.wire),
        str(row.since) if row.since else "all",
        row.help["en_US"],
    )


def _range(row: Parameter) -> str:
    if row.choices:
        return ", ".join(f"`{choice}`" for choice in row.choices)
    low, high = (f"{bound:g}" if bound is not None else "" for bound in (row.minimum, row.maximum))
    if low and high:
        return f"{low} to {high}"
    return f"from {low}" if low else "—"


def _default(row: Parameter) -> str:
    if row.default is None:
        return "—"
    return {True: "yes", False: "no"}[row.default] if isinstance(row.default, bool) else f"`{row.default}`"
