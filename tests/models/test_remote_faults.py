"""Every fault an upstream can have ends in a clean error, after retries where time may mend it."""

import asyncio
import gzip
import json
from contextlib import aclosing
from email.utils import formatdate
from typing import Any

import pytest

from azeotrope.errors import Refused, Unavailable
from azeotrope.models.patience import Patience
from azeotrope.models.remote import Remote
from azeotrope.streams import ask
from azeotrope.types import Answer, Request

QUESTION = Request.of("what is 2+2?")
LIVE = Request(QUESTION.messages, {}, {"stream": True})
BOTH = pytest.mark.parametrize("request_", [QUESTION, LIVE], ids=["plain", "stream"])
KEY = "sk-operators-own"
SECRET = "the raw thought"
QUICK = Patience(retries=2, backoff=0.001, connect=60, idle=60, deadline=120)


def remote(upstream: Any, patience: Patience = QUICK, **settings: Any) -> Remote:
    return Remote(upstream.url, key=KEY, patience=patience, **settings)


async def fails(upstream: Any, request: Request = QUESTION, patience: Patience = QUICK) -> Unavailable | Refused:
    """The error that a call ends with; it quotes neither key nor content nor address."""
    async with remote(upstream, patience) as model:
        with pytest.raises((Unavailable, Refused)) as caught:
            await ask(model, request)
    shown = f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    assert KEY not in shown and SECRET not in shown and "127.0.0.1" not in shown and len(str(caught.value)) > 20
    return caught.value


def good(upstream: Any) -> list[Any]:
    return upstream.json(upstream.completion({"content": "4"}))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529])
@BOTH
async def test_a_status_that_time_may_mend_is_tried_again(upstream, request_: Request, status: int) -> None:
    upstream.says(
        upstream.json({"error": {"message": SECRET}}, status),
        upstream.reply(b"<html>", status, "text/html"),
        good(upstream),
    )
    async with remote(upstream) as model:
        assert (await ask(model, request_)).answer == "4"
    assert len(upstream.asked) == 3
    assert len({asked.body for asked in upstream.asked}) == 1


async def test_retries_are_bounded_and_the_last_word_is_kept(upstream) -> None:
    upstream.says(upstream.reply(SECRET.encode(), 503, Retry_After="0"))
    error = await fails(upstream)
    assert isinstance(error, Unavailable) and (error.status, error.retry_after) == (503, 0.0)
    assert len(upstream.asked) == 3


async def test_a_retry_after_past_the_deadline_is_not_waited_for(upstream) -> None:
    for wish in ("3600", formatdate(4e9, usegmt=True)):
        upstream.says(upstream.reply(b"", 429, Retry_After=wish))
        error = await fails(upstream)
        assert error.status == 429 and error.retry_after >= 3600
    assert len(upstream.asked) == 2


@pytest.mark.parametrize("status", [400, 404, 405, 409, 413, 422])
@BOTH
async def test_a_request_at_fault_is_refused_at_once(upstream, request_: Request, status: int) -> None:
    words = f"no such model\r\n\x1b[31m for {KEY} " + "x" * 1000
    upstream.says(upstream.json({"error": {"message": words, "code": "model_not_found", "param": "model"}}, status))
    error = await fails(upstream, request_)
    assert isinstance(error, Refused)
    assert (error.status, error.code, error.param) == (status, "model_not_found", "model")
    assert str(error) == f"the upstream refused this request ({status}, model_not_found, param model)"
    assert "no such model" in error.said and KEY not in error.said and error.said.isprintable()
    assert len(error.said) <= 300
    assert len(upstream.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>no</html>",
        b"[1]",
        b'{"error": null}',
        b'{"error": "no"}',
        b'{"detail": []}',
        b'{"error": {"code": {}}}',
        b"\xff",
    ],
)
async def test_a_refusal_in_any_words_is_a_refusal(upstream, body: bytes) -> None:
    upstream.says(upstream.reply(body, 422))
    assert isinstance(error := await fails(upstream), Refused) and error.status == 422


@pytest.mark.parametrize(
    "words", [f"<think>{SECRET}", SECRET, f"{SECRET}\n", "x" * 65, "a..b", "", f"x-{KEY}", 3, [SECRET]]
)
async def test_a_refusal_quotes_nothing_but_names(upstream, words: Any) -> None:
    fault = {"message": f"failed to parse generation: <think>{SECRET}", "code": words, "param": words}
    upstream.says(upstream.json({"error": fault}, 400))
    error = await fails(upstream)
    assert isinstance(error, Refused) and (error.code, error.param) == (None, None)
    assert str(error) == "the upstream refused this request (400)"


