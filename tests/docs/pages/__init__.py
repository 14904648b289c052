"""Tests of pages of the manual."""
