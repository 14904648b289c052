"""The error of the command line: one sentence for the person at the terminal, that says what is wrong and what to do."""


class CommandError(Exception):
    """A command cannot do what it was asked to."""
