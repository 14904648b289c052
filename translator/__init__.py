"""A pure translation library between Dify and Ollama: converters and a streaming state machine, no I/O.

The request side: `Ask` (what Dify said) and `plan_turn` give a `Turn` (what Ollama is sent). The reply side: `ReplyStream` takes bytes
and gives deltas, `chunks_with_thinking` makes them Dify's chunks, `collect` one answer. Nothing here imports a network library or the
Dify SDK; Pillow is imported when the first picture has to be converted. The names below are the public ones: what else the modules hold
may change between two minor versions.
"""

from translator.auth import auth_headers
from translator.base_url import BaseUrl, parse_base_url
from translator.credentials import Credentials, read_credentials
from translator.embedding_job import embedding_plan
from translator.errors import Family, Problem, RequestError, ServerError, TranslatorError
from translator.limits import DEFAULT_LIMITS, Limits
from translator.request.context import Overflow
from translator.request.embeddings import EmbedSettings
from translator.request.media import urls_to_fetch
from translator.request.migration import migrate_parameters
from translator.request.parameters import PARAMETERS, Parameter, form_parameters
from translator.request.rerank import RerankSettings
from translator.request.thinking import step_down
from translator.rerank_job import rerank_plan
from translator.response.capabilities import ModelInfo, model_info
from translator.response.chunks import Chunk, chunks_with_thinking, chunks_without_thinking
from translator.response.collect import Answer, collect
from translator.response.failures import failure_from_reply, is_retryable
from translator.response.stream import ReplyStream
from translator.shapes.dify import FinishReason, MediaKind, MediaPart, Message, Mode, Part, Role, TextPart, Tool, ToolCall, Usage
from translator.shapes.embeddings import Embedded
from translator.shapes.events import CallsDelta, Delta, FailureDelta, FinalDelta, TextDelta, ThinkClose, ThinkDelta, ThinkOpen
from translator.shapes.exchange import HttpReply, HttpRequest, Plan
from translator.shapes.rerank import Choice, Ranking
from translator.tokens import TokenCalibration, estimate_messages, estimate_text, estimate_texts
from translator.turn import Ask, Turn, plan_turn
from translator.versions import ServerVersion

__all__ = [
    "DEFAULT_LIMITS",
    "PARAMETERS",
    "Answer",
    "Ask",
    "BaseUrl",
    "CallsDelta",
    "Choice",
    "Chunk",
    "Credentials",
    "Delta",
    "EmbedSettings",
    "Embedded",
    "FailureDelta",
    "Family",
    "FinalDelta",
    "FinishReason",
    "HttpReply",
    "HttpRequest",
    "Limits",
    "MediaKind",
    "MediaPart",
    "Message",
    "Mode",
    "ModelInfo",
    "Overflow",
    "Parameter",
    "Part",
    "Plan",
    "Problem",
    "Ranking",
    "ReplyStream",
    "RequestError",
    "RerankSettings",
    "Role",
    "ServerError",
    "ServerVersion",
    "TextDelta",
    "TextPart",
    "ThinkClose",
    "ThinkDelta",
    "ThinkOpen",
    "TokenCalibration",
    "Tool",
    "ToolCall",
    "TranslatorError",
    "Turn",
    "Usage",
    "auth_headers",
    "chunks_with_thinking",
    "chunks_without_thinking",
    "collect",
    "embedding_plan",
    "estimate_messages",
    "estimate_text",
    "estimate_texts",
    "failure_from_reply",
    "form_parameters",
    "is_retryable",
    "migrate_parameters",
    "model_info",
    "parse_base_url",
    "plan_turn",
    "read_credentials",
    "rerank_plan",
    "step_down",
    "urls_to_fetch",
]
