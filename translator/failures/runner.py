"""Catalogue rows about running the model: loading it, memory, crashes, queues, and answers the server could not read.

All are the server's trouble and therefore `unavailable`; only a full queue is worth trying again at once. A process that is gone could
not load when nothing was said before, and crashed when it was in the middle of an answer.
"""

from translator.failures.row import Moment, Row, bad_request, unavailable

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

RUNNER: tuple[Row, ...] = (
    unavailable(
        "queue_full",
        r"maximum pending requests exceeded",
        r"server busy, please try again",
        retryable=True,
        source="0.33.0-rc2 `error-queue-full`, `error-queue-full-embed`",
    ).says(
        "The Ollama server is busy and its queue is full.",
        "Try again in a moment, run fewer requests at once, or raise OLLAMA_MAX_QUEUE or OLLAMA_NUM_PARALLEL on the server.",
    ),
    unavailable(
        "memory_short",
        r"requires more (?:system )?memory \((?P<needed>[^)]{1,30})\) than is available \((?P<free>[^)]{1,30})\)",
        source="0.5 to 0.29, llm/server.go",
    ).says("{model} needs {needed} of memory, and the server has {free} left.", LESS_MEMORY),
    unavailable(
        "out_of_memory",
        r"out of memory",
        r"(?:not enough|insufficient|more (?:system )?) ?memory",
        r"(?:failed|unable) to allocate",
        r"cudaMalloc failed",
        r"doesn't fit in memory",
        source="0.33.0-rc2 `load-out-of-memory`; llm/llama_server.go",
    ).says("The server ran out of memory with {model}.", LESS_MEMORY),
    unavailable(
        "architecture_unknown",
        r"unknown model architecture: '(?P<architecture>[^']{1,60})'",
        r"unsupported (?:model )?architecture \"?(?P<architecture>[\w.-]{1,60})",
        source="0.33.0-rc2 `load-unknown-architecture`, `embed-load-failure`",
    ).says(
        'The Ollama server does not know how to run {model} (architecture "{architecture}").', "Update Ollama, or choose another model."
    ),
    unavailable("load_killed", r"process has terminated: signal: killed", moment=Moment.REPLY, source="0.33.0-rc2 `load-killed`").says(
        "The system killed the process that loads {model}, most likely for lack of memory.", LESS_MEMORY
    ),
    unavailable("load_timeout", r"timed out waiting for llama[ -](?:server|runner) to start", source="0.33.0-rc2 `load-timeout`").says(
        "{model} did not load in time.", "Try again; on slow disks raise OLLAMA_LOAD_TIMEOUT on the server, or choose a smaller model."
    ),
    unavailable("load_aborted", r"aborting load", source="0.33.0-rc2 llm/llama_server.go").says(
        "The server gave up because the connection was closed while it was still loading {model}.",
        "Raise the time limit for the first byte in the model's settings, and that of any proxy in between.",
    ),
    unavailable(
        "load_aborted", r"request canceled", r"context canceled", moment=Moment.REPLY, source="0.33.0-rc2 server/routes.go (499)"
    ).says(
        "The server gave up because the connection was closed while it was still loading or working.",
        "Raise the time limit for the first byte in the model's settings, and that of any proxy in between.",
    ),
    bad_request(
        "mlx_missing",
        r"mlx(?: \w+)? (?:is )?not (?:available|supported|installed|found)",
        r"failed to load (?:the )?mlx",
        r"(?:no|missing|without) mlx\b",
        r"libmlx\w*\.\w+: cannot open",
        source="x/mlxrunner: `MLX not available: failed to load MLX dynamic library`",
    ).says(
        "This Ollama server cannot run models with MLX weights, and {model} has them.",
        "Choose the ordinary (GGUF) tag of the model, or install Ollama's own build with MLX on that machine.",
    ),
    unavailable(
        "install_broken", r"llama-server binary not found", r"no suitable llama servers found", source="0.33.0-rc2 `load-no-llama-server`"
    ).says(
        "The Ollama installation on the server is incomplete: the program that runs models is missing.",
        "Install Ollama again with the official installer or container image.",
    ),
    unavailable(
        "load_failed",
        r"error starting (?:llama-server|runner|the external llama server)",
        r"(?:error|unable to|failed to) load(?:ing)? (?:[\w.-]{1,40} ){0,2}model",
        r"mlx runner failed",
        r"do load request",
        r"failed to load (?:safetensors|image generation)",
        source="0.33.0-rc2 llm/llama_server.go",
    ).says("The server could not load {model}.{said}", SEE_LOG),
    unavailable(
        "load_failed",
        *GONE,
        moment=Moment.REPLY,
        source="0.33.0-rc2 llm/llama_server.go; before 0.30 `llama runner process has terminated: ...`",
    ).says("The server could not load {model}.{said}", SEE_LOG),
    unavailable(
        "model_loading",
        r"loading model",
        r"model is (?:still |currently )?loading",
        statuses=503,
        retryable=True,
        source="llama.cpp `unavailable_error`, Xinference with Retry-After",
    ).says("The service is still loading the model.", "Try again in a moment."),
    unavailable(
        "tool_call_unreadable",
        r"error parsing tool call",
        r"xml syntax error",
        r"^failed to parse (?:json|xml|tool|function)",
        r"invalid tool call arguments",
        r"value looks like object, but can't find closing",
        r"\bpeg-(?:native|simple|constructed)\b",
        r"unable to parse generated",
        r"failed to parse (?:input|output) at pos",
        source="0.33.0-rc2 `harmony-malformed-call`, `coder-malformed-call`, `qwen3-malformed-call`, `native-tool-cut-by-length`",
    ).says(
        "{model} wrote a tool call that the server could not read; it may have been cut off by the token limit.",
        "Try again, raise max tokens, lower the temperature, or choose a model that is better with tools.",
    ),
    unavailable(
        "gpu_failed",
        r"cuda error",
        r"ggml_assert",
        r"(?:rocm|hip|vulkan|metal) error",
        r"illegal memory access",
        source="0.33.0-rc2 `native-crash-midway-message`, `template-crash-midway-message`",
    ).says(
        "The computation of {model} failed on the server's hardware.{said}",
        "Try again; if it comes back, update the graphics driver and Ollama, or lower the context size.",
    ),
    unavailable(
        "runner_crashed",
        *CRASHED,
        *GONE,
        moment=Moment.STREAM,
        source="every version, `runner-killed-midway`; 0.33.0-rc2 `native-crash-midway`, `builtin-crash-midway`",
    ).says(
        "The process that runs {model} crashed while it answered.",
        f"Try again: the server starts the process anew. If it crashes again, memory most often ran out. {LESS_MEMORY}",
    ),
    unavailable(
        "runner_crashed", *CRASHED, source="0.33.0-rc2 `native-crash-before-first`, `embed-runner-crash`; llm/server.go, 0.5 to 0.29"
    ).says("The process that runs {model} crashed.", f"Most often memory ran out. {LESS_MEMORY}"),
    unavailable(
        "runner_not_ready",
        r"unexpected server status",
        r"no slots? available",
        r"^server not responding",
        source="llm/server.go, 0.5 to 0.29; llm/llama_server.go",
    ).says(
        "The process that runs {model} was not ready to answer.{said}",
        "Try again in a moment; if it stays so, start the Ollama server anew.",
    ),
    unavailable(
        "repeated_itself",
        r"token repeat limit reached",
        source="llm/llama_server.go, newer than 0.33.0-rc2, which ends such an answer without a word",
    ).says(
        "{model} wrote the same over and over, so the server ended the answer.",
        "Raise the repeat penalty or the temperature, or choose another model or quantisation.",
    ),
    unavailable("answer_cancelled", *CANCELLED, moment=Moment.STREAM, source="Go's context errors; llm/llama_server.go").says(
        "The answer was cancelled on the server's side before {model} had finished it.",
        "Try again; if it comes back, see whether the server was stopped, or a proxy behind it has a time limit.",
    ),
    unavailable("answer_source_lost", r"^(?:unexpected )?eof\s*(?:\n|$)", source="Go's io errors; server/routes.go, remote models").says(
        "The Ollama server lost the connection to what writes the answer of {model}: its own process, or ollama.com.",
        "Try again; if it comes back, look into the log of the Ollama server.",
    ),
    unavailable(
        "compute_failed",
        r"compute error",
        r"unsupported value: [+-]?(?:nan|inf)",
        source="0.33.0-rc2 `embed-runner-error`; llama.cpp server",
    ).says("{model} failed while computing.", SEE_LOG),
    unavailable(
        "answer_unreadable",
        r"unexpected empty grammar stack",
        r"llama-server (?:chat|completion) error",
        r"invalid diff:",
        r"error unmarshall?ing (?:llm|llama-server)",
        r"stream event exceeded",
        r"^(?:json: |invalid character |unexpected end of json)",
        source="0.33.0-rc2 `native-error-midway`; llm/llama_server.go; Go's encoding/json",
    ).says("The server lost track of the answer of {model} and stopped.{said}", "Try again; if it comes back, update Ollama."),
)
