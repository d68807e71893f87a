"""Undoing a purifier: exact where the map is known, better where it is learned, refused where it cannot be."""

import math
from pathlib import Path

import pytest
import torch

from azeotrope import Given, Scripted, defense, lift
from azeotrope.attacks import depurify, logits
from azeotrope.distill import examples
from azeotrope.errors import Misconfigured
from azeotrope.math.lowrank import LowRank, applied, inverted
from azeotrope.models import purifier
from azeotrope.models.open import Open
from azeotrope.models.purifier import About, Shows
from azeotrope.training import Batch, encoded
from azeotrope.training.guided import Told, beside
from azeotrope.training.tiny import kept_logits


@pytest.fixture
def net(learner) -> Open:
    made = learner.fresh(7)
    with torch.no_grad():
        made.net.model.embed_tokens.weight.mul_(6.0)
    return made


@pytest.fixture
def batch(learner, traces) -> Batch:
    model = learner.fresh(0)
    return Batch.of(encoded(model, examples(traces[:6]), 256).rows, model.pad)


def drawn(size: int, strength: float) -> LowRank:
    draw = torch.Generator().manual_seed(0)
    return LowRank(torch.randn(size, 2, generator=draw), strength * torch.randn(2, size, generator=draw))


@pytest.fixture
def artifact(net, tmp_path) -> str:
    m = drawn(net.net.config.vocab_size, 0.02)
    about = About("net", purifier.fingerprint(net.net), purifier.vocabulary(net.tokenizer), Shows())
    purifier.write(tmp_path / purifier.FILE, m, about)
    return str(tmp_path)


@pytest.fixture
def purified(net, artifact):
    return defense("purify", {"artifact": artifact, "until": "end"}, Given())(net)


def loss(teacher, student, batch, known=None, **config) -> float:
    return depurify.Undoing(depurify.Config(**config), teacher, known, 0)(student, batch).item()


def plainly(teacher, student, batch, **config) -> float:
    return logits.loss_of(logits.Config(**config), teacher)(student, batch).item()


def test_a_known_map_is_undone_exactly(net, purified, artifact, learner, batch) -> None:
    student = kept_logits(learner.fresh(1).net, batch)
    back = inverted(purifier.read(artifact).m)
    bare = plainly(net, student, batch, alpha=1)
    assert abs(plainly(purified, student, batch, alpha=1) - bare) > 0.1
    assert loss(purified, student, batch, back, undo="known", alpha=1) == pytest.approx(bare, rel=1e-4)
    assert loss(purified, student, batch, undo="none", alpha=1) == pytest.approx(
        plainly(purified, student, batch, alpha=1), rel=1e-5
    )


async def test_the_whole_attack_runs_and_says_what_it_did(purified, artifact, thief, problems) -> None:
    for config in ({"undo": "known", "artifact": artifact}, {}, {"undo": "none", "gate": True, "prior": 0.3}):
        made = thief()
        await depurify.attack(depurify.Config(on="gold", **config), made)(purified, problems)
        assert made.bill.notes["undone"] == config.get("undo", "learned")
        assert 0 <= made.bill.notes["gate_open"] <= 1
        assert made.bill.steps == 4


def test_a_learned_map_comes_closer_to_the_teacher(net, learner, batch) -> None:
    """Labels drawn from the teacher: the cross-entropy of what is undone is least at the teacher's own."""
    m = drawn(net.net.config.vocab_size, 0.02)
    shaped = lift.shaping(lambda ids, z: applied(m, z))(net)
    student = kept_logits(learner.fresh(1).net, batch)
    own, shown, mask = beside(Told(net), student, batch)[1], *beside(Told(shaped), student, batch)[1:]
    draw = torch.Generator().manual_seed(3)

    def far(said: torch.Tensor) -> float:
        p = own.softmax(-1)
        return (p * (own.log_softmax(-1) - said.log_softmax(-1))).sum(-1).mean().item()

    undoing = depurify.Undoing(depurify.Config(rank=4, rate=1e-2), shaped, None, 0)
    for _ in range(150):
        labels = torch.multinomial(own[0].softmax(-1), 1, generator=draw)[:, 0][None]
        out = undoing._undone(shown, labels, mask)
    assert far(out) < 0.7 * far(shown)


