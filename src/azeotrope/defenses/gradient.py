"""Change a few words of the reasoning so that learning it makes a proxy student worse, by the proxy's own gradients.

Source: arXiv 2602.15143 names the forms HB, FO and RHB and defines none of them; the definitions are ours and stand in
`training.hypergradient`. Of each token that may change, the k others that promise the largest rise of the proxy's loss
on held-out workings are looked at and the nearest in the embedding of those that promise any is taken, else the one
that promises the least fall; in the order of what is promised, as far as the budget goes. So some word always goes, as
embeddings that are moved always do, and a trace is withheld only where no word can. Words are exchanged for words:
numbers, signs, special tokens and line breaks stay, and all from where the answer is stated on; the text must be read
as the very same tokens again; the release checks are asked, but for `copied`. Any proxy, with the teacher's tokenizer
or another: what is changed is text.

Reported to be costly and weaker than instructions; no figures. Does not hide the teacher's reasoning (most of it leaves
as it was) nor keep each sentence true (an exchanged word may say what is not so), and does not defend against a
paraphrase, or a student of whom the proxy's gradient says nothing: in a reproduction its agreement did not predict a
student's damage (Spearman -0.08). A baseline.
"""

# torch is typed in part:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import math
from functools import partial
from typing import Annotated, Any, Literal

import torch
from msgspec import Meta

from azeotrope.errors import Refused
from azeotrope.models.text import answer_start, final_answer
from azeotrope.models.tokens import Spread, size, spread, vocabulary
from azeotrope.protocols import Given, Rewrite
from azeotrope.release import failure
from azeotrope.training import hypergradient, proxies
from azeotrope.training.hypergradient import Passes, Rise, Text
from azeotrope.types import Cost, Record, Step, Trace

PARTLY = True
"""What leaves is the teacher's own reasoning but for some words."""
Count = Annotated[int, Meta(ge=1)]
_NAME = "gradient"
_CHARACTERS_A_TOKEN = 16
"""At most, in a text that is read at all: a longer one is not even cut into tokens."""


class Config(Record, frozen=True):
    """Which proxy, which gradient, and how much of a text may change."""

    artifact: str = ""
    """The folder that `azeotrope proxy` wrote: a proxy student, and held-out workings."""
    form: Literal["hb", "fo", "fo_loss", "rhb"] = "hb"
    """hb: of the held-out loss after a step on the text; fo: the same by a finite difference; fo_loss: of the loss on
    the text itself; rhb: hb, and far tokens cost `proximity`."""
    eta: Annotated[float, Meta(gt=0)] = 0.1
    """The step that the proxy takes on the text."""
    width: Annotated[float, Meta(gt=0)] = 1e-2
    """Of the finite difference, in theta."""
    proximity: Annotated[float, Meta(ge=0)] = 0.5
    """rhb: what a token costs that is as far in the embedding as the average one: this share of the largest rise."""
    budget: Annotated[float, Meta(gt=0, le=1)] = 0.15
    """Of the tokens that may change, this share does, rounded down; at least one, also where that is more."""
    rounds: Annotated[int, Meta(ge=1, le=20)] = 1
    """The budget is spent in so many parts, each by a gradient of its own."""
    k: Count = 20
    """Tokens looked at for a place."""
    protect_numbers: bool = True
    """Digits and words that count stay as they are, in whichever token; signs always do."""
    workings: Count = 16
    """Held-out ones, at most."""
    longest: Count = 1024
    """Tokens of a text, prompt and response; a longer one is withheld."""


def rewrite(config: Config, given: Given) -> Rewrite:
    """Trace -> the same answer, some words of the reasoning exchanged; withheld where no word may be."""
    return _Rewriter(config).rewrite


