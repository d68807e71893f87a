r"""Statements of an answer: <answer> tags, boxes, "#### 42", "The answer is 42". Pure functions on strings.

Knows nothing of which statement goes before which (that is `extraction`). Linear time; never raises.
"""

from __future__ import annotations

import re
from collections import deque

from azeotrope.models.text.boxes import boxes, breaks_off, last_boxes
from azeotrope.models.text.fences import fences, last_block, masked
from azeotrope.models.text.values import Final, clean, letter, stated

_TAG = re.compile(r"<(/?)\s*(?:final[_ -]?)?answer(?:\s+[\w-]+=[^<>\n]{0,60})?\s*>", re.IGNORECASE)
_HASHES = re.compile(r"(?:^[ \t>*]*|(?<=[ \t]))####[ \t]*(?!#)([^\n#]*)$", re.MULTILINE)
BARE_NUMBER = re.compile(r"[-−+]?[$€£¥]?\s*[-−]?\d[\d,.]*(?:/\d+)?\s*%?\.?")
_CALCULATOR = re.compile(r"<<[^<>\n]*>>")


def tagged(text: str, prose: str) -> Final | None:
    start, inner, end = -1, -1, len(prose)
    for tag in _TAG.finditer(prose):
        if not tag[1]:
            start, inner, end = tag.start(), tag.end(), len(prose)
        elif inner >= 0 and end == len(prose):
            end = tag.start()
    if inner < 0:
        return None
    close = _TAG.match(prose, end)
    stop, said = (close.end() if close else end), text[inner:end]
    blocks = fences(said)
    within = marked(masked(said, blocks)) or last_block(blocks) or phrased(said)
    if within:
        return Final(within.kind, within.value, start, stop)
    return stated(said, start, stop)


def marked(prose: str) -> Final | None:
    found = last_boxes(prose, boxes(prose))
    cut = breaks_off(prose)
    hashed = _hashed(prose)
    if hashed and (not found or hashed.start > found[-1].start):
        return hashed
    if not found or (cut is not None and not found[-1].value.startswith(cut)):
        return None
    start, end = found[0].start, found[-1].end
    if len(found) == 1:
        return stated(found[0].value, start, end)
    return Final("math", ", ".join(box.value for box in found), start, end)


def _hashed(prose: str) -> Final | None:
    last = None
    if "####" not in prose:
        return None
    length = len(prose.rstrip())
    for line in _HASHES.finditer(prose):
        value = clean(_CALCULATOR.sub("", line[1]))
        if value and (line.end() >= length or BARE_NUMBER.fullmatch(value)):
            last = stated(value, line.start(), line.end())
    return last if last and not _PHRASE.search(prose, last.start, last.end) else None


_PHRASE = re.compile(
    r"(?:(?:\b(?:final|correct|right|best)[ _]{1,2}(?:answer|option|choice|result)|\b(?:answer|ans)|最终答案|答案"
    r"|故选|应选|\b(?:respuesta|antwort|réponse|resposta|risposta|ответ)|答え|정답)s?"
    r"(?:[ ](?:to|for|of)[ ][^\n.:*]{1,60}?|[ ](?:choice|final|finale|correcta|lautet))?)[*_\"]{0,4}[ ]{0,2}"
    r"(?:(?:is|are|was|equals|es|ist|est|(?:will|would|should|must) be)\b"
    r"(?![ ](?:not|never|no longer)\b)[ ]?(?:therefore|thus|then|also|indeed|simply)?[ ]?:?"
    r"|[:：=]|(?:应该)?[是为选][:：]?|は|$|(?<=[选文])(?=[ (（A-J]))[*_]{0,4}[ \t]{0,4}",
    re.IGNORECASE | re.MULTILINE,
)
_CLAUSE_END = re.compile(
    r"(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\bSt)[.!?](?=[)*\"”$]*(?:\s|$))|[。！？\n]|です"
    r"|[,;]?\s\(?(?:because|since|which|as (?:the|she|he|it|they|we))\b|;\s(?:check|so|thus|hence)\b"
)
_NO_VALUE = re.compile(
    r"(?:obtained|derived|computed|calculated|determined|expressed|rounded|given|found|shown|verified|based|correct|right"
    r"|wrong|incorrect|clear|obvious|below|above|as follows|by|simply|supposed|expected|going|required)\b(?!.*\\boxed)",
    re.IGNORECASE,
)
"""With these words goes on what speaks of an answer and does not state it."""
_ASIDE = re.compile(r"(?<=[\d%$])\s\((?!mod\b)[A-Za-z][A-Za-z ,'-]*\)$")
_BLANK = re.compile(r"[\s*_:：]*")
_FAR = 2000
"""Characters a value may stand from its phrase and take."""
_TRIES = 32
"""Phrases looked at, from the last."""
_GRID = re.compile(r"[^\s]{1,4}(?:[ \t]+[^\s]{1,4})+(?:\n[^\s]{1,4}(?:[ \t]+[^\s]{1,4})+)+(?=\s*(?:\n\n|$|\Z))")
_FORMULA = re.compile(r"\$([^$\n]+)\$|\\\((.+?)\\\)")
_NUMBERS = re.compile(r"(?<![\w.])[-−]?[$€£]?\d[\d,]*(?:\.\d+)?%?(?![\w])")


