"""A pure translation library between Dify and Ollama: converters and a streaming state machine, no I/O.

The request side: `Ask` (what Dify said) and `plan_turn` give a `Turn` (what Ollama is sent). The reply side: `ReplyStream` takes bytes
and gives deltas, `chunks_with_thinking` makes them Dify's chunks, `collect` one answer. Nothing here imports a network library or the
Dify SDK.
"""

from translator.errors import Family, Problem, RequestError, ServerError, TranslatorError
from translator.limits import DEFAULT_LIMITS, Limits

__all__ = ["DEFAULT_LIMITS", "Family", "Limits", "Problem", "RequestError", "ServerError", "TranslatorError"]
