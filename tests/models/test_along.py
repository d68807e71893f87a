"""A model that reads along says what it would say if it read everything, whatever it read before."""

import threading

import pytest
import torch

from azeotrope.models.along import Along
from azeotrope.models.open import Open
from azeotrope.training.tiny import Tiny, TinyLearner
from azeotrope.training.tokenizer import trained

PAD = 0


@pytest.fixture(scope="module")
def model() -> Open:
    return TinyLearner(Tiny(hidden=32, layers=2, heads=2, intermediate=32), trained((), r"\d"), device="cpu").fresh(1)


class Counting:
    """The net, and how many tokens it was made to read in each call."""

    def __init__(self, net) -> None:
        self.net, self.read = net, []

    def parameters(self):
        return self.net.parameters()

    def __call__(self, **how):
        self.read.append(how["input_ids"].shape[1])
        return self.net(**how)


def alone(model, row) -> torch.Tensor:
    """Read at once, without padding."""
    ids = row[(row != PAD).nonzero()[0, 0] :] if (row != PAD).any() else row[-1:]
    with torch.no_grad():
        return torch.log_softmax(model.net(input_ids=ids[None], use_cache=False).logits[0, -1].float(), -1)


def drawn(rows: int, length: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(3, 250, (rows, length), generator=torch.Generator().manual_seed(seed))


def check(model, along, ids) -> None:
    before = ids.clone()
    found = along(ids)
    assert torch.equal(ids, before) and found.shape == (len(ids), model.net.config.vocab_size)
    assert torch.allclose(found, torch.stack([alone(model, row) for row in ids]), atol=1e-5)


def test_it_reads_the_last_token_only_and_says_the_same(model) -> None:
    net = Counting(model.net)
    along, ids = Along(net, PAD), drawn(3, 12)
    ids[0, :4] = ids[1, :2] = PAD
    for end in range(6, 13):
        check(model, along, ids[:, :end])
    assert net.read == [6, 1, 1, 1, 1, 1, 1]


def test_rows_may_leave_and_change_places(model) -> None:
    net = Counting(model.net)
    along, ids = Along(net, PAD), drawn(5, 9)
    check(model, along, ids[:, :6])
    check(model, along, ids[[3, 0, 4], :7])
    check(model, along, ids[[4, 3], :8])
    assert net.read == [6, 1, 1]


@pytest.mark.parametrize("other", ["longer", "shorter", "the same", "another", "a new row"])
def test_what_is_no_continuation_is_read_whole(model, other) -> None:
    net = Counting(model.net)
    along, ids = Along(net, PAD), drawn(2, 12)
    check(model, along, ids[:, :6])
    again = {
        "longer": ids[:, :9], "shorter": ids[:, :4], "the same": ids[:, :6], "another": drawn(2, 7, seed=5),
        "a new row": torch.cat([ids[:, :7], drawn(1, 7, seed=9)]),
    }[other]  # fmt: skip
    check(model, along, again)
    assert net.read == [6, again.shape[1]]
    check(model, along, torch.cat([again, drawn(len(again), 1, seed=3)], 1))
    assert net.read[-1] == 1


def test_two_texts_by_turns_do_not_mix(model) -> None:
    along, one, two = Along(model.net, PAD), drawn(2, 9, seed=1), drawn(3, 9, seed=2)
    for end in range(5, 10):
        check(model, along, one[:, :end])
        check(model, along, two[:, :end])


def test_a_row_of_padding_alone_has_no_nan(model) -> None:
    ids = drawn(2, 5)
    ids[0] = PAD
    assert not Along(model.net, PAD)(ids).isnan().any()


def test_threads_may_share_it(model) -> None:
    along, failed = Along(model.net, PAD), []

    def work(seed: int) -> None:
        ids = drawn(2, 14, seed)
        try:
            for end in range(4, 15):
                check(model, along, ids[:, :end])
        except AssertionError as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_a_net_without_a_cache_reads_everything(model) -> None:
    class Forgetful(Counting):
        def __call__(self, **how):
            out = super().__call__(**how)
            out.cache = None
            return out

    net = Forgetful(model.net)
    along, ids = Along(net, PAD), drawn(2, 8)
    for end in range(5, 9):
        check(model, along, ids[:, :end])
    assert net.read == [5, 6, 7, 8]
