"""Where the demo plays: on recordings of real servers, or on a real server.

On recordings everything is known beforehand, so everything is checked; on a real server only what must hold for every model.
"""

import json
from collections.abc import Iterator, Sequence

import attrs

from fixtures.recordings import load
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli.chat.conversation import ChatHistory
from plugin_entry.cli.chat.servers import Target
from plugin_entry.cli.chat.turns import TurnResult
from plugin_entry.cli.demo.scenes import Scene

CHAT_ROUTE = "/api/chat"
BROKE_OFF = "it ended in an error"


@attrs.frozen(slots=True)
class RecordedStage:
    """The embedded replay server; every turn goes to one recording."""

    server: ThreadedReplayServer

    def point(self, conversation: ChatHistory, scene: Scene, turn: int) -> None:
        """Sends turn `turn` (from 0) of a scene to where it is answered."""
        address = scene.recordings[min(turn, len(scene.recordings) - 1)]
        version, _, name = address.partition("/")
        conversation.credentials = {"base_url": self.server.url_of(address)}
        conversation.model = load(version, name).request_body["model"]

    def refuses(self, scene: Scene) -> str | None:
        """Why the scene cannot be played here, None when it can."""
        return None if scene.recordings else "nothing was recorded for it"

    def complaints(self, scene: Scene, results: Sequence[TurnResult]) -> Iterator[str]:
        """What went wrong in a scene that was played."""
        expected, last = scene.expected, results[-1]
        finish = tuple(result.finish_reason for result in results)
        if finish != expected.finish:
            yield f"finish reasons {finish} instead of {expected.finish}"
        if expected.says not in last.text:
            yield f"the answer does not say {expected.says!r}"
        if bool(last.thinking) is not expected.thinks:
            yield "thinking where none was expected" if last.thinking else "no thinking"
        if last.error is not None and not expected.breaks_off:
            yield BROKE_OFF
        if last.error is None and expected.breaks_off:
            yield "the error of the server did not arrive"
        yield from _structure_complaints(scene, last)
        yield from self._feedback_complaints([call["id"] for result in results for call in result.calls])

    def _feedback_complaints(self, asked: list[str]) -> Iterator[str]:
        """The server must have got a result for every call, in order."""
        chats = [request.body for request in self.server.requests if request.path == CHAT_ROUTE]
        messages = chats[-1].get("messages", []) if chats and isinstance(chats[-1], dict) else []
        answered = [message.get("tool_call_id") for message in messages if message["role"] == "tool"]
        if asked and answered != asked:
            yield f"the server got {len(answered)} results for {len(asked)} calls"


@attrs.frozen(slots=True)
class RealStage:
    """A server that was named; `features` are Dify's words for what its model can do."""

    target: Target
    features: frozenset[str]

    def point(self, conversation: ChatHistory, _: Scene, __: int) -> None:
        """Sends a turn to the server."""
        conversation.credentials = self.target.credentials
        conversation.model = self.target.model

    def refuses(self, scene: Scene) -> str | None:
        """Why the scene cannot be played here, None when it can."""
        if scene.staged:
            return "a healthy server does not do this on demand; the demo without a server shows it"
        if scene.needs and scene.needs not in self.features:
            return f"the model {self.target.model} cannot ({scene.needs})"
        return None

    def complaints(self, scene: Scene, results: Sequence[TurnResult]) -> Iterator[str]:
        """What went wrong in a scene that was played."""
        if results[-1].error is not None:
            yield BROKE_OFF
        else:
            yield from _structure_complaints(scene, results[-1])


type Stage = RecordedStage | RealStage


def _structure_complaints(scene: Scene, result: TurnResult) -> Iterator[str]:
    try:
        is_object = isinstance(json.loads(result.text), dict)
    except ValueError:
        is_object = False
    if scene.structured and not is_object:
        yield "the answer is no JSON object"
