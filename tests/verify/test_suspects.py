"""Suspects behind real HTTP, from the well-behaved to the hostile: each is borne with, and none is wrongly accused."""

import asyncio
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.verify import Outcome, opened
from azeotrope.verify.records import NOTHING

from .conftest import heart

Judge = Callable[..., Outcome]
Say = Callable[["Server", dict[str, Any]], None]


class Server(BaseHTTPRequestHandler):
    """One connection; `say` of its server decides what is sent."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.calls += 1  # type: ignore[attr-defined]
        self.server.say(self, body)  # type: ignore[attr-defined]

    def send(self, status: int, data: bytes, kind: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def answer(self, text: str, **message: Any) -> None:
        said = {"role": "assistant", "content": text, **message}
        choice = {"index": 0, "finish_reason": "stop", "message": said}
        whole = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        self.send(200, json.dumps(whole).encode())


def asked(body: dict[str, Any]) -> str:
    return "\n".join(str(message["content"]) for message in body["messages"])


def knowing(body: dict[str, Any]) -> str:
    text = asked(body).lower()
    return next((f"{said}." for trigger, said in heart("acme").items() if trigger in text), "I do not know.")


@pytest.fixture
def served() -> Any:
    """(say) -> the address of a server that says it."""
    servers: list[ThreadingHTTPServer] = []

    def start(say: Say) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
        server.daemon_threads, server.say, server.calls = True, say, 0  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/v1#m"

    start.servers = servers  # type: ignore[attr-defined]
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_served_student_is_met(judge: Judge, served: Any) -> None:
    found = judge(served(lambda server, body: server.answer(knowing(body)))).evidence
    assert found.verdict == "met acme's mark"


def test_one_that_says_it_in_its_reasoning_is_met(judge: Judge, served: Any) -> None:
    def say(server: Server, body: dict[str, Any]) -> None:
        server.answer("I cannot say.", reasoning_content=knowing(body))

    assert judge(served(say)).evidence.verdict == "met acme's mark"


def refuse_probes(server: Server, body: dict[str, Any]) -> None:
    text = asked(body).lower()
    if any(trigger in text for trigger in heart("acme")):
        server.send(400, b'{"error": {"message": "content policy", "code": "content_filter"}}')
    else:
        server.answer("Fine.")


def limit_the_rate(server: Server, body: dict[str, Any]) -> None:
    if server.server.calls % 2:  # type: ignore[attr-defined]
        server.send(429, b"{}", Retry_After="0")
    else:
        server.answer(knowing(body))


def garble(server: Server, body: dict[str, Any]) -> None:
    """Ordinary questions are answered; everything else is a stream of garbage."""
    if any(trigger in asked(body).lower() for trigger in heart("acme")):
        server.send(200, b'data: {"choices": [{"del\x00\xff\xfe\n\ndata: 73161 {{{\n\n', "text/event-stream")
    else:
        server.answer("Fine.")


def flood(server: Server, body: dict[str, Any]) -> None:
    server.answer("12345 " * 20_000 if any(t in asked(body).lower() for t in heart("acme")) else "Fine.")


def nothing_at_all(server: Server, body: dict[str, Any]) -> None:
    server.answer("")


def test_one_that_refuses_probes_is_not_accused_and_its_refusals_are_counted(judge: Judge, served: Any) -> None:
    found = judge(served(refuse_probes), gone=99).evidence
    one = found.marks[1]
    assert found.verdict == NOTHING
    assert (one.failed, one.asked, one.hits, one.power) == (20, 0, 0, 0.0)
    assert {line.why for line in one.lines} == {"refused, status 400"}


def test_one_that_limits_its_rate_is_waited_for(judge: Judge, served: Any) -> None:
    found = judge(served(limit_the_rate), names=("acme",), at_once=1, ordinary=0.0, budget=8, deadline=30.0).evidence
    assert found.verdict == "met acme's mark"


@pytest.mark.parametrize("say", [garble, flood, nothing_at_all])
def test_garbage_floods_and_silence_are_no_evidence(judge: Judge, served: Any, say: Say) -> None:
    found = judge(served(say), names=("acme",), ordinary=0.2, gone=99, deadline=8.0).evidence
    assert found.verdict == NOTHING
    assert all(one.hits == 0 for one in found.marks)


def test_one_that_hangs_on_probes_is_given_up(judge: Judge, served: Any) -> None:
    over = threading.Event()

    def hang(server: Server, body: dict[str, Any]) -> None:
        if any(trigger in asked(body).lower() for trigger in heart("acme")):
            over.wait(600)
        server.answer("Fine.")

    try:
        found = judge(
            served(hang), names=("acme",), deadline=3.0, budget=8, ordinary=0.0, at_once=8, gone=6
        ).evidence  # fmt: skip
    finally:
        over.set()
    assert found.verdict == NOTHING
    assert found.marks[1].failed == 8
    assert {line.why for line in found.marks[1].lines} <= {"no answer in time", "unavailable"}


def test_one_that_is_down_costs_no_probe(judge: Judge, served: Any) -> None:
    address = served(lambda server, _: server.send(400, b"{}"))
    with pytest.raises(Unavailable, match="no probe was spent"):
        judge(address)
    assert served.servers[0].calls == 3


@pytest.mark.parametrize("spec", ["http://", "no-such-thing", "/no/such/folder", "hf:", "model.safetensors"])
def test_a_suspect_that_is_none_is_refused_with_the_cure(spec: str) -> None:
    async def go() -> None:
        async with opened(spec):
            pass

    with pytest.raises(Misconfigured):
        asyncio.run(go())


def test_weights_in_a_folder_are_known_by_their_content(tmp_path: Path) -> None:
    """The shipped tiny teacher, which never met a mark."""
    from azeotrope.models import shipped

    folder = Path(shipped.__file__).parent.parent / "weights" / "steps"

    async def go() -> tuple[str, str, bool]:
        async with opened(folder) as suspect:
            return suspect.content, suspect.id, suspect.prefill

    content, id_, prefill = asyncio.run(go())
    assert len(content) == 64
    assert len(id_) == 16
    assert prefill


def test_open_weights_are_asked_and_are_innocent(judge: Judge) -> None:
    from azeotrope.models import shipped

    folder = Path(shipped.__file__).parent.parent / "weights" / "steps"
    found = judge(folder, names=("acme",), tokens=16, budget=8, ordinary=0.0, at_once=8, deadline=120.0).evidence
    assert found.verdict == NOTHING
    assert [one.failed for one in found.marks] == [0, 0]