def test_a_map_is_learned_where_labels_are_shown_though_others_are_not(net, learner, batch) -> None:
    """Of five tokens shown, most labels stand outside: they say nothing, and hinder none that stands inside."""
    m = drawn(net.net.config.vocab_size, 0.02)
    student = kept_logits(learner.fresh(1).net, batch)
    _, own, mask = beside(Told(net), student, batch)
    shown = _topped(applied(m, own), 5)
    draw, undoing = torch.Generator().manual_seed(3), depurify.Undoing(depurify.Config(rank=4, rate=1e-2), net, None, 0)
    for _ in range(150):
        labels = torch.multinomial(own[0].softmax(-1), 1, generator=draw)[:, 0][None]
        assert (shown.gather(-1, labels[..., None]) == -math.inf).any(), "else nothing is tested"
        out = undoing._undone(shown, labels, mask)
    there = shown > -math.inf
    assert torch.equal(out > -math.inf, there), "what is not shown stays so"

    def far(said: torch.Tensor) -> float:
        """From the teacher's own, of what is shown."""
        p, q = own.masked_fill(~there, -math.inf).log_softmax(-1), said.log_softmax(-1)
        return (p.exp() * (p - q)).masked_fill(~there, 0.0).sum(-1).mean().item()

    assert far(out) < 0.7 * far(shown)
    assert 0 < undoing.told < 1


def test_labels_none_of_which_is_shown_leave_the_map_alone(net, learner, batch) -> None:
    student = kept_logits(learner.fresh(1).net, batch)
    _, shown, mask = beside(Told(net), student, batch)
    cut = _topped(shown, 5)
    undoing = depurify.Undoing(depurify.Config(rank=4), net, None, 0)
    assert torch.equal(undoing._undone(cut, shown.argmin(-1), mask), cut)
    assert undoing.told == 0
    undoing._undone(cut, cut.argmax(-1), mask)
    assert undoing.told == 0.5 and undoing._learned.b.abs().max() > 0


async def test_the_bill_says_from_how_many_labels_a_map_was_learned(net, thief, problems) -> None:
    cut = lift.shaping(lambda ids, z: _topped(z, 5))(net)
    shares = []
    for teacher, config in ((cut, {}), (net, {}), (net, {"undo": "none"})):
        made = thief()
        await depurify.attack(depurify.Config(on="gold", **config), made)(teacher, problems)
        shares.append(made.bill.notes.get("map_learned_from"))
    assert 0 < shares[0] < 1 and shares[1:] == [1.0, None]


def test_the_gate_lets_through_what_gold_agrees_with(net, learner, batch) -> None:
    student = kept_logits(learner.fresh(1).net, batch)
    liar = lift.shaping(lambda ids, z: -z)(net)
    text = torch.nn.functional.cross_entropy(student, batch.targets).item()

    class Never:
        name = "never"

        def logits(self, ids):
            return _ruled_out(net.logits(ids).clone(), batch.ids[:, 1:])

    assert loss(Never(), student, batch, undo="none", gate=True) == pytest.approx(text, rel=1e-5), "nothing is believed"
    assert loss(liar, student, batch, undo="none", gate=False) != pytest.approx(text, rel=1e-3)


