"""Options that several commands have, so that they are called and explained alike."""

import argparse
import os
from math import isfinite

from plugin_entry.cli.commands import ArgumentError

HOST_VARIABLE = "OLLAMA_HOST"
API_KEY_OPTION = "--api-key-env"
LARGEST_PORT = 65535


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """The options that name a server and a model."""
    parser.add_argument("--base-url", metavar="URL", help=f"the Ollama server; default: {HOST_VARIABLE}, if set")
    parser.add_argument("--model", metavar="NAME", help="default: the first model of the server that can chat")
    parser.add_argument(API_KEY_OPTION, metavar="NAME", help="the environment variable that holds the API key")


def names_a_server(options: argparse.Namespace) -> bool:
    """Whether options or environment name a real server."""
    return bool(options.base_url or options.model or os.environ.get(HOST_VARIABLE))


def add_listening_options(parser: argparse.ArgumentParser, port: int) -> None:
    """The options that say where a command listens."""
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="default: 127.0.0.1; 0.0.0.0 for a Dify in Docker")
    parser.add_argument("--port", type=port_number, default=port, help=f"default: {port}; 0 takes a free one")


def add_plain_option(parser: argparse.ArgumentParser) -> None:
    """The option that switches colours off."""
    parser.add_argument("--plain", action="store_true", help="no colours; the default where the output is no terminal")


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """The option for programs."""
    parser.add_argument("--json", action="store_true", help="one JSON document on the standard output, for programs")


def secret_in(option: str, variable: str | None) -> str:
    """The value of the variable that an option names; "" when it names none. Raises ArgumentError when it is not set."""
    if not variable:
        return ""
    value = os.environ.get(variable, "")
    if not value.strip():
        raise ArgumentError(option, f"the environment variable {variable} is not set. Put the secret into it, and name only it here.")
    return value


def port_number(text: str) -> int:
    """A type for argparse."""
    if not (text.isascii() and text.isdigit() and int(text) <= LARGEST_PORT):
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {LARGEST_PORT}, and it is {text!r}")
    return int(text)


def positive_number(text: str) -> float:
    """A type for argparse."""
    if (value := _number(text)) > 0:
        return value
    raise argparse.ArgumentTypeError(f"must be a number above 0, such as 5, and it is {text!r}")


def number_from_zero(text: str) -> float:
    """A type for argparse."""
    if (value := _number(text)) >= 0:
        return value
    raise argparse.ArgumentTypeError(f"must be 0 or a number above it, such as 1.5, and it is {text!r}")


def _number(text: str) -> float:
    """-1 for what is no number."""
    try:
        value = float(text)
    except ValueError:
        return -1.0
    return value if isfinite(value) else -1.0
