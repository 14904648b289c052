"""Catalogue rows for replies with a good status that went wrong later, as the reader of the stream finds out.

Rows are looked up by code, never matched, and their facts are counts and names, never text of the reply.
"""

from translator.failures.proxies import Part
from translator.failures.row import PASSED, Row, bad_request, unavailable

STREAM: tuple[Row, ...] = (
    unavailable(
        "answer_too_large", source="servers bound answers by num_predict only, and their default is no bound (api/types.go, NumPredict -1)"
    ).says(
        "The answer of {model} was ended after {length}, which is more than the limit of {limit}.",
        "The model most likely does not find an end by itself: set max tokens (num_predict), or a stop sequence. If it shall write "
        'that much, raise "Size limit of an answer" (max_answer_size) in the model\'s connection settings.',
    ),
    bad_request("calls_too_large", source="calls come in one line and leave in one frame, and Dify's daemon takes 5 MiB of a frame").says(
        "The tool calls of {model} have {length} or more, and Dify takes 4 MiB at once.",
        "Set max tokens (num_predict), or let the tool take less at once.",
    ),
    unavailable("arguments_unreadable", source="ollama/ollama-python#484 and gateways that speak OpenAI's API").says(
        "{model} called a tool with arguments that are no JSON object.",
        "The model wrote them wrongly, or they were cut: try again, raise max tokens (num_predict), or use another model for tools.",
    ),
    unavailable("call_without_tool", source="ollama/ollama#11704: gpt-oss called `assistant<|channel|>analysis`").says(
        "{model} called a tool whose name is empty or markup of its format, and leads to none of the tools that were offered.",
        "The server read the model's call wrongly: try again, update Ollama, or use another model for tools.",
    ),
    unavailable("cut_short", source="0.24.0 `server-killed-midway`; 0.33.0-rc2 `template-error-midway`, `builtin-error-midway`").says(
        "The answer of {model} broke off {where}, before the server said that it is done.",
        "Most often the model crashed, the server was restarted, or a proxy closed the connection: look into the server's log.",
    ),
    unavailable("empty_answer", source="`done_reason` stop and no text: reported for several models; 0.33.0-rc2 `tool-unknown-name`").says(
        "{model} ended its answer without saying anything.",
        "The model stopped at once or only thought, or the server lost what it said: try again. If it happens each time, set thinking "
        "(think) to default where it is off, switch thinking off where it is on, or use another model for tools.",
    ),
    unavailable("garbled_line", source="0.33.0-rc2 `cloud-proxy-cut`").says(
        "Line {line} of the reply ({length}) is not the JSON object that Ollama sends.",
        "The connection broke in the middle of a line, or a proxy changed the reply: try again. If it is line 1 each time, "
        "check that the base URL leads to an Ollama server.",
    ),
    unavailable("line_too_long", source="api/client.go stops at 8 MB itself").says(
        "Line {line} of the reply was not complete after {length}, which is more than a reply line may have.",
        "The other side is probably not Ollama, or a tool call ran wild: check the base URL, and set max tokens.",
    ),
    unavailable("line_too_full", source="15 MiB of `[[],[],...` are two gigabytes of lists and seconds for everybody else").says(
        "Line {line} of the reply ({length}) holds more values than an answer can have.",
        "The other side is probably not Ollama, or a tool call ran wild: check the base URL, and set max tokens.",
    ),
    bad_request("only_loaded", source="0.33.0-rc2 server/routes.go, `done_reason` load or unload").says(
        "The server only loaded {model} and wrote nothing, because the request held nothing to answer.",
        "Send at least one user message that is not empty.",
    ),
    unavailable("reply_without_end", source="servers bound answers by num_predict only, and Dify ends them after 600 seconds").says(
        "The reply was given up because it did not end within {limit}.",
        "Set max tokens (num_predict), and check that the base URL leads to an Ollama server.",
    ),
    unavailable(
        "time_up", source="Dify throws away an answer that takes longer than its own limits, 600 seconds each: killed by timeout"
    ).says(
        "{model} did not answer within {limit}.",
        "A large model may still have been loading or reading the prompt: try again, or load it beforehand. For longer answers raise three "
        "limits together: PLUGIN_MAX_EXECUTION_TIMEOUT of Dify's plugin daemon and PLUGIN_DAEMON_TIMEOUT of its API (both 600 seconds "
        'unless set), and below them "Time limit of a whole answer" (answer_timeout) in the model\'s connection settings.',
    ),
    unavailable("says_nothing", source="no server sends so many; 0.11 sent an empty line for each token of a tool call").says(
        "More than {limit} lines of the reply in a row said nothing.",
        "The model or the server is stuck: try again, or set max tokens (num_predict). If it happens each time, check that the base URL "
        "leads to an Ollama server.",
    ),
    bad_request(
        "thinking_spent_everything", source="`done_reason` length with thinking and without content, every version that thinks"
    ).says(
        "{model} used all of its tokens for thinking and had none left for the answer.",
        "Raise max tokens (num_predict) or the context size, or lower the thinking level or switch thinking off.",
    ),
    bad_request("too_many_calls", source="each call is a step of the agent, and no answer means so many").says(
        "{model} asked for more than {limit} tool calls in one answer.",
        "The model most likely repeats itself: set max tokens (num_predict), or use a model that calls tools more reliably.",
    ),
)

ENDED = "{proxy} in between may have ended it: raise its time limit for answers."
CHANGED = "{proxy} in between may have cut or changed the reply."
IN_BETWEEN: dict[str, str] = {
    "not_ollama": PASSED[Part.PASSED],
    "cut_short": ENDED,
    "garbled_line": CHANGED,
    "embed_reply_unreadable": CHANGED,
    "rerank_reply_unreadable": CHANGED,
}
"""What is added, by code, where a proxy is known to be in between."""
