"""A teacher that refuses some problems: they are left out and counted; one that refuses most is said, with the cure."""

import pytest

from azeotrope.errors import Misconfigured, Refused
from azeotrope.models.fake import Scripted
from azeotrope.optimize.asking import again, answered
from azeotrope.types import Problem, Request

PROBLEMS = [Problem(f"p{at}", Request.of(f"question {at}"), "1") for at in range(6)]


def refusing(*numbers: int) -> Scripted:
    def rule(request: Request) -> tuple[str, str]:
        if any(str(request.messages[-1]["content"]).endswith(f" {at}") for at in numbers):
            raise Refused("the upstream refused this request (400, content_filter)")
        return "why", "1"

    return Scripted(rule, name="filtered")


async def test_refused_problems_are_left_out_of_both_arms() -> None:
    traces = await answered(refusing(1, 4), PROBLEMS)
    assert [trace.request for trace in traces] == [PROBLEMS[at].request for at in (0, 2, 3, 5)]
    assert [trace.request for trace in await again(refusing(1, 4), traces)] == [trace.request for trace in traces]


async def test_a_teacher_that_refuses_most_is_named_with_the_first_problem_and_the_cure() -> None:
    why = r"filtered refuses 4 of 6 problems, the first is p1 \(.*content_filter\)\): mend \[teacher\]"
    with pytest.raises(Misconfigured, match=why):
        await answered(refusing(1, 2, 3, 4), PROBLEMS)
