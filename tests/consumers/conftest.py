"""Dify's own consumers need `graphon`, which is large: dependency group `host`, installed where all tests run."""

import importlib.util

collect_ignore = [] if importlib.util.find_spec("graphon") else ["test_graphon.py", "test_time_limit.py"]
