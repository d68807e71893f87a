"""Attacks from logits: which loss is trained, what of the teacher is seen, what it costs, who is refused."""

import math

import pytest
import torch
from msgspec.structs import replace
from torch.nn import functional

from azeotrope import Given, Scripted, catalog, defense, lift
from azeotrope.attacks import labels, logits
from azeotrope.distill import examples
from azeotrope.errors import Misconfigured
from azeotrope.models.dialect import Dialect
from azeotrope.models.open import Open
from azeotrope.tasks import steps
from azeotrope.training import Batch, encoded
from azeotrope.training import tokenizer as tokenizers
from azeotrope.training.guided import Told, beside
from azeotrope.training.tiny import Tiny, TinyLearner, kept_logits

FIRM = 6.0


@pytest.fixture
def net(learner) -> Open:
    """A teacher whose logits are not all alike."""
    made = learner.fresh(7)
    with torch.no_grad():
        made.net.model.embed_tokens.weight.mul_(FIRM)
    return made


@pytest.fixture
def batch(learner, traces) -> Batch:
    model = learner.fresh(0)
    return Batch.of(encoded(model, examples(traces[:3]), 256).rows, model.pad)


@pytest.fixture
def student(learner, batch) -> torch.Tensor:
    return kept_logits(learner.fresh(1).net, batch)


def said(teacher: Open, batch: Batch) -> torch.Tensor:
    """The teacher's logits where the batch has a label, [N, V], one position at a time."""
    rows = [(at, t) for at, row in enumerate(batch.labels.tolist()) for t, label in enumerate(row) if label != -100]
    return torch.stack([teacher.logits(batch.ids[at : at + 1, :t])[0, -1] for at, t in rows])


def loss(teacher, student, batch, **config) -> float:
    return logits.loss_of(logits.Config(**config), teacher)(student, batch).item()


def kl(p: torch.Tensor, q: torch.Tensor) -> float:
    return (p * (p.log() - q.log())).sum(-1).mean().item()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("scaled", [True, False])
def test_the_teacher_is_read_at_the_places_of_the_labels_at_a_temperature(
    temperature, scaled, net, student, batch
) -> None:
    p, q = [(x.double() / temperature).softmax(-1) for x in (said(net, batch), student)]
    scale = temperature**2 if scaled else 1
    how = {"alpha": 1, "temperature": temperature, "scaled": scaled}
    assert kl(p, q) > 0.01
    assert loss(net, student, batch, **how) == pytest.approx(scale * kl(p, q), rel=1e-4)
    assert loss(net, student, batch, loss="reverse_kl", **how) == pytest.approx(scale * kl(q, p), rel=1e-4)
    middle = (p + q) / 2
    jsd = (kl(p, middle) + kl(q, middle)) / 2
    assert loss(net, student, batch, loss="jsd", **how) == pytest.approx(scale * jsd, rel=1e-4)
    log_q = q.log().gather(-1, batch.targets[:, None])
    expected = scale * -log_q.mean().item()
    assert loss(net, student, batch, loss="cross_entropy", **how) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", ["forward_kl", "abkd", "alphanet", "skewed_kl"])
def test_alpha_mixes_with_cross_entropy_on_the_text(name, net, student, batch) -> None:
    text = functional.cross_entropy(student, batch.targets).item()
    only = loss(net, student, batch, loss=name, alpha=1)
    assert loss(net, student, batch, loss=name, alpha=0.3) == pytest.approx(0.7 * text + 0.3 * only, rel=1e-5)


LOSSES = ["forward_kl", "reverse_kl", "jsd", "skewed_kl", "skewed_reverse_kl", "alphanet", "abkd"]


@pytest.mark.parametrize("top_k", [0, 3])
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_least_at_the_teacher_and_reaches_the_student_alone(name, top_k, net, student, batch) -> None:
    how = {"loss": name, "alpha": 1, "top_k": top_k}
    assert loss(net, said(net, batch), batch, **how) == pytest.approx(0, abs=1e-5)
    leaf = student.detach().requires_grad_()
    logits.loss_of(logits.Config(**how), net)(leaf, batch).backward()
    assert leaf.grad.abs().sum() > 0
    assert all(p.grad is None for p in net.net.parameters())


def test_top_k_sees_less_the_fewer_are_shown(net, student, batch) -> None:
    """Data processing: what is merged cannot be told apart."""
    size = student.shape[-1]
    shown = [loss(net, student, batch, alpha=1, top_k=k) for k in (1, 5, size - 1, 0)]
    assert 0 < shown[0] < shown[1] < shown[3]
    assert shown[2] == pytest.approx(shown[3], rel=1e-4)
    with pytest.raises(Misconfigured, match="k is a number"):
        loss(net, student, batch, top_k=size)


def test_vocabularies_are_cut_to_what_both_have(net, student, batch) -> None:
    class Padded:
        name = "padded"

        def __init__(self, by: int) -> None:
            self.by = by

        def logits(self, ids):
            out = net.logits(ids)
            return functional.pad(out, (0, self.by), value=9.0) if self.by >= 0 else out[..., : self.by]

    wider = logits.loss_of(logits.Config(alpha=1), Padded(8))(student, batch).item()
    assert wider == loss(net, student, batch, alpha=1)
    ours, theirs, mask = beside(Told(Padded(-300)), student, batch)
    assert ours.shape == theirs.shape == (1, len(student), student.shape[-1] - 300)
    assert mask[0].tolist() == [target < student.shape[-1] - 300 for target in batch.targets.tolist()]
    assert not mask.all()


