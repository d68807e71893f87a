"""What every defense on logits must keep, whatever it does: a new file is tested here by being there."""

from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace

from azeotrope import Given, Request, Scripted, ask, catalog, defense, lift
from azeotrope.errors import Misconfigured
from azeotrope.math.lowrank import LowRank
from azeotrope.models import purifier
from azeotrope.models.dialect import Dialect
from azeotrope.models.open import Open
from azeotrope.models.purifier import About, Shows
from azeotrope.protocols import Made
from azeotrope.training import proxies
from azeotrope.training.tiny import Tiny, TinyLearner
from azeotrope.training.tokenizer import trained
from azeotrope.types import Problem

SHAPES = tuple(name for name in catalog.names("defenses") if hasattr(catalog.load("defenses", name), "shape"))
KEEP_THE_ARGMAX = ("temper", "truncate")
QUESTION = Request.of("How many?", max_tokens=12)


@pytest.fixture(scope="module")
def alphabet() -> Any:
    return trained((), r"\d")


@pytest.fixture(scope="module")
def teacher(alphabet) -> Open:
    made = TinyLearner(Tiny(hidden=32, layers=1, heads=2, intermediate=32), alphabet, device="cpu").fresh(7)
    with torch.no_grad():
        made.net.model.embed_tokens.weight.mul_(4)
    return made


def fitted(path: Path, teacher: Open, shows: Shows = Shows(), strength: float = 2e-2) -> str:
    draw = torch.Generator().manual_seed(0)
    size = teacher.net.config.vocab_size
    m = LowRank(torch.randn(size, 4, generator=draw), strength * torch.randn(4, size, generator=draw))
    about = About("tiny", purifier.fingerprint(teacher.net), purifier.vocabulary(teacher.tokenizer), shows)
    purifier.write(path, m, about)
    return str(path)


@pytest.fixture(scope="module")
def artifact(teacher, tmp_path_factory) -> str:
    return fitted(tmp_path_factory.mktemp("fit") / purifier.FILE, teacher)


@pytest.fixture(scope="module")
def proxy(alphabet, tmp_path_factory) -> str:
    """A student that reads the teacher's tokens, and what it has not learned."""
    student = TinyLearner(Tiny(hidden=32, layers=1, heads=2, intermediate=32), alphabet, device="cpu").fresh(9)
    held = [Problem(str(n), Request.of(f"{n} + {n}?"), str(2 * n), solution=f"{n} and {n}") for n in range(6)]
    folder = tmp_path_factory.mktemp("proxy")
    proxies.write(student, held, folder, {})
    return str(folder)


@pytest.fixture
def settings(artifact, proxy) -> dict[str, dict[str, Any]]:
    """What a defense cannot do without."""
    return {
        "purify": {"artifact": artifact, "until": "end"},
        "ads": {"artifact": proxy, "until": "end", "lam": 1.0},
        "poe": {"artifact": proxy, "until": "end"},
    }


def shape_of(name: str, teacher: Open, config: dict[str, Any], seed: int = 0) -> Any:
    module = catalog.load("defenses", name)
    made = module.shape(module.Config(**config), Given(seed=seed))
    return made.of(teacher) if isinstance(made, Made) else made


@pytest.fixture
def asked(teacher) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(3, 250, (3, 9), generator=torch.Generator().manual_seed(1))
    return ids, teacher.logits(ids)[:, -1]


@pytest.mark.parametrize("name", SHAPES)
def test_it_is_pure(name, teacher, asked, settings) -> None:
    ids, logits = asked
    before = ids.clone(), logits.clone()
    one, two = (shape_of(name, teacher, settings.get(name, {}), seed=5)(ids, logits) for _ in range(2))
    assert torch.equal(one, two), "a seed repeats everything"
    assert torch.equal(ids, before[0]) and torch.equal(logits, before[1])
    assert one.shape == logits.shape and not one.isnan().any()
    assert not torch.allclose(one, logits), "it does something"
    rows = torch.cat(
        [shape_of(name, teacher, settings.get(name, {}), seed=5)(ids[i : i + 1], logits[i : i + 1]) for i in range(3)]
    )
    assert torch.allclose(rows, one, atol=1e-4), "what a row becomes does not depend on the rows beside it"


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_ruled_out_stays_so(name, teacher, asked, settings) -> None:
    ids, logits = asked
    logits = logits.clone()
    logits[:, 5:9] = -torch.inf
    out = shape_of(name, teacher, settings.get(name, {}))(ids, logits)
    assert (out[:, 5:9] == -torch.inf).all() and not out.isnan().any()


@pytest.mark.parametrize("name", SHAPES)
async def test_text_and_logits_come_from_the_same_distribution(name, teacher, settings) -> None:
    protected = defense(name, settings.get(name, {}), Given())(teacher)
    said = (await ask(protected, QUESTION)).answer
    told = teacher.encode([teacher.dialect.prompt(QUESTION, teacher.tokenizer)])[0]
    text = teacher.tokenizer.decode(_likeliest(protected, told, 12), skip_special_tokens=True)
    assert text.endswith(said.strip()) or said in text


