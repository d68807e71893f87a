"""A temperature is undone: what is learned is what the bare teacher's logits teach."""

import pytest

from azeotrope import Given, Scripted, defense
from azeotrope.attacks import logits, retemper
from azeotrope.distill import examples
from azeotrope.errors import Misconfigured
from azeotrope.training import Batch, encoded
from azeotrope.training.tiny import kept_logits

HOW = {"alpha": 1.0, "temperature": 2.0}


@pytest.fixture
def batch(learner, traces) -> Batch:
    model = learner.fresh(0)
    return Batch.of(encoded(model, examples(traces[:3]), 256).rows, model.pad)


@pytest.mark.parametrize("by", [0.25, 3.0])
async def test_behind_a_temperature_the_bare_teacher_is_learned(by, thief, noting, problems, learner, batch) -> None:
    bare, student = learner.fresh(7), kept_logits(learner.fresh(1).net, batch)
    tempered = defense("temper", {"temperature": by}, Given())(bare)
    await retemper.attack(retemper.Config(divided_by=by, **HOW), thief(learner=noting))(tempered, problems)
    own = noting.fits[0].loss(student, batch).item()
    assert own == pytest.approx(logits.loss_of(logits.Config(**HOW), bare)(student, batch).item(), rel=1e-4)
    assert own != pytest.approx(logits.loss_of(logits.Config(**HOW), tempered)(student, batch).item(), rel=1e-2)


async def test_a_teacher_that_gives_text_only_is_refused_unasked(thief, problems) -> None:
    made = thief()
    with pytest.raises(Misconfigured, match="needs its logits"):
        await retemper.attack(retemper.Config(divided_by=0.5), made)(Scripted(lambda _: "4"), problems)
    assert made.bill.queries == 0
