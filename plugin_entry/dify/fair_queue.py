"""Frames that wait for a daemon that does not read, one queue for each stream.

Enters: frames and whose they are. Leaves: the frames, those of one stream in their order, the streams by turns: who has much to say must
not stand in front of everybody else's next word.
"""

from collections import deque


class FairQueue:
    """Sizes in bytes."""

    def __init__(self) -> None:
        self._frames: dict[object, deque[bytes]] = {}
        self._sizes: dict[object, int] = {}

    def __bool__(self) -> bool:
        return bool(self._frames)

    def size_of(self, owner: object) -> int:
        """What waits of one stream."""
        return self._sizes.get(owner, 0)

    def put(self, owner: object, frame: bytes) -> None:
        """Behind the owner's other frames."""
        self._frames.setdefault(owner, deque()).append(frame)
        self._sizes[owner] = self.size_of(owner) + len(frame)

    def take(self, least: int) -> bytes:
        """One frame of each stream in turn, until there are so many bytes or no more frames."""
        taken: list[bytes] = []
        size = 0
        while self._frames and size < least:
            taken.append(self._next())
            size += len(taken[-1])
        return b"".join(taken)

    def clear(self) -> None:
        """Forgets everything."""
        self._frames.clear()
        self._sizes.clear()

    def _next(self) -> bytes:
        """The first stream gives a frame, and is the last one then."""
        owner = next(iter(self._frames))
        frames = self._frames.pop(owner)
        frame = frames.popleft()
        self._sizes[owner] -= len(frame)
        if frames:
            self._frames[owner] = frames
        else:
            del self._sizes[owner]
        return frame
