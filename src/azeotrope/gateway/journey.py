"""A chat completion's way through a defense: refused or asked, decided, recorded, and rendered, whole or as a stream.

Knows the dialect's file and no method by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress

from azeotrope.gateway.call import Call, Means
from azeotrope.gateway.failures import Rejected
from azeotrope.gateway.outbox import Outbox
from azeotrope.gateway.recording import record, record_part
from azeotrope.gateway.wire import chat, cleaning, leaks
from azeotrope.streams import ask_all, collect
from azeotrope.types import Answer, Event, Extra, Finish, Message, Reasoning, Request, ToolCall, Trace, Usage

_CONTENT = (Answer, Reasoning, ToolCall, Extra)


async def permitted(asked: chat.Asked, rules: leaks.Rules, turns: asyncio.Lock) -> Request:
    """The request that may reach the model. Raises `Refused` naming the member that may not.

    `turns`: requests whose messages are long are read a step each, in turn, and whoever else is served goes on between.
    """
    leaks.refuse(asked.fields, rules)
    leaks.refuse_bias(asked.fields, rules)
    fixed = {"temperature": 0.0} if rules.greedy else {}
    return chat.request(asked.fields | fixed, await _cleaned(asked.fields["messages"], turns))


async def _cleaned(messages: list[Message], turns: asyncio.Lock) -> list[Message]:
    steps, read = cleaning.cleaned(messages), 0
    while True:
        try:
            read += next(steps)
        except StopIteration as end:
            return end.value
        if read >= cleaning.STEP:
            read = 0
            async with turns:
                await asyncio.sleep(0)


async def serve(means: Means, call: Call, asked: chat.Asked) -> None:
    """Answers the call."""
    assert call.guard is not None
    request = await permitted(asked, call.guard.rules, means.turns)
    if asked.stream:
        await _stream(means, call, request, asked)
    else:
        await _whole(means, call, request, asked)


async def _whole(means: Means, call: Call, request: Request, asked: chat.Asked) -> None:
    assert call.guard is not None
    traces = await ask_all(call.guard.model(stream=False), request)
    await record(means, call, traces)
    name = call.guard.policy.reasoning_field
    alternatives = leaks.alternatives(asked.fields, call.guard.rules)
    body = chat.completion(
        traces, name, f"chatcmpl-{call.id}", int(call.started), alternatives, call.guard.policy.logprob_step
    )
    await call.reply.whole(200, body)


async def _stream(means: Means, call: Call, request: Request, asked: chat.Asked) -> None:
    """Sends what a maker makes: two tasks, so that the client's pace and the model's need not agree."""
    server = means.settings.server
    outbox = Outbox(server.buffer_bytes, server.keep_alive_seconds, chat.KEEP_ALIVE)
    making = asyncio.get_running_loop().create_task(_Making(means, call, request, outbox, asked).run())
    try:
        while data := await outbox.take():
            await call.reply.part(data)
        await call.reply.end()
    finally:
        outbox.close()
        making.cancel()
        with suppress(asyncio.CancelledError):
            await making


class _Making:
    """Events of one response -> bytes in the outbox; its last ones only when the record is durable."""

    def __init__(self, means: Means, call: Call, request: Request, outbox: Outbox, asked: chat.Asked) -> None:
        assert call.guard is not None
        self._means, self._call, self._request, self._outbox = means, call, request, outbox
        self._guard = call.guard
        name = call.guard.policy.reasoning_field
        alternatives = leaks.alternatives(asked.fields, call.guard.rules)
        self._frames = chat.Frames(
            name,
            f"chatcmpl-{call.id}",
            int(call.started),
            usage=asked.usage,
            alternatives=alternatives,
            step=call.guard.policy.logprob_step,
        )
        self._events: list[Event] = []
        self._released = False
        """Has content gone out that is not recorded yet?"""

    async def run(self) -> None:
        """Never raises: what goes wrong is handed to the sender."""
        try:
            held = await self._follow()
            await self._record()
            for event in held:
                await self._put(event)
            self._outbox.put(chat.DONE)
            self._outbox.close()
        except asyncio.CancelledError:
            self._outbox.close()
        except BaseException as error:
            self._outbox.close(error)
        finally:
            if self._released:
                traces = collect(self._request, self._events)
                self._means.later(record_part(self._means, self._call, traces))

    async def _follow(self) -> list[Event]:
        """Lets content out as it comes, or none of it under `buffer`; returns what is to leave after the record."""
        held: list[Event] = []
        buffers = self._guard.buffers
        async with aclosing(self._guard.model(stream=True).stream(self._request)) as events:
            async for event in events:
                self._events.append(event)
                if buffers or isinstance(event, (Finish, Usage)):
                    held.append(event)
                else:
                    self._released = self._released or isinstance(event, _CONTENT)
                    await self._put(event)
        return held if buffers else sorted(held, key=lambda event: isinstance(event, Usage))

    async def _record(self) -> None:
        """The whole of it. A client that leaves meanwhile does not stop it: what was half-way might be written all the
        same, and a part of it beside it."""
        traces = collect(self._request, self._events)
        recording = asyncio.get_running_loop().create_task(record(self._means, self._call, traces))
        try:
            await asyncio.shield(recording)
        except asyncio.CancelledError:
            self._means.later(self._whole_or_part(recording, traces, self._released))
            self._released = False
            raise
        self._released = False

    async def _whole_or_part(self, recording: asyncio.Task[None], traces: Sequence[Trace], released: bool) -> None:
        try:
            await recording
        except Rejected:
            if released:
                await record_part(self._means, self._call, traces)

    async def _put(self, event: Event) -> None:
        if self._outbox.put(self._frames.of(event)):
            await self._outbox.room()