@pytest.mark.parametrize("name", ["temperature", "messages[0].content", "tools[12].function.name", "context-length"])
async def test_a_refusal_names_its_param(upstream, name: str) -> None:
    upstream.says(upstream.json({"error": {"message": SECRET, "code": "invalid_value", "param": name}}, 400))
    error = await fails(upstream)
    assert isinstance(error, Refused) and error.param == name
    assert str(error) == f"the upstream refused this request (400, invalid_value, param {name})"


@pytest.mark.parametrize("status", [401, 402, 403, 407])
async def test_the_operators_credentials_are_no_business_of_the_client(upstream, status: int) -> None:
    upstream.says(upstream.json({"error": {"message": f"Incorrect API key provided: {KEY}"}}, status))
    error = await fails(upstream)
    assert isinstance(error, Unavailable) and error.status == status and "Incorrect" not in str(error)
    assert len(upstream.asked) == 1


async def test_a_redirect_is_not_followed_with_the_key(upstream) -> None:
    upstream.says(upstream.reply(b"", 307, Location=f"{upstream.url}/elsewhere"))
    assert "base_url" in str(await fails(upstream))
    assert len(upstream.asked) == 1


def dying(upstream: Any) -> dict[str, list[Any]]:
    """Scripts that end or stall before anything can have been handed on."""
    body = json.dumps(upstream.completion({"content": SECRET})).encode()
    started = upstream.head(Content_Length=str(len(body)))
    live = upstream.head(kind="text/event-stream", Transfer_Encoding="chunked")
    return {
        "closes before the head": [upstream.FIN],
        "resets before the head": [upstream.RST],
        "closes in the head": [b"HTTP/1.1 200 OK\r\nContent-", upstream.FIN],
        "closes in the body": [started + body[:20], upstream.FIN],
        "resets in the body": [started + body[:20], upstream.RST],
        "closes in a chunk": [live + b"50\r\ndata: {", upstream.FIN],
        "gzip that is none": upstream.reply(body, Content_Encoding="gzip"),
    }


DYING = ["closes before the head", "resets before the head", "closes in the head", "closes in the body",
         "resets in the body", "closes in a chunk", "gzip that is none"]  # fmt: skip


@pytest.mark.parametrize("fault", DYING)
@BOTH
async def test_a_connection_that_breaks_is_tried_again_and_given_up(upstream, request_: Request, fault: str) -> None:
    script = dying(upstream)[fault]
    upstream.says(script, good(upstream))
    async with remote(upstream) as model:
        assert (await ask(model, request_)).answer == "4"
    upstream.asked.clear()
    upstream.says(script)
    error = await fails(upstream, request_)
    assert isinstance(error, Unavailable) and error.status is None
    assert len(upstream.asked) == 3


async def test_a_server_that_is_not_there(upstream) -> None:
    await upstream.__aexit__()
    assert "cannot be reached" in str(await fails(upstream))
    async with remote(upstream) as model:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await model.models()


@BOTH
async def test_a_server_that_never_answers(upstream, request_: Request, ahead) -> None:
    upstream.says([upstream.HANG])
    idle, deadline, attempts = (60, 600, 2) if request_ is LIVE else (600, 60, 1)  # past the deadline there is no other
    patience = Patience(retries=1, backoff=0.001, connect=600, idle=idle, deadline=deadline)
    failing = asyncio.create_task(fails(upstream, request_, patience))
    for attempt in range(attempts):
        await upstream.heard(attempt + 1)
        ahead(62)
    assert isinstance(await failing, Unavailable)
    assert len(upstream.asked) == attempts
    await upstream.left()


@BOTH
async def test_a_server_that_falls_silent_in_its_body(upstream, request_: Request) -> None:
    kind = "text/event-stream" if request_ is LIVE else "application/json"
    upstream.says([upstream.head(kind=kind, Content_Length="99") + b": ", upstream.HANG])
    error = await fails(upstream, request_, Patience(retries=1, backoff=0.001, idle=1, deadline=600))
    assert isinstance(error, Unavailable)
    assert len(upstream.asked) == 2


async def test_the_deadline_ends_a_stream_that_never_falls_silent(upstream) -> None:
    drip = [upstream.head(kind="text/event-stream", Transfer_Encoding="chunked")]
    tick = upstream.chunk(b": tick\n\n")

    class Dripping(list):
        def __iter__(self):
            yield from drip
            while True:
                yield tick

    upstream.says(Dripping())
    error = await fails(upstream, LIVE, Patience(retries=0, idle=5, deadline=0.2))
    assert isinstance(error, Unavailable)


