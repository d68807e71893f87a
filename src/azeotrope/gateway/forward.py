"""The fast path of policies that change nothing: the upstream's bytes as they are. Knows no event and no trace.

A client is still spared an upstream's faults: what is no response of the right kind, tells of an error, or holds the
key the upstream was asked with becomes a clean error. A stream is let out frame by whole frame, so that one that breaks
off can end with an error event, and nothing that is looked for is ever cut in two.
"""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import Any, cast

import orjson

from azeotrope.errors import Unavailable
from azeotrope.gateway.call import Call, Means
from azeotrope.gateway.wire import chat
from azeotrope.models.remote import Forwarded, Remote

_FRAME = 16 << 20
"""Longest frame of a stream that is waited for, bytes."""
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":", b"\n", b"\r\n")
"""What a line of an event stream begins with."""
_DONE = re.compile(rb"(?:\A|\n)(data:)[ \t]*\[DONE\][ \t]*(?:\r?\n|\Z)")


async def serve(means: Means, call: Call, body: bytes, *, stream: bool) -> None:
    """Answers the call with what the upstream says."""
    assert isinstance(means.upstream, Remote)
    async with means.upstream.forward(body, live=stream) as response:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise Unavailable("the upstream compresses its responses though it was asked not to")
        if not stream:
            await _whole(call, response)
        elif response.headers.get("content-type", "").lower().startswith("text/event-stream"):
            await _stream(call, response)
        else:
            raise Unavailable("the upstream was asked for a stream and answered with something else")


async def _whole(call: Call, response: Forwarded) -> None:
    body = await response.whole()
    chat.check_completion(body)
    _check_key(response, body)
    await call.reply.whole(200, body)


async def _stream(call: Call, response: Forwarded) -> None:
    """Whole frames as they come, up to [DONE]; a stream without it ends in an error."""
    held, done = b"", False
    reply = call.reply
    async with aclosing(response.chunks()) as chunks:
        async for chunk in chunks:
            if done:  # read to its end all the same, so that the connection can be used again
                continue
            held = held + chunk if held else chunk
            if end := _frames_end(held):
                whole, held = held[:end], held[end:]
                done = await _let_out(call, response, whole)
            elif len(held) > _FRAME:
                raise Unavailable("the upstream sends a stream without frames")
    if not done and _DONE.search(held):
        await _let_out(call, response, held)
    elif not done:
        raise Unavailable("the upstream's stream ended before its [DONE]")
    await reply.end()


async def _let_out(call: Call, response: Forwarded, frames: bytes) -> bool:
    """Sends whole frames, those before a faulty one too; returns whether they end the stream. Raises `Unavailable`."""
    _check_key(response, frames)
    lines = frames.count(b"\n\n")
    if frames.count(b"\n\ndata:") + 1 != lines or not frames.startswith(b"data:") or b'"error"' in frames:
        at, fault = _fault(frames)
        if fault:
            if at:
                await call.reply.part(frames[:at])
            raise Unavailable(fault)
    ending = _DONE.search(frames) if b"[DONE]" in frames else None
    await call.reply.part(frames[: ending.start(1)] + chat.DONE if ending else frames)
    return ending is not None


def _check_key(response: Forwarded, data: bytes) -> None:
    if response.tells_key(data):
        raise Unavailable("the upstream's response holds the key it was asked with")


def _fault(frames: bytes) -> tuple[int, str]:
    """(where the first faulty frame begins, what is wrong); (0, "") where nothing is."""
    begin = at = 0
    for line in frames.splitlines(keepends=True):
        at += len(line)
        if not line.strip(b"\r\n"):
            begin = at
        elif not line.startswith(_FIELDS):
            return begin, "the upstream's event stream holds something that is no event"
        elif (line.startswith(b"event:") and line[6:].strip() == b"error") or (b'"error"' in line and _is_error(line)):
            return begin, "the upstream reports an error in its stream"
    return 0, ""


def _is_error(line: bytes) -> bool:
    """Whether the event is an error object, or cannot be told from one. The word may be content as well."""
    if not line.startswith(b"data:"):
        return False
    try:
        value: Any = orjson.loads(line[5:])
    except orjson.JSONDecodeError:
        return True
    return isinstance(value, dict) and bool(cast(dict[str, Any], value).get("error"))


def _frames_end(data: bytes) -> int:
    """Where the last whole frame ends; 0 if none does. Frames end in two line feeds, or two CRLFs."""
    end = data.rfind(b"\n\n") + 2
    if end > 1:
        return end
    end = data.rfind(b"\r\n\r\n") + 4
    return end if end > 3 else 0
