"""A package that carries its dependencies, for a Dify that cannot reach a package index.

Enters: the files of an ordinary package and a folder of wheels. Leaves: the files of a package that is installed from these wheels alone.
`pyproject.toml` is left out, because with it Dify's daemon would build the project, which needs a build tool from an index; without it, it
installs `requirements.txt`.
"""

from pathlib import Path

from plugin_entry.cli.packaging.archive import UNPACKED_BYTES, Files, NoPackageError
from plugin_entry.cli.packaging.dependencies import canonical, pins_of

WHEELS = "wheels"
REQUIREMENTS, PROJECT = "requirements.txt", "pyproject.toml"
FROM_WHEELS_ALONE = f"--no-index\n--find-links=./{WHEELS}/\n".encode()


def with_wheels(files: Files, folder: Path) -> Files:
    """Adds the wheels. Raises NoPackageError when one is missing that Linux needs, where Dify runs."""
    wheels = {path.name: path.read_bytes() for path in sorted(folder.glob("*.whl"))}
    there = {_project(name) for name in wheels}
    pinned = [pin for pin in pins_of(files[REQUIREMENTS].decode()) if "win32" not in pin.marker]
    if missing := [f"{pin.name}=={pin.version}" for pin in pinned if (pin.name, pin.version) not in there]:
        raise NoPackageError(
            f"{folder} lacks wheels of {', '.join(missing)}. Fill it by `pip download --only-binary :all: -r {REQUIREMENTS} -d {folder}`."
        )
    kept = {path: data for path, data in files.items() if path != PROJECT}
    carried = {f"{WHEELS}/{name}": data for name, data in wheels.items()}
    whole = {**kept, REQUIREMENTS: FROM_WHEELS_ALONE + files[REQUIREMENTS], **carried}
    if (size := sum(map(len, whole.values()))) > UNPACKED_BYTES:
        raise NoPackageError(
            f"With these wheels it is {size} bytes, and Dify takes {UNPACKED_BYTES}. Carry those of one machine type only."
        )
    return whole


def _project(wheel: str) -> tuple[str, str]:
    name, version, *_ = wheel.split("-")
    return canonical(name), version