def _likeliest(model: Open, told: list[int], most: int) -> list[int]:
    """The prompt's ids and what the logits, each read anew from everything before it, say after them."""
    for _ in range(most):
        token = int(model.logits(torch.tensor([told]))[0, -1].argmax())
        if token in model.ends:
            break
        told = [*told, token]
    return told


@pytest.mark.parametrize("name", SHAPES)
def test_a_teacher_that_gives_text_only_is_refused(name, settings) -> None:
    with pytest.raises(Misconfigured, match="gives text only"):
        defense(name, settings.get(name, {}), Given())(Scripted(lambda _: "4"))


@pytest.mark.parametrize("name", KEEP_THE_ARGMAX)
def test_the_argmax_stays(name, teacher, asked) -> None:
    ids, logits = asked
    assert torch.equal(shape_of(name, teacher, {})(ids, logits).argmax(-1), logits.argmax(-1))


def test_noise_is_of_the_context_and_the_seed(teacher, asked) -> None:
    ids, logits = asked
    still = logits * 0
    drawn = shape_of("noise", teacher, {"deviation": 2.0}, seed=1)(ids, still)
    assert drawn.std().item() == pytest.approx(2.0, rel=0.1)
    other = shape_of("noise", teacher, {"deviation": 2.0}, seed=2)(ids, still)
    assert abs(torch.corrcoef(torch.stack([drawn.flatten(), other.flatten()]))[0, 1]) < 0.15
    assert not torch.allclose(drawn[0], drawn[1])


def test_noise_is_of_the_context_and_not_of_what_fills_the_row(teacher) -> None:
    """Rows of a batch are padded on the left, by so much as the others are longer."""
    shape, still = shape_of("noise", teacher, {"context": 4}), torch.zeros(1, 300)
    pad = teacher.pad
    alone = shape(torch.tensor([[5, 6, 7]]), still)
    for filled in ([pad, 5, 6, 7], [pad, pad, 5, 6, 7], [pad] * 9 + [5, 6, 7]):
        assert torch.equal(shape(torch.tensor([filled]), still), alone), filled
    both = shape(torch.tensor([[pad, pad, 5, 6, 7], [9, 8, 5, 6, 7]]), torch.zeros(2, 300))
    assert torch.equal(both[:1], alone) and not torch.allclose(both[1:], alone)
    assert torch.equal(both[1:], shape(torch.tensor([[3, 8, 5, 6, 7]]), still)), "four tokens decide"
    within = shape(torch.tensor([[5, pad, 6, 7]]), still)
    assert not torch.allclose(within, alone), "where a text has that token it is context"


def test_prompts_of_unlike_length_in_one_batch_get_the_noise_they_get_alone(teacher) -> None:
    """And a response's logits, read in one go, are those that it was drawn from."""
    noisy = defense("noise", {"deviation": 4.0}, Given(seed=3))(teacher)
    requests = [Request.of("How many?", max_tokens=12), Request.of("How many are there, all in all?", max_tokens=12)]
    together = noisy.answers(requests)
    assert [trace.answer for trace in together] == [noisy.answers([request])[0].answer for request in requests]
    assert together[0].answer != teacher.answers(requests)[0].answer
    for request, trace in zip(requests, together, strict=True):
        told = teacher.encode([teacher.dialect.prompt(request, teacher.tokenizer)])[0]
        text = teacher.tokenizer.decode(_likeliest(noisy, told, 12), skip_special_tokens=True)
        assert text.endswith(trace.answer.strip()) or trace.answer in text


def test_scrambling_is_as_strong_as_it_says(teacher) -> None:
    logits = torch.randn(64, 400, generator=torch.Generator().manual_seed(0))
    moved = shape_of("scramble", teacher, {"strength": 0.3})(torch.zeros(64, 1), logits) - logits
    assert moved.std().item() / logits.std().item() == pytest.approx(0.3, rel=0.35)


# --- the purifier


@pytest.mark.parametrize("variant", ["paper", "argmax", "topk", "rounded"])
def test_each_variant_shows_what_it_says(variant, teacher, asked, tmp_path) -> None:
    ids, logits = asked
    place = fitted(tmp_path / "p.safetensors", teacher, Shows(variant, top_k=5, step=0.5), strength=0.3)
    out = shape_of("purify", teacher, {"artifact": place, "until": "end"})(ids, logits)
    m = purifier.read(place).m
    plain = logits + logits @ m.b.T @ m.a.T
    assert (plain.argmax(-1) != logits.argmax(-1)).any()
    if variant == "paper":
        assert torch.allclose(out, plain, atol=1e-4)
    elif variant == "argmax":
        assert torch.equal(out.argmax(-1), logits.argmax(-1))
    else:
        assert ((out > -torch.inf).sum(-1) == 5).all() and torch.equal(out.argmax(-1), plain.argmax(-1))
    if variant == "rounded":
        kept = out[out > -torch.inf]
        assert torch.allclose(kept * 2, (kept * 2).round(), atol=1e-4)


