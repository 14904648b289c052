"""`docs/errors.md`: what servers say, what connections do, and what the plugin itself ends.

Made from the catalogues of `translator` and the sentences of `plugin_entry` for connections, which the library does not know.
"""

from docs.pages.catalogue_page import COLUMNS, DIFY_ERRORS, render_markdown
from docs.pages.source_notes import table
from plugin_entry.network.error_rows import OWN, ROWS, ErrorRow
from plugin_entry.network.proxies import MAY_BE_WHY
from translator.embedding.replies import not_vectors
from translator.errors import Problem
from translator.failures.stream import IN_BETWEEN
from translator.request.context import too_long
from translator.rerank.replies import not_scores
from translator.response.capabilities import no_description

UNREADABLE: tuple[Problem, ...] = (
    not_vectors("{reason}").problem,
    not_scores("{reason}").problem,
    no_description().problem,
)

CONNECTION = """
## No connection, or no time left

`{place}` stands for scheme, host and port that were asked, `{within}` for the time limit that ran out, `{detail}` for what is known
besides. Where a place is known to puzzle people, such as localhost inside a container, the remedy says more than here.

"""

UNREAD = """
## Replies of another kind

The status was 200, and what came is not what the route answers.

"""

BY_THE_PLUGIN = """
## Ended by the plugin

The first one names the numbers that are known: prompt, window, and the largest window of the model.

"""


BY_A_PROXY = """
## With a proxy in between

Added to these errors where the headers of the reply tell of a proxy, or the plugin itself sent the request to one.

"""


def errors_page() -> str:
    """The whole page, ending with a newline."""
    connection = table(COLUMNS, [_of_row(code, row) for code, row in ROWS.items()])
    unread = table(COLUMNS, [_of_problem(problem) for problem in UNREADABLE])
    own = [_of_problem(too_long(None, None, None)), *(_of_row(code, row) for code, row in OWN.items())]
    parts = [render_markdown(), CONNECTION, connection, UNREAD, unread, BY_THE_PLUGIN, table(COLUMNS, own), BY_A_PROXY, _in_between()]
    return "".join(parts)


def _in_between() -> str:
    sentences = IN_BETWEEN | MAY_BE_WHY
    return table(("Code", "Sentence"), [(f"`{code}`", sentence) for code, sentence in sentences.items()])


def _of_row(code: str, row: ErrorRow) -> tuple[str, ...]:
    return f"`{code}`", f"{row.cause} {row.remedy}", DIFY_ERRORS[row.family]


def _of_problem(problem: Problem) -> tuple[str, ...]:
    return f"`{problem.code}`", f"{problem.cause} {problem.remedy}", DIFY_ERRORS[problem.family]
