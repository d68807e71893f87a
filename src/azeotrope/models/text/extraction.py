r"""Finds the final answer that a text states. Pure functions on strings; linear time; never raise.

Knows nothing of equality (that is `equality`) nor of reasoning. In this order, the first that is there:

1. the text as a whole is a JSON object, or an array of more than numbers;
2. the last <answer>...</answer> (the closing tag may be missing: it is often a stop sequence);
3. the last \boxed{...}, \fbox{...} or "#### 42", whichever comes later. Boxes joined in one breath
   ("\boxed{1} or \boxed{2}") are a list: "1, 2"; a minus right before one belongs to it. "####" counts on the last
   line, or before a bare number: else it is a heading;
4. the last "Final answer: ...", "The answer is ...", "Answer: ...", "The correct option is ...", 答案, in any Markdown,
   with the value behind it or, under a heading, on the next line or lines of a grid; where it is prose and code
   follows, the code; where it is a key of JSON, the JSON;
5. the last whole fenced block: JSON or code, or a box in a block of text or LaTeX; a JSON value that ends the text;
6. a last line that is nothing but a value: "42", "$x = 3$", "(B)"; then the last "option (B) is correct";
7. the whole text where it is no more than a few words.

Blocks of code are looked into for nothing but code. `start` and `end` of what is found span the statement with
its marker.
"""

from __future__ import annotations

import re

from azeotrope.models.text.fences import Fence, fences, json_answer, keyed_json, last_block, masked, trailing_json
from azeotrope.models.text.statements import BARE_NUMBER, any_choice, declared, marked, phrased, tagged
from azeotrope.models.text.values import Final, Kind, clean, is_json, kind_of, letter, stated


def final_answer(text: str, kind: Kind | None = None) -> Final | None:
    """The answer that the text states, or None. `kind` says what is looked for, where it is known."""
    blocks = fences(text)
    if kind == "json":
        return json_answer(text, blocks)
    if kind == "code":
        return last_block(blocks) or _whole(text)
    found = _found(text, blocks)
    if kind == "choice":
        return found if found and found.kind == "choice" else any_choice(masked(text, blocks))
    if found is None or kind is None:
        return found
    return Final(kind, found.value, found.start, found.end)


def answer_start(content: str) -> int:
    """Where the sentence, line or formula begins that states the final answer; else where the last paragraph begins."""
    body = content.rstrip()
    found = final_answer(content)
    if found is None:
        return max(body.rfind("\n\n") + 2, 0) if "\n\n" in body else body.rfind("\n") + 1
    if content.startswith("<", found.start):
        return found.start
    start = _sentence_start(content, found.start)
    for opening, closing in (("\\[", "\\]"), ("$$", "$$"), ("\\begin{", "\\end{")):
        there = content.rfind(opening, 0, start)
        if there >= 0 and (
            content.count("$$", 0, start) % 2 if opening == closing else content.find(closing, there, start) < 0
        ):
            start = content.rfind("\n", 0, there) + 1
    return start


_CLOSED, _OPEN, _WORDS = 400, 100, 6
"""What a statement may take in a text that breaks off: characters where it shows its end, characters and words of its
value where it does not."""
_TAG_ENDS = re.compile(r"</[^<>/]*>\Z")
_LEFT = re.compile(r"(?:\bthe |\*\*|__){1,2}\Z", re.IGNORECASE)


def explicit_answer(content: str) -> Final | None:
    """The answer that the text itself calls its answer, in as many words, or None. For texts that break off anywhere.

    Nothing is guessed from where such a text ends, and a statement reaches no further than an answer does: thoughts
    speak of "<answer> tags" and of "the answer is what we get when" too, and go on.
    """
    if content.lstrip()[:1] in ("{", "[") and is_json(content):
        return json_answer(content, [])
    blocks = fences(content)
    prose = masked(content, blocks)
    for found in (tagged(content, prose), marked(prose)):
        if found is not None and _believed(found, content[found.start : found.end]):
            return found
    found = phrased(prose)
    if found is None or content[found.start - 1 : found.start] == '"':  # a key of JSON
        return None
    left = _LEFT.search(content[max(0, found.start - 8) : found.start])
    found = Final(found.kind, found.value, found.start - (len(left[0]) if left else 0), found.end)
    return found if _brief(content[found.start : found.end], found.value) else None