@pytest.mark.parametrize("end", ["FIN", "RST", "END", "HANG"])
async def test_after_the_first_event_nothing_is_tried_again(upstream, end: str, ahead) -> None:
    d, told = upstream.delta, asyncio.Event()
    upstream.says(
        upstream.stream(d(reasoning=SECRET), d(content="fo"), told, getattr(upstream, end), done=False), good(upstream)
    )
    seen = []
    async with remote(upstream, QUICK) as model:
        with pytest.raises(Unavailable):
            async with aclosing(model.stream(LIVE)) as events:
                async for event in events:
                    seen.append(event)
                    if isinstance(event, Answer):
                        told.set()
                        ahead(61 if end == "HANG" else 0)
    assert [event.text for event in seen if isinstance(event, Answer)] == ["fo"]
    assert len(upstream.asked) == 1


def nonsense(upstream: Any) -> dict[str, list[Any]]:
    d = upstream.delta
    said = json.dumps(upstream.completion({"content": SECRET})).encode()
    return {
        "html": upstream.reply(b"<html>" + SECRET.encode(), kind="text/html; charset=utf-8"),
        "no content type": upstream.reply(said, kind=None),
        "plain text": upstream.reply(said, kind="text/plain"),
        "damaged gzip": upstream.reply(gzip.compress(said)[:-30] + b"damage" * 5, Content_Encoding="gzip"),
        "no json": upstream.reply(b"{" + SECRET.encode()),
        "invalid utf-8": upstream.reply(said.replace(b"thought", b"\xff\xfe")),
        "nul bytes": upstream.reply(b"\x00" * 50),
        "empty": upstream.reply(b""),
        "no choices": upstream.json({"choices": []}),
        "error in a 200": upstream.json({"error": {"message": SECRET, "type": "server_error"}}),
        "no finish": upstream.json(upstream.completion({"content": SECRET}, finish=None)),
        "malformed event": upstream.stream(d(content="a"), b"data: {" + SECRET.encode() + b"\n\n"),
        "event that is no json": upstream.stream(b"data: " + SECRET.encode() + b"\n\n"),
        "invalid utf-8 event": upstream.stream(b'data: {"choices": "\xff"}\n\n'),
        "nul event": upstream.stream(b"data: \x00\n\n"),
        "error event": upstream.stream(d(content="a"), {"error": {"message": SECRET}}),
        "named error event": upstream.stream(b'event: error\ndata: {"message": "x"}\n\n'),
        "no finish before done": upstream.stream(d(content="4")),
        "only comments": upstream.stream(b": hello\n\n"),
        "no http": [b"SSH-2.0-OpenSSH_9.9\r\n\r\n" * 3, upstream.FIN],
        "bad header": [b"HTTP/1.1 200 OK\r\nContent-Type application/json\r\n\r\n", upstream.FIN],
        "bad chunk": [upstream.head(kind="text/event-stream", Transfer_Encoding="chunked") + b"zz\r\nhello\r\n"],
        "endless header": [b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", upstream.FIN],
    }


NONSENSE = [
    "html", "no content type", "damaged gzip", "plain text", "no json", "invalid utf-8", "nul bytes",
    "empty", "no choices", "error in a 200", "no finish", "malformed event", "event that is no json",
    "invalid utf-8 event", "nul event", "error event", "named error event", "no finish before done",
    "only comments", "no http", "bad header", "bad chunk", "endless header",
]  # fmt: skip


@pytest.mark.parametrize("fault", NONSENSE)
@BOTH
async def test_nonsense_is_unavailable_in_clean_words(upstream, request_: Request, fault: str) -> None:
    upstream.says(nonsense(upstream)[fault])
    assert isinstance(await fails(upstream, request_), Unavailable)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "bomb"])
@BOTH
async def test_a_body_that_is_too_large_is_not_read_to_its_end(upstream, request_: Request, packed: bool) -> None:
    huge = b" " * 3_000_000
    kind = "text/event-stream" if request_ is LIVE else "application/json"
    body = gzip.compress(huge) if packed else huge
    upstream.says(upstream.reply(body, kind=kind, **({"Content_Encoding": "gzip"} if packed else {})))
    error = await fails(upstream, request_, Patience(max_bytes=1_000_000))
    assert "larger than" in str(error)
    assert len(upstream.asked) == 1
