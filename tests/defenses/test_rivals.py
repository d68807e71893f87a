"""ads and poe: they draw from what their equations say, and what ads favours does harm to whoever learns it.

What every shape must keep is in test_shapes.py.
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from azeotrope import Given, Request, catalog, defense
from azeotrope.defenses import ads
from azeotrope.errors import Misconfigured
from azeotrope.models.open import Open
from azeotrope.protocols import Made
from azeotrope.training import hypergradient, proxies
from azeotrope.training.tiny import Tiny, TinyLearner
from azeotrope.training.tokenizer import trained
from azeotrope.types import Problem

SIZE = Tiny(hidden=32, layers=1, heads=2, intermediate=32)
HELD = [Problem(str(n), Request.of(f"{n} + {n}?"), str(2 * n), solution=f"{n} and {n}") for n in range(20)]


@pytest.fixture(scope="module")
def alphabet() -> Any:
    return trained((), r"\d")


def louder(model: Open) -> Open:
    with torch.no_grad():
        model.net.model.embed_tokens.weight.mul_(4)
    return model


@pytest.fixture(scope="module")
def teacher(alphabet) -> Open:
    return louder(TinyLearner(SIZE, alphabet, device="cpu").fresh(7))


@pytest.fixture(scope="module")
def student(alphabet) -> Open:
    return louder(TinyLearner(SIZE, alphabet, device="cpu").fresh(9))


@pytest.fixture(scope="module")
def folder(student, tmp_path_factory) -> str:
    place = tmp_path_factory.mktemp("proxy")
    proxies.write(student, HELD, place, {})
    return str(place)


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.randint(3, 250, (3, 9), generator=torch.Generator().manual_seed(1))


def shape_of(name: str, teacher: Open, **config: Any) -> Any:
    module = catalog.load("defenses", name)
    made = module.shape(module.Config(**config), Given())
    assert isinstance(made, Made)
    return made.of(teacher)


def logs(model: Open, ids: torch.Tensor) -> torch.Tensor:
    return torch.log_softmax(model.logits(ids)[:, -1], -1)


def b_of(shape: Any, ids: torch.Tensor, teacher: Open) -> torch.Tensor:
    """At lambda = 1: what is added to the logits."""
    logits = teacher.logits(ids)[:, -1].double()
    return shape(ids, logits) - logits


# --- ads


def test_what_ads_favours_raises_the_proxys_loss_when_it_is_learned(teacher, student, folder, ids) -> None:
    """One explicit step of gradient descent on a token, in float64: the held-out loss moves by eta b(token)."""
    b = b_of(shape_of("ads", teacher, artifact=folder, lam=1.0, eps=1e-2, until="end"), ids, teacher)[0]
    exact = student.copied().net.double()
    held = proxies.read(folder, "test").workings(64, 1024, teacher)
    theta = hypergradient.weights(exact)

    def loss(at: hypergradient.Vector) -> float:
        with torch.no_grad():
            return sum(hypergradient.held_loss(exact, at, batch).item() for batch in held) / tokens

    tokens = sum(len(batch.targets) for batch in held)
    before, eta = loss(theta), 1e-3
    for token in (*b.topk(3).indices.tolist(), *(-b).topk(3).indices.tolist()):
        own = {name: value.clone().requires_grad_() for name, value in theta.items()}
        logits = torch.func.functional_call(exact, own, (), {"input_ids": ids[:1], "use_cache": False}).logits
        nats = torch.nn.functional.cross_entropy(logits[:, -1], torch.tensor([token]))
        found = torch.autograd.grad(nats, list(own.values()))
        stepped = {name: theta[name] - eta * g for name, g in zip(own, found, strict=True)}
        change = (loss(stepped) - before) / eta
        assert change == pytest.approx(b[token].item(), rel=0.05), token
    assert b.max() > 0 > b.min(), "some tokens do harm, and some good"


def test_b_does_not_depend_on_how_far_it_looks(teacher, folder, ids) -> None:
    near, far = (
        b_of(shape_of("ads", teacher, artifact=folder, lam=1.0, eps=eps, until="end"), ids, teacher)
        for eps in (3e-3, 1e-2)
    )
    assert torch.allclose(near, far, atol=0.02 * far.abs().max())


def test_ads_is_linear_in_lambda_and_nothing_at_0(teacher, folder, ids) -> None:
    logits = teacher.logits(ids)[:, -1]
    plain, once, twice = (
        shape_of("ads", teacher, artifact=folder, lam=lam, until="end")(ids, logits) for lam in (0.0, 0.5, 1.0)
    )
    assert torch.equal(plain, logits)
    assert torch.allclose(twice - logits, 2 * (once - logits), atol=1e-4)


def test_the_proxy_is_not_moved_and_moved_copies_are_made_once(teacher, student, folder, ids, monkeypatch) -> None:
    proxy, gradient, nets = proxies.read(folder, "test"), hypergradient.held_gradient, list[Any]()

    def watched(net: Any, *asked: Any) -> Any:
        assert proxy._alone.locked()
        nets.append(net)
        return gradient(net, *asked)

    monkeypatch.setattr(hypergradient, "held_gradient", watched)
    ads._moved.cache_clear()
    shape_of("ads", teacher, artifact=folder)
    assert len(nets) == 1 and nets[0] is not proxy.model.net and not proxy._alone.locked()
    assert torch.equal(proxy.model.logits(ids), student.logits(ids))
    config = ads.Config(artifact=folder)
    assert ads._moved(proxy, teacher.dialect, config) is ads._moved(proxy, teacher.dialect, config)


def test_a_proxy_that_has_nothing_to_learn_favours_nothing(teacher, student, folder, ids, monkeypatch) -> None:
    monkeypatch.setattr(
        hypergradient, "held_gradient", lambda net, theta, held: {name: 0 * value for name, value in theta.items()}
    )
    ads._moved.cache_clear()
    assert not b_of(shape_of("ads", teacher, artifact=folder, lam=1.0, until="end"), ids, teacher).any()
    ads._moved.cache_clear()


# --- poe


@pytest.mark.parametrize("gamma", [0.0, 0.6, -1.0])
def test_poe_is_the_geometric_mixture(teacher, student, folder, ids, gamma) -> None:
    shaped = shape_of("poe", teacher, artifact=folder, gamma=gamma, until="end")(ids, teacher.logits(ids)[:, -1])
    expected = torch.log_softmax((1 - gamma) * logs(teacher, ids) + gamma * logs(student, ids), -1)
    assert torch.allclose(torch.log_softmax(shaped, -1), expected, atol=1e-4)


def test_of_poe_more_gamma_is_nearer_to_the_proxy(teacher, student, folder, ids) -> None:
    """KL(mixture || proxy) falls along the path from one to the other, KL(mixture || teacher) rises."""
    ours, theirs = [], []
    for gamma in (-0.5, 0.0, 0.3, 0.6, 0.9):
        z = shape_of("poe", teacher, artifact=folder, gamma=gamma, until="end")(ids, teacher.logits(ids)[:, -1])
        log = torch.log_softmax(z, -1)
        ours.append((log.exp() * (log - logs(student, ids))).sum(-1).mean().item())
        theirs.append(abs((log.exp() * (log - logs(teacher, ids))).sum(-1).mean().item()))
    assert ours == sorted(ours, reverse=True)
    assert theirs[1] < 1e-5 and theirs[1:] == sorted(theirs[1:])


def test_a_vocabulary_that_is_padded_further_is_cut(alphabet, teacher, folder, ids) -> None:
    logits = torch.nn.functional.pad(teacher.logits(ids)[:, -1], (0, 6))
    favoured = shape_of("ads", teacher, artifact=folder, lam=1.0, until="end")(ids, logits)
    assert torch.equal(favoured[:, -6:], logits[:, -6:])
    mixed = shape_of("poe", teacher, artifact=folder, until="end")(ids, logits)
    assert (mixed[:, -6:] == -torch.inf).all() and not mixed.isnan().any()


# --- both


@pytest.mark.parametrize("name", ["ads", "poe"])
def test_shaping_stops_where_the_answer_starts(name, teacher, folder) -> None:
    shape = shape_of(name, teacher, artifact=folder)
    texts = ["What?\nFirst 2 + 2 = 4", "What?\nSo \\boxed{4} and", "What?\nFinal answer 4, yes"]
    found = [torch.tensor(teacher.encode([text])) for text in texts]
    for ids, stops in zip(found, (False, True, True), strict=True):
        logits = teacher.logits(ids)[:, -1]
        assert torch.equal(shape(ids, logits), logits) == stops
    length = min(ids.shape[1] for ids in found)
    together = torch.cat([ids[:, -length:] for ids in found])
    logits = teacher.logits(together)[:, -1]
    rows = [shape_of(name, teacher, artifact=folder)(row[None], z[None])
            for row, z in zip(together, logits, strict=True)]  # fmt: skip
    assert torch.allclose(shape(together, logits), torch.cat(rows), atol=1e-4)


@pytest.mark.parametrize("name", ["ads", "poe"])
def test_what_it_writes_is_drawn_from_what_it_shows(name, teacher, folder) -> None:
    """Row by row, in a batch where rows end at different times, with the memory of what was read before."""
    protected = defense(name, {"artifact": folder, "until": "end"}, Given())(teacher)
    requests = [Request.of("x" * n, max_tokens=10) for n in (3, 9, 4)]
    together = protected.answers(requests)
    for request, trace in zip(requests, together, strict=True):
        ids = teacher.encode([teacher.dialect.prompt(request, teacher.tokenizer)])[0]
        for _ in range(10):
            ids.append(int(protected.logits(torch.tensor([ids]))[0, -1].argmax()))
            if ids[-1] in teacher.ends:
                break
        said = teacher.tokenizer.decode(ids, skip_special_tokens=True).partition("\n")[2]
        assert (trace.reasoning + trace.answer).strip() == said.strip()


@pytest.mark.parametrize("name", ["ads", "poe"])
def test_a_proxy_for_another_is_refused_with_the_reason(name, teacher, folder, tmp_path: Path) -> None:
    other = Open(teacher.net, trained(["ab ab ab"] * 9, r"\s|\S+", vocabulary=261), name="other")
    with pytest.raises(Misconfigured, match="give the proxy the teacher's tokenizer"):
        shape_of(name, other, artifact=folder)
    with pytest.raises(Misconfigured, match=f"{name} needs an artifact"):
        shape_of(name, teacher)
    with pytest.raises(Misconfigured, match="azeotrope proxy"):
        shape_of(name, teacher, artifact=str(tmp_path))
    with pytest.raises(Misconfigured, match=r"gamma|lam"):
        defense(name, {"artifact": folder, "gamma": 1.0} if name == "poe" else {"lam": -1}, Given())
