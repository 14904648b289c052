"""An embedding answer inside the plugin: what it costs beyond reading its JSON once."""

from functools import partial

import orjson

from tests.bench.cost import measured
from tests.bench.load_server import vectors_reply
from tests.bench.report import Line, Size
from translator.embedding.job import embedding_plan
from translator.embedding.requests import EmbedSettings
from translator.shapes.exchange import HttpReply


def planned(texts: list[str], reply: HttpReply) -> int:
    """Texts to vectors, with the server's reply at hand."""
    plan = embedding_plan(texts, EmbedSettings(model="m", max_texts=len(texts)))
    next(plan)
    try:
        while True:
            plan.send((reply,))
    except StopIteration as end:
        return len(end.value.vectors)


def json_once(body: bytes) -> int:
    """What cannot be avoided."""
    return len(orjson.loads(body)["embeddings"])


def vectors(size: Size) -> list[Line]:
    """Per text: the whole plan beside reading its JSON once. Checking each number and the size of the frame is the rest; a second reading
    would show as one more.
    """
    body = vectors_reply(size.texts)
    texts = [f"passage number {number}" for number in range(size.texts)]
    reply = HttpReply(status=200, body=body)
    ours = measured(partial(planned, texts, reply), size.texts, size.repeats)
    once = measured(partial(json_once, body), size.texts, size.repeats)
    more = f"{ours.peak_kb:,.0f} kB at most"
    return [
        Line(
            what=f"{size.texts} vectors of 768",
            ours=ours.us_per_token,
            unit="us/text",
            beside={"JSON once": once.us_per_token},
            more=more,
        )
    ]
