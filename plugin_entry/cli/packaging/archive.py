"""The files of a package, and the package as one file.

Enters: a directory with a `.difyignore`. Leaves: a mapping of paths to contents, and a zip archive that is the same for the same files:
sorted names, one fixed time, one mode.
"""

import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from plugin_entry.cli.packaging.ignoring import Ignored, read_patterns

type Files = Mapping[str, bytes]

IGNORE_FILE = ".difyignore"
FIXED_TIME = (1980, 1, 1, 0, 0, 0)
"""The first that a zip archive can hold."""
READABLE_FILE = 0o100644 << 16
SUFFIX = ".difypkg"
UNPACKED_BYTES = 50 << 20
"""As much as Dify's daemon takes (MAX_PLUGIN_PACKAGE_SIZE)."""


class NoPackageError(ValueError):
    """The directory is no plugin's."""


def collect(directory: Path) -> Files:
    """Everything that `.difyignore` does not leave out, by relative path. Raises NoPackageError, PatternError."""
    try:
        ignored = read_patterns((directory / IGNORE_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise NoPackageError(f"{directory} has no {IGNORE_FILE}. Run the command in a clone of the project, or name one.") from error
    return {path: (directory / path).read_bytes() for path in sorted(_paths(directory, ignored))}


def _paths(directory: Path, ignored: Ignored) -> Iterator[str]:
    for folder, names, files in os.walk(directory):
        base = Path(folder).relative_to(directory)
        names[:] = [name for name in names if not ignored(f"{(base / name).as_posix()}/")]
        yield from (path for name in files if not ignored(path := (base / name).as_posix()))


def pack(files: Files) -> bytes:
    """A `.difypkg` with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, FIXED_TIME)
            entry.external_attr, entry.compress_type = READABLE_FILE, zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[path])
    return buffer.getvalue()
