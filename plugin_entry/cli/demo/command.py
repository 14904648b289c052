"""`dify-ollama demo`: the plugin at work in a terminal. The exit code is 0 only when everything came out as it should.

It starts the plugin as Dify's daemon does, a subprocess with JSON lines on its standard input and output, and sends it Dify's requests.
The plugin talks to an embedded server that answers over real HTTP from recordings of real servers, chunk by chunk as recorded and at an
even pace; or to a real server, when one is named.
"""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import attrs

from plugin_entry.cli.chat.conversation import ChatHistory, schema_of
from plugin_entry.cli.chat.turns import TurnResult
from plugin_entry.cli.commands import CommandError
from plugin_entry.cli.daemon import PluginProcess, PluginProcessError
from plugin_entry.cli.demo.scenes import SCENES, Scene, picture_part
from plugin_entry.cli.options import add_json_option, add_plain_option, add_server_options, names_a_server, positive_number
from plugin_entry.cli.screen import Look, Screen, open_screen, silent_screen, write_json

if TYPE_CHECKING:
    from plugin_entry.cli.demo.stages import Stage

PACE_MS = 90.0
"""Between two recorded chunks at speed 1. The recorded times are bunched, because the machine was busy."""

HEADINGS = ("", "scene", "finish reason", "tokens in + out", "tokens/s", "first chunk", "frames")


@attrs.frozen(slots=True)
class Played:
    """A scene and how it went; without results it was not played."""

    scene: Scene
    results: tuple[TurnResult, ...] = ()
    complaints: tuple[str, ...] = ()
    refused: str | None = None


HELP = "see the plugin work, with or without a server"
DESCRIPTION = """Shows the plugin at work, scene by scene: thinking, tools, a picture, a structured answer, an error in the middle.

Without a server it plays recordings of real Ollama servers, and checks that everything comes out as it should. With --base-url, --model or
OLLAMA_HOST it asks a real one. The exit code is 0 when no scene went wrong.
"""