def _believed(found: Final, statement: str) -> bool:
    if statement.startswith("<"):
        return len(statement) <= _CLOSED if _TAG_ENDS.search(statement) else _brief(statement, statement)
    if "####" in statement:
        return BARE_NUMBER.fullmatch(found.value) is not None
    return len(statement) <= _CLOSED if statement.endswith("}") else _brief(statement, found.value)


def _brief(statement: str, value: str) -> bool:
    return len(statement) <= _OPEN and len(value.split()) <= _WORDS


_SENTENCE_END = re.compile(r"[.!?][)*\"'”$]*\s+|[。！？\n]\s*")


def _sentence_start(text: str, at: int) -> int:
    line = max(text.rfind("\n", 0, at) + 1, at - 2000)
    ends = [found.end() for found in _SENTENCE_END.finditer(text, line, at)]
    return max((end for end in ends if end <= at), default=line)


def _found(text: str, blocks: list[Fence]) -> Final | None:
    if text.lstrip()[:1] in ("{", "[") and (whole := json_answer(text, [])):
        return whole
    prose = masked(text, blocks)
    if found := tagged(text, prose) or marked(prose):
        return found
    phrase, block = phrased(prose), last_block(blocks)
    if phrase and (value := keyed_json(prose, phrase.start)):
        return value
    if phrase and (block is None or phrase.kind in ("math", "choice") or block.start < phrase.start):
        return phrase
    if block and block.kind == "code" and blocks[-1].language.lower() in _PROSE and (within := marked(block.value)):
        return Final(within.kind, within.value, block.start, block.end)
    return block or trailing_json(prose) or _last_line(prose) or declared(prose) or _bare(prose)


_PROSE = ("", "text", "txt", "plaintext", "latex", "tex", "math", "markdown", "md")
"""Languages of blocks that may hold an answer in words."""


_BROKEN = re.compile(r"\\(?:boxed|fbox)|</?answer", re.IGNORECASE)
_LEAD = re.compile(
    r"(?:(?:so|thus|hence|therefore|then|it is|it's|we (?:get|have|find|obtain)|result|solution)\b[,:]?\s+)+"
    r"(?=[$\\(\w-])",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"(?:i|we|you|sorry|there|it|this|that|let|no idea)\b", re.IGNORECASE)


def _last_line(prose: str) -> Final | None:
    body = prose.rstrip()
    start = body.rfind("\n") + 1
    line = body[start:]
    value = clean(line)
    if start and (
        letter(line) or BARE_NUMBER.fullmatch(value) or (value != line.strip() and "$" in line and " " not in value)
    ):
        return stated(line, start, len(body))
    return None


def _bare(prose: str) -> Final | None:
    body = prose.strip()
    if lead := _LEAD.match(body):
        rest = clean(body[lead.end() :])
        if kind_of(rest) == "math" and ("=" in rest or len(rest.split()) < 3):
            body = body[lead.end() :]
    if body.endswith("?") or " not " in body or "n't " in body:
        return None
    if len(body) > 120 or "\n" in body.strip("$ \n\\[]") or "```" in body or _BROKEN.search(body):
        return None
    kind = kind_of(clean(body))
    words = len(body.split())
    if kind == "text" and (words > 3 or _PRONOUN.match(body) or not any(c.isalnum() for c in body)):
        return None
    if kind == "math" and words > 4 and not re.fullmatch(r"\$[^$]+\$\.?|[\w\\{}()]+ = .*|\\\[.*\\\]", body, re.DOTALL):
        return None
    return stated(body, prose.find(body), prose.find(body) + len(body))


def _whole(text: str) -> Final | None:
    body = text.strip()
    start = text.find(body)
    return Final("code", body, start, start + len(body)) if body else None
