"""`docs/form.md`: the forms that an administrator fills in, drawn from the YAML file that Dify draws them from."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import yaml

from docs.pages.source_notes import generated_from

SOURCE = "plugin_entry/provider/ollama.yaml"
LOCALE = "en_US"

INTRODUCTION = """
# The form

What Dify asks for, in the order in which it asks. Only what bears a star is required. A field begins with its default; where it has none,
it begins empty and says in grey what may stand there. [Using it in Dify](using.md) explains the settings.
"""

TITLES: Mapping[str, str] = {
    "llm": "A language model",
    "text-embedding": "An embedding model",
    "rerank": "A rerank model",
}
PROVIDER_TITLE = "The whole provider"
PROVIDER_NOTE = (
    "For Dify's screens that ask for credentials of the provider; models keep [their own](using.md#a-server-for-the-whole-provider).\n"
)

FOLD, UNFOLDED = "advanced_settings", "custom"
"""The field that shows the others of the connection, and its value that does."""

type Field = Mapping[str, Any]


def form_page() -> str:
    """The whole page, ending with a newline."""
    provider = yaml.safe_load((Path(__file__).parents[2] / SOURCE).read_text(encoding="utf-8"))
    model = provider["model_credential_schema"]
    name = {"variable": "model", "type": "text-input", "required": True, **model["model"]}
    fields: Sequence[Field] = [name, *model["credential_form_schemas"]]
    parts = [generated_from(SOURCE, "docs/pages/form.py"), INTRODUCTION]
    parts += [f"\n## {title}\n\n{_form(fields, model_type)}" for model_type, title in TITLES.items()]
    own = "".join(_field(field) for field in provider["provider_credential_schema"]["credential_form_schemas"])
    return "".join([*parts, f"\n## {PROVIDER_TITLE}\n\n{PROVIDER_NOTE}\n", _box(own)])


def _form(fields: Iterable[Field], model_type: str) -> str:
    """What is shown at once, and folded below it what the connection settings show."""
    shown: list[str] = []
    folded: list[str] = []
    for field in fields:
        conditions = {condition["variable"]: condition["value"] for condition in field.get("show_on", [])}
        if conditions.pop("__model_type", model_type) == model_type:
            (folded if conditions == {FOLD: UNFOLDED} else shown).append(_field(field))
    more = f"<details><summary>Connection settings that are shown when asked for</summary>\n{''.join(folded)}</details>\n"
    return _box("".join(shown) + more)


def _box(content: str) -> str:
    return f'<div class="form">\n{content}</div>\n'


def _field(field: Field) -> str:
    """A label, and below it what stands in the field before anybody types."""
    star = " *" if field["required"] else ""
    return f"<div><b>{_text(field['label'])}{star}</b>\n{_input(field)}</div>\n"


def _input(field: Field) -> str:
    if field["type"] == "select":
        (chosen,) = (option for option in field["options"] if option["value"] == field["default"])
        others = "".join(f"<li>{_text(option['label'])}</li>" for option in field["options"] if option is not chosen)
        return f'<div class="select"><samp>{_text(chosen["label"])}</samp></div>\n<ul>{others}</ul>'
    if "default" in field:
        return f"<div><samp>{escape(field['default'])}</samp></div>"
    return f"<div><samp><i>{_text(field['placeholder'])}</i></samp></div>"


def _text(texts: Mapping[str, str]) -> str:
    return escape(texts[LOCALE], quote=False)
