"""The line to Dify that carries all vectors of a request must stay short."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.embedding.frame import check_frame, frame_safe, most_texts_per_frame
from translator.errors import RequestError
from translator.limits import FRAME_BYTES, MIB

LONG = 0.12345678901234567 / 3
SHORT = 0.012345678
written = orjson.dumps


def test_doubles_are_written_in_nine_digits_only_when_they_must() -> None:
    few = (written([LONG] * 1024),)
    assert frame_safe(few) == few
    many = (written([LONG] * 4096),) * 64
    assert orjson.loads(frame_safe(many)[0])[0] == float(f"{LONG:.9g}")


def test_an_answer_over_the_line_is_refused_clearly() -> None:
    with pytest.raises(RequestError, match="256 vectors of 4,096 numbers") as caught:
        frame_safe((written([SHORT] * 4096),) * 256)
    assert caught.value.code == "embed_frame_too_large"
    assert "63 or less" in str(caught.value)


def test_hopeless_counts_are_refused_before_they_are_computed() -> None:
    check_frame(0, 10**9)
    check_frame(64, 4096)
    with pytest.raises(RequestError):
        check_frame(256, 4096)


@pytest.mark.parametrize(
    ("dimensions", "wanted", "texts"),
    [(384, 32, 32), (1024, 256, 252), (4096, 32, 32), (4096, 256, 63), (16384, 32, 15), (10**7, 32, 1), (0, 32, 32)],
)
def test_declared_number_of_texts(dimensions: int, wanted: int, texts: int) -> None:
    assert most_texts_per_frame(dimensions, wanted) == texts


@given(st.integers(1, 2048), st.integers(1, 40), st.sampled_from([LONG, SHORT, -1.2345678e-07, -0.000037805057, 1.0]))
def test_no_line_over_the_target_leaves(dimensions: int, count: int, number: float) -> None:
    vectors = [written([number] * dimensions)] * min(count, most_texts_per_frame(dimensions, count))
    assert len(b",".join(frame_safe(vectors))) < FRAME_BYTES < 5 * MIB