async def test_text_alone_is_called_text(thief, net, problems) -> None:
    profiles = []
    for config in ({"loss": "cross_entropy"}, {}, {"top_k": 3}):
        made = thief()
        await logits.attack(logits.Config(on="gold", **config), made)(net, problems)
        profiles.append(made.bill.notes["profile"])
    assert profiles == ["text on gold", "all logits, teacher-forced on gold", "top 3, teacher-forced on gold"]


async def test_labels_are_the_teachers_likeliest_tokens(net, student, batch, thief, noting, problems) -> None:
    await labels.attack(labels.Config(on="gold"), thief(learner=noting))(net, problems)
    top = said(net, batch).argmax(-1)
    assert (top != batch.targets).any()
    trained = noting.fits[0].loss(student, batch).item()
    assert trained == pytest.approx(functional.cross_entropy(student, top).item(), rel=1e-5)
    await labels.attack(labels.Config(on="gold", alpha=0.25), thief(learner=noting))(net, problems)
    mixed = 0.25 * trained + 0.75 * functional.cross_entropy(student, batch.targets).item()
    assert noting.fits[1].loss(student, batch).item() == pytest.approx(mixed, rel=1e-5)


# --- what a defense changes


def test_a_shape_applies(net, student, batch) -> None:
    flat = lift.shaping(lambda ids, scores: scores * 0)(net)
    q = student.double().softmax(-1)
    uniform = torch.full_like(q, 1 / q.shape[-1])
    assert loss(flat, student, batch, alpha=1) == pytest.approx(kl(uniform, q), rel=1e-4)
    assert loss(flat, student * 0, batch, alpha=1) == pytest.approx(0, abs=1e-6)
    assert loss(flat, student, batch, alpha=1, loss="cross_entropy") != pytest.approx(math.log(q.shape[-1]))


@pytest.mark.parametrize("name", ["logits", "labels"])
@pytest.mark.parametrize("shield", ["withhold", "terse"])
async def test_a_teacher_that_is_not_open_is_refused_unasked(name, shield, thief, net, problems) -> None:
    module = catalog.load("attacks", name)
    scripted = Scripted(lambda _: "4")
    for teacher in (scripted, defense(shield, {}, Given())(net)):
        made = thief()
        with pytest.raises(Misconfigured, match="gives text only, and this attack needs its logits"):
            await module.attack(module.Config(), made)(teacher, problems)
        assert made.bill.queries == 0
    assert scripted.asked == []


async def test_another_tokenizer_or_dialect_is_refused(thief, problems, words, learner) -> None:
    others = tokenizers.trained(steps.corpus(1, 60), r"\s|\S", vocabulary=300)
    think = TinyLearner(learner._recipe, words, dialect=Dialect(think=True))
    for teacher in (TinyLearner(learner._recipe, others).fresh(0), think.fresh(0)):
        with pytest.raises(Misconfigured, match="as other tokens"):
            await logits.attack(logits.Config(on="gold"), thief())(teacher, problems)


# --- what it costs


@pytest.mark.parametrize("name", ["logits", "labels"])
async def test_the_logits_of_samples_come_with_them(name, thief, teacher, problems) -> None:
    made, asked, module = thief(), teacher(), catalog.load("attacks", name)
    await module.attack(module.Config(), made)(asked, problems)
    assert (made.bill.queries, made.bill.tokens_in, made.bill.tokens_out) == (24, 24 * 7, 24 * 11)
    assert made.bill.steps * 8 > asked.read == 24, "of each text once"


@pytest.mark.parametrize("name", ["logits", "labels"])
async def test_gold_is_read_once_each_and_nothing_is_generated(name, thief, noting, teacher, problems, learner) -> None:
    made, asked, module = thief(learner=noting), teacher(), catalog.load("attacks", name)
    await module.attack(module.Config(on="gold"), made)(asked, problems)
    learned = noting.fits[0].examples
    assert [e.reasoning for e in learned] == [p.solution for p in problems]
    tokens = sum(len(row.ids) for row in encoded(learner.fresh(0), learned, 999).rows)
    assert (made.bill.queries, made.bill.tokens_in, made.bill.tokens_out) == (24, tokens, 0)
    assert asked.asked == []
    assert made.bill.notes["profile"].endswith("teacher-forced on gold")


async def test_where_the_problems_publish_nothing_public_ones_are_read(thief, noting, teacher, problems, task) -> None:
    bare, made = [replace(p, solution="") for p in problems[:9]], thief(learner=noting)
    await logits.attack(logits.Config(on="gold"), made)(teacher(), bare)
    assert [e.request for e in noting.fits[0].examples] == [p.request for p in task.problems("proxy")[:9]]
    assert (made.bill.queries, made.bill.notes["public_traces"]) == (9, 9)


async def test_washed_samples_are_read_again(thief, noting, teacher, problems) -> None:
    async def wash(traces):
        return [traces[0], traces[1].but(reasoning="Step 1: 2 + 2 = 4")]

    made = thief(learner=noting, washes=(wash,))
    await logits.attack(logits.Config(), made)(teacher(), problems)
    assert made.bill.queries == 24 + 1
    assert len(noting.fits[0].examples) == 2


async def test_the_loss_falls_towards_the_teacher(thief, net, words, problems, task, batch) -> None:
    recipe = Tiny(hidden=16, layers=1, heads=2, intermediate=16, steps=40, batch=8, warmup=2, rate=1e-2, max_tokens=24)
    learner = TinyLearner(recipe, words)
    student = await logits.attack(logits.Config(alpha=1, on="gold"), thief(learner=learner))(net, problems)
    before, after = [loss(net, kept_logits(model.net, batch), batch, alpha=1) for model in (learner.fresh(3), student)]
    assert after < 0.8 * before
