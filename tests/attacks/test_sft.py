"""How sft asks: as the teacher draws, or at a temperature of the thief's own."""

import pytest

from azeotrope import catalog


@pytest.mark.parametrize(("config", "expected"), [({}, {}), ({"temperature": 0.0}, {"temperature": 0.0})])
async def test_a_temperature_of_its_own_goes_into_every_request(
    thief, noting, teacher, problems, config, expected
) -> None:
    module, asked = catalog.load("attacks", "sft"), teacher()
    await module.attack(module.Config(**config), thief(learner=noting))(asked, problems)
    assert [request.sampling for request in asked.asked] == [expected] * len(problems)
    assert [example.request for example in noting.fits[-1].examples] == [problem.request for problem in problems]
