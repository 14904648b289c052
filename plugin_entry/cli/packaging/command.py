"""`dify-ollama package`: builds the plugin's package and checks it as Dify's daemon and marketplace do.

It shows a table of checks. "fill in" is what only the publisher knows; without it the package can still be installed in a Dify of your own.
The exit code is 1 when a check failed, and then no package is written.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from plugin_entry.cli.commands import ArgumentError
from plugin_entry.cli.options import add_json_option, add_plain_option
from plugin_entry.cli.screen import Look, Screen, open_screen, silent_screen, write_json

if TYPE_CHECKING:
    from plugin_entry.cli.packaging.archive import Files
    from plugin_entry.cli.packaging.checks import Result

ROOT = Path(__file__).resolve().parents[3]
LOOKS = {"ok": Look.GOOD, "FAIL": Look.BAD, "fill in": Look.TOOL}
VERDICT_WIDTH, NAME_WIDTH = 9, 19


HELP = "build and check the package for Dify"
DESCRIPTION = """Builds the package that Dify installs, and checks it as Dify's daemon and marketplace do. A package is written when no
check failed; the exit code is then 0.

"fill in" is what only the publisher knows. Without it the package can still be installed in a Dify of your own. With --wheels, it carries
its dependencies and is installed without any network.
"""

EXAMPLES = (
    "dify-ollama package --check-only",
    "dify-ollama package --wheels wheels -o ollama-offline.difypkg",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("directory", nargs="?", type=Path, default=ROOT, metavar="DIR", help="the plugin; default: this project")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="default: NAME-VERSION.difypkg in the current directory")
    parser.add_argument("--check-only", action="store_true", help="write nothing")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="carry these wheels, for a Dify without a package index")
    add_plain_option(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> int:
    """Checks, then writes. Raises CommandError for a directory that holds no plugin."""
    from plugin_entry.cli.packaging.archive import collect, download_command
    from plugin_entry.cli.packaging.checks import Verdict, check_package

    if options.wheels and not options.wheels.is_dir():
        raise ArgumentError("--wheels", f"there is no folder {options.wheels}. Fill it by\n\n{download_command(options.wheels)}\n")
    screen = silent_screen() if options.json else open_screen(plain=options.plain)
    with screen.waiting("Checking the files"):
        files = collect(options.directory)
        results = check_package(files)
    _show(screen, results)
    failed = any(result.verdict is Verdict.FAIL for result in results)
    written = None if failed or options.check_only else _write(files, options, screen)
    if not failed:
        _conclude(screen, [result.name for result in results if result.verdict is Verdict.OWNER])
    if options.json:
        write_json({"good": not failed, "checks": [attrs.asdict(result) for result in results], "package": written})
    return 1 if failed else 0


def _show(screen: Screen, results: "tuple[Result, ...]") -> None:
    for result in results:
        screen.piece(f"{result.verdict:<{VERDICT_WIDTH}}", LOOKS[result.verdict])
        screen.piece(f"{result.name:<{NAME_WIDTH}}{result.rule}\n")
        for complaint in result.complaints:
            screen.line(" " * (VERDICT_WIDTH + NAME_WIDTH) + complaint, LOOKS[result.verdict])


def _conclude(screen: Screen, left: list[str]) -> None:
    """What stands between this package and the marketplace; in a Dify of one's own it can be installed as it is."""
    screen.line()
    if left:
        screen.line(
            f"Before you publish it, fill in {', '.join(left)} (see above), and read CONTRIBUTING.md, Publishing.", LOOKS["fill in"]
        )
    else:
        screen.line("Ready to be published; CONTRIBUTING.md says how.", LOOKS["ok"])


def _write(files: "Files", options: argparse.Namespace, screen: Screen) -> dict[str, Any]:
    """The package as a file: its path, files and bytes."""
    import yaml

    from plugin_entry.cli.packaging.archive import SUFFIX, pack, with_wheels
    from plugin_entry.cli.packaging.checks import MANIFEST

    with screen.waiting("Packing the files" + (" and the wheels" if options.wheels else "")):
        manifest = yaml.safe_load(files[MANIFEST])
        path = options.output or Path(f"{manifest['name']}-{manifest['version']}{SUFFIX}")
        packed = with_wheels(files, options.wheels) if options.wheels else files
        data = pack(packed)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ArgumentError("--output", f"{path} cannot be written: {error.strerror}.") from error
    screen.line()
    screen.line(f"{path}: {len(packed)} files, {len(data)} bytes")
    return {"path": str(path), "files": len(packed), "bytes": len(data)}
