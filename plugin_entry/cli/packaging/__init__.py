"""The plugin's package: which files it is made of, how it is written, and what Dify and its marketplace demand of it.

Enters: the project's directory. Leaves: the bytes of a `.difypkg`, and a table of checks.
"""
