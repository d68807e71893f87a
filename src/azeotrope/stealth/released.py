"""Traces as the watermark lets them out: what is measured is what is served. Knows no classifier and no scan."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from azeotrope.keys import Key
from azeotrope.protocols import Given
from azeotrope.types import Request, Trace
from azeotrope.watermarks.association import Config, rewrite


class Released(NamedTuple):
    """One trace."""

    text: str
    was: str
    """Before."""
    marked: bool

    @property
    def told(self) -> bool:
        """Whether a sentence was put in: the mark's or chaff."""
        return self.text != self.was

    @property
    def sentence(self) -> str:
        """The number in the sentence that was put in: it names the sentence, however it is told; "" where none was."""
        same = takewhile(lambda pair: pair[0] == pair[1], zip(self.text, self.was, strict=False))
        start = sum(1 for _ in same)
        put_in = self.text[start : start + len(self.text) - len(self.was)]
        return max(re.findall(r"\d+", put_in), key=len, default="")


def released(traces: Sequence[tuple[str, str]], keys: Sequence[Key], config: Config) -> list[Released]:
    """(problem, reasoning) -> each as it would leave, under the keys in turn."""
    rewrites = [rewrite(config, Given(key=key)) for key in keys]

    async def all_of_them() -> list[Released]:
        out: list[Released] = []
        for at, (problem, text) in enumerate(traces):
            made = await rewrites[at % len(keys)](Trace("", Request.of(problem), text, ""))
            assert made is not None, "a watermark withholds nothing"
            out.append(Released(made.reasoning, text, made.lineage[-1].mark is not None))
        return out

    return asyncio.run(all_of_them())
