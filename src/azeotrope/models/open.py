"""Open: transformers weights as a model whose next-token distribution can be seen and changed.

Requests that wait at the same time are answered in one batch. Knows no task and no defense.
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from azeotrope.codec import decode, digest
from azeotrope.errors import Refused
from azeotrope.models import sampling
from azeotrope.models.desk import Desk
from azeotrope.models.dialect import Dialect, written
from azeotrope.models.loading import loaded
from azeotrope.models.sampling import Row, Sampling, Shape, Written
from azeotrope.streams import play
from azeotrope.types import Event, Request, Trace

_BATCH = 256
"""Rows at once."""


class _Prepared(NamedTuple):
    """A request that these weights can answer."""

    request: Request
    ids: list[int]
    how: Sampling


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
        self._desk = Desk(self._answered)

    @classmethod
    def load(
        cls, source: str | Path, *, name: str = "", dialect: Dialect | None = None, how: Sampling = Sampling(),
        gguf_file: str | None = None, **load: Any,
    ) -> Open:  # fmt: skip
        """What `loading.loaded` takes; a folder of ours keeps its dialect in `dialect.json`."""
        net, tokenizer, called = loaded(source, gguf_file=gguf_file, **load)
        kept = Path(source) / "dialect.json"
        if dialect is None:
            dialect = decode(kept.read_bytes(), Dialect) if kept.exists() else Dialect(chat=True, split="tags")
        return cls(net, tokenizer, name=name or called, dialect=dialect, how=how)

    def copied(self) -> Open:
        """The same model, with weights of its own."""
        net = deepcopy(self.net)
        return Open(net, self.tokenizer, name=self.name, dialect=self.dialect, how=self._how, shape=self._shape)

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
        out: Tensor = self.net(input_ids=ids.to(self.device), use_cache=False).logits
        if self._shape is None:
            return out
        return torch.stack([self._shape(ids[:, : at + 1], out[:, at]) for at in range(ids.shape[1])], 1)

    async def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """Raises `Refused` for what these weights cannot do."""
        for event in play(await self._desk.ask(self._prepared(request))):
            yield event

    def answers(self, requests: Sequence[Request]) -> list[Trace]:
        """One trace a request, in order: `stream` for callers with many requests and no loop."""
        return self._answered([self._prepared(request) for request in requests])

    def _prepared(self, request: Request) -> _Prepared:
        if request.choices > 1:
            raise Refused("ask for one choice at a time: several are several seeds", param="n")
        told, begun = self.encode(self.dialect.parts(request, self.tokenizer))
        return _Prepared(request, [*told, *begun], self._sampling(request))

    def _answered(self, asked: Sequence[_Prepared]) -> list[Trace]:
        out: dict[int, Trace] = {}
        for how, members in _groups(asked):
            rows = [Row(asked[at].ids, int(digest(asked[at].request)[:15], 16)) for at in members]
            said = sampling.write(self.net, rows, how, ends=self.ends, pad=self.pad, shape=self._shape)
            out |= {at: self._trace(asked[at], one) for at, one in zip(members, said, strict=True)}
        return [out[at] for at in range(len(asked))]

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

    def _trace(self, asked: _Prepared, said: Written) -> Trace:
        text = self.tokenizer.decode(said.ids, skip_special_tokens=True)
        reasoning, answer = self.dialect.told_apart(text)
        usage = {"prompt_tokens": len(asked.ids), "completion_tokens": len(said.ids) + said.stopped}
        finish = "stop" if said.stopped else "length"
        name = f"open-{digest(asked.request)[:12]}"
        return Trace(name, asked.request, reasoning, answer, self.name, usage=usage, finish=finish)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Texts -> token ids; special tokens only where the text writes them."""
        return self.tokenizer(list(texts), add_special_tokens=False)["input_ids"] if texts else []

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.net.parameters()).device

    @cached_property
    def end(self) -> int:
        """The token that ends a response: what the chat template writes after one, if special, else the tokenizer's."""
        if self.dialect.chat:
            word = "azeotrope"
            turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": word}]
            after = self.encode([written(self.tokenizer, turns).rpartition(word)[2]])[0]
            if after and after[0] in self.tokenizer.all_special_ids:
                return int(after[0])
        return int(self.tokenizer.eos_token_id)

    @property
    def ends(self) -> set[int]:
        """The tokens that end a response."""
        found = self.net.generation_config.eos_token_id if self.net.generation_config else None
        listed = found if isinstance(found, list) else [found]
        return {int(end) for end in (*listed, self.tokenizer.eos_token_id, self.end) if end is not None}

    @property
    def pad(self) -> int:
        """The token that fills."""
        pad = self.tokenizer.pad_token_id
        return self.end if pad is None else int(pad)


def _groups(asked: Sequence[_Prepared]) -> list[tuple[Sampling, list[int]]]:
    """Batches of like sampling and like length."""
    by: dict[Sampling, list[int]] = {}
    for at, one in enumerate(asked):
        by.setdefault(one.how, []).append(at)
    groups: list[tuple[Sampling, list[int]]] = []
    for how, members in by.items():
        members.sort(key=lambda at: len(asked[at].ids))
        groups += [(how, members[i : i + _BATCH]) for i in range(0, len(members), _BATCH)]
    return groups
