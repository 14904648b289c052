"""The page of the forms: what stands in the YAML file, for each kind of model what Dify shows it."""

import re
from html import unescape

import pytest

from docs.pages.form import TITLES, form_page
from tests.plugin_entry.cli.packaging.plugin_files import FORM, PROVIDER
from tests.plugin_entry.provider.test_credential_form import FOLDED, FOLDED_OF_TYPE, SHOWN

PAGE = form_page()
LABELS = {field["variable"]: field["label"]["en_US"] for field in FORM}
MODEL_NAME = PROVIDER["model_credential_schema"]["model"]["label"]["en_US"]


def labels(part: str) -> list[str]:
    return [unescape(label).removesuffix(" *") for label in re.findall(r"<b>(.*?)</b>", part)]


@pytest.mark.parametrize(("model_type", "title"), TITLES.items(), ids=TITLES)
def test_each_kind_of_model_has_its_fields(model_type: str, title: str) -> None:
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    at_once, _, folded = section.partition("<details>")
    assert sorted(labels(at_once)) == sorted([MODEL_NAME, *(LABELS[variable] for variable in SHOWN[model_type])])
    assert sorted(labels(folded)) == sorted(LABELS[variable] for variable in FOLDED | FOLDED_OF_TYPE[model_type])


def test_every_kind_of_model_is_there() -> None:
    assert list(TITLES) == PROVIDER["supported_model_types"]


def test_a_field_shows_its_default_or_says_in_grey_what_may_stand_there() -> None:
    page = unescape(PAGE)
    for field in FORM:
        if field["type"] == "select":
            assert all(option["label"]["en_US"] in page for option in field["options"])
        else:
            shown = field["default"] if "default" in field else f"<i>{field['placeholder']['en_US']}</i>"
            assert f"<b>{field['label']['en_US']}" in page
            assert f"<samp>{shown}</samp>" in page


def test_required_fields_bear_a_star() -> None:
    assert set(re.findall(r"<b>([^<]*) \*</b>", PAGE)) == {MODEL_NAME, "Base URL", "Base URL of the Ollama server"}
