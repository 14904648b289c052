"""Tests of the translation library, in its own folders."""