class _Rewriter:
    def __init__(self, config: Config) -> None:
        self._config = config
        self._proxy = proxies.read(config.artifact, "gradient")
        self._held = self._proxy.workings(config.workings, config.longest)
        model = self._proxy.model
        self._known = vocabulary(model.tokenizer, size(model), not config.protect_numbers)

    async def rewrite(self, trace: Trace) -> Trace | None:
        if len(trace.reasoning) > _CHARACTERS_A_TOKEN * self._config.longest:
            return _step(trace, "too_long")
        try:
            laid = await asyncio.to_thread(self._laid, trace)
        except (Refused, UnicodeEncodeError):  # images, or halves of characters: nothing that the proxy reads
            return None
        if len(laid.ids) > self._config.longest:
            return _step(trace, "too_long")
        changed, cost = await asyncio.to_thread(self._changed, laid)
        if changed.text == trace.reasoning:
            return _step(trace, "declined", cost)
        failed = await failure(changed.text, trace, without=("copied",))
        return _step(trace, failed, cost) if failed else trace.but(reasoning=changed.text, step=Step(_NAME, cost=cost))

    def _laid(self, trace: Trace) -> Spread:
        """The trace as the proxy's tokens, and which of them may change: none from where the answer is stated on."""
        model, reasoning = self._proxy.model, trace.reasoning
        opening = model.dialect.prompt(trace.request, model.tokenizer)
        f"{opening}{reasoning}{trace.answer}".encode()
        until = answer_start(reasoning) if final_answer(reasoning) else len(reasoning)
        said = partial(model.dialect.response, answer=trace.answer, opening=opening)
        return spread(model, opening, said, reasoning, until, self._known)

    def _changed(self, laid: Spread) -> tuple[Spread, Cost]:
        """As many words exchanged as the budget says and can be."""
        config, passes, rounds = self._config, Passes(), 0
        most, done = max(1, math.floor(config.budget * len(laid.words))), set[int]()
        while len(done) < most and rounds < config.rounds:
            places = [place for place in range(len(laid.words)) if place not in done]
            if not places:
                break
            with self._proxy.lent() as net:
                options, taken = self._options(net, laid, places)
            passes, rounds = passes.plus(taken), rounds + 1
            until = min(most, len(done) + math.ceil(most / config.rounds))
            for place in sorted(options, key=lambda place: -options[place][0][1]):
                if len(done) < until and (changed := self._put(laid, place, options[place])) is not None:
                    laid = changed
                    done.add(place)
        return laid, Cost(attempts=rounds, forwards=passes.forwards, backwards=passes.backwards)

    def _options(self, net: Any, laid: Spread, places: list[int]) -> tuple[dict[int, list[tuple[int, float]]], Passes]:
        """What each of the places could hold instead, the best first; what asking took."""
        device = self._proxy.model.device
        ids = torch.tensor(laid.ids, device=device)
        at = torch.tensor([laid.words[place].at for place in places], device=device)
        rise = self._rise(net, Text(ids, laid.start, at))
        gain, near = hypergradient.gains(rise.of, ids[at]), hypergradient.apart(net, ids[at])[:, : rise.of.shape[1]]
        allowed = self._known.alike(ids[at])
        if self._config.form == "rhb" and allowed.any():
            gain = gain - self._config.proximity * gain[allowed].max().clamp(min=0) * near / near.mean()
        found = hypergradient.projected(gain, near, allowed, self._config.k)
        return {place: options for place, options in zip(places, found, strict=True) if options}, rise.passes

    def _rise(self, net: Any, text: Text) -> Rise:
        config = self._config
        if config.form == "fo_loss":
            return hypergradient.fo_loss(net, text)
        if config.form == "fo":
            return hypergradient.fo_difference(net, text, self._held, config.eta, config.width)
        return hypergradient.hb(net, text, self._held, config.eta)

    def _put(self, laid: Spread, place: int, options: list[tuple[int, float]]) -> Spread | None:
        """With the first of them that is read as itself."""
        tried = (laid.put(place, token, self._known.pieces[token]) for token, _ in options)
        return next((changed for changed in tried if changed is not None), None)


def _step(trace: Trace, failed: str, cost: Cost = Cost()) -> Trace:
    """Withheld, and why."""
    return trace.but(reasoning="", step=Step(_NAME, "withheld", failures=(failed,), cost=cost))
