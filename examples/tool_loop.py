"""Lets a model call tools until it has its answer: a synchronous client, with nothing but the standard library.

python examples/tool_loop.py http://localhost:11434 qwen3:8b "How is the weather in Paris?"
"""

import json
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from translator import Answer, Conversation, Tool, TranslatorError, Turn, collect, deltas_to_chunks, failure_from_reply

WEATHER = Tool(
    name="get_weather",
    description="The weather of a city",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
MOST_TURNS = 8
"""A model may call tools for ever."""


def send(base_url: str, conversation: Conversation, turn: Turn) -> Answer:
    """Sends a turn and reads the whole answer. Raises ServerError, and OSError when the server cannot be reached."""
    request = Request(base_url + turn.route, turn.body, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=600) as response:
            stream = conversation.stream(turn)
            return collect(deltas_to_chunks([*stream.feed(response.read()), *stream.end()]))
    except HTTPError as refusal:
        raise failure_from_reply(refusal.code, refusal.read(), model=turn.ask.model, route=turn.route) from None


def get_weather(arguments: str) -> str:
    """The tool. `arguments` is the JSON text of an object; whatever a model wrote may be in it."""
    return f"21 °C, sunny in {json.loads(arguments).get('city', 'the whole country')}"


def main(base_url: str, model: str, question: str) -> None:
    conversation = Conversation(model=model, tools=(WEATHER,))
    turn = conversation.say(question)
    for _ in range(MOST_TURNS):
        answer = send(base_url, conversation, turn)
        calls = conversation.take(answer)
        if not calls:
            print(answer.text)
            return
        for call in calls:
            print(f"[{call.name}({call.arguments})]")
            conversation.give(call, get_weather(call.arguments))
        turn = conversation.turn()
    sys.exit(f"No answer after {MOST_TURNS} turns.")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:4])
    except TranslatorError as error:
        sys.exit(str(error))
