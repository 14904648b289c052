"""One streamed answer from Dify's JSON to its frames; see `direct_route`.

Enters: a request as the daemon sent it. Leaves: text frames spelled at once, and the SDK's chunk objects for calls and the end, which come
once per answer. Parameters are checked by the same method of the model class that the SDK calls.
"""

import time
from collections.abc import Mapping
from typing import Any

import attrs
from dify_plugin import LargeLanguageModel
from dify_plugin.core.plugin_registration import PluginRegistration
from dify_plugin.entities.model import ModelType
from dify_plugin.interfaces.model.large_language_model import STRUCTURED_RESPONSE_FORMATS

from plugin_entry.dify.errors import readable
from plugin_entry.dify.frames import FrameWriter, Voice
from plugin_entry.dify.objects import chunk_to_sdk
from plugin_entry.serving.chat import ANSWERER
from plugin_entry.threads import OF_A_MESSAGE, apart
from translator.request.prompt_json import UnusualShapeError, messages_from_json, tools_from_json
from translator.shapes.dify import Message
from translator.turn import Ask

TEXTS = ("user_id", "provider", "model")
OBJECTS = ("credentials", "model_parameters")


@attrs.frozen(slots=True)
class Asked:
    """A plain request for a streamed answer."""

    ask: Ask
    credentials: Mapping[str, Any]


def asked(request: Mapping[str, Any], registration: PluginRegistration) -> Asked | None:
    """None for a request that the SDK has to deal with. Raises InvokeError for parameters that break the model's rules, as the SDK does."""
    if not _is_plain(request):
        return None
    try:
        messages, tools = _messages(request["prompt_messages"]), tools_from_json(request["tools"])
    except UnusualShapeError:
        return None
    found = registration.get_model_instance(request["provider"], ModelType.LLM)
    if not isinstance(found, LargeLanguageModel):
        return None
    model, credentials = request["model"], request["credentials"]
    parameters = found._validate_and_filter_model_parameters(model, request["model_parameters"], credentials)
    if parameters.get("response_format") in STRUCTURED_RESPONSE_FORMATS:
        return None
    stop = tuple(request["stop"] or ())
    return Asked(Ask(model=model, messages=messages, tools=tools, parameters=parameters, stop=stop), credentials)


def _is_plain(request: Mapping[str, Any]) -> bool:
    stop = request.get("stop", ...)
    return (
        request.get("stream", True) is True
        and request.get("model_type") == ModelType.LLM.value
        and all(type(request.get(name)) is str for name in TEXTS)
        and all(type(request.get(name)) is dict for name in OBJECTS)
        and type(request.get("json_schema", {})) in {dict, type(None)}
        and type(request.get("prompt_messages")) is list
        and "tools" in request
        and (stop is None or (type(stop) is list and all(type(word) is str for word in stop)))
    )


def _messages(values: list[Any]) -> tuple[Message, ...]:
    return apart(OF_A_MESSAGE * len(values), lambda: messages_from_json(values))


@readable
def say(asked: Asked, session_id: str, writer: FrameWriter) -> None:
    """Answers, to the last chunk. Raises InvokeError; what was said before stays said."""
    started = time.perf_counter()
    model = asked.ask.model
    begun = ANSWERER.begin(asked.ask, asked.credentials)
    try:
        voice = Voice(session_id, model, writer.output)
        for chunk in begun.chunks(voice):
            if not (chunk.is_text and voice.say(chunk.text)):
                writer.session_message(session_id, writer.stream_object(chunk_to_sdk(model, voice.count, chunk, started)))
                voice.count += 1
    finally:
        begun.close()
