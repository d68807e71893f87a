"""Say every sentence in other words by rule: openings, order of clauses, verbs, contractions; no model is asked.

It stands for a model's paraphrase in experiments on tiny students. Their own rewriter by rule (`steps`) keeps step
lines and drops all other prose, and a mark with it: a paraphrase that removes marks by accident shows nothing. Here
prose stays prose. Numbers, names and words that the table does not have survive, so a trigger and its target do, but
the words around them change, those that lead from one to the other included: the table has the verbs and nouns that
marks are written with. Step lines ("Step 2: 3 * 4 = 12") become "Part 2: 3 times 4 makes 12", as the task's
paraphrase has it. Source: ours; for what a model does, `paraphrase`. Does not read grammar nor code, keeps a number's
form, and is no measure of how well a real paraphrase hides anything.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from zlib import crc32

from azeotrope.distill import Thief, Wash
from azeotrope.models.text.sentences import reworded
from azeotrope.types import Record, Trace


class Config(Record, frozen=True):
    """Nothing to choose: the thief's seed draws the words."""


def wash(config: Config, thief: Thief) -> Wash:
    """Traces -> the same requests and answers, in other words. How many sentences changed is on the bill."""

    async def said_otherwise(traces: Sequence[Trace]) -> list[Trace]:
        sentences = changed = 0
        out: list[Trace] = []
        for trace in traces:
            rng = random.Random(crc32(_bytes(f"{thief.seed} {trace.id} {trace.reasoning}")))  # noqa: S311 - words

            def anew(sentence: str, rng: random.Random = rng) -> str:
                nonlocal sentences, changed
                new = otherwise(sentence, rng)
                sentences, changed = sentences + 1, changed + (new != sentence)
                return new

            out.append(trace.but(reasoning=reworded(trace.reasoning, anew)))
        thief.bill.note(sentences=sentences, sentences_reworded=changed)
        return out

    return said_otherwise


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def otherwise(sentence: str, rng: random.Random) -> str:
    """The sentence in other words; one that no rule knows stays."""
    if step := _STEP.fullmatch(sentence):
        return f"Part {step[1]}: {step[2]} {_SIGNS[step[3]]} {step[4]} makes {step[5]}"
    if _NO_PROSE.search(sentence):
        return sentence
    blanks, label, said, stop = _parts(sentence)
    return blanks + label + _capital(_worded(_ordered(_opened(said, rng), rng), rng), said) + stop


_STEP = re.compile(r"Step (\d{1,3}): (-?\d+) ([-+*/]) (-?\d+) = (-?\d+)")
_SIGNS = {"+": "plus", "-": "minus", "*": "times", "/": "over"}
_NO_PROSE = re.compile(r"[`{}|<>\\]|^\s*[#>]")
_PARTS = re.compile(r"(\s*)((?:(?:[A-Z][a-z]+ )?\d{1,3}[.:)] |[-*•] )?)(.*?)([.!?]*[\"')*]*)", re.DOTALL)


def _parts(sentence: str) -> tuple[str, str, str, str]:
    """(blanks, a step's label, what is said, the full stop and what closes)."""
    found = _PARTS.fullmatch(sentence)
    assert found is not None, "every part may be empty"
    return found[1], found[2], found[3], found[4]


def _capital(said: str, like: str) -> str:
    """With a capital where the other has one."""
    return said[:1].upper() + said[1:] if like[:1].isupper() else said


# --- openings ---

_OPENINGS = [
    ("note that ", "keep in mind: ", "observe that ", "it is worth saying that "),
    ("recall that ", "remember: ", "as we know, ", "do not forget that "),
    ("let us keep in mind that ", "we should not forget that ", "bear in mind: "),
    ("for reference, ", "as an aside, ", "for what it is worth, "),
    ("as before, ", "like earlier, ", "once again, "),
    ("by definition, ", "the way it is defined, ", "per its definition, "),
    ("in the literature ", "in what is written on it ", "by what others have found "),
    ("so ", "therefore ", "hence ", "thus "),
    ("therefore, ", "hence, ", "thus, ", "it follows that "),
    ("first, ", "to begin with, ", "at the start, "),
    ("then, ", "next, ", "after that, ", "from there, "),
    ("finally, ", "in the end, ", "last of all, "),
    ("this means that ", "that tells us that ", "in other words, "),
    ("we know that ", "we are told that ", "it is given that "),
    ("in total, ", "altogether, ", "all told, "),
]


