"""The bound for reading: `python -m tests.bench.bare_reader PORT MODEL STREAMS`.

Enters: a server, and how many answers, all wanted at once. Leaves: a line of JSON with what they took, in seconds, and the bytes of each.
No framing, no JSON, no frames. What this takes longer than the answers themselves is the server's share and the machine's, and no plugin
can be faster beside the same server. It reads from any server whose answers are chunked, a benchmark's or a real one.
"""

import json
import sys
import time

from tests.bench.bare_client import Answer, Client


def _nothing(answer: Answer, data: bytes) -> None:
    """The bytes are of no interest."""


def main() -> None:
    """Reads, and says what it took."""
    port, model, streams = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    ended: list[Answer] = []
    client = Client(_nothing, ended.append)
    began, cpu = time.monotonic(), time.process_time()
    for _ in range(streams):
        client.want(Answer("", model, port))
    while client.is_busy:
        client.step()
    found = {
        "wall_s": time.monotonic() - began,
        "cpu_s": time.process_time() - cpu,
        "worst_first_s": max(answer.first for answer in ended) - began,
        "sizes": sorted({answer.size for answer in ended}),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
