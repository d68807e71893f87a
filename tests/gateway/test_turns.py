"""What is done once for many requests: one timer, one write a turn of the loop, one look at who has left."""

import asyncio
import io
import json
from typing import Any

import pytest

from azeotrope.gateway.joining import Joining
from azeotrope.gateway.limit import Limit
from azeotrope.gateway.logs import logger
from azeotrope.gateway.presence import Departure, Gone, Presence


class Pipe:
    """A transport that keeps what is written, write by write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def writelines(self, parts: list[bytes]) -> None:
        self.writes.append(b"".join(parts))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


# ---- one timer


async def under(limit: Limit, work: Any) -> Any:
    task = asyncio.current_task()
    assert task is not None
    with limit.on(task):
        return await work


async def test_whoever_is_over_the_limit_is_told_and_nobody_else(ahead) -> None:
    limit, done = Limit(60), asyncio.Event()
    slow = [asyncio.create_task(under(limit, asyncio.Event().wait())) for _ in range(3)]
    assert await under(limit, asyncio.sleep(0, "in time")) == "in time"
    ahead(30)
    later = asyncio.create_task(under(limit, done.wait()))
    await asyncio.sleep(0)
    ahead(31)
    ended = await asyncio.gather(*slow, return_exceptions=True)
    done.set()
    assert [type(error) for error in ended] == [TimeoutError] * 3
    assert await later, "its own time had not come"
    assert not any(task.cancelling() for task in slow)


async def test_the_limit_is_set_anew_for_whoever_comes_after(ahead) -> None:
    limit = Limit(60)
    for _ in range(2):
        late = asyncio.create_task(under(limit, asyncio.Event().wait()))
        await asyncio.sleep(0)
        ahead(61)
        with pytest.raises(TimeoutError):
            await late
        assert await under(limit, asyncio.sleep(0, "in time")) == "in time"
        ahead(61)
        await asyncio.sleep(0)


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    task = asyncio.create_task(under(Limit(30), asyncio.sleep(30)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# ---- one write


async def test_what_is_written_in_one_turn_leaves_in_one_write() -> None:
    pipe = Pipe()
    joined = Joining(pipe, asyncio.get_running_loop())  # type: ignore[arg-type]
    joined.write(b"head ")
    joined.write(b"body")
    assert pipe.writes == []
    await asyncio.sleep(0)
    joined.write(b"next")
    await asyncio.sleep(0)
    assert pipe.writes == [b"head body", b"next"]


async def test_nothing_is_held_back_past_a_bound_or_a_close() -> None:
    pipe = Pipe()
    joined = Joining(pipe, asyncio.get_running_loop())  # type: ignore[arg-type]
    joined.write(b"x" * 100_000)
    assert len(pipe.writes) == 1
    joined.write(b"last words")
    joined.close()
    assert (pipe.writes[1:], pipe.closed, joined.is_closing()) == ([b"last words"], True, True)
    joined.write(b"too late")
    await asyncio.sleep(0)
    assert len(pipe.writes) == 2


class Sink(io.BytesIO):
    """Counts the writes."""

    times = 0

    def write(self, data: Any) -> int:
        self.times += 1
        return super().write(data)


async def test_log_lines_of_one_turn_leave_together_and_in_order() -> None:
    sink = Sink()
    log = logger("info", sink)
    for number in range(3):
        log.info("said", number=number)
    log.debug("not asked for")
    log.warning("odd", what={1})
    await asyncio.sleep(0)
    lines = [json.loads(line) for line in sink.getvalue().splitlines()]
    assert (sink.times, [line["level"] for line in lines]) == (1, ["info"] * 3 + ["warning"])
    assert [line.get("number") for line in lines] == [0, 1, 2, None]
    assert lines[0]["event"] == "said" and lines[0]["timestamp"].endswith("Z")
    assert lines[3]["what"] == "{1}"


def test_without_a_loop_a_line_leaves_at_once() -> None:
    sink = Sink()
    logger("info", sink).error("early")
    assert json.loads(sink.getvalue())["event"] == "early"


async def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    errors: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    logger("info", Full()).info("lost")
    await asyncio.sleep(0)
    assert not errors


# ---- who has left


async def present(receive: Any, departure: Departure | None) -> None:
    with Presence(receive, departure):
        await asyncio.sleep(30)


async def test_a_server_without_departures_is_asked_whether_the_client_has_left() -> None:
    messages = iter([{"type": "http.request"}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    with pytest.raises(Gone):
        await present(receive, None)


async def test_a_departure_ends_the_block_even_one_that_came_before_it() -> None:
    departure = Departure()
    task = asyncio.create_task(present(None, departure))
    await asyncio.sleep(0)
    departure.happen()
    with pytest.raises(Gone):
        await task
    with pytest.raises(Gone):
        await present(None, departure)


async def test_a_departure_after_the_block_harms_nobody() -> None:
    departure = Departure()
    with Presence(None, departure):  # type: ignore[arg-type]
        pass
    departure.happen()
    await asyncio.sleep(0)
