r"""What a stated value is: a choice, JSON, mathematics or text; and the value without what is wrapped around it.

Knows nothing of where values are found or compared. Linear time; never raises.
"""

from __future__ import annotations

import re
from typing import Any, Literal, cast

import orjson

from azeotrope.types import Record

Kind = Literal["math", "choice", "json", "code", "text"]


class Final(Record, frozen=True):
    """A stated answer: what it is, as it was written (a choice: its letter), and where in the text it was stated."""

    kind: Kind
    value: str
    start: int
    end: int

    def __repr__(self) -> str:
        return f"Final({self.kind}, {self.start}:{self.end})"


_LETTER = re.compile(
    r"(?:(?:the )?(?:correct |right |best )?(?:option|choice|answer)(?: is)?:? )?"
    r"(?:[(\[]([A-Ja-j])[)\]][.:]?|([A-J])(?:\)| ?[.:])(?= |$)|([A-J])(?= [-–—] (?=.*[a-z]{3}))"
    r"|([A-J])(?: is (?:the )?(?:correct|right)(?: \w+)?)?$)(?P<rest>.*)",
    re.IGNORECASE,
)
_STYLE = re.compile(r"\\(?:text|textbf|mathrm|mathbf|textrm|mbox|rm|bf)\s*(?=[{(A-Z ])|[{}*_`$~]|\\[ ,;!]")
_MATHEMATICAL = re.compile(r"[\d\\^=<>+∞π√≤≥∅∪∩±½⅓¼¾⅔]|^[a-zA-Z](?:[-/*(]|$)")
_WORDS_IN_LATEX = re.compile(
    r"\s*\\(?:text|textbf|mathrm|textrm|mbox|operatorname)\s*\{[^{}\\\d]*[A-Za-z]{2,}[^{}\\\d]*\}\s*"
)


def letter(value: str) -> str | None:
    r"""The letter of a multiple choice: "B", "(B)", "B.", "B) 32", "**B**", "\text{(B)}", "option C"."""
    plain = " ".join(_STYLE.sub(" ", value[:200]).split()).replace("( ", "(").replace(" )", ")")
    found = _LETTER.fullmatch(plain)
    said = found and (found[1] or found[2] or found[3] or found[4])
    if not found or not said or (found["rest"] and (said.islower() or "," in found["rest"][:1])):
        return None
    return said.upper() if said.isupper() or found[1] or " " in plain else None


_LETTERS = re.compile(r"{0}(?:(?: ?[,;&] ?(?:and )?| and ){0})+".format(r"(?:\([A-J]\)|[A-J])"))


def letters(value: str) -> list[str] | None:
    """The letters where several are chosen, in their order: "A, C", "(A) and (C)"."""
    plain = " ".join(_STYLE.sub(" ", value[:200]).split()).replace("( ", "(").replace(" )", ")")
    return re.findall(r"[A-J]", plain) if _LETTERS.fullmatch(plain) else None


def kind_of(value: str) -> Kind:
    """What a value is, by its looks."""
    if letter(value):
        return "choice"
    if value[:1] in ("{", "[") and is_json(value):
        return "json"
    return "math" if _MATHEMATICAL.search(value) and not _WORDS_IN_LATEX.fullmatch(value) else "text"


def stated(value: str, start: int, end: int) -> Final | None:
    value = clean(value)
    if not value:
        return None
    kind = kind_of(value)
    return Final(kind, letter(value) or value if kind == "choice" else value, start, end)


_LAYERS = 12
"""So many layers of wrapping are taken off at most."""
_WRAPPED = [
    ("$$", "$$"),
    ("$", "$"),
    ("\\(", "\\)"),
    ("\\[", "\\]"),
    ("**", "**"),
    ("__", "__"),
    ("`", "`"),
    ("*", "*"),
]


def clean(value: str) -> str:
    """Without the Markdown, the formula's marks and the final stop around it."""
    before = None
    for _ in range(_LAYERS):
        if before == value:
            break
        before, value = value, value.strip().rstrip("。；;,")
        if value.endswith(".") and not value.endswith(".."):
            value = value[:-1]
        for opening, closing in _WRAPPED:
            if value.startswith(opening) and value.endswith(closing):
                inner = value[len(opening) : -len(closing)]
                if inner and opening not in inner:
                    value = inner
                    break
        if value.startswith("**") and value.count("**") % 2:
            value = value[2:]
        if value.endswith("**") and value.count("**") % 2:
            value = value[:-2]
    return value


def is_json(text: str) -> bool:
    """Whether it is a whole JSON object, or an array of more than numbers (those are mathematics)."""
    body = text.strip()
    if body[:1] + body[-1:] not in ("{}", "[]"):
        return False
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    if isinstance(value, dict):
        return True
    return any(not isinstance(item, int | float) or isinstance(item, bool) for item in cast(list[Any], value))
