"""The bound: what a client costs that does nothing but the exchange itself.

Enters: the port and the model of an answer. Leaves: the bytes of the plugin's own request for it. The bare references use nothing but the
standard library: `bare_reader` reads many answers and looks at nothing, `bare_plugin` answers over stdio.
"""

REQUEST = (
    b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: dify-ollama\r\nContent-Type: application/json\r\n"
    b"Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nContent-Length: %d\r\n\r\n%b"
)
BODY = (
    b'{"model":"%b","messages":[{"role":"user","content":"Why is the sky blue?"}],'
    b'"stream":true,"options":{"num_ctx":8192},"truncate":false}'
)
HEAD_END, BODY_END = b"\r\n\r\n", b"\r\n0\r\n\r\n"
READ = 256 * 1024
"""Bytes of one read, as many as asyncio asks for."""


def body_of(model: str) -> bytes:
    """The plugin's request for this model; a test compares them."""
    return BODY % model.encode()


def request(model: str, port: int) -> bytes:
    """The same with its headers."""
    body = body_of(model)
    return REQUEST % (port, len(body), body)
