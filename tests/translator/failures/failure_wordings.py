"""What servers say, as far as there is no recording of it, and the code of the catalogue that it has to be.

`WORDINGS` come instead of an answer, with a status. `TWICE` are words that may also be a line of an answer that has begun: they mean
something else then, so each has two codes, which may be the same.
"""

type Twice = tuple[str, str, str]
"""A server's words, the code they have with status 500, and the code they have in a stream."""

STOPPED = (
    "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, "
    "check ollama server logs for details"
)
RUNNING = "an error was encountered while running the model"
ARGUMENTS = "llama-server returned invalid tool call arguments for"

TWICE: tuple[Twice, ...] = (
    # the process that runs the model is gone: llm/server.go 0.5 to 0.29, llm/llama_server.go since 0.30
    ("llama runner process has terminated: exit status 2", "load_failed", "runner_crashed"),
    ("llama-server process has terminated: exit status 1", "load_failed", "runner_crashed"),
    ("llama runner process no longer running: -1 ", "load_failed", "runner_crashed"),
    ("llama runner process has terminated: signal: killed", "load_killed", "runner_crashed"),
    ("error starting llama-server: fork/exec: permission denied", "load_failed", "load_failed"),
    ("unable to load model: /models/blobs/sha256-0", "load_failed", "load_failed"),
    (STOPPED, "runner_crashed", "runner_crashed"),
    (f"{STOPPED}: exit status 2", "runner_crashed", "runner_crashed"),
    (f"{RUNNING}: unexpected EOF", "runner_crashed", "runner_crashed"),
    ("an unknown error was encountered while running the model ", "runner_crashed", "runner_crashed"),
    ("error reading llm response: read tcp: connection reset by peer", "runner_crashed", "runner_crashed"),
    ("error reading llama-server chat response: read tcp: connection reset", "runner_crashed", "runner_crashed"),
    ('POST predict: Post "http://127.0.0.1:35843/completion": EOF', "runner_crashed", "runner_crashed"),
    ("unexpected server status: llm server loading model", "runner_not_ready", "runner_not_ready"),
    ("unexpected server status: llm server not responding", "runner_not_ready", "runner_not_ready"),
    ("no slots available after 10 retries", "runner_not_ready", "runner_not_ready"),
    ("server not responding", "runner_not_ready", "runner_not_ready"),
    # memory and hardware
    ("model requires more system memory (9.1 GiB) than is available (7.3 GiB)", "memory_short", "memory_short"),
    ("llama runner process has terminated: cudaMalloc failed: out of memory", "out_of_memory", "out_of_memory"),
    (f"{STOPPED}: CUDA error: out of memory", "out_of_memory", "out_of_memory"),
    (f"{RUNNING}: CUDA error: an illegal memory access was encountered", "gpu_failed", "gpu_failed"),
    ("llama runner process has terminated: CUDA error: no kernel image is available", "load_failed", "gpu_failed"),
    (f"{RUNNING}: GGML_ASSERT(n_tokens) failed", "gpu_failed", "gpu_failed"),
    ("Compute error.", "compute_failed", "compute_failed"),
    ("llama-server chat error: map[code:500 message:Compute error. type:server_error]", "compute_failed", "compute_failed"),
    ("json: unsupported value: NaN", "compute_failed", "compute_failed"),
    # the window
    ("Context size has been exceeded.", "context_full", "context_full"),
    ("llama-server chat error: map[code:500 message:Context size has been exceeded.]", "context_full", "context_full"),
    ("context shift is disabled", "context_full", "context_full"),
    (f"{RUNNING}: failed to decode batch: could not find a kv cache slot", "context_full", "context_full"),
    ("Input prompt is too big compared to KV size. Please try increasing KV size.", "context_full", "context_full"),
    ("the input length exceeds the context length", "prompt_too_long", "prompt_too_long"),
    # given up, unloaded, cut off
    ("request canceled", "load_aborted", "answer_cancelled"),
    ("context canceled", "load_aborted", "answer_cancelled"),
    ("context deadline exceeded", "unknown", "answer_cancelled"),
    ("client connection closed before llama-server finished loading, aborting load", "load_aborted", "load_aborted"),
    ("timed out waiting for llama runner to start: context canceled", "load_timeout", "load_timeout"),
    ("EOF", "answer_source_lost", "answer_source_lost"),
    ("unexpected EOF", "answer_source_lost", "answer_source_lost"),
    ("prediction aborted, token repeat limit reached", "repeated_itself", "repeated_itself"),
    # what the server could not read: the model's words, for it says 400 of a request that it cannot read
    ("invalid character 'P' looking for beginning of value", "answer_unreadable", "answer_unreadable"),
    ("unexpected end of JSON input", "answer_unreadable", "answer_unreadable"),
    ("json: cannot unmarshal string into Go struct field X.y of type int", "answer_unreadable", "answer_unreadable"),
    ("error unmarshalling llm prediction response: invalid character", "answer_unreadable", "answer_unreadable"),
    ("error unmarshalling llama-server chat response: invalid character", "answer_unreadable", "answer_unreadable"),
    ("llama-server chat response stream event exceeded 8 MB limit", "answer_unreadable", "answer_unreadable"),
    ("llama-server chat error: map[code:500 message:Invalid diff: now finding less tool calls!]", "answer_unreadable", "answer_unreadable"),
    ("Value looks like object, but can't find closing '}' symbol", "tool_call_unreadable", "tool_call_unreadable"),
    (f"{ARGUMENTS} \"f\": Value looks like object, but can't find closing '}}' symbol", "tool_call_unreadable", "tool_call_unreadable"),
    (f'{ARGUMENTS} "f": json: cannot unmarshal array into Go struct field X.y of type int', "tool_call_unreadable", "tool_call_unreadable"),
    ("error parsing tool call: raw='x', err=unexpected end of JSON input", "tool_call_unreadable", "tool_call_unreadable"),
    *(
        (text, "tool_call_unreadable", "tool_call_unreadable")
        for text in (
            "The model produced output that does not match the expected peg-native format",
            "The model produced output that does not match the expected peg-constructed format",
            "Failed to parse input at pos 117: <tool_call>",
            "Failed to parse output at position 3",
            "Failed to parse function call arguments as JSON: [json.exception.parse_error.101]",
        )
    ),
    ("Unexpected empty grammar stack after accepting piece: } (92)", "answer_unreadable", "answer_unreadable"),
    # the same at any moment
    ("llama runner process has terminated: this model is not supported by your version of Ollama.", "server_too_old", "server_too_old"),
    ('invalid format: "yaml"; expected "json" or a valid JSON Schema object', "format_invalid", "format_invalid"),
    ("server busy, please try again.  maximum pending requests exceeded", "queue_full", "queue_full"),
    ("something new", "unknown", "unknown"),
)

