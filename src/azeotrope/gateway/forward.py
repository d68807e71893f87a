"""The fast path of policies that change nothing: the upstream's bytes as they are. Knows no event and no trace.

A client is still spared an upstream's faults: what is no response of the right kind becomes a clean error, and a stream
is let out frame by whole frame, so that one that breaks off can end with an error event.
"""

from __future__ import annotations

from contextlib import aclosing

from azeotrope.errors import Unavailable
from azeotrope.gateway.call import Call, Means
from azeotrope.gateway.wire import chat
from azeotrope.models.remote import Forwarded, Remote

_FRAME = 16 << 20
"""Longest frame of a stream that is waited for, bytes."""
_TAIL = 64


async def serve(means: Means, call: Call, body: bytes, *, stream: bool) -> None:
    """Answers the call with what the upstream says."""
    assert isinstance(means.upstream, Remote)
    async with means.upstream.forward(body, live=stream) as response:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise Unavailable("the upstream compresses its responses though it was asked not to")
        if stream and response.headers.get("content-type", "").startswith("text/event-stream"):
            await _stream(call, response)
        else:
            await _whole(call, response)


async def _whole(call: Call, response: Forwarded) -> None:
    async with aclosing(response.chunks()) as chunks:
        body = b"".join([chunk async for chunk in chunks])
    chat.check_completion(body)
    await call.reply.whole(200, body)


async def _stream(call: Call, response: Forwarded) -> None:
    """Whole frames as they come; a stream without its last frame ends in an error."""
    held, tail = b"", b""
    reply = call.reply
    async with aclosing(response.chunks()) as chunks:
        async for chunk in chunks:
            held = held + chunk if held else chunk
            end = _frames_end(held)
            if end:
                whole, held = held[:end], held[end:]
                tail = (tail + whole)[-_TAIL:]
                await reply.part(whole)
            elif len(held) > _FRAME:
                raise Unavailable("the upstream sends a stream without frames")
    if b"[DONE]" not in tail + held:
        raise Unavailable("the upstream's stream ended before its [DONE]")
    await reply.end(held)


def _frames_end(data: bytes) -> int:
    """Where the last whole frame ends; 0 if none does. Frames end in two line feeds, or two CRLFs."""
    end = data.rfind(b"\n\n") + 2
    if end > 1:
        return end
    end = data.rfind(b"\r\n\r\n") + 4
    return end if end > 3 else 0
