"""Catalogue rows about running the model: loading it, memory, crashes, queues, and answers the server could not read.

All are the server's trouble and therefore `unavailable`; only a full queue is worth trying again at once. A process that is gone could
not load when nothing was said before, and crashed when it was in the middle of an answer.
"""

from translator.errors import Family
from translator.failures.entry import Entry, Moment

LESS_MEMORY = (
    "Lower the context size (num_ctx), choose a smaller model or quantisation, or unload other models (`ollama ps`, `ollama stop`)."
)
SEE_LOG = "Look into the log of the Ollama server; updating Ollama and pulling the model again often helps."

CRASHED = (
    r"model runner has unexpectedly stopped",
    r"an (?:unknown )?error was encountered while running the model",
    r"error reading (?:llm|llama-server) (?:chat )?response",
    r"post predict: ",
    r"do embedding request",
    r"health resp: ",
)
GONE = (r"(?:llama-server|runner) process has terminated", r"runner process no longer running")
CANCELLED = (r"request canceled", r"context canceled", r"context deadline exceeded")

RUNNER: tuple[Entry, ...] = (
    Entry(
        code="queue_full",
        patterns=(r"maximum pending requests exceeded", r"server busy, please try again"),
        family=Family.UNAVAILABLE,
        retryable=True,
        cause="The Ollama server is busy and its queue is full.",
        remedy="Try again in a moment, run fewer requests at once, or raise OLLAMA_MAX_QUEUE or OLLAMA_NUM_PARALLEL on the server.",
        source="0.33.0-rc2 `error-queue-full`, `error-queue-full-embed`",
    ),
    Entry(
        code="memory_short",
        patterns=(r"requires more (?:system )?memory \((?P<needed>[^)]{1,30})\) than is available \((?P<free>[^)]{1,30})\)",),
        family=Family.UNAVAILABLE,
        cause="{model} needs {needed} of memory, and the server has {free} left.",
        remedy=LESS_MEMORY,
        source="0.5 to 0.29, llm/server.go",
    ),
    Entry(
        code="out_of_memory",
        patterns=(
            r"out of memory",
            r"(?:not enough|insufficient|more (?:system )?) ?memory",
            r"(?:failed|unable) to allocate",
            r"cudaMalloc failed",
            r"doesn't fit in memory",
        ),
        family=Family.UNAVAILABLE,
        cause="The server ran out of memory with {model}.",
        remedy=LESS_MEMORY,
        source="0.33.0-rc2 `load-out-of-memory`; llm/llama_server.go",
    ),
    Entry(
        code="architecture_unknown",
        patterns=(
            r"unknown model architecture: '(?P<architecture>[^']{1,60})'",
            r"unsupported (?:model )?architecture \"?(?P<architecture>[\w.-]{1,60})",
        ),
        family=Family.UNAVAILABLE,
        cause='The Ollama server does not know how to run {model} (architecture "{architecture}").',
        remedy="Update Ollama, or choose another model.",
        source="0.33.0-rc2 `load-unknown-architecture`, `embed-load-failure`",
    ),
    Entry(
        code="load_killed",
        moment=Moment.REPLY,
        patterns=(r"process has terminated: signal: killed",),
        family=Family.UNAVAILABLE,
        cause="The system killed the process that loads {model}, most likely for lack of memory.",
        remedy=LESS_MEMORY,
        source="0.33.0-rc2 `load-killed`",
    ),
    Entry(
        code="load_timeout",
        patterns=(r"timed out waiting for llama[ -](?:server|runner) to start",),
        family=Family.UNAVAILABLE,
        cause="{model} did not load in time.",
        remedy="Try again; on slow disks raise OLLAMA_LOAD_TIMEOUT on the server, or choose a smaller model.",
        source="0.33.0-rc2 `load-timeout`",
    ),
    Entry(
        code="load_aborted",
        patterns=(r"aborting load",),
        family=Family.UNAVAILABLE,
        cause="The server gave up because the connection was closed while it was still loading {model}.",
        remedy="Raise the time limit for the first byte in the model's settings, and that of any proxy in between.",
        source="0.33.0-rc2 llm/llama_server.go",
    ),
    Entry(
        code="load_aborted",
        moment=Moment.REPLY,
        patterns=(r"request canceled", r"context canceled"),
        family=Family.UNAVAILABLE,
        cause="The server gave up because the connection was closed while it was still loading or working.",
        remedy="Raise the time limit for the first byte in the model's settings, and that of any proxy in between.",
        source="0.33.0-rc2 server/routes.go (499)",
    ),
    Entry(
        code="install_broken",
        patterns=(r"llama-server binary not found", r"no suitable llama servers found"),
        family=Family.UNAVAILABLE,
        cause="The Ollama installation on the server is incomplete: the program that runs models is missing.",
        remedy="Install Ollama again with the official installer or container image.",
        source="0.33.0-rc2 `load-no-llama-server`",
    ),
    Entry(
        code="load_failed",
        patterns=(
            r"error starting (?:llama-server|runner|the external llama server)",
            r"(?:error|unable to|failed to) load(?:ing)? model",
        ),
        family=Family.UNAVAILABLE,
        cause="The server could not load {model}.{said}",
        remedy=SEE_LOG,
        source="0.33.0-rc2 llm/llama_server.go",
    ),
    Entry(
        code="load_failed",
        moment=Moment.REPLY,
        patterns=GONE,
        family=Family.UNAVAILABLE,
        cause="The server could not load {model}.{said}",
        remedy=SEE_LOG,
        source="0.33.0-rc2 llm/llama_server.go; before 0.30 `llama runner process has terminated: ...`",
    ),
    Entry(
        code="model_loading",
        patterns=(r"loading model", r"model is (?:still )?loading"),
        statuses=(503,),
        family=Family.UNAVAILABLE,
        retryable=True,
        cause="The service is still loading the model.",
        remedy="Try again in a moment.",
        source="llama.cpp `unavailable_error`, Xinference with Retry-After",
    ),
    Entry(
        code="tool_call_unreadable",
        patterns=(
            r"error parsing tool call",
            r"xml syntax error",
            r"^failed to parse (?:json|xml|tool)",
            r"invalid tool call arguments",
            r"value looks like object, but can't find closing",
        ),
        family=Family.UNAVAILABLE,
        cause="{model} wrote a tool call that the server could not read; it may have been cut off by the token limit.",
        remedy="Try again, raise max tokens, lower the temperature, or choose a model that is better with tools.",
        source="0.33.0-rc2 `harmony-malformed-call`, `coder-malformed-call`, `qwen3-malformed-call`, `native-tool-cut-by-length`",
    ),
    Entry(
        code="gpu_failed",
        patterns=(r"cuda error", r"ggml_assert", r"(?:rocm|hip|vulkan|metal) error", r"illegal memory access"),
        family=Family.UNAVAILABLE,
        cause="The computation of {model} failed on the server's hardware.{said}",
        remedy="Try again; if it comes back, update the graphics driver and Ollama, or lower the context size.",
        source="0.33.0-rc2 `native-crash-midway-message`, `template-crash-midway-message`",
    ),
    Entry(
        code="runner_crashed",
        moment=Moment.STREAM,
        patterns=(*CRASHED, *GONE),
        family=Family.UNAVAILABLE,
        cause="The process that runs {model} crashed while it answered.",
        remedy=f"Try again: the server starts the process anew. If it crashes again, memory most often ran out. {LESS_MEMORY}",
        source="every version, `runner-killed-midway`; 0.33.0-rc2 `native-crash-midway`, `builtin-crash-midway`",
    ),
    Entry(
        code="runner_crashed",
        patterns=CRASHED,
        family=Family.UNAVAILABLE,
        cause="The process that runs {model} crashed.",
        remedy=f"Most often memory ran out. {LESS_MEMORY}",
        source="0.33.0-rc2 `native-crash-before-first`, `embed-runner-crash`; llm/server.go, 0.5 to 0.29",
    ),
    Entry(
        code="runner_not_ready",
        patterns=(r"unexpected server status", r"no slots available after", r"^server not responding"),
        family=Family.UNAVAILABLE,
        cause="The process that runs {model} was not ready to answer.{said}",
        remedy="Try again in a moment; if it stays so, start the Ollama server anew.",
        source="llm/server.go, 0.5 to 0.29; llm/llama_server.go",
    ),
    Entry(
        code="repeated_itself",
        patterns=(r"token repeat limit reached",),
        family=Family.UNAVAILABLE,
        cause="{model} wrote the same over and over, so the server ended the answer.",
        remedy="Raise the repeat penalty or the temperature, or choose another model or quantisation.",
        source="llm/llama_server.go, newer than 0.33.0-rc2, which ends such an answer without a word",
    ),
    Entry(
        code="answer_cancelled",
        moment=Moment.STREAM,
        patterns=CANCELLED,
        family=Family.UNAVAILABLE,
        cause="The answer was cancelled on the server's side before {model} had finished it.",
        remedy="Try again; if it comes back, see whether the server was stopped, or a proxy behind it has a time limit.",
        source="Go's context errors; llm/llama_server.go",
    ),
    Entry(
        code="answer_source_lost",
        patterns=(r"^(?:unexpected )?eof\s*(?:\n|$)",),
        family=Family.UNAVAILABLE,
        cause="The Ollama server lost the connection to what writes the answer of {model}: its own process, or ollama.com.",
        remedy="Try again; if it comes back, look into the log of the Ollama server.",
        source="Go's io errors; server/routes.go, remote models",
    ),
    Entry(
        code="compute_failed",
        patterns=(r"compute error", r"unsupported value: [+-]?(?:nan|inf)"),
        family=Family.UNAVAILABLE,
        cause="{model} failed while computing.",
        remedy=SEE_LOG,
        source="0.33.0-rc2 `embed-runner-error`; llama.cpp server",
    ),
    Entry(
        code="answer_unreadable",
        patterns=(
            r"llama-server (?:chat|completion) error",
            r"invalid diff:",
            r"error unmarshall?ing (?:llm|llama-server)",
            r"stream event exceeded",
            r"^(?:json: |invalid character |unexpected end of json)",
        ),
        family=Family.UNAVAILABLE,
        cause="The server lost track of the answer of {model} and stopped.{said}",
        remedy="Try again; if it comes back, update Ollama.",
        source="0.33.0-rc2 `native-error-midway`; llm/llama_server.go; Go's encoding/json",
    ),
)
