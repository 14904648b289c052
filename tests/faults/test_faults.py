"""The fault matrix: every cell of `tests/faults/faults.py` as one call over real sockets. To see it: uv run python -m tests.faults."""

from collections.abc import Mapping

import pytest

from tests.faults.cells import GOOD, Cell, Fault, Kind, NotApplicable, Operation, Outcome
from tests.faults.faults import CELLS, FAULTS
from tests.faults.places import PLACES
from tests.faults.proxy_scripts import PROXY_SCRIPTS
from tests.faults.replies import ROUTES
from tests.faults.run import Observed, run
from tests.faults.scripts import SCRIPTS
from tests.faults.verdict import complaints
from translator.errors import Family

pytestmark = pytest.mark.usefixtures("_plugin_rests")


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest) -> Mapping[str, Observed]:
    """What came of the cells that were asked for, all at the same time."""
    asked = {item.callspec.id for item in request.session.items if hasattr(item, "callspec")}
    return run([cell for cell in CELLS if cell.name in asked])


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_cell(cell: Cell, seen: Mapping[str, Observed]) -> None:
    assert complaints(cell, seen[cell.name]) == []


def test_facts_that_cannot_be_had_do_not_spoil_an_answer() -> None:
    """The same faults on the question what the model can do: only a server that cannot be reached or leads elsewhere stops the answer."""
    refused = {"401-json", "404-plain", "500-nameless", "503-html"}
    told = {
        cell.name: expected
        for cell in CELLS
        if cell.operation is Operation.STREAM_CHAT
        and (cell.fault.name in refused if cell.fault.status else cell.fault.name not in PLACES)
        and isinstance(expected := cell.fault.of(Operation.VALIDATE), Outcome)
    }
    seen = run([cell for cell in CELLS if cell.name in told], route=ROUTES["validate"])
    wrong = {
        name: found
        for name, expected in told.items()
        if (found := (seen[name].code, seen[name].delivered))
        != ((expected.code, "") if expected.family is Family.CONNECTION else ("", GOOD[Kind.CHAT]))
    }
    assert wrong == {}


def test_every_row_has_its_own_name_and_its_own_play() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)
    assert {fault.name for fault in FAULTS if not fault.status} == {*PLACES, *SCRIPTS, *PROXY_SCRIPTS}


def test_few_cells_make_no_sense() -> None:
    absent = [fault.of(operation) for fault in FAULTS for operation in Operation if isinstance(fault.of(operation), NotApplicable)]
    assert len(absent) < len(CELLS) / 20


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if not fault.status], ids=lambda fault: fault.name)
def test_row_reads_as_a_sentence(fault: Fault) -> None:
    assert fault.section
    assert fault.says[0].islower()
    assert not fault.says.endswith(".")
