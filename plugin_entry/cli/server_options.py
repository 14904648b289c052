"""The options that name a server and a model, the same for every command that talks to one.

Enters: a parser. Leaves: options that `servers.target_of` reads; apart from it, because that imports the network and parsers must be quick.
"""

import argparse
import os

HOST_VARIABLE = "OLLAMA_HOST"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that `target_of` reads."""
    parser.add_argument("--base-url", metavar="URL", help=f"the Ollama server; default: {HOST_VARIABLE}, if set")
    parser.add_argument("--model", metavar="NAME", help="default: the first model of the server that can chat")
    parser.add_argument("--api-key-env", metavar="NAME", help="the environment variable that holds the API key")


def names_a_server(options: argparse.Namespace) -> bool:
    """True when options or environment ask for a real server."""
    return bool(options.base_url or options.model or os.environ.get(HOST_VARIABLE))
