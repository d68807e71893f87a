"""The mock upstream: an OpenAI-compatible server that costs next to nothing. Knows nothing of who asks.

`python -m benchmarks.upstream PORT`. Answers `POST` with a fixed completion, or, for `"stream":true`, with 65 events
(48 of reasoning, 16 of answer, [DONE]), each in a write of its own. A request that holds the word HOLD gets 8 events
short of its end and then nothing more: a stream that stays open.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop

REASONING, ANSWER, HELD = 48, 16, 56
_OPEN = {"id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": 1, "model": "mock"}


def _event(at: int) -> bytes:
    name = "reasoning_content" if at < REASONING else "content"
    finish = "stop" if at == REASONING + ANSWER - 1 else None
    choice = {"index": 0, "delta": {name: f"token {at} "}, "finish_reason": finish}
    return b"data: " + json.dumps({**_OPEN, "choices": [choice]}).encode() + b"\n\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


CHUNKS = [_chunk(data) for data in [*map(_event, range(REASONING + ANSWER)), b"data: [DONE]\n\n"]]
_MESSAGE = {"role": "assistant", "reasoning_content": "so it goes " * 136, "content": "an answer " * 30}
_COMPLETION = json.dumps(
    {
        **_OPEN,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 125, "completion_tokens": 484, "total_tokens": 609},
    }
).encode()
_MODELS = b'{"object":"list","data":[{"id":"mock","object":"model","created":1,"owned_by":"mock"}]}'


def _json(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


WHOLE, MODELS = _json(_COMPLETION), _json(_MODELS)
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Upstream(asyncio.Protocol):
    """One connection, one request at a time (nobody pipelines here)."""

    def __init__(self) -> None:
        self._buffer = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        request = _request(self._buffer)
        if request is not None:
            self._buffer = b""
            self._answer(*request)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET"):
            self._transport.write(MODELS)
        elif b'"stream":true' in body.replace(b": ", b":"):
            self._transport.write(STREAM)
            self._pump(0, HELD if b"HOLD" in body else len(CHUNKS))
        else:
            self._transport.write(WHOLE)

    def _pump(self, at: int, end: int) -> None:
        """One event a turn of the loop, so that each is a write of its own."""
        if self._transport.is_closing():
            return
        self._transport.write(CHUNKS[at])
        if at + 1 < end:
            self._loop.call_soon(self._pump, at + 1, end)
        elif end == len(CHUNKS):
            self._transport.write(b"0\r\n\r\n")


def _request(data: bytes) -> tuple[bytes, bytes] | None:
    """(head, body) once the request is whole."""
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return None
    head = head.lower() if not head.startswith(b"GET") else head
    if b"transfer-encoding: chunked" in head:
        return (head, rest) if rest.endswith(b"0\r\n\r\n") else None
    at = head.find(b"content-length:")
    length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
    return (head, rest) if len(rest) >= length else None


async def _main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1])))
