"""Catalogue rows about the model: it is missing, badly named, or cannot do what was asked.

None of them is worth a retry; each names the command or the setting that helps.
"""

from translator.failures.cloud import CLOUD_NAME
from translator.failures.requests import EMBED
from translator.failures.row import Row, bad_request

MODELS: tuple[Row, ...] = (
    bad_request(
        "model_name_missing",
        r"model is required",
        r"model '' not found",
        r"model \"\" not found",
        source="0.33.0-rc2 `error-no-model`; 0.5.13 and 0.9.6 `error-bad-name` say the same of a malformed name",
    ).says(
        "The server found no usable model name in the request.", "Enter the name exactly as `ollama list` shows it, such as llama3.2:3b."
    ),
    bad_request("model_name_invalid", r"invalid model name", source="0.24.0 and 0.33.0-rc2 `error-bad-name`").says(
        'The server does not accept "{name}" as a model name.', "Enter the name exactly as `ollama list` shows it, such as llama3.2:3b."
    ),
    bad_request(
        "cloud_model_missing",
        r"model ['\"](?P<found>[^'\"]{1,300})['\"] not found",
        statuses=404,
        model=CLOUD_NAME,
        source="0.5.13 and 0.9.6 `error-cloud-not-signed-in`, `error-cloud-show`; 0.33.0-rc2 `cloud-proxy-nope`",
    ).says(
        "The server does not know {model}.",
        "Check the name. Cloud models need Ollama 0.12 or newer and `ollama signin`; before 0.18 also `ollama pull {name}`.",
    ),
    bad_request(
        "model_missing",
        r"model ['\"](?P<found>[^'\"]{1,300})['\"] not found",
        r"not found, try pulling it first",
        source="every version, `error-unknown-model*`; 0.33.0-rc2 `cloud-stub-embed` (a remote model cannot embed)",
    ).says(
        'The server has no model named "{name}".',
        "Run `ollama pull {name}` on the machine where Ollama runs, or choose a model that `ollama list` shows.",
    ),
    bad_request(
        "model_missing",
        r"the model [`'\"]?[^`'\"\n]{1,200}[`'\"]? does not exist",
        r"model not found in the model list",
        source="vLLM `NotFoundError`; rerank `xinference-wrong-model-name`",
    ).says("The service has no model with the name that was sent.{said}", "Enter the model name exactly as the service lists it."),
    bad_request(
        "server_too_old",
        r"requires a newer version of ollama",
        r"requires ollama v?\d",
        r"not supported by your version of ollama",
        source="server/images.go, status 412 of the registry; llm/server.go, 0.5",
    ).says("The Ollama server is too old for {model}.{said}", "Update Ollama, then run `ollama pull {name}` again."),
    bad_request(
        "no_thinking",
        r"does not support thinking",
        source="0.33.0-rc2 `error-no-thinking`, `native-error-no-thinking`; 0.9.6 with the full model name",
    ).says("{model} cannot think before it answers.", "Switch thinking off in the model's parameters, or choose a thinking model."),
    bad_request(
        "think_level",
        r"invalid think value",
        r"think must be a boolean",
        source="0.24.0 and 0.33.0-rc2 `think-bad-value`",
    ).says(
        "The server does not accept this thinking level for {model}.",
        "Choose on, off, low, medium or high; `max` needs Ollama 0.22 or newer.",
    ),
    bad_request(
        "think_level_too_new",
        r"cannot unmarshal string into Go struct field \w+\.think of type bool",
        r"think value .{1,40} is not supported",
        source="0.9.6 `think-high`, `think-max`, `think-bad-value`; 0.11.0 to 0.12.3 `think value ... is not supported for this model`",
    ).says(
        "The Ollama server knows thinking only as on or off for {model}, not as a level.",
        "Set thinking to on or off, or update Ollama to 0.11 or newer.",
    ),
    bad_request(
        "thought_signature",
        r"thought[_ ]?signature",
        source="ollama.com, Gemini models: `Function call is missing a thought_signature in functionCall parts.`",
    ).says(
        "{model} cannot take the results of tools through Ollama: it wants its own signature (thought_signature) back with each call, and "
        "Ollama does not pass that on.",
        "Use another model for tools and agents, or reach this one through Dify's provider of its maker.",
    ),
    bad_request(
        "thinking_in_history",
        r"reasoning_(?:content|details)\b.{0,80}(?:not (?:supported|allowed|permitted|accepted)|unsupported|unexpected|unknown|extra)",
        r"(?:unsupported|unexpected|unknown|unrecognized|extra|invalid)\b.{0,60}\breasoning_(?:content|details)\b",
        r"(?:unknown|unrecognized) (?:field|request argument|parameter)\b.{0,20}\b(?:thinking|reasoning)\b",
        r"propert(?:y|ies)\b.{0,30}\b(?:thinking|reasoning)\b.{0,20}(?:unsupported|not supported|not allowed)",
        r"\bmessages?\b.{0,30}\b(?:thinking|reasoning)\b.{0,40}(?:not (?:supported|allowed|permitted)|unsupported|unexpected|extra)",
        source="services behind the cloud: Groq `property 'reasoning_content' is unsupported`, DeepSeek, pydantic",
    ).says(
        "{model} does not accept the thinking of its earlier answers in the conversation.{said}",
        "Start a new conversation, or switch thinking off.",
    ),
    bad_request(
        "thinking_missing",
        r"reasoning_content\b.{0,60}\b(?:must be passed|is (?:missing|required)|must be (?:provided|included|present))",
        r"(?:missing|without|requires?)\b.{0,40}reasoning_content",
        r"must start with a thinking block",
        r"expected [`'\"]?thinking\b.{0,60}but found",
        source="services behind the cloud: DeepSeek, Moonshot, Anthropic",
    ).says(
        "{model} wants the thinking of its earlier answers back, and the conversation does not have it.{said}",
        'Switch "Show thinking" on, so that the thinking stays in the conversation and is sent back, or set thinking to off.',
    ),
    bad_request("no_tools", r"does not support tools", source="every version, `error-no-tools`; 0.33.0-rc2 `native-error-no-tools`").says(
        "{model} cannot call tools.",
        "Switch function calling off in the model's settings, remove the tools, or choose a model with the tools capability.",
    ),
    bad_request(
        "no_chat", r"does not support (?:chat|generate|completion)", source="every version, `error-chat-on-embedder`; server/routes.go"
    ).says(
        "{model} is an embedding model and cannot write text.", "Add it in Dify as a text embedding model, and choose a chat model here."
    ),
    bad_request(
        "no_embeddings",
        r"does not support embeddings",
        r"model does not support embedding",
        r"not an embedding model",
        source="0.33.0-rc2 `embed-chat-model` (501), `embeddings-legacy-chat-model` (500); 0.6 to 0.29 `this model does not support ...`",
    ).says("{model} cannot make embeddings.", "Choose an embedding model, such as embeddinggemma, qwen3-embedding or all-minilm."),
    bad_request("no_embeddings", r"^not supported\s*(?:\n|$)", route=EMBED, source="0.33.0-rc2 x/mlxrunner, models of MLX").says(
        "{model} cannot make embeddings.", "Choose an embedding model, such as embeddinggemma, qwen3-embedding or all-minilm."
    ),
    bad_request("no_insert", r"does not support insert", source="server/images.go").says(
        "{model} cannot fill a gap between two texts.", "Leave the suffix empty, or choose a model with the insert capability."
    ),
    bad_request(
        "no_vision",
        r"model does not support multimodal",
        r"image input is not supported",
        r"does not support (?:vision|image)",
        r"multimodal data provided",
        source="0.33.0-rc2 `image-to-text-model`, `native-image-to-text-model`, `native-image-in-history`",
    ).says(
        "{model} cannot see pictures, but the conversation has one.",
        "Switch vision off in the model's settings, remove the picture from the conversation, or choose a vision model.",
    ),
    bad_request("no_audio", r"audio input is not supported", source="0.33.0-rc2 `native-audio-to-text-model`").says(
        "{model} cannot hear audio, but the conversation has some.",
        "Remove the audio from the conversation, or choose a model that takes audio.",
    ),
    bad_request("no_pictures_out", r"image generation models are not", source="0.33.0-rc2 server/routes.go").says(
        "{model} draws pictures, which this server does not do.", "Choose a chat model."
    ),
    bad_request(
        "no_capability",
        r"(?:\"|:[\w.-]{1,80} |model )does not support (?P<what>[a-z_]{1,30})\b",
        source="server/images.go, wording for capabilities not named above",
    ).says("{model} does not support {what}.", "Switch it off in the model's settings, or choose a model that has it."),
)