EXAMPLES = (
    "dify-ollama demo",
    "dify-ollama demo --base-url http://192.168.1.10:11434 --model qwen3:8b",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_server_options(parser)
    parser.add_argument("--speed", type=positive_number, default=1.0, metavar="X", help="how fast recordings are played; default: 1")
    add_plain_option(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> int:
    """Plays all scenes. Raises CommandError when it cannot begin."""
    screen = silent_screen() if options.json else open_screen(plain=options.plain)
    plugin = PluginProcess()
    with ExitStack() as stack:
        stack.callback(plugin.close)
        try:
            begin = _real if names_a_server(options) else _recorded
            played = _play_all(begin(options, plugin, screen, stack), plugin, screen)
        except PluginProcessError as error:
            raise CommandError(str(error)) from error
        strays = len(plugin.stray) + len(plugin.complaints)
    good = _close(screen, played, strays)
    if options.json:
        write_json({"good": good, "unknown_lines": strays, "scenes": [_document(each) for each in played]})
    return 0 if good else 1


def _recorded(options: argparse.Namespace, plugin: PluginProcess, screen: Screen, stack: ExitStack) -> "Stage":
    with screen.waiting("Starting the plugin and the server of recordings"):
        plugin.start()
        try:
            from fixtures.chunking import paced
            from fixtures.recordings import every
            from fixtures.replay import ThreadedReplayServer
        except ImportError as error:
            raise CommandError("The recordings are not part of this installation. Name a server with --base-url.") from error
        from plugin_entry.cli.demo.stages import RecordedStage

        server = stack.enter_context(ThreadedReplayServer(every(), paced(PACE_MS), 1 / options.speed))
        _introduce(screen, plugin, f"an embedded server that plays recordings of real Ollama servers, {server.url}")
    return RecordedStage(server)


def _real(options: argparse.Namespace, plugin: PluginProcess, screen: Screen, _: ExitStack) -> "Stage":
    from plugin_entry.cli.chat.servers import target_of
    from plugin_entry.cli.demo.stages import RealStage

    target = target_of(options, screen)
    with screen.waiting("Starting the plugin"):
        plugin.start()
        _introduce(screen, plugin, f"{target.place}, model {target.model}")
        return RealStage(target, frozenset(schema_of(plugin, target.model, target.credentials)["features"]))


def _introduce(screen: Screen, plugin: PluginProcess, server: str) -> None:
    seconds = plugin.wait_until_ready()
    screen.line("Dify × Ollama", Look.TITLE)
    screen.line(f"plugin   python -m plugin_entry.main, process {plugin.pid}, ready after {seconds:.1f} s, JSON lines on stdin and stdout")
    screen.line(f"server   {server}")


def _play_all(stage: "Stage", plugin: PluginProcess, screen: Screen) -> list[Played]:
    played = []
    for number, scene in enumerate(SCENES, start=1):
        screen.line()
        screen.line(f"{number}. {scene.title}", Look.TITLE)
        if refused := stage.refuses(scene):
            screen.line(f"not shown: {refused}", Look.QUIET)
            played.append(Played(scene, refused=refused))
        else:
            played.append(_play(stage, scene, plugin, screen))
    return played


def _play(stage: "Stage", scene: Scene, plugin: PluginProcess, screen: Screen) -> Played:
    conversation = ChatHistory(plugin=plugin, screen=screen, model="", credentials={}, parameters=dict(scene.parameters), tools=scene.tools)
    stage.point(conversation, scene, 0)
    screen.line(f"{conversation.model} ← {scene.prompt}" + (" [picture]" if scene.picture else ""), Look.USER)
    results: list[TurnResult] = []
    for result in conversation.ask([picture_part(), {"type": "text", "data": scene.prompt}] if scene.picture else scene.prompt):
        screen.line(result.facts, Look.QUIET)
        results.append(result)
        stage.point(conversation, scene, len(results))
    complaints = tuple(stage.complaints(scene, results))
    for complaint in complaints:
        screen.line(f"wrong: {complaint}", Look.BAD)
    return Played(scene, tuple(results), complaints)


def _close(screen: Screen, played: Sequence[Played], strays: int) -> bool:
    """Shows the table; whether all is well."""
    screen.line()
    screen.table(HEADINGS, [row for each in played for row in _rows(each)])
    failed = sum(bool(each.complaints) for each in played)
    shown = sum(bool(each.results) for each in played)
    screen.line()
    if strays:
        screen.line(f"The plugin wrote {strays} lines that Dify would not understand.", Look.BAD)
    if failed:
        screen.line(f"{failed} of {shown} scenes went wrong.", Look.BAD)
    else:
        screen.line(f"All {shown} scenes came out as they should.", Look.GOOD)
    return not failed and not strays


def _document(played: Played) -> dict[str, Any]:
    """A scene for programs."""
    return {
        "scene": played.scene.title,
        "not_shown": played.refused,
        "complaints": list(played.complaints),
        "turns": [{**attrs.asdict(result), "tokens_per_second": result.tokens_per_second} for result in played.results],
    }


def _rows(played: Played) -> list[tuple[str, ...]]:
    """A row per turn."""
    if not played.results:
        return [("-", played.scene.title, "not shown", "", "", "", "")]
    mark = "wrong" if played.complaints else "ok"
    return [(mark, "  next turn" if turn else played.scene.title, *_cells(result)) for turn, result in enumerate(played.results)]


def _cells(result: TurnResult) -> tuple[str, ...]:
    said = result.finish_reason is not None
    return (
        result.finish_reason or "error",
        f"{result.prompt_tokens} + {result.completion_tokens}" if said else "",
        f"{result.tokens_per_second:.1f}" if said and result.tokens_per_second else "",
        "" if result.first_s is None else f"{result.first_s * 1000:.0f} ms",
        str(result.frames),
    )
