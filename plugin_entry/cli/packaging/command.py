"""`dify-ollama package`: builds the plugin's package and checks it as Dify's daemon and marketplace do.

It shows a table of checks. "fill in" is what only the publisher knows; without it the package can still be installed in a Dify of your own.
The exit code is 1 when a check failed, and then no package is written.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_entry.cli.commands import CommandError
from plugin_entry.cli.screen import Look, Screen, open_screen

if TYPE_CHECKING:
    from plugin_entry.cli.packaging.archive import Files
    from plugin_entry.cli.packaging.checks import Result

ROOT = Path(__file__).resolve().parents[3]
LOOKS = {"ok": Look.GOOD, "FAIL": Look.BAD, "fill in": Look.TOOL}
VERDICT_WIDTH, NAME_WIDTH = 9, 19


EXAMPLES = (
    "dify-ollama package --check-only",
    "dify-ollama package --wheels wheels -o ollama-offline.difypkg",
)


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """The command's arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser("package", help="build and check the package for Dify", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=ROOT, metavar="DIR", help="the plugin; default: this project")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="default: NAME-VERSION.difypkg in the current directory")
    parser.add_argument("--check-only", action="store_true", help="write nothing")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="carry these wheels, for a Dify without a package index")
    parser.add_argument("--plain", action="store_true", help="without colours")
    return parser


def run(options: argparse.Namespace) -> int:
    """Checks, then writes. Raises CommandError for a directory that holds no plugin."""
    from plugin_entry.cli.packaging.archive import NoPackageError, collect, with_wheels
    from plugin_entry.cli.packaging.checks import Verdict, check_package
    from plugin_entry.cli.packaging.ignoring import PatternError

    screen = open_screen(plain=options.plain)
    try:
        files = collect(options.directory)
        results = check_package(files)
        _show(screen, results)
        if any(result.verdict is Verdict.FAIL for result in results):
            return 1
        if not options.check_only:
            _write(screen, with_wheels(files, options.wheels) if options.wheels else files, options.output)
        _conclude(screen, [result.name for result in results if result.verdict is Verdict.OWNER])
    except (NoPackageError, PatternError) as error:
        raise CommandError(str(error)) from error
    return 0


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


def _write(screen: Screen, files: "Files", output: Path | None) -> None:
    import yaml

    from plugin_entry.cli.packaging.archive import SUFFIX, pack
    from plugin_entry.cli.packaging.checks import MANIFEST

    manifest = yaml.safe_load(files[MANIFEST])
    path = output or Path(f"{manifest['name']}-{manifest['version']}{SUFFIX}")
    data = pack(files)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
    screen.line()
    screen.line(f"{path}: {len(files)} files, {len(data)} bytes")