@pytest.mark.parametrize("variant", ["paper", "topk", "rounded"])
def test_what_keeps_the_likeliest_token_shows_it_above_all_others(variant, teacher, asked, tmp_path) -> None:
    ids, logits = asked
    place = fitted(tmp_path / "p.safetensors", teacher, Shows(variant, 5, 0.5, keeps=True), strength=0.3)
    out = shape_of("purify", teacher, {"artifact": place, "until": "end"})(ids, logits)
    first, second = out.topk(2, -1).values.unbind(-1)
    assert torch.equal(out.argmax(-1), logits.argmax(-1)) and (first > second).all()
    assert ((out > -torch.inf).sum(-1) == (logits.shape[-1] if variant == "paper" else 5)).all()


def test_the_map_travels_once_and_not_for_every_token(artifact, asked) -> None:
    """`meta` stands for an accelerator; in float64 it is computed in float64."""
    ids, logits = asked
    fitted = purifier.read(artifact)
    assert fitted.shape(ids, logits.to("meta")).device.type == "meta"
    first = fitted._at(logits.to("meta"))
    assert fitted._at(logits.to("meta")) is first and first.a.device.type == "meta"
    exact = fitted.shape(ids, logits.double())
    assert exact.dtype == torch.float64
    assert torch.allclose(exact, fitted.shape(ids, logits).double(), atol=1e-3)
    assert not torch.equal(exact, fitted.shape(ids, logits).double())


def test_shaping_stops_where_the_answer_starts(teacher, artifact, asked) -> None:
    shape = shape_of("purify", teacher, {"artifact": artifact})
    texts = ["Is \\boxed{1} it?\nFirst 2 + 2", "What?\nSo \\boxed{", "What?\nSo \\boxed{4} and then", "What?\n#### 4"]
    for text, stops in zip(texts, [False, True, True, True], strict=True):
        ids = torch.tensor(teacher.encode([text]))
        logits = teacher.logits(ids)[:, -1]
        assert torch.equal(shape(ids, logits), logits) == stops, text
    whole = torch.tensor(teacher.encode(["What?\n2 + 2 = 4\n\\boxed{4}"]))
    shaped, plain = lift.shaping(catalog.load("defenses", "purify").shape(_config(artifact), Given()))(teacher), teacher
    same = [torch.equal(a, b) for a, b in zip(shaped.logits(whole)[0], plain.logits(whole)[0], strict=True)]
    assert not any(same[: same.index(True)]) and all(same[same.index(True) :]), "once it stops it has stopped"


def _config(artifact: str) -> Any:
    return catalog.load("defenses", "purify").Config(artifact=artifact)


def test_a_purifier_for_another_is_refused_with_the_reason(teacher, alphabet, artifact, tmp_path) -> None:
    other = TinyLearner(Tiny(hidden=32, layers=1, heads=2, intermediate=32), alphabet, device="cpu").fresh(8)
    with pytest.raises(Misconfigured, match="other weights"):
        shape_of("purify", other, {"artifact": artifact})
    elsewhere = Open(teacher.net, trained(["ab ab ab"] * 9, r"\s|\S+", vocabulary=261), name="x", dialect=Dialect())
    with pytest.raises(Misconfigured, match="another tokenizer"):
        shape_of("purify", elsewhere, {"artifact": artifact})
    with pytest.raises(Misconfigured, match="needs an artifact"):
        shape_of("purify", teacher, {})
    with pytest.raises(Misconfigured, match="azeotrope fit makes one"):
        shape_of("purify", teacher, {"artifact": str(tmp_path / "absent.safetensors")})
    assert shape_of("purify", teacher, {"artifact": artifact})


def test_a_damaged_or_foreign_file_is_refused(teacher, tmp_path) -> None:
    place = Path(fitted(tmp_path / "p.safetensors", teacher))
    whole = bytearray(place.read_bytes())
    whole[-5] ^= 1
    place.write_bytes(whole)
    with pytest.raises(Misconfigured, match="damaged"):
        purifier.read(place)
    for content in (b"", b"{}", bytes(whole[:100])):
        place.write_bytes(content)
        with pytest.raises(Misconfigured, match="fit it again"):
            purifier.read(place)


def test_a_fingerprint_is_of_the_numbers_not_of_their_type(teacher) -> None:
    copy = teacher.copied().net.bfloat16()
    again = teacher.copied().net.bfloat16().float()
    assert purifier.fingerprint(copy) == purifier.fingerprint(again) == purifier.fingerprint(teacher.net)
    with torch.no_grad():
        again = teacher.copied().net
        again.model.norm.weight[0] += 0.1
    assert purifier.fingerprint(again) != purifier.fingerprint(teacher.net)


def test_the_header_comes_back(teacher, tmp_path) -> None:
    place = fitted(tmp_path / "p.safetensors", teacher, Shows("topk", 7))
    about = purifier.read(tmp_path / "p.safetensors").about
    assert about.shows == Shows("topk", 7) and purifier.read(place).about == about
    assert replace(about, recipe={"rank": 4}).digest != about.digest
