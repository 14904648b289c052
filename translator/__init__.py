"""A pure translation library between Dify and Ollama: converters and a streaming state machine, no I/O.

The request side: `Ask` (what Dify said) and `plan_turn` give a `Turn` (what Ollama is sent). The reply side: `ReplyStream` takes bytes
and gives deltas, `chunks_with_thinking` makes them Dify's chunks, `collect` one answer. Nothing here imports a network library or the
Dify SDK; Pillow is imported when the first picture has to be converted, and a module of the library when one of its names is asked for.
The names below are the public ones: what else the modules hold may change between two minor versions.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from translator.auth import auth_headers as auth_headers
    from translator.base_url import BaseUrl as BaseUrl
    from translator.base_url import parse_base_url as parse_base_url
    from translator.credentials import Credentials as Credentials
    from translator.credentials import read_credentials as read_credentials
    from translator.embedding_job import embedding_plan as embedding_plan
    from translator.errors import Family as Family
    from translator.errors import Problem as Problem
    from translator.errors import RequestError as RequestError
    from translator.errors import ServerError as ServerError
    from translator.errors import TranslatorError as TranslatorError
    from translator.limits import DEFAULT_LIMITS as DEFAULT_LIMITS
    from translator.limits import Limits as Limits
    from translator.request.context import Overflow as Overflow
    from translator.request.embeddings import EmbedSettings as EmbedSettings
    from translator.request.media import urls_to_fetch as urls_to_fetch
    from translator.request.migration import migrate_parameters as migrate_parameters
    from translator.request.parameters import PARAMETERS as PARAMETERS
    from translator.request.parameters import Parameter as Parameter
    from translator.request.parameters import form_parameters as form_parameters
    from translator.request.rerank import RerankSettings as RerankSettings
    from translator.request.thinking import step_down as step_down
    from translator.rerank_job import rerank_plan as rerank_plan
    from translator.response.capabilities import ModelInfo as ModelInfo
    from translator.response.capabilities import model_info as model_info
    from translator.response.chunks import Chunk as Chunk
    from translator.response.chunks import chunks_with_thinking as chunks_with_thinking
    from translator.response.chunks import chunks_without_thinking as chunks_without_thinking
    from translator.response.collect import Answer as Answer
    from translator.response.collect import collect as collect
    from translator.response.failures import failure_from_reply as failure_from_reply
    from translator.response.failures import is_retryable as is_retryable
    from translator.response.stream import ReplyStream as ReplyStream
    from translator.shapes.dify import FinishReason as FinishReason
    from translator.shapes.dify import MediaKind as MediaKind
    from translator.shapes.dify import MediaPart as MediaPart
    from translator.shapes.dify import Message as Message
    from translator.shapes.dify import Mode as Mode
    from translator.shapes.dify import Part as Part
    from translator.shapes.dify import Role as Role
    from translator.shapes.dify import TextPart as TextPart
    from translator.shapes.dify import Tool as Tool
    from translator.shapes.dify import ToolCall as ToolCall
    from translator.shapes.dify import Usage as Usage
    from translator.shapes.embeddings import Embedded as Embedded
    from translator.shapes.events import CallsDelta as CallsDelta
    from translator.shapes.events import Delta as Delta
    from translator.shapes.events import FailureDelta as FailureDelta
    from translator.shapes.events import FinalDelta as FinalDelta
    from translator.shapes.events import TextDelta as TextDelta
    from translator.shapes.events import ThinkClose as ThinkClose
    from translator.shapes.events import ThinkDelta as ThinkDelta
    from translator.shapes.events import ThinkOpen as ThinkOpen
    from translator.shapes.exchange import HttpReply as HttpReply
    from translator.shapes.exchange import HttpRequest as HttpRequest
    from translator.shapes.exchange import Plan as Plan
    from translator.shapes.rerank import Choice as Choice
    from translator.shapes.rerank import Ranking as Ranking
    from translator.tokens import TokenCalibration as TokenCalibration
    from translator.tokens import estimate_messages as estimate_messages
    from translator.tokens import estimate_text as estimate_text
    from translator.tokens import estimate_texts as estimate_texts
    from translator.turn import Ask as Ask
    from translator.turn import Turn as Turn
    from translator.turn import plan_turn as plan_turn
    from translator.versions import ServerVersion as ServerVersion

PLACES: dict[str, tuple[str, ...]] = {
    "auth": ("auth_headers",),
    "base_url": ("BaseUrl", "parse_base_url"),
    "credentials": ("Credentials", "read_credentials"),
    "embedding_job": ("embedding_plan",),
    "errors": ("Family", "Problem", "RequestError", "ServerError", "TranslatorError"),
    "limits": ("DEFAULT_LIMITS", "Limits"),
    "request.context": ("Overflow",),
    "request.embeddings": ("EmbedSettings",),
    "request.media": ("urls_to_fetch",),
    "request.migration": ("migrate_parameters",),
    "request.parameters": ("PARAMETERS", "Parameter", "form_parameters"),
    "request.rerank": ("RerankSettings",),
    "request.thinking": ("step_down",),
    "rerank_job": ("rerank_plan",),
    "response.capabilities": ("ModelInfo", "model_info"),
    "response.chunks": ("Chunk", "chunks_with_thinking", "chunks_without_thinking"),
    "response.collect": ("Answer", "collect"),
    "response.failures": ("failure_from_reply", "is_retryable"),
    "response.stream": ("ReplyStream",),
    "shapes.dify": ("FinishReason", "MediaKind", "MediaPart", "Message", "Mode", "Part", "Role", "TextPart", "Tool", "ToolCall", "Usage"),
    "shapes.embeddings": ("Embedded",),
    "shapes.events": ("CallsDelta", "Delta", "FailureDelta", "FinalDelta", "TextDelta", "ThinkClose", "ThinkDelta", "ThinkOpen"),
    "shapes.exchange": ("HttpReply", "HttpRequest", "Plan"),
    "shapes.rerank": ("Choice", "Ranking"),
    "tokens": ("TokenCalibration", "estimate_messages", "estimate_text", "estimate_texts"),
    "turn": ("Ask", "Turn", "plan_turn"),
    "versions": ("ServerVersion",),
}
"""The public names by their modules."""

_MODULES = {name: module for module, names in PLACES.items() for name in names}

__all__ = sorted(_MODULES)  # noqa: PLE0605  # a list, though not a literal one


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