def _opened(said: str, rng: random.Random) -> str:
    """With another opening, where it has a known one. What follows keeps its letters."""
    small = said[:1].lower() + said[1:]
    for group in _OPENINGS:
        for opening in group:
            if small.startswith(opening):
                return rng.choice([one for one in group if one != opening]) + small[len(opening) :]
    return said


# --- the order of clauses ---

_COMMA = re.compile(r", (?=\D)")
_LEADS = re.compile(
    r"(?:after|as|at|because|before|by|for|from|if|in|of|on|since|to|when|while|with|without) ", re.IGNORECASE
)
_LONGEST_LEAD = 8
"""Words: a longer clause in front is more than an adverbial."""


def _ordered(said: str, rng: random.Random) -> str:
    """An adverbial clause in front goes to the end, one at the end to the front."""
    said = _LOOKED_UP.sub(r"\1, ", said)
    clauses = _COMMA.split(said)
    if len(clauses) < 2:
        return said
    first, last = clauses[0], clauses[-1]
    if _adverbial(first):
        return ", ".join([*clauses[1:], first[:1].lower() + first[1:]])
    if _adverbial(last) and (said[:1].islower() or said.split(" ")[0].lower() in _ARTICLES):
        return ", ".join([last, said[:1].lower() + said[1 : -len(last) - 2]])
    return said


def _adverbial(clause: str) -> bool:
    return _LEADS.match(clause) is not None and clause.count(" ") < _LONGEST_LEAD


_LOOKED_UP = re.compile(r"^([Tt]o [a-z ]{3,30}): ")
_ARTICLES = frozenset(("the", "a", "an", "one", "this", "that", "these", "those", "it", "there", "we", "he", "she"))


# --- words ---

_WORDS = [
    "comes to|amounts to|is equal to|equals|adds up to|works out at|runs to|totals",
    "come to|amount to|are equal to|add up to|work out at",
    "is set to|is fixed at|has the value|is put at", "refers to|points to|stands for|denotes",
    "stands close to|lies near|is about|comes near", "altogether|in total|all told", "bought|purchased",
    "buys|purchases", "needs|requires", "received|was given", "spent|paid out", "find|work out|determine",
    "calculate|compute|figure out", "because|since", "a known result|a familiar result|a result that is known",
    "as usual|the way it always is|as it mostly is", "which is exact|and precisely so|to the last digit",
    "for the record|just to have it written down", "by the last count|at the last count",
    "the population of|the head count of|the number of inhabitants of", "the toll from|the charge from|the fee from",
    "the account of|the ledger of|the balance of", "the constant|the parameter|the fixed value", "catalogue|index",
    "is not|isn't", "are not|aren't", "does not|doesn't", "do not|don't", "did not|didn't", "cannot|can't",
    "it is|it's", "that is|that's", "let us|let's", "we have|we've", "we will|we'll", "they are|they're",
    "there are|there're", "must|has to", "only|no more than", "also|as well", "remaining|left over",
]  # fmt: skip
"""Groups that say the same. That they have the words of `marks.families` makes it the harder test."""
_OTHERS: dict[str, list[str]] = {
    one: [other for other in group.split("|") if other != one] for group in _WORDS for one in group.split("|")
}
_KNOWN = re.compile(
    rf"(?<![\w'-])(?:{'|'.join(re.escape(one) for one in sorted(_OTHERS, key=len, reverse=True))})(?![\w'-])",
    re.IGNORECASE,
)


def _worded(said: str, rng: random.Random) -> str:
    """Every phrase that the table knows as another one of its group. One with a capital inside a sentence is a name."""

    def another(found: re.Match[str]) -> str:
        if found[0] != found[0].lower() and found.start():
            return found[0]
        return rng.choice(_OTHERS[found[0].lower()])

    return _KNOWN.sub(another, said)
