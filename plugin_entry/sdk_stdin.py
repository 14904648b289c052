"""Request lines without a second thread.

Enters: the standard input. Leaves: its bytes, to the SDK's reader of request lines. The SDK reads in a native thread, so each request
begins with two changes of threads; a pipe can be waited for by gevent's hub like any connection.
What is no pipe and no socket (a file) is read as the SDK does it.
"""

import os
import stat

import gevent
from dify_plugin.core.server.stdio import request_reader
from gevent.os import tp_read

LIBEV_READ = 1


def read(descriptor: int, size: int) -> bytes:
    """Waits for bytes and gives up to `size` of them; none at the end of the input. Nobody else may read from the descriptor."""
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return bytes(tp_read(descriptor, size))
    hub = gevent.get_hub()
    watcher = hub.loop.io(descriptor, LIBEV_READ)
    try:
        hub.wait(watcher)
    finally:
        watcher.close()
    return os.read(descriptor, size)


def install() -> None:
    """Makes the SDK read that way."""
    vars(request_reader)[tp_read.__name__] = read
