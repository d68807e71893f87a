"""What a reflection model is told, and how an instruction is read from what it says. Pure: text in, text out.

It sees instructions, their scores and the checks that their rewrites failed by name; rewrites only where they could be
released. Source of the ascending list of earlier pairs: Yang et al., arXiv 2309.03409 (OPRO); the wording is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from azeotrope.optimize.plan import Floors
from azeotrope.optimize.records import Candidate

GOAL = """A model rewrites the worked reasoning of a teacher before it is published, following an instruction.
The answer is kept apart and stays. Students are then trained on what was published. A good instruction makes them learn
little from it (the damage, in points of accuracy), while every rewrite passes its checks (traces kept) and people can
still read it (readability). The score is the damage; below the floors for traces kept and readability it is below 0."""
ASK = "Write one new instruction that may score higher. Put it between two lines of three backticks, and nothing else."
CURRENT = "The instruction to improve:"
TEMPLATE = f'{GOAL}\n\n{CURRENT}\n"""\n<curr_param>\n"""\n\nWhat came of it:\n<side_info>\n\n{ASK}'
"""As gepa has it: the parameter, and what is known of it."""
TRIED = re.compile(r'Instruction:\n"""\n(.*?)\n"""\n([^\n]*)', re.DOTALL)
"""(an instruction, what came of it), in any prompt of ours."""
WHOLE = 40_000
"""Characters of a prompt, about; beyond them earlier instructions are left out."""
_FENCE = re.compile(r"(?P<alone>^[^\S\n]*)?```(?P<named>[^\S\n]*[^\s`]+)?[^\S\n]*$", re.MULTILINE)
"""Three backticks that end a line, perhaps with a language's name."""


def pairs(found: Iterable[Candidate], floors: Floors) -> str:
    """Instructions with their scores, as they are told."""
    return "\n\n".join(
        f'Instruction:\n"""\n{one.text}\n"""\nScore: {100 * one.worth(floors):.1f} ({outcome(one, floors)})'
        for one in found
    )


def passed_over(found: Iterable[Candidate], floors: Floors) -> str:
    """Instructions that the cheap score turned down, as they are told."""
    return "\n\n".join(f'Instruction:\n"""\n{one.text}\n"""\nTurned down: {outcome(one, floors)}' for one in found)


def outcome(one: Candidate, floors: Floors) -> str:
    """What came of it, in words."""
    said = [f"traces kept {one.kept:.0%}, at least {floors.kept:.0%}",
            f"readability {one.readable:.2f}, at least {floors.readable:.2f}"]  # fmt: skip
    if one.damage is not None:
        said.insert(0, f"damage {100 * one.damage:.1f} points")
    if one.nats is not None:
        said.insert(0, f"students' loss {one.nats:+.2f} nats a response")
    if one.failures:
        said.append("checks failed: " + ", ".join(f"{name} {count}" for name, count in one.failures.items()))
    return "; ".join([*said, *([f"no score: {one.reason}"] if one.reason else [])])


def fitting(
    found: Sequence[Candidate], turned: Sequence[Candidate], floors: Floors, beside: int = 0
) -> tuple[Sequence[Candidate], Sequence[Candidate]]:
    """(scored in full, turned down) as far as a prompt has room for them, the last ones of each. What was turned down
    goes first, the best stays in any case. `beside`: characters of what else the prompt says."""
    room, kept = WHOLE - len(TEMPLATE) - beside, 0
    for one in reversed([*turned, *found]):
        room -= len(pairs([one], floors)) + len("\n\n")
        if room < 0 and kept:
            break
        kept += 1
    return found[-kept:] if kept else (), turned[len(turned) - max(0, kept - len(found)) :]


def asked(found: Sequence[Candidate], turned: Sequence[Candidate], floors: Floors) -> str:
    """A whole prompt of earlier pairs, the best last."""
    found, turned = fitting(found, turned, floors)
    told = "\n\n".join(filter(None, (passed_over(turned, floors), pairs(found, floors))))
    return f"{GOAL}\n\nEarlier instructions, the best one last:\n\n{told}\n\n{ASK}"


def proposed(said: str) -> str:
    """The instruction in what a model said: from the first opening fence to the last closing one, else all of it.
    Nothing where a fence is left open, as of a reply that was cut off."""
    depth, begin, end = 0, -1, -1
    for fence in _FENCE.finditer(said):
        alone, named = fence["alone"] is not None, bool(fence["named"])
        if alone and (named or not depth):
            depth += 1
            begin = fence.end() if begin < 0 else begin
        elif depth and not named:
            depth -= 1
            end = fence.start()
    if depth:
        return ""
    if begin >= 0:
        return said[begin:end].strip()
    bare = said.strip()
    return "" if bare.startswith("```") and not bare.endswith("```") else bare.strip("`").strip()
