"""Catalogue rows about the request: a field, a text or a picture the server does not take, whatever status it says it with.

Several are answered with 500 by Ollama although trying again cannot help; the text decides, so they are bad requests here.
"""

from translator.failures.bodies import Shape
from translator.failures.row import Moment, Row, bad_request, rate_limited

EMBED = r"^/(?:api|v1)/embed"

TOO_LONG = (
    r"exceed_context_size",
    r"context_length_exceeded",
    r"max_prompt_tokens_exceeded",
    r"context ?(?:length|size|window) ?exceed",
    r"exceeds the (?:available|model's maximum) context",
    r"longer than the (?:model's |max(?:imum)? )?(?:context|model) (?:length|size|window)",
    r"(?:input|prompt)(?: length)? exceeds (?:the |max(?:imum)? )?(?:context|length|max)",
    r"input after truncation exceeds",
    r"larger than the max context size",
    r"greater than the context length",
    r"too large to process",
    r"(?:prompt|input) (?:is )?too long",
    r"exceed(?:s|ed)? (?:the )?(?:max(?:imum)? )?(?:context|input|prompt) (?:length|limit|window|size)",
    r"context window (?:of this model|exceeds limit)",
    r"maximum (?:context|prompt) length (?:is|of) \d",
    r"\d maximum context length",
    r"context length of only \d",
    r"(?:input|prompt) token count",
    r"too many (?:input )?tokens\b(?! per)",
    r"exceeded model token limit",
    r"range of input length should be",
    r"must have less than \d+ tokens",
    r"`inputs` tokens \+ `max_new_tokens` must be",
    r"reduce the length of the (?:messages|prompt|input)",
    r"(?:(?<!output )(?<!completion )(?<!new )\btokens?|\bprompt|\binput length)\b(?! per).{0,60}"
    r"\b(?:exceeds?|(?:more|larger|greater|longer) than)\b.{0,40}\b(?:limit|max\w*|num_ctx|n_ctx|allowed)",
    r"(?:prompt|request) (?:is )?too large(?: for model|\))",
    r"tokens\b.{0,40}\bmodel (?:only supports|supports only|only accepts|accepts only) \d",
)
"""How engines and services say that a prompt, or a text to embed, does not fit (see also `bodies.TOKEN_COUNTS`)."""

RAISE_WINDOW = "Raise the context size (num_ctx) in the model's settings, shorten the prompt or its memory, or let the server cut it."