ONLY_BEFORE = ("load", "request reached", "the field", "a past tool call", "first byte")
"""Words about what comes before an answer. In a stream they were wrong, but for servers whose first line is such an error."""

ONLY_WITHIN = ("while it answered", "in the middle", "answer was cancelled")
"""Words about an answer that has begun."""

FIRST_LINES = frozenset({"load_failed", "load_aborted", "load_timeout"})
"""Said before an answer whatever carries them: servers before 0.12.6 sent 200 first."""

type Wording = tuple[int, str, dict[str, str], str]
"""Status, body, what else is known of the request, and the code."""

CHAT: dict[str, str] = {}
EMBED = {"route": "/api/embed"}
PAGE = "<html><head><title>{0}</title></head><body><center>{1}</center></body></html>"

WORDINGS: tuple[Wording, ...] = (
    # decoding of requests, api/types.go at 0.33.0-rc2
    (400, "json: cannot unmarshal string into Go struct field ChatRequest.messages of type []api.Message", CHAT, "request_field_type"),
    (400, "json: cannot unmarshal string into Go struct field ChatRequest.messages of type api.Alias", CHAT, "request_field_type"),
    (
        400,
        "json: cannot unmarshal string into Go struct field ChatRequest.options of type map[string]interface {}",
        CHAT,
        "request_field_type",
    ),
    (
        400,
        "json: cannot unmarshal number into Go struct field ChatRequest.messages.tool_calls.id of type string",
        CHAT,
        "request_field_type",
    ),
    *(
        (400, f"json: cannot unmarshal {given} into Go struct field {field}", CHAT, "request_field_type")
        for given, field in (
            ("object", "ChatRequest.messages of type []api.Message"),
            ("object", "ChatRequest.messages.content of type string"),
            ("number", "ChatRequest.messages.role of type string"),
            ("string", "ChatRequest.stream of type bool"),
            ("object", "ChatRequest.tools of type api.Tools"),
            ("string", "ChatRequest.messages.tool_calls.function.index of type int"),
            ("string", "ToolFunction.tools.function.parameters of type api.ToolFunctionParameters"),
            ("array", "ToolFunctionParameters.tools.function.parameters.type of type string"),
            ("string", "ChatRequest.messages.images of type []api.ImageData"),
            ("object", "ChatRequest.messages.images of type api.ImageData"),
        )
    ),
    (400, 'think must be a boolean or string ("high", "medium", "low", "max", true, or false)', CHAT, "think_level"),
    (400, 'think value "high" is not supported for this model', CHAT, "think_level_too_new"),
    (400, "illegal base64 data at input byte 4096", CHAT, "image_encoding"),
    (400, 'time: invalid duration "forever"', CHAT, "keep_alive_invalid"),
    (400, 'time: invalid duration ""', CHAT, "keep_alive_invalid"),
    (400, 'time: unknown unit "d" in duration "1d"', CHAT, "keep_alive_invalid"),
    (400, "Unsupported type: 'bool'", CHAT, "keep_alive_invalid"),
    (400, "unexpected EOF", CHAT, "request_json_broken"),
    (400, "invalid character 'o' in literal null (expecting 'u')", CHAT, "request_json_broken"),
    # models and capabilities
    (404, "model '' not found", CHAT, "model_name_missing"),
    (404, 'model "llama3.2:7b" not found, try pulling it first', EMBED, "model_missing"),
    (404, "The model `x` does not exist.", CHAT, "model_missing"),
    (412, "The model you are attempting to pull requires a newer version of Ollama.", CHAT, "server_too_old"),
    (400, '"nomic-embed-text" does not support generate', CHAT, "no_chat"),
    (400, "registry.ollama.ai/library/gemma3:latest does not support insert", CHAT, "no_insert"),
    (400, "registry.ollama.ai/library/gemma3:latest does not support vision", CHAT, "no_vision"),
    (400, "registry.ollama.ai/library/gemma3:latest does not support juggling", CHAT, "no_capability"),
    (400, '"x" does not support thinking\nregistry.ollama.ai/library/x:latest does not support tools', CHAT, "no_thinking"),
    (400, "image generation models are not currently supported", CHAT, "no_pictures_out"),
    (500, "this model does not support embeddings", EMBED, "no_embeddings"),
    (500, "This server does not support embeddings. Start it with `--embeddings`", EMBED, "no_embeddings"),
    *((status, "not supported", EMBED, "no_embeddings") for status in (400, 500, 501)),
    (500, "this model only supports one image while more than one image requested", CHAT, "image_one_only"),
    (400, "vision model only supports a single image per message", CHAT, "image_one_only"),
    # requests
    (400, "input exceeds maximum context length", EMBED, "text_too_long"),
    (400, "input length exceeds maximum context length", EMBED, "text_too_long"),
    (400, "the input length exceeds the context length", EMBED, "text_too_long"),
    (400, "the prompt is longer than the context length currently available to the model; shorten the prompt", CHAT, "prompt_too_long"),
    (400, "input after truncation exceeds maximum context length", EMBED, "text_too_long"),
    (400, "embedding contains NaN or Inf values", EMBED, "embed_not_finite"),
    (500, "json: unsupported value: NaN", EMBED, "embed_not_finite"),
    (400, "input length (9000 tokens) exceeds the model's maximum context length (8192 tokens)", CHAT, "prompt_too_long"),
    (500, "invalid JSON schema in format", CHAT, "schema_unsupported"),
    (400, "raw mode does not support template, system, or context", CHAT, "messages_refused"),
    (500, 'template: :3:12: executing "" at <.Foo>: can\'t evaluate field Foo', CHAT, "template_failed"),
    (
        500,
        "\n---\nWhile executing CallExpression\nError: Jinja Exception: Only user and assistant roles are supported!",
        CHAT,
        "template_failed",
    ),
    # conversations that a template or a service behind the cloud refuses
    *(
        (500, f"\n---\nWhile executing CallExpression\nError: Jinja Exception: {reason}", CHAT, code)
        for reason, code in (
            ("System message must be at the beginning.", "system_not_first"),
            ("Only one system message is allowed", "system_not_first"),
            ("Unexpected system message at position 3", "system_not_first"),
            ("System messages should only appear at the start of the conversation", "system_not_first"),
            ("System role not supported", "system_refused"),
            ("System messages are not supported by this model", "system_refused"),
            ("Unsupported system message", "system_refused"),
            ("Tool call IDs should be alphanumeric strings with length 9!", "call_id_form"),
            ("No user query found in messages.", "roles_must_alternate"),
            ("Conversation roles must alternate user/assistant/user/assistant/...", "roles_must_alternate"),
            ("After the optional system message, conversation roles must alternate", "roles_must_alternate"),
            ("The first message must be from the user", "roles_must_alternate"),
            ("Conversation must start with a user turn", "roles_must_alternate"),
        )
    ),
    (400, "Tool call id was call_abc123 but must be a-z, A-Z, 0-9, with a length of 9.", CHAT, "call_id_form"),
    *(
        (400, text, CHAT, "thought_signature")
        for text in (
            "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly",
            "Function call `default_api:get_weather` in the 2. content block is missing a `thought_signature`.",
            "Please ensure that function call turns carry a valid thoughtSignature",
        )
    ),
    *(
        (400, text, CHAT, "thinking_missing")
        for text in (
            "The `reasoning_content` in the thinking mode must be passed back to the API. (ref: 00000000-0000-0000-0000-000000000000)",
            "thinking is enabled but reasoning_content is missing in assistant tool call message at index 3",
            "Missing `reasoning_content` field in the assistant message at message index 2",
            "messages.3: a final `assistant` message must start with a thinking block",
        )
    ),
    *(
        (400, text, CHAT, "thinking_in_history")
        for text in (
            "for 'role:assistant' the following must be satisfied[('messages.2' : property 'reasoning_content' is unsupported)]",
            "messages[1].reasoning_content is not supported by this model",
            "Unknown parameter: reasoning_content",
            "property 'thinking' is unsupported",
            "messages.1.assistant.thinking: Extra inputs are not permitted",
        )
    ),
    *(
        (400, text, CHAT, "output_limit")
        for text in (
            "max_tokens (32000) exceeds model's maximum output tokens (16384)",
            "max_tokens must be positive, got: -2",
            "max_completion_tokens is too large: 32000. This model supports at most 16384 completion tokens",
            "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 tokens",
            "Range of max_tokens should be [1, 8192]",
            "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the context window",
            "The maximum number of output tokens is 65536",
        )
    ),
    (
        413,
        "Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000, reduce your message size",
        CHAT,
        "rate_limited",
    ),
    # values of parameters
    (400, "Field 'repeat_last_n': Value must be between 0 <= value <= 2147483647, but got -1", CHAT, "option_range"),
    (400, "Failed to initialize samplers: penalty_repeat must be finite and greater than 0", CHAT, "option_range"),
    (400, "temperature must be non-negative, got -1", CHAT, "option_range"),
    # the kinds above in other words
    (500, "requested 9000 tokens but the context is 8192 (prompt too large)", CHAT, "prompt_too_long"),
    (500, "Input length (9000) exceeds maximum allowed length (8192)", CHAT, "prompt_too_long"),
    (500, "total tokens 9000 exceeds limit 8192", CHAT, "prompt_too_long"),
    (500, "prompt contains 140000 tokens, which exceeds the limit of 131072", CHAT, "prompt_too_long"),
    (500, "tokens in request more than max tokens allowed", CHAT, "prompt_too_long"),
    (500, "Request too large for model: context 131k", CHAT, "prompt_too_long"),
    (500, "The prompt has 300000 tokens, but the model supports only 262144", CHAT, "prompt_too_long"),
    (500, "input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.", CHAT, "prompt_too_long"),
    (500, "Prompt length 9001 exceeds num_ctx 8192", CHAT, "prompt_too_long"),
    (500, "Expected last role User or Assistant (or Assistant with prefix True) for serving but got system", CHAT, "roles_must_alternate"),
    (500, "Unexpected role 'tool' after role 'system'", CHAT, "roles_must_alternate"),
    (500, "Cannot have consecutive user messages", CHAT, "roles_must_alternate"),
    (500, "last message must be from user", CHAT, "roles_must_alternate"),
    (
        500,
        "Only user, assistant and tool roles are supported, with the exception of an initial optional system message!",
        CHAT,
        "system_not_first",
    ),
    (500, "Conversation has multiple system prompts", CHAT, "system_not_first"),
    (500, "`system` role must be the first message", CHAT, "system_not_first"),
    (500, "tool_call_id must match pattern ^[a-zA-Z0-9]{9}$", CHAT, "call_id_form"),
    (500, "invalid tool_call_id: must be 9 alphanumeric characters", CHAT, "call_id_form"),
    (500, "unknown field `thinking` in message", CHAT, "thinking_in_history"),
    (500, "Unrecognized request argument supplied: reasoning", CHAT, "thinking_in_history"),
    (500, "Gemini models require thought signatures to be passed back", CHAT, "thought_signature"),
    (500, "peg-native: failed to parse", CHAT, "tool_call_unreadable"),
    (500, "unable to parse generated text", CHAT, "tool_call_unreadable"),
    (500, "image dimensions must be at least 28x28", CHAT, "image_too_small"),
    (500, "Image size is too small", CHAT, "image_too_small"),
    (500, "unable to make llava embedding from image", CHAT, "image_unreadable"),
    (500, "Field 'repeat_penalty' must be > 0", CHAT, "option_range"),
    (500, "num_predict must be at least 1", CHAT, "option_range"),
    (500, "invalid value for top_k: must be at least 0", CHAT, "option_range"),
    (500, "Value error, seed out of range", CHAT, "option_range"),
    (500, 'do load request: Post "http://127.0.0.1:44321/load": EOF', CHAT, "load_failed"),
    (503, "The model is currently loading", CHAT, "model_loading"),
    # pictures, and what only sounds like them
    (500, "height:30 or width:305 must be larger than factor:32", CHAT, "image_too_small"),
    (500, "absolute aspect ratio must be smaller than 200, got 300", CHAT, "image_too_small"),
    (
        500,
        "mlx runner failed: Error: failed to create server: failed to load image model: failed to load zimage model: x",
        CHAT,
        "load_failed",
    ),
    (500, "failed to load image generation pipeline: safetensors", CHAT, "load_failed"),
    (500, "failed to load image", CHAT, "image_unreadable"),
    (500, "mlx runner failed: Error: text encoder: load weights: failed to load safetensors: x (exit: exit status 1)", CHAT, "load_failed"),
    *(
        (500, text, CHAT, "mlx_missing")
        for text in (
            "mlx runner failed: Error: MLX not available: failed to load MLX dynamic library (searched: [/usr/lib/ollama])",
            "failed to load MLX dynamic library: libmlxc.so: cannot open shared object file",
            "this server was built without MLX",
            "MLX runtime is not installed",
        )
    ),
    # running
    (500, "model requires more system memory (9.1 GiB) than is available (7.3 GiB)", CHAT, "memory_short"),
    (500, "llama runner process has terminated: exit status 0xc0000409", CHAT, "load_failed"),
    (500, "llama runner process no longer running: -1", CHAT, "load_failed"),
    (500, "timed out waiting for llama runner to start: context canceled", CHAT, "load_timeout"),
    (500, "client connection closed before llama-server finished loading, aborting load", CHAT, "load_aborted"),
    (499, "request canceled", CHAT, "load_aborted"),
    (503, "Loading model", CHAT, "model_loading"),
    (500, "error starting llama-server: no such file", CHAT, "load_failed"),
    (500, "llama runner process no longer running: -1", EMBED, "load_failed"),
    (500, 'do embedding request: Post "http://127.0.0.1:1/embedding": EOF', EMBED, "runner_crashed"),
    # the cloud
    (401, "unauthorized", {"model": "glm-5:cloud"}, "cloud_sign_in"),
    (401, "unauthorized", {"model": "glm-5.2"}, "unauthorized"),
    (402, "payment required", CHAT, "cloud_plan"),
    (410, "this is gone", CHAT, "cloud_retired"),
    *(
        (429, f"you (x) have reached your {period} usage limit, upgrade for higher limits", CHAT, "cloud_quota")
        for period in ("session", "hourly", "weekly")
    ),
    (403, "ollama cloud is disabled: web search is unavailable", CHAT, "cloud_disabled"),
    (404, 'path "/v1/embeddings" not found', {"route": "/v1/embeddings"}, "cloud_route_missing"),
    # addresses, keys, proxies
    (400, "Client sent an HTTP request to an HTTPS server.", CHAT, "https_expected"),
    (400, PAGE.format("400 The plain HTTP request was sent to HTTPS port", "nginx"), CHAT, "https_expected"),
    (307, "", CHAT, "redirected"),
    (407, PAGE.format("407 Proxy Authentication Required", "squid"), CHAT, "proxy_sign_in"),
    (401, PAGE.format("401 Authorization Required", "nginx"), CHAT, "unauthorized"),
    (401, PAGE.format("401 Authorization Required", "nginx"), {"model": "glm-5:cloud"}, "unauthorized"),
    (401, '{"detail":"Not authenticated"}', CHAT, "unauthorized"),
    (403, PAGE.format("403 Forbidden", "nginx"), CHAT, "proxy_refused"),
    (403, '{"detail":"Not enough permissions"}', CHAT, "forbidden"),
    (404, PAGE.format("404 Not Found", "nginx"), CHAT, "not_ollama"),
    (404, '{"detail":"Not Found"}', CHAT, "not_found"),
    (502, PAGE.format("502 Bad Gateway", "nginx"), CHAT, "proxy_gateway"),
    (502, "", CHAT, "proxy_gateway"),
    (503, "upstream connect error or disconnect/reset before headers", CHAT, "proxy_gateway"),
    (503, '{"error":"come back later"}', CHAT, "unavailable"),
    (504, PAGE.format("504 Gateway Time-out", "nginx"), CHAT, "proxy_timeout"),
    (524, PAGE.format("A timeout occurred", "cloudflare"), CHAT, "proxy_origin"),
    (500, PAGE.format("Internal Server Error", "apache"), CHAT, "proxy_failed"),
    (413, PAGE.format("413 Request Entity Too Large", "nginx"), CHAT, "body_too_large"),
    (429, "slow down", CHAT, "rate_limited"),
    (408, "", CHAT, "request_timeout"),
    (200, PAGE.format("Sign in", "Grafana"), CHAT, "not_ollama"),
    (500, "", CHAT, "runner_silent"),
    (500, '{"error":{}}', CHAT, "runner_silent"),
    # nothing known
    (400, "something new", CHAT, "unknown"),
    (500, "something new", CHAT, "unknown"),
    (200, '{"error":"something new"}', CHAT, "unknown"),
)
