"""Proofs that need the machine for themselves: delays under load, and people at terminals. `.ci/run` runs them apart from the rest."""
