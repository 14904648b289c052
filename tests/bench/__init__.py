"""What the plugin costs, room by room: `python -m tests.bench`.

Pytest only sees that it runs (tests/bench/test_bench.py): figures depend on the machine.
"""