def test_where_gold_agrees_the_distribution_is_learned_and_nowhere_else(net, learner, batch) -> None:
    """Half of the positions have the label as the likeliest token: the loss is that of these."""
    student = kept_logits(learner.fresh(1).net, batch)
    own = beside(Told(net), student, batch)[1][0]
    agreed = torch.arange(len(own)) % 2 == 0
    labels = batch.targets[:, None]
    said = own.scatter(-1, labels, torch.where(agreed, 20.0, -20.0)[:, None])

    class Half:
        name = "half"

        def logits(self, ids):
            out = torch.zeros(*ids.shape, said.shape[-1])
            out[:, :-1][batch.keep] = said
            return out

    undoing = depurify.Undoing(depurify.Config(undo="none", gate=True, alpha=1), Half(), None, 0)
    p, q = said[agreed].double().softmax(-1), student[agreed].double()
    expected = (p * (p.log() - q.log_softmax(-1))).sum(-1).mean().item()
    assert undoing(student, batch).item() == pytest.approx(expected, rel=1e-4)
    assert undoing.trusted == agreed.double().mean().item()


def _ruled_out(out: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    out[:, :-1] = out[:, :-1].scatter(-1, labels[..., None], -math.inf)
    return out


def test_the_prior_is_a_mixture(net, learner, batch) -> None:
    student = kept_logits(learner.fresh(1).net, batch)
    said = beside(Told(net), student, batch)[1]
    p, q = said.double().softmax(-1), student.double().softmax(-1)
    mixed = 0.7 * p + 0.3 * q
    expected = (mixed * (mixed.log() - q.log())).sum(-1).mean().item()
    assert loss(net, student, batch, undo="none", prior=0.3, alpha=1) == pytest.approx(expected, rel=1e-4)
    certain = lift.shaping(lambda ids, z: z.masked_fill(z < z.amax(-1, keepdim=True), -math.inf))(net)
    assert math.isfinite(loss(certain, student, batch, undo="none", prior=0.3, alpha=1, loss="reverse_kl"))


def test_what_is_not_shown_can_be_filled_in(net, learner, batch) -> None:
    """Reverse KL is infinite on truncated logits; with a floor it is that of the filled distribution."""
    student = kept_logits(learner.fresh(1).net, batch)
    cut = lift.shaping(lambda ids, z: _topped(z, 3))(net)
    how = {"undo": "none", "loss": "reverse_kl", "alpha": 1}
    assert math.isinf(loss(cut, student, batch, **how))
    z = beside(Told(net), student, batch)[1][0].double()
    least = z.topk(3).values[:, -1:]
    p, q = torch.where(z < least, least - 4, z).log_softmax(-1), student.double().log_softmax(-1)
    assert loss(cut, student, batch, floor=4, **how) == pytest.approx(
        (q.exp() * (q - p)).sum(-1).mean().item(), rel=1e-4
    )
    assert loss(net, student, batch, floor=4, **how) == loss(net, student, batch, **how), "where all is shown"


def test_the_known_map_is_undone_on_what_was_filled_in(net, artifact, learner, batch) -> None:
    """Of truncated logits something is missing: filled in by a floor they are finite, and still not the teacher's."""
    student = kept_logits(learner.fresh(1).net, batch)
    m = purifier.read(artifact).m
    cut = lift.shaping(lambda ids, z: _topped(applied(m, z), 5))(net)
    bare = plainly(net, student, batch, alpha=1)
    found = loss(cut, student, batch, inverted(m), undo="known", alpha=1, floor=6)
    assert math.isfinite(found) and abs(found - bare) > 1e-3


def _topped(z: torch.Tensor, k: int) -> torch.Tensor:
    return z.masked_fill(z < z.topk(k).values[..., -1:], -math.inf)


async def test_what_it_cannot_do_is_refused(thief, problems, net, tmp_path) -> None:
    with pytest.raises(Misconfigured, match="say which"):
        depurify.attack(depurify.Config(undo="known"), thief())
    with pytest.raises(Misconfigured, match="gives text only"):
        await depurify.attack(depurify.Config(), thief())(Scripted(lambda _: "4"), problems)
    a = torch.zeros(8, 1)
    a[0] = 1
    purifier.write(Path(tmp_path) / purifier.FILE, LowRank(a, -a.T), About("x", "", ""))
    with pytest.raises(Misconfigured, match="cannot be inverted"):
        depurify.attack(depurify.Config(undo="known", artifact=str(tmp_path)), thief())
