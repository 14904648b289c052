"""The table of parameters: complete, without the traps of Dify's rules, and in four languages."""

import attrs
import pytest

from tests.go.go_server import BOOLS, DEFAULTS, FLOATS, INTS
from translator.request.parameter_texts import HELP, LABELS, LOCALES
from translator.request.parameters import BY_NAME, PARAMETERS, RETIRED, SYNONYMS, Parameter, ParameterKind, ParameterPlace, form_parameters
from translator.versions import NEWEST, THINK, ServerVersion

OLDEST = ServerVersion(0, 5)
every_row = pytest.mark.parametrize("row", PARAMETERS, ids=lambda row: row.name)


def rows(version: ServerVersion = NEWEST, **known: int | None) -> dict[str, Parameter]:
    return {row.name: row for row in form_parameters(version, **known)}


def test_every_option_of_the_server_has_a_row() -> None:
    wires = {row.wire for row in PARAMETERS if row.place is ParameterPlace.OPTION}
    assert wires == INTS | FLOATS | BOOLS | {"stop"}


def test_names_are_distinct() -> None:
    assert len(BY_NAME) == len(PARAMETERS)
    assert not RETIRED & (set(BY_NAME) | set(SYNONYMS))
    assert set(SYNONYMS.values()) <= set(BY_NAME)


@every_row
def test_kind_is_what_the_server_reads(row: Parameter) -> None:
    kinds = {ParameterKind.INT: INTS, ParameterKind.FLOAT: FLOATS, ParameterKind.BOOLEAN: BOOLS, ParameterKind.TEXT: {"stop"}}
    if row.place is ParameterPlace.OPTION:
        assert row.wire in kinds[row.kind]


@every_row
def test_no_trap_of_dify_rules(row: Parameter) -> None:
    """Whole numbers are int, defaults lie in range and among the choices."""
    if row.default is not None:
        types = {
            ParameterKind.INT: int,
            ParameterKind.FLOAT: float,
            ParameterKind.STRING: str,
            ParameterKind.TEXT: str,
            ParameterKind.BOOLEAN: bool,
        }
        assert type(row.default) is types[row.kind]
    if isinstance(row.default, int | float):
        assert row.minimum is None or row.default >= row.minimum
        assert row.maximum is None or row.default <= row.maximum
    assert not row.choices or row.kind is ParameterKind.STRING
    assert not row.choices or row.default is None or row.default in row.choices


@every_row
def test_default_is_the_servers(row: Parameter) -> None:
    if row.place is ParameterPlace.OPTION:
        assert row.default == DEFAULTS.get(row.wire)


@every_row
def test_texts(row: Parameter) -> None:
    """Four languages, of a length that Dify's daemon takes, and no language copied from another."""
    assert tuple(row.label) == tuple(row.help) == LOCALES
    assert all(0 < len(text) < 256 for text in (*row.label.values(), *row.help.values()))
    assert len(set(row.help.values())) == len(LOCALES)


def test_no_text_without_a_row() -> None:
    assert set(LABELS) == set(HELP) == set(BY_NAME)


def test_stop_is_no_rule() -> None:
    """Dify's editor has its own field for it and moves it out of the parameters."""
    assert set(BY_NAME) - set(rows()) == {"stop"}


def test_temperature_may_exceed_one() -> None:
    assert rows()["temperature"].maximum == 2


def test_think_is_shown_where_the_server_knows_it() -> None:
    assert "think" in rows(THINK)
    assert "think" not in rows(OLDEST)


def test_numbers_of_the_model() -> None:
    shown = rows(context_size=8192, model_maximum=131072, max_tokens=4096)
    assert (shown["num_ctx"].default, shown["num_ctx"].maximum) == (8192, 131072)
    assert shown["num_ctx"].minimum is None, "with both bounds Dify shows a slider that meets neither 4096 nor 8192"
    assert shown["max_tokens"].maximum == 4096
    assert type(shown["num_ctx"].default) is int


@pytest.mark.parametrize(
    ("version", "default"),
    [("0.5.13", 1.1), ("0.17.4", 1.1), ("0.17.5", 1.0), ("0.17.7", 1.0), ("0.18.0", 1.1), ("0.32.9", 1.1), ("0.32.10", 1.0), ("", 1.0)],
)
def test_repeat_penalty_default_follows_the_server(version: str, default: float) -> None:
    assert rows(ServerVersion.parse(version))["repeat_penalty"].default == default


def test_form_changes_nothing_else() -> None:
    for row in form_parameters(NEWEST):
        assert (
            attrs.evolve(row, default=BY_NAME[row.name].default, minimum=BY_NAME[row.name].minimum, maximum=BY_NAME[row.name].maximum)
            == BY_NAME[row.name]
        )
