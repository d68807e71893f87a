"""A judge's nats are those of the net itself, and a text of one token says nothing."""

import pytest
import torch

from azeotrope.evaluate.teachers import shipped_folder
from azeotrope.models.perplexity import judge
from azeotrope.models.shipped import shipped


def test_nats_are_the_nets_own_mean_over_what_it_predicts() -> None:
    (nats, size), (nothing, _) = judge(shipped_folder("steps"))(["Step 1: 11 - 10 = 1", ""])
    model = shipped("steps")
    ids = torch.tensor([model.tokenizer("Step 1: 11 - 10 = 1").input_ids])
    with torch.no_grad():
        logits = model.net(input_ids=ids).logits[0, :-1].log_softmax(-1)
    by_hand = -logits.gather(1, ids[0, 1:, None]).mean()
    assert size == ids.shape[1] > 2 and nats == pytest.approx(float(by_hand), rel=1e-4)
    assert nothing == 0.0
