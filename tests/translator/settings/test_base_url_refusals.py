"""The table of reasons: complete, used, and every entry a cause with a remedy."""

import pytest

from tests.translator.settings.test_base_url import REFUSED
from translator.errors import Family, RequestError
from translator.settings.base_url import REFUSALS, refuse


def test_every_reason_has_a_spelling_that_meets_it() -> None:
    assert set(REFUSED.values()) == set(REFUSALS)


@pytest.mark.parametrize("reason", REFUSALS)
def test_reason_is_cause_and_remedy(reason: str) -> None:
    with pytest.raises(RequestError) as caught:
        refuse(reason)
    problem = caught.value.problem
    assert (problem.code, problem.family) == (f"base_url_{reason}", Family.BAD_REQUEST)
    assert problem.cause.endswith(".")
    assert problem.remedy.endswith((".", ")."))
