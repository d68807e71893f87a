"""The demonstration: real questions through the real gateway, asked by customers of different policies. Prints nothing.

Knows no terminal. Everything is on this machine: a model in this process, servers on loopback ports, a ledger in a
folder that is removed afterwards. What the model thought is handed to whoever runs the demonstration, never to a log.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import aiohttp
from msgspec import field

from azeotrope import ledger
from azeotrope.codec import decode
from azeotrope.errors import Unavailable
from azeotrope.gateway import customers
from azeotrope.gateway.app import Gateway
from azeotrope.gateway.call import Means
from azeotrope.gateway.logs import logger
from azeotrope.gateway.metrics import Metrics
from azeotrope.gateway.policy import guards
from azeotrope.gateway.server import server
from azeotrope.gateway.settings import check
from azeotrope.models.fake import Scripted
from azeotrope.models.local import Local
from azeotrope.models.replay import Cached
from azeotrope.models.thinking import Thinking
from azeotrope.protocols import Model
from azeotrope.types import Fields, Record, Request

OPEN = "none"
"""The policy whose customer sees what the model thought."""
ANSWER_TOKENS, THOUGHT_TOKENS, REWRITE_TOKENS = 64, 96, 192
ENOUGH_SECONDS = 100.0
"""After these no further question is begun."""


class Question(Record, frozen=True):
    """A question with its right answer, and the generator's arguments that made it."""

    task: str
    question: str
    gold: str
    config: Fields = field(default_factory=dict[str, Any])
    seed: int = 0
    index: int = 0
    reasoning: str = ""
    """What the scripted model thinks, where the question is the scripted one; so the next two."""
    answer: str = ""
    rewrite: str = ""


class Questions(Record, frozen=True):
    """The file."""

    source: str
    questions: tuple[Question, ...]
    scripted: Question


class Reply(Record, frozen=True):
    """What one customer got, and what the ledger says of it."""

    policy: str
    reasoning: str
    answer: str
    milliseconds: float
    """From the request's first byte to the response's last, by the client's clock."""
    outcome: str
    failures: tuple[str, ...] = ()
    defense_ms: float = 0.0


class Round(Record, frozen=True):
    """One question, as every customer had it answered; the `OPEN` one first."""

    question: Question
    replies: tuple[Reply, ...]


class Told(Record, frozen=True):
    """What stands before the first round."""

    model: str
    licence: str
    seconds: float
    """That the model took to start."""
    address: str


def questions() -> Questions:
    """The questions that ship with the package."""
    return decode((files("azeotrope.demo") / "questions.json").read_bytes(), Questions)


async def run(tell: Callable[[Told], Any], show: Callable[[Round], Any], doing: Callable[[str], Any]) -> int:
    """The demonstration; returns how many records its ledger holds. `doing` is told each thing it begins."""
    asked = questions()
    with tempfile.TemporaryDirectory(prefix="azeotrope-demo-") as place:
        folder, began = Path(place), time.monotonic()
        doing("starting the model")
        async with Local() as model:
            started = time.monotonic() - began
            teacher = Cached(Thinking(model, thought_tokens=THOUGHT_TOKENS), folder / "answers")
            async with _gateway(folder, teacher, model, "semantic") as client:
                tell(Told(model.name, model.licence, started, client.address))
                for question in asked.questions:
                    if time.monotonic() - began < ENOUGH_SECONDS:
                        show(await client.round(question, doing))
        async with _gateway(folder, *_scripted(asked.scripted), "plan") as client:
            show(await client.round(asked.scripted, doing))
        return ledger.count(_dsn(folder))


def _scripted(question: Question) -> tuple[Model, Model]:
    """A teacher and a rewriter that say what was written beforehand."""
    teacher = Scripted(lambda _: (question.reasoning, question.answer), name="scripted-teacher")
    return teacher, Scripted(lambda _: question.rewrite, name="scripted-rewriter")


def _dsn(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.db'}"


def _table(folder: Path, instruction: str) -> Fields:
    """The gateway's settings: a policy a customer, all of them recorded."""
    instruct = {"instruction": instruction, "attempts": 1, "max_tokens": REWRITE_TOKENS}
    return {
        "server": {"port": 0, "log": "error"},
        "upstream": {"base_url": "http://127.0.0.1:9/v1"},  # stands for the model in this process
        "policies": {
            OPEN: {"defense": "none", "ledger": True},
            "withhold": {"defense": "withhold"},
            "terse": {"defense": "terse"},
            "instruct": {"defense": "instruct", "config": instruct},
        },
        "customers": {"file": f"customers-{instruction}.json", "default_policy": "withhold"},
        "ledger": {"dsn": _dsn(folder)},
    }


@asynccontextmanager
async def _gateway(folder: Path, teacher: Model, rewriter: Model, instruction: str) -> AsyncGenerator[_Client]:
    """The gateway on a loopback port while the block lasts, and a client with every customer's key."""
    settings = check(_table(folder, instruction), "the demonstration", folder)
    book = Path(settings.customers.file)
    keys = {policy: customers.add(book, f"customer-{policy}", policy) for policy in settings.policies}
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with ledger.Ledger(settings.ledger.dsn) as releases:
        ready = guards(settings, teacher, rewriter)
        log = logger(settings.server.log)
        known = customers.Customers(book, log)
        app = Gateway(Means(settings, ready, known, teacher, releases, Metrics(), log))
        served = server(app, settings.server, listening.set_result)
        serving = asyncio.create_task(served.serve())
        try:
            await asyncio.wait([serving, listening], return_when=asyncio.FIRST_COMPLETED)
            if not listening.done():
                raise Unavailable("the gateway did not start")
            async with aiohttp.ClientSession() as session:
                yield _Client(session, listening.result(), keys, settings.ledger.dsn)
        finally:
            served.stop()
            await serving


class _Client:
    """Asks the gateway over HTTP, as anybody would, with each customer's key in turn."""

    def __init__(self, session: aiohttp.ClientSession, address: str, keys: dict[str, str], dsn: str) -> None:
        self.address = address
        self._session, self._keys, self._dsn = session, keys, dsn

    async def round(self, question: Question, doing: Callable[[str], Any]) -> Round:
        replies: list[Reply] = []
        for policy in self._keys:
            doing(f"{question.task}: policy {policy}")
            replies.append(await self._ask(question, policy))
        return Round(question, tuple(replies))

    async def _ask(self, question: Question, policy: str) -> Reply:
        request = Request.of(question.question)
        body = {"model": "any", "messages": request.messages, "max_tokens": ANSWER_TOKENS, "temperature": 0, "seed": 1}
        headers = {"Authorization": f"Bearer {self._keys[policy]}"}
        began = time.perf_counter()
        async with self._session.post(f"{self.address}/chat/completions", json=body, headers=headers) as response:
            said: Any = await response.json()
            milliseconds = (time.perf_counter() - began) * 1e3
        if response.status != 200:
            raise Unavailable(f"the gateway answered {response.status} to the customer of policy {policy}")
        message = said["choices"][0]["message"]
        (record,) = await asyncio.to_thread(ledger.tail, self._dsn, 1, customer=f"customer-{policy}")
        steps: list[Any] = record["lineage"]
        return Reply(
            policy,
            message.get("reasoning_content") or "",
            message.get("content") or "",
            milliseconds,
            record["outcome"],
            tuple(name for step in steps for name in step.get("failures", ())),
            sum(step.get("cost", {}).get("milliseconds", 0.0) for step in steps),
        )