REQUESTS: tuple[Row, ...] = (
    bad_request(
        "embed_empty_text",
        r"cannot be truncated further",
        route=EMBED,
        source="0.33.0-rc2 `embed-empty-item-bare`, whose own text blames the context length",
    ).says("One of the texts is empty, and {model} cannot embed an empty text.", "Remove empty texts before embedding."),
    bad_request(
        "text_too_long",
        *TOO_LONG,
        r"context (?:length|size)",
        route=EMBED,
        source="every version, `embed-too-long-no-truncate`; 0.33.0-rc2 `embed-2048-no-truncate`, `embeddings-legacy-too-long`",
    ).says(
        "One of the texts is longer than {model} can read{numbers}.",
        "Use smaller chunks in the knowledge base, or let the server cut long texts (truncate).",
    ),
    bad_request("embed_nameless", statuses=(400, 500), shapes=(Shape.NAMELESS,), route=EMBED, source="0.5.13 `embed-too-long`").says(
        "The server refused to embed and gave no reason, as Ollama before 0.6.1 does; most often a text is too long.",
        "Use smaller chunks, or update Ollama.",
    ),
    bad_request("embed_input_type", r"invalid input type", source="every version, `embed-bad-item`").says(
        "The server embeds texts only, and something else was sent.", "Send plain texts."
    ),
    bad_request(
        "embed_not_finite",
        r"nan or inf values",
        r"unsupported value: [+-]?(?:nan|inf)",
        r"unmarshal embedding (?:response|values)",
        route=EMBED,
        source="0.33.0-rc2 `embed-nan-literal`, `embed-overflow`; server/routes.go since 0.14.0",
    ).says(
        "{model} computed numbers for one of the texts that are not finite; the model fails on this text, not Dify.",
        "Change or remove the text (odd punctuation is a known trigger), or use another embedding model or quantisation.",
    ),
    rate_limited(
        "rate_limited", r"tokens per (?:minute|min|hour|day)\b", r"\bTPM\b", source="Groq and OpenAI, status 429 or 413, behind the cloud"
    ).says("The service allows this account only so many tokens in a time.{said}", "Wait a moment, or send shorter prompts."),
    bad_request(
        "output_limit",
        r"(?<!\+ `)max_(?:completion_|output_|new_)?tokens\b.{0,60}(?:exceeds|too (?:large|high)|(?:must|should) be|at most|maximum)",
        r"range of max_tokens should be",
        r"(?:maximum|at most \d[\d,]*|too many|limit of) (?:allowed )?(?:number of )?(?:output|completion) tokens",
        r"(?:output|completion) token limit",
        source="ollama.com, `max_tokens (32000) exceeds model's maximum output tokens`; OpenAI, DashScope, vLLM",
    ).says(
        "{model} does not accept the limit of tokens for an answer.{said}",
        "Correct max tokens (num_predict) in the app, mostly to a smaller number, or leave it empty.",
    ),
    bad_request(
        "prompt_too_long",
        *TOO_LONG,
        source="0.33.0-rc2 `error-too-long`, `error-too-long-shift-off`, `native-too-long`; 0.24.0 `error-too-long`; see `TOO_LONG`",
    ).says("The prompt is longer than the context window of {model}{numbers}.", RAISE_WINDOW),
    bad_request(
        "context_full",
        r"context size has been exceeded",
        r"context shift is disabled",
        r"(?:could not|failed to) find a kv cache slot",
        r"too big compared to kv size",
        source="llama.cpp server; 0.5 runner/cache.go",
    ).says(
        "Prompt and answer together do not fit into the context window of {model}.",
        "Raise the context size (num_ctx) in the model's settings, shorten the prompt or its memory, or set max tokens.",
    ),
    bad_request("image_encoding", r"illegal base64", source="every version, `error-image-data-url`").says(
        "The server could not read a picture: it was not sent as plain base64.",
        "Send the picture again as a file; if that fails too, report this as a fault of the plugin.",
    ),
    bad_request(
        "image_too_small",
        r"must be larger than factor",
        r"image (?:size )?(?:is )?too small",
        r"image (?:dimension|side|size)s? must be at least",
        r"aspect ratio must be (?:smaller|less)",
        source="0.13 to 0.29, qwen2.5vl and qwen3-vl",
    ).says(
        "A picture is too small or too narrow for {model}: each side needs at least 32 pixels, and 1/200 of the other side.",
        "Send a larger or wider picture.",
    ),
    bad_request(
        "image_unreadable",
        r"failed to load image(?! ?(?:model|generat))",
        r"decode webp image",
        r"image: unknown format",
        r"(?:invalid|failed to decode|failed to process) image",
        r"unable to make .{0,20}embedding from image",
        source="0.33.0-rc2 `native-vision-undecodable`, `native-vision-webp-broken`",
    ).says(
        "The server could not decode a picture or audio file.",
        "Send it as JPEG or PNG (audio as WAV or MP3); the file may also be damaged.",
    ),
    bad_request("image_one_only", r"only supports? (?:one|a single) image", source="0.5 to 0.29, the mllama family").says(
        "{model} takes one picture per message.", "Send one picture per message, or choose another vision model."
    ),
    bad_request(
        "option_type",
        r"option \"(?P<option>[^\"]{1,60})\" must be of type (?P<kind>\w{1,30})",
        source="every version, `error-option-type`, `error-stop-string` (500)",
    ).says('The parameter "{option}" has the wrong type; the server wants {kind} there.', "Correct the parameter in the model's settings."),
    bad_request(
        "format_invalid", r"^invalid format:", source="every version, `format-invalid` (500; a line under status 200 before 0.12.6)"
    ).says(
        "The server does not accept the format of the answer that was asked for.",
        'Set the format to "json" or to a valid JSON schema object, or leave it empty.',
    ),
    bad_request(
        "schema_unsupported",
        r"invalid json schema",
        r"failed to parse grammar",
        r"schema conversion failed",
        r"unrecognized schema",
        r"vocabulary required for format",
        source="0.6 to 0.29 `invalid JSON schema in format`; llama.cpp json-schema-to-grammar",
    ).says(
        "The server cannot turn the JSON schema into a grammar.{said}",
        "Simplify the schema: plain types, properties, required, enum and items work; patterns and references often do not.",
    ),
    bad_request(
        "option_range",
        r"^field '[\w.]{1,60}'",
        r"^invalid value for [`'\"]?\w{1,30}",
        r"failed to initialize samplers",
        r"must be finite",
        r"\b(?:\w+_penalty|penalty_\w+|temperature|top_[kp]|min_p|typical_p|repeat_\w+|num_\w+|seed|mirostat\w*)"
        r"[`'\"]? (?:must be|(?:is )?out of range)",
        source="0.33.0-rc2-real `option-repeat-last-n-minus-1`, `option-repeat-penalty-0`; llama.cpp server",
    ).says("The server does not accept the value of a parameter.{said}", "Correct the parameter in the app, or leave it empty."),
    bad_request("logprobs_with_tools", r"logprobs is not supported with tools", source="0.33.0-rc2 `native-logprobs-tools`").says(
        "The server gives no token probabilities together with tools.", "Switch logprobs off, or remove the tools."
    ),
    bad_request(
        "prefill_with_thinking", r"prefill is incompatible with enable_thinking", source="0.33.0-rc2 `native-prefill-thinking`"
    ).says(
        "The conversation ends with an assistant message, which {model} cannot continue while thinking.",
        "End the conversation with a user message, or switch thinking off.",
    ),
    bad_request(
        "system_not_first",
        r"system\W{1,3}(?:message|role|prompt)s?.{0,40}(?:must|should|only|can).{0,30}(?:beginning|first|start|top)\b",
        r"(?:only|more than) one system (?:message|prompt)",
        r"(?:unexpected|multiple|second) system (?:message|prompt)",
        r"exception of an initial optional system message",
        source="templates of Qwen 3.5 and newer in GGUF files: `System message must be at the beginning.`; of Mistral",
    ).says(
        "The chat template of {model} takes one system message, at the beginning of the conversation.",
        "Move the SYSTEM blocks of the prompt to the top, or join them.",
    ),
    bad_request(
        "system_refused",
        r"system (?:message|role|prompt)s?\b.{0,20}(?:not (?:supported|allowed)|unsupported)",
        r"(?:unsupported|unknown|no) system (?:message|role)",
        source="templates of gemma: `System role not supported`",
    ).says(
        "The chat template of {model} takes no system message.",
        "Put the instructions into the user message, or choose another model.",
    ),
    bad_request(
        "call_id_form",
        r"alphanumeric strings? (?:with|of) length 9",
        r"tool[ _]call[ _]?ids?\b.{0,80}(?:\blength (?:of )?9\b|\{9\}|\b9 alphanumeric)",
        source="templates of Mistral: `Tool call IDs should be alphanumeric strings with length 9!`",
    ).says(
        "The chat template of {model} does not accept the ids of past tool calls.{said}",
        "Start a new conversation, or use another model for tools.",
    ),
    bad_request(
        "roles_must_alternate",
        r"roles must alternate",
        r"must alternate between user",
        r"after the optional system message",
        r"no user (?:query|message)s? (?:was |were )?found",
        r"(?:first|initial) (?:non-system )?message.{0,30}(?:must|should) be .{0,20}user",
        r"(?:must|should) (?:start|begin) with (?:a |the )?user",
        r"consecutive (?:user|assistant) messages",
        r"last (?:message|role)\b.{0,20}(?:must|should|cannot|can't|user or assistant)",
        r"unexpected role '\w{1,20}' after role",
        source="0.33.0-rc2 `native-jinja-raise`; templates of gemma, Mistral and Qwen",
    ).says(
        "The chat template of {model} wants user and assistant messages in turn.",
        "Begin the conversation with a user message and let users and assistants take turns, or choose a model without this rule.",
    ),
    bad_request(
        "template_failed", r"jinja exception: (?P<reason>[^\n]{1,160})", source="0.33.0-rc2 `native-jinja-raise`, other reasons"
    ).says(
        'The chat template of {model} refused the conversation: "{reason}".', "Change the messages accordingly, or choose another model."
    ),
    bad_request(
        "template_failed",
        r"^\s*template: ",
        r"while executing \w+ at line",
        r"template (?:error|parse error)",
        r"error (?:applying|parsing|rendering).{0,40}template",
        source="server/prompt.go and llama.cpp, text of the template engine",
    ).says(
        "The chat template of {model} failed on this conversation.",
        "Run `ollama pull {name}` to get the current template; with an own Modelfile, correct its TEMPLATE.",
    ),
    bad_request("messages_refused", r"failed to parse messages", r"raw mode does not support", source="0.33.0-rc2 `native-refused`").says(
        "The server does not accept the messages as they were sent.{said}",
        "Update Ollama; if it stays so, report this as a fault of the plugin.",
    ),
    bad_request(
        "keep_alive_invalid",
        r"missing unit in duration",
        r"time: (?:invalid|unknown).{0,80}duration",
        r"unsupported type: 'bool'",
        source="every version, `keep-alive-bad-string`",
    ).says(
        "The server does not accept the keep_alive value.",
        "Write a number with a unit, such as 30s, 5m or 1h, or -1 to keep the model loaded.",
    ),
    bad_request(
        "tool_arguments_not_object",
        r"^value looks like object, but can't find closing",
        r"tool_calls\.function\.arguments",
        statuses=400,
        moment=Moment.REPLY,
        source="every version, `error-arguments-string`",
    ).says(
        "A past tool call in the conversation has arguments that are not an object.",
        "Start a new conversation; if it comes back, report this as a fault of the plugin.",
    ),
    bad_request(
        "request_field_type",
        r"^json: cannot unmarshal (?P<given>[\w ]{1,40}) into Go struct field (?P<field>[\w.]{1,100}) of type",
        statuses=400,
        moment=Moment.REPLY,
        source="every version, `error-content-list`; 0.33.0-rc2 api/types.go",
    ).says(
        'The server does not accept the type {given} in the field "{field}" of the request.',
        "Older servers take fewer forms (tool parameters with lists need 0.6.6): update Ollama; else report a fault of the plugin.",
    ),
    bad_request("request_body_missing", r"missing request body", source="every version, `error-empty-body`").says(
        "The request reached the server without a body.",
        "A redirect or a proxy dropped it: correct the base URL (scheme, no double slash), or the proxy.",
    ),
    bad_request(
        "request_json_broken",
        r"^invalid character .{1,20} (?:looking for|in |after )",
        r"^unexpected (?:EOF|end of JSON input)\s*$",
        statuses=400,
        moment=Moment.REPLY,
        source="every version, `error-malformed-json`",
    ).says(
        "The request reached the server as broken JSON.",
        "A proxy may have cut or changed it: check its size limits; else report this as a fault of the plugin.",
    ),
)
