"""Splits what a model wrote into reasoning and answer, whole or as it streams in. The same either way.

Knows no wire and no model. Where in doubt it fails closed: an answer lost is bad, reasoning let out is worse.

Policy `tags`. Only marked-up reasoning (`marks`) is reasoning.
* A closing mark without an opening one: the opening one stood in the prompt, all before it is reasoning. As that may
  always still come, text is held until the matter is decided: by an opening mark at the very start, by a closing one,
  by `no_prompt_tag()`, or by the end. From then on the answer flows at once.
* Blocks nest by kind. An opening mark that never closes makes the rest reasoning; but where a closing mark came after
  it (the model wrote a second opening one among its thoughts) the text after the last closing mark is the answer.
* A mark that is only talked about (inline code, quotes, "the <think> tag") is text, in thoughts and answers alike.
  In a fenced code block of the answer an opening mark is text, and so is the closing one that belongs to it, unless the
  fence is the first thing the model wrote.
* A second closing mark in the answer is dropped where it begins a line, text elsewhere.
* Marks belong to no piece. Blank space before the first opening mark, and the line breaks right after a closing one
  (with the blanks before them), belong to none either; every other character is kept.

Policy `span`. All before the final answer is reasoning (`extraction.answer_start`); nothing flows before the end.
Policy `off`. All is answer.
"""

from __future__ import annotations

from typing import Literal

from azeotrope.models.text.extraction import answer_start
from azeotrope.models.text.marks import LOOK, Mark, candidate, is_mention, mark_at, may_grow, needs_more
from azeotrope.models.text.nest import Nest
from azeotrope.models.text.place import Place, trimmed
from azeotrope.types import Record

Policy = Literal["tags", "span", "off"]
Kind = Literal["reasoning", "answer"]


class Piece(Record, frozen=True):
    """Some of the raw content: text == content[start:end]."""

    kind: Kind
    text: str
    start: int
    end: int

    def __repr__(self) -> str:
        return f"Piece({self.kind}, {self.start}:{self.end})"


def split(content: str, policy: Policy = "tags", *, opened_in_prompt: bool = True) -> tuple[str, str]:
    """(reasoning, answer) of a whole content. Linear time; never raises."""
    splitter = Splitter(policy, opened_in_prompt=opened_in_prompt)
    pieces = [*splitter.feed(content), *splitter.close()]
    reasoning = "".join(piece.text for piece in pieces if piece.kind == "reasoning")
    return reasoning, "".join(piece.text for piece in pieces if piece.kind == "answer")


class Splitter:
    """Splits a content that comes in pieces, cut anywhere. Pieces leave in the order of the content.

    `opened_in_prompt`: whether the prompt may have opened the reasoning (policy `tags` only).
    """

    def __init__(self, policy: Policy = "tags", *, opened_in_prompt: bool = True) -> None:
        self._policy: Policy = policy
        self._tags = _Tags(held=opened_in_prompt)
        self._parts: list[str] = []
        self._at = 0

    def feed(self, text: str) -> list[Piece]:
        """The pieces that are decided now."""
        if self._policy == "tags":
            return self._tags.feed(text)
        start, self._at = self._at, self._at + len(text)
        if self._policy == "off":
            return [Piece("answer", text, start, self._at)] if text else []
        self._parts.append(text)
        return []

    def close(self) -> list[Piece]:
        """The rest. Call once, at the end of the content."""
        if self._policy == "tags":
            return self._tags.close()
        content = "".join(self._parts)
        self._parts.clear()
        cut = answer_start(content) if content else 0
        pieces = (Piece("reasoning", content[:cut], 0, cut), Piece("answer", content[cut:], cut, len(content)))
        return [piece for piece in pieces if piece.text]

    def no_prompt_tag(self) -> None:
        """Says that the prompt opened nothing (the upstream has a channel of its own for reasoning, for one).

        What was held for that reason leaves with the next `feed` or `close`.
        """
        self._tags.decide("answer")


