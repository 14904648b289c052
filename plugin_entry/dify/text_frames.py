"""The frame of a piece of text, by far the most frequent one, spelled without the SDK's chunk objects.

Enters: the text of an answer. Leaves: the lines that the SDK would write for it (dify_plugin 0.10.2, `entities/model/llm.py`); a test
compares them.
"""

import attrs
import orjson

from plugin_entry.dify.output import FrameOutput

HEAD = (
    b'{"event":"session","session_id":%b,"data":{"type":"stream","data":{"model":%b,"prompt_messages":[],"system_fingerprint":null,'
    b'"delta":{"index":'
)
REST = (
    b'%b%d,"message":{"role":"assistant","content":%b,"name":null,"tool_calls":[],"opaque_body":null},'
    b'"usage":null,"finish_reason":null}}}}\n\n'
)


@attrs.define(slots=True, eq=False)
class Voice:
    """Says the text of one answer, in the frames of its session. `count` is the number of chunks of the answer that have left."""

    session_id: str | None
    model: str
    output: FrameOutput
    count: int = 0
    _head: bytes = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._head = HEAD % (orjson.dumps(self.session_id), orjson.dumps(self.model))

    def say(self, text: str) -> bool:
        """Writes one text chunk; False says that there is no room for it at the moment, and nothing is written."""
        has_room = self.output.offer(REST % (self._head, self.count, orjson.dumps(text)), self.session_id)
        self.count += has_room
        return has_room