_PHRASE_SIGNS = ("ans", "option", "choice", "result", "antwort", "resp", "risp", "答", "选", "répo", "ответ", "정답")
"""Without one of these nothing of `_PHRASE` is in a text: a quick look before the slow one."""


def _may_hold(text: str, signs: tuple[str, ...]) -> bool:
    lower = text.lower()
    return any(sign in lower for sign in signs)


def phrased(prose: str) -> Final | None:
    """The last statement in words that has a value."""
    if not _may_hold(prose, _PHRASE_SIGNS):
        return None
    for phrase in reversed(list(_PHRASE.finditer(prose))[-_TRIES:]):
        at = phrase.end()
        line = prose.find("\n", at, at + 1000)
        heading = not prose[at : line if line >= 0 else at + 1000].strip(" *_:：$\\[")
        if heading or prose.startswith(("$$", "\\["), at):
            value, end = _next_line(prose, at)
        else:
            value, end = _clause(prose, at)
        if _NO_VALUE.match(value.lstrip(" *_")):
            continue
        if found := stated(_value_in(value), phrase.start(), end):
            return found
    return None


_DECLARED = re.compile(
    r"(?<![\w'])(?:option |choice |answer )?[*(]{0,3}(?-i:([A-J]))[*)]{0,3} (?:is|must be) "
    r"(?:therefore |thus |indeed )?(?:the )?(?:only )?(?:correct|right|best)\b"
    r"(?: answer| option| choice)?(?! (?:way|to|if|when)\b)"
    r"|\b(?:I|we) (?:choose|pick|select) (?:option |choice |answer )?[*(]{0,3}(?-i:([A-J]))(?![\w'])"
    r"|(?<!\w)选(?:择)?[ :：]?([A-J])(?!\w)",
    re.IGNORECASE,
)


_DECLARED_SIGNS = ("correct", "right", "best", "choose", "pick", "select", "选")


def declared(prose: str) -> Final | None:
    """The last "option (B) is correct", "B is the right answer", "I choose B"."""
    last = deque(_DECLARED.finditer(prose) if _may_hold(prose, _DECLARED_SIGNS) else (), maxlen=1)
    if not last:
        return None
    said = last[0][1] or last[0][2] or last[0][3]
    return Final("choice", said, last[0].start(), last[0].end())


def _clause(prose: str, at: int) -> tuple[str, int]:
    limit = min(len(prose), at + _FAR)
    formula = _FORMULA.match(prose, at, limit)
    end = _CLAUSE_END.search(prose, formula.end() if formula else at, limit)
    stop = end.start() if end else limit
    if formula and len(prose[formula.end() : stop].split()) > 3 and not _FORMULA.search(prose, formula.end(), stop):
        stop = formula.end()
    return prose[at:stop], stop


def _next_line(prose: str, at: int) -> tuple[str, int]:
    limit = min(len(prose), at + _FAR)
    blank = _BLANK.match(prose, at, limit)
    begin = blank.end() if blank else at
    if bullet := re.compile(r"[-•] (?=\S)").match(prose, begin):
        begin = bullet.end()
    if grid := _GRID.match(prose, begin, limit):
        return grid[0], grid.end()
    for opening, closing in (("\\[", "\\]"), ("$$", "$$")):
        close = prose.find(closing, begin + 2, limit) if prose.startswith(opening, begin) else -1
        if close >= 0:
            return prose[begin + 2 : close], close + 2
    return _clause(prose, begin)


def _value_in(clause: str) -> str:
    """The value a clause names: the clause, or the one number of a longer sentence."""
    clause = _ASIDE.sub("", clause.strip().removeprefix("####"))
    plain = clause.replace("$", "") if clause.count("$") % 2 == 0 else clause
    if "\\" in plain or len(plain.split()) <= 4:
        return plain
    numbers = _NUMBERS.findall(clause)
    return numbers[0] if len(numbers) == 1 and not letter(plain) else plain


_ANY_CHOICE = re.compile(
    r"(?<![\w(])\(([A-J])\)(?!\w)|\*\*\(?([A-J])[).]?\*\*|\b(?:option|choice|answer) \(?([A-J])\b", re.IGNORECASE
)


def any_choice(prose: str) -> Final | None:
    last = deque(_ANY_CHOICE.finditer(prose), maxlen=1)
    last = last[0] if last else None
    said = last and (last[1] or last[2] or last[3])
    return Final("choice", said.upper(), last.start(), last.end()) if last and said else None