class _Tags:
    """Policy `tags`, as a machine that reads marks and the text between them."""

    def __init__(self, held: bool) -> None:
        self._undecided = held
        self._raw, self._offset = "", 0  # what is not read yet, and where it begins in the content
        self._before = ""  # the last two characters read
        self._stack = Nest()
        self._out: list[Piece] = []
        self._held: list[Piece] = []  # while undecided: everything, as it would leave at the end
        self._limbo: list[Piece] | None = None  # text after a closing mark that left a block open
        self._harmony = False
        self._place = Place()

    def feed(self, text: str) -> list[Piece]:
        self._raw += text
        self._read(last=False)
        return self._taken()

    def close(self) -> list[Piece]:
        self._read(last=True)
        self._settle("answer")
        self._place.end(self._answer)
        self.decide("answer")
        return self._taken()

    def decide(self, kind: Kind) -> None:
        """What was held until now is answer but for its blocks, or all of it is reasoning."""
        if self._undecided:
            self._undecided = False
            self._out += self._held if kind == "answer" else [_reasoning(piece) for piece in self._held]
            self._held = []

    def _taken(self) -> list[Piece]:
        out, self._out = self._out, []
        return out

    def _read(self, last: bool) -> None:
        raw, at, done = self._raw, 0, 0
        while at < len(raw):
            at = candidate(raw, at)
            mark = mark_at(raw, at) if at < len(raw) else None
            if mark is None:
                if at < len(raw) and not last and may_grow(raw, at):
                    break
                at += 1
                continue
            before = (self._before + raw[max(0, done) : at])[-2:]
            after = raw[mark.end : mark.end + LOOK]
            if not last and needs_more(before, after):
                break
            self._text(raw[done:at], self._offset + done)
            text = raw[mark.start : mark.end]
            if is_mention(before, after) or not self._mark(mark):
                self._text(text, self._offset + at)
            self._before = text[-2:]
            at = done = mark.end
        at = min(at, len(raw))
        self._text(raw[done:at], self._offset + done)
        self._before = (self._before + raw[done:at])[-2:]
        self._raw, self._offset = raw[at:], self._offset + at

    def _text(self, text: str, start: int) -> None:
        if not text:
            return
        if not self._stack:
            self._place.add(text, start, self._answer)
        elif self._limbo is not None:
            self._limbo.append(Piece("answer", text, start, start + len(text)))
        else:
            self._put(Piece("reasoning", text, start, start + len(text)))

    def _answer(self, text: str, start: int) -> None:
        self._put(Piece("answer", text, start, start + len(text)))

    def _put(self, piece: Piece) -> None:
        (self._held if self._undecided else self._out).append(piece)

    def _settle(self, kind: Kind) -> None:
        """What was in limbo is of this kind."""
        limbo, self._limbo = self._limbo, None
        if not limbo:
            return
        text, start = "".join(piece.text for piece in limbo), limbo[0].start
        cut = trimmed(text) if kind == "answer" else 0
        if text[cut:]:
            self._put(Piece(kind, text[cut:], start + cut, start + len(text)))

    def _mark(self, mark: Mark) -> bool:
        """Acts on a mark; False: it is text after all."""
        if mark.role == "final":
            return self._final()
        if mark.role == "end":
            return self._end()
        if self._stack:
            self._inside(mark)
            return True
        if mark.role == "close":
            return self._bare_close()
        return self._open(mark)

    def _open(self, mark: Mark) -> bool:
        place = self._place
        if place.fenced and not place.only_fence:
            place.shown += mark.role == "open"
            return False
        if place.untouched:
            place.drop()
            if not self._held:
                self._undecided = False
        self._harmony |= mark.kind == "harmony"
        if mark.role == "open":
            self._stack.open(mark.kind)
        else:
            self._place = Place(after_mark=True)
        return True

    def _bare_close(self) -> bool:
        place = self._place
        if place.fenced and place.shown:
            place.shown -= 1
            return False
        if not self._undecided and (place.fenced or not place.line_start):
            return False
        place.end(self._answer)
        self.decide("reasoning")
        self._place = Place(after_mark=True)
        return True

    def _inside(self, mark: Mark) -> None:
        """A mark among the thoughts."""
        self._settle("reasoning")
        if mark.role == "open":
            if mark.kind == "harmony":  # a new message ends the one before
                self._stack.drop("harmony")
            self._stack.open(mark.kind)
        elif mark.role == "close":
            self._close(mark.kind)

    def _close(self, kind: str) -> None:
        self._stack.close(kind)
        if self._stack:
            self._limbo = []
        else:
            self._place = Place(after_mark=True)

    def _final(self) -> bool:
        self._settle("reasoning")
        self._place.end(self._answer)
        self.decide("reasoning")
        self._stack, self._harmony, self._place = Nest(), True, Place(after_mark=True)
        return True

    def _end(self) -> bool:
        if "harmony" in self._stack:
            self._settle("reasoning")
            self._close("harmony")
        return self._harmony


def _reasoning(piece: Piece) -> Piece:
    return Piece("reasoning", piece.text, piece.start, piece.end)
