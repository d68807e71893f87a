"""Open: transformers weights as a model whose next-token distribution can be seen and changed.

Requests that wait at the same time are answered in one batch. Knows no task and no defense.
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from azeotrope.codec import digest
from azeotrope.errors import Misconfigured, Refused
from azeotrope.models import sampling
from azeotrope.models.dialect import Dialect
from azeotrope.models.sampling import Row, Sampling, Shape, Written
from azeotrope.streams import play
from azeotrope.types import Event, Request, Trace

_BATCH = 256
"""Rows at once."""


class _Asked(NamedTuple):
    request: Request
    answered: asyncio.Future[Trace]


class Open:
    """A causal language model and its tokenizer. `sampling` holds where a request says nothing.

    Greedy or seeded: the same request gets the same answer, whatever else is asked (`seed` in its sampling makes
    another one).
    """

    def __init__(
        self, net: Any, tokenizer: Any, *, name: str, dialect: Dialect = Dialect(), how: Sampling = Sampling(),
        shape: Shape | None = None,
    ) -> None:  # fmt: skip
        self.net, self.tokenizer, self.name, self.dialect = net, tokenizer, name, dialect
        self._how, self._shape = how, shape
        self._waiting: list[_Asked] = []
        self._answering: asyncio.Task[None] | None = None

    @classmethod
    def load(cls, folder: str | Path, *, name: str = "", dialect: Dialect | None = None, how: Sampling = Sampling(),
             **load: Any) -> Open:  # fmt: skip
        """A folder or a hub name, as transformers writes it; a folder of ours keeps its dialect in `dialect.json`."""
        from transformers import AutoModelForCausalLM, AutoTokenizer

        from azeotrope.codec import decode

        try:
            net = AutoModelForCausalLM.from_pretrained(folder, **load).eval()
            tokenizer = AutoTokenizer.from_pretrained(folder, **load)
        except (OSError, ValueError) as error:
            why = str(error).partition("\n")[0]
            raise Misconfigured(f"cannot load a model from {folder}: {why}; give a folder or a hub name") from None
        kept = Path(folder) / "dialect.json"
        if dialect is None:
            dialect = decode(kept.read_bytes(), Dialect) if kept.exists() else Dialect(chat=True, split="tags")
        return cls(net, tokenizer, name=name or Path(folder).name, dialect=dialect, how=how)

    def shaped(self, shape: Shape) -> Open:
        """The same weights behind a shape, after any that is there already."""
        before = self._shape

        def both(ids: Tensor, logits: Tensor) -> Tensor:
            return shape(ids, logits if before is None else before(ids, logits))

        return Open(self.net, self.tokenizer, name=self.name, dialect=self.dialect, how=self._how, shape=both)

    def sampled(self, how: Sampling) -> Open:
        """The same weights, drawn from otherwise where a request says nothing."""
        return Open(self.net, self.tokenizer, name=self.name, dialect=self.dialect, how=how, shape=self._shape)

    @torch.no_grad()
    def logits(self, ids: Tensor) -> Tensor:
        """Token ids [B, T] -> next-token logits [B, T, V], shape applied; right-padded ids are fine."""
        assert ids.ndim == 2, f"ids are [B, T]; got {tuple(ids.shape)}"
        out: Tensor = self.net(input_ids=ids, use_cache=False).logits
        if self._shape is None:
            return out
        return torch.stack([self._shape(ids[:, : at + 1], out[:, at]) for at in range(ids.shape[1])], 1)

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """Raises `Refused` for what these weights cannot do."""
        if request.choices > 1:
            raise Refused("ask for one choice at a time: several are several seeds", param="n")
        loop = asyncio.get_running_loop()
        asked = _Asked(request, loop.create_future())
        self._waiting.append(asked)
        if self._answering is None or self._answering.done():
            self._answering = loop.create_task(self._answer())
        for event in play(await asked.answered):
            yield event

    async def _answer(self) -> None:
        """Answers what waits, batch by batch, until nothing does."""
        await asyncio.sleep(0)  # whoever asks in the same turn shares the batch
        while self._waiting:
            batch, self._waiting = self._waiting, []
            batch = [asked for asked in batch if not asked.answered.done()]
            try:
                traces = await asyncio.to_thread(self.answers, [asked.request for asked in batch])
            except Exception as error:
                for asked in batch:
                    if not asked.answered.done():
                        asked.answered.set_exception(error)
                continue
            for asked, trace in zip(batch, traces, strict=True):
                if not asked.answered.done():
                    asked.answered.set_result(trace)
            await asyncio.sleep(0)

    def answers(self, requests: Sequence[Request]) -> list[Trace]:
        """One trace a request, in order: `stream` for callers with many requests and no loop."""
        prompts = [self.dialect.prompt(request, self.tokenizer) for request in requests]
        ids = self.encode(prompts)
        out: list[Trace | None] = [None] * len(requests)
        for how, members in self._groups(requests, ids):
            rows = [Row(ids[at], int(digest(requests[at])[:15], 16)) for at in members]
            written = sampling.write(self.net, rows, how, ends=self.ends, pad=self.pad, shape=self._shape)
            for at, said in zip(members, written, strict=True):
                out[at] = self._trace(requests[at], len(ids[at]), said)
        return [trace for trace in out if trace is not None]

    def _groups(self, requests: Sequence[Request], ids: Sequence[Sequence[int]]) -> list[tuple[Sampling, list[int]]]:
        """Batches of like sampling and like length."""
        by: dict[Sampling, list[int]] = {}
        for at, request in enumerate(requests):
            by.setdefault(self._sampling(request), []).append(at)
        groups: list[tuple[Sampling, list[int]]] = []
        for how, members in by.items():
            members.sort(key=lambda at: len(ids[at]))
            groups += [(how, members[i : i + _BATCH]) for i in range(0, len(members), _BATCH)]
        return groups

    def _sampling(self, request: Request) -> Sampling:
        asked = request.sampling
        limit = asked.get("max_completion_tokens") or asked.get("max_tokens") or self._how.max_tokens
        try:
            return Sampling(
                temperature=float(asked.get("temperature", self._how.temperature)),
                top_p=float(asked.get("top_p", self._how.top_p)),
                top_k=int(asked.get("top_k", self._how.top_k)),
                max_tokens=int(limit),
            )
        except (TypeError, ValueError) as error:
            raise Refused(f"these sampling settings cannot be used: {error}") from None

    def _trace(self, request: Request, read: int, said: Written) -> Trace:
        text = self.tokenizer.decode(said.ids, skip_special_tokens=True)
        reasoning, answer = self.dialect.told_apart(text)
        usage = {"prompt_tokens": read, "completion_tokens": len(said.ids) + said.stopped}
        finish = "stop" if said.stopped else "length"
        name = f"open-{digest(request)[:12]}"
        return Trace(name, request, reasoning, answer, self.name, usage=usage, finish=finish)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Texts -> token ids; special tokens only where the text writes them."""
        return self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]

    @property
    def ends(self) -> set[int]:
        """The tokens that end a response."""
        found = self.net.generation_config.eos_token_id if self.net.generation_config else None
        listed = found if isinstance(found, list) else [found]
        return {int(end) for end in (*listed, self.tokenizer.eos_token_id) if end is not None}

    @property
    def pad(self) -> int:
        """The token that fills."""
        pad = self.tokenizer.pad_token_id
        return int(min(self.ends) if pad is None else pad)
