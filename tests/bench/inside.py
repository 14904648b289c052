"""The sections that run inside one process, patched by gevent as the plugin's is: `python -m tests.bench.inside [--quick] NAME...`."""

import sys

from tests.bench.growth import growth
from tests.bench.layers import layers
from tests.bench.report import FULL, QUICK, Section, text
from tests.bench.vectors import vectors

SECTIONS: dict[str, tuple[str, Section]] = {
    "layers": ("CPU of one layer alone", layers),
    "growth": ("Growth with the length of the answer: translator, a token a read", growth),
    "vectors": ("An embedding answer, inside the plugin", vectors),
}


def main(arguments: list[str]) -> None:
    """Prints the tables of the named sections."""
    size = QUICK if "--quick" in arguments else FULL
    for name, (title, section) in SECTIONS.items():
        if name in arguments:
            print(text(title, section(size)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
