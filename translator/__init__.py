"""A pure translation library between Dify and Ollama: converters and a streaming state machine, no I/O.

The request side: `Ask` (what Dify said) and `plan_turn` give a `Turn` (what Ollama is sent). The reply side: `ReplyStream` takes bytes
and gives deltas, `deltas_to_chunks` makes them Dify's chunks, `collect` one answer. Nothing here imports a network library or the
Dify SDK; Pillow is imported when the first picture has to be converted. The names below are the public ones: what else the modules hold
may change between two minor versions.
"""

from translator.embedding.job import Embedded as Embedded
from translator.embedding.job import embedding_plan as embedding_plan
from translator.embedding.requests import EmbedSettings as EmbedSettings
from translator.errors import Family as Family
from translator.errors import Problem as Problem
from translator.errors import RequestError as RequestError
from translator.errors import ServerError as ServerError
from translator.errors import TranslatorError as TranslatorError
from translator.failures.build import failure_from_reply as failure_from_reply
from translator.failures.build import is_loading as is_loading
from translator.failures.build import is_retryable as is_retryable
from translator.limits import DEFAULT_LIMITS as DEFAULT_LIMITS
from translator.limits import Limits as Limits
from translator.media.parts import urls_to_fetch as urls_to_fetch
from translator.request.context import OverflowPolicy as OverflowPolicy
from translator.request.migration import migrate_parameters as migrate_parameters
from translator.request.parameters import PARAMETERS as PARAMETERS
from translator.request.parameters import Parameter as Parameter
from translator.request.parameters import form_parameters as form_parameters
from translator.request.thinking import step_down as step_down
from translator.rerank.ranking import Ranking as Ranking
from translator.rerank.ranking import RankingOptions as RankingOptions
from translator.rerank.requests import RerankServiceSettings as RerankServiceSettings
from translator.rerank.service_job import rerank_plan as rerank_plan
from translator.response.capabilities import ModelInfo as ModelInfo
from translator.response.capabilities import model_info as model_info
from translator.response.chunks import Answer as Answer
from translator.response.chunks import Chunk as Chunk
from translator.response.chunks import collect as collect
from translator.response.chunks import deltas_to_chunks as deltas_to_chunks
from translator.response.stream import ReplyStream as ReplyStream
from translator.settings.auth import auth_headers as auth_headers
from translator.settings.base_url import BaseUrl as BaseUrl
from translator.settings.base_url import parse_base_url as parse_base_url
from translator.settings.credentials import Credentials as Credentials
from translator.settings.credentials import read_credentials as read_credentials
from translator.shapes.dify import ContentPart as ContentPart
from translator.shapes.dify import FinishReason as FinishReason
from translator.shapes.dify import MediaKind as MediaKind
from translator.shapes.dify import MediaPart as MediaPart
from translator.shapes.dify import Message as Message
from translator.shapes.dify import Mode as Mode
from translator.shapes.dify import Role as Role
from translator.shapes.dify import TextPart as TextPart
from translator.shapes.dify import Tool as Tool
from translator.shapes.dify import ToolCall as ToolCall
from translator.shapes.dify import Usage as Usage
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
from translator.tokens import TokenCalibration as TokenCalibration
from translator.tokens import estimate_messages as estimate_messages
from translator.tokens import estimate_text as estimate_text
from translator.tokens import estimate_texts as estimate_texts
from translator.turn import Ask as Ask
from translator.turn import Turn as Turn
from translator.turn import plan_turn as plan_turn
from translator.versions import ServerVersion as ServerVersion
