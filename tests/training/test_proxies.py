"""A proxy student as a folder: it comes back, and what is damaged, incomplete or another's is refused with the cure."""

import json
from pathlib import Path

import pytest
import torch

from azeotrope.errors import Misconfigured
from azeotrope.models.fake import Scripted
from azeotrope.models.open import Open
from azeotrope.training import proxies
from azeotrope.training.tiny import Tiny, TinyLearner
from azeotrope.training.tokenizer import trained
from azeotrope.types import Problem, Request

HELD = [Problem(str(n), Request.of(f"{n} + {n} = ?"), str(2 * n), solution=f"ünd {n}") for n in range(20)]


@pytest.fixture(scope="module")
def student(alphabet) -> Open:
    return TinyLearner(Tiny(hidden=16, layers=1, heads=2, intermediate=16), alphabet, device="cpu").fresh(2)


@pytest.fixture
def folder(student, tmp_path) -> Path:
    proxies.write(student, HELD, tmp_path / "proxy", {"seed": 3})
    return tmp_path / "proxy"


def test_it_comes_back(student, folder) -> None:
    found = proxies.read(str(folder), "here")
    ids = torch.tensor([[5, 6, 7]])
    assert torch.equal(found.model.logits(ids), student.logits(ids))
    assert found.model.dialect == student.dialect
    assert [one.reasoning for one in found.held] == [one.solution for one in HELD]
    assert [one.answer for one in found.held] == [f"\\boxed{{{one.gold}}}" for one in HELD]
    assert [one.request for one in found.held] == [one.request for one in HELD]
    assert proxies.read(str(folder), "elsewhere") is found, "loaded once"


def test_workings_come_in_batches_of_those_that_are_short_enough(folder) -> None:
    found = proxies.read(str(folder), "here")
    assert [len(batch.ids) for batch in found.workings(18, 64)] == [16, 2]
    assert [len(batch.ids) for batch in found.workings(3, 64)] == [3]
    with pytest.raises(Misconfigured, match="longer than 4 tokens"):
        found.workings(18, 4)


def test_a_working_is_whole_or_left_out(student, tmp_path) -> None:
    """One that is cut would teach never to stop."""
    long = Problem("long", Request.of("1 + 1 = ?"), "2", solution="one and one, which is two")
    proxies.write(student, [HELD[0], long, HELD[1]], tmp_path, {})
    found = proxies.read(str(tmp_path), "here")
    (every,) = found.workings(3, 64)
    lengths = [len(row[: row.tolist().index(student.end) + 1]) for row in every.ids]
    for longest, members in ((lengths[1], 3), (lengths[1] - 1, 2), (lengths[0], 2)):
        (batch,) = found.workings(3, longest)
        assert len(batch.ids) == members and (batch.ids == student.end).any(-1).all(), longest


def test_a_folder_by_hand_will_do(student, tmp_path) -> None:
    """As transformers writes it, beside a file of workings."""
    student.net.save_pretrained(tmp_path)
    student.tokenizer.save_pretrained(tmp_path)
    line = {"question": "1 + 1?", "solution": "One and one.", "answer": 2, "source": "ours"}
    (tmp_path / "held.jsonl").write_text(json.dumps(line) + "\n\n")
    found = proxies.read(str(tmp_path), "here")
    assert found.held[0].answer == "\\boxed{2}"
    assert found.model.net.dtype == torch.float32


def test_a_change_is_seen(student, folder) -> None:
    first = proxies.read(str(folder), "here")
    proxies.write(student, HELD[:5], folder, {"seed": 3})
    assert len(proxies.read(str(folder), "here").held) == 5 and len(first.held) == len(HELD)


def _no_workings(folder: Path) -> None:
    (folder / "held.jsonl").unlink()


def _no_model(folder: Path) -> None:
    (folder / "config.json").unlink()


def _other_workings(folder: Path) -> None:
    path = folder / "held.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"38"', b'"39"'))


def _flipped(folder: Path) -> None:
    path = folder / "model.safetensors"
    whole = bytearray(path.read_bytes())
    whole[-3] ^= 1
    path.write_bytes(whole)


def _torn(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize(
    ("harm", "says"),
    [(_no_workings, "held.jsonl"), (_no_model, "folder with a proxy student"), (_other_workings, "not the one"),
     (_flipped, "damaged"), (_torn, "cannot read")],
)  # fmt: skip
def test_what_is_damaged_or_incomplete_is_refused_with_the_cure(folder, harm, says) -> None:
    harm(folder)
    with pytest.raises(Misconfigured, match=says) as caught:
        proxies.read(str(folder), "ads")
    assert "azeotrope proxy" in str(caught.value)


@pytest.mark.parametrize(
    "line", ["", "[1]", '{"question": "q"}', "{", '{"question": "q", "solution": "", "answer": 1}']
)
def test_workings_that_are_none_are_refused(student, tmp_path, line) -> None:
    student.net.save_pretrained(tmp_path)
    student.tokenizer.save_pretrained(tmp_path)
    (tmp_path / "held.jsonl").write_text(line)
    with pytest.raises(Misconfigured, match=r"held\.jsonl"):
        proxies.read(str(tmp_path), "ads")


def test_nothing_named_says_who_needs_it() -> None:
    with pytest.raises(Misconfigured, match="poe needs an artifact"):
        proxies.read("", "poe")


def test_other_tokens_are_refused(student, folder) -> None:
    found = proxies.read(str(folder), "here")
    assert proxies.tokens_of(student, found) is student
    other = Open(student.net, trained(["ab ab"] * 9, r"\s|\S+", vocabulary=261), name="other")
    with pytest.raises(Misconfigured, match="read other tokens"):
        proxies.tokens_of(other, found)
    with pytest.raises(Misconfigured, match="shows logits but no tokenizer"):
        proxies.tokens_of(Scripted(lambda _: ""), found)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")  # between peft and transformers
def test_an_adapter_is_merged_before_it_is_written(student, tmp_path) -> None:
    import peft

    draw = torch.Generator().manual_seed(0)
    adapted = student.copied()
    adapted.net = peft.get_peft_model(adapted.net, peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"]))
    with torch.no_grad():
        for name, value in adapted.net.named_parameters():
            if "lora_B" in name:
                value.normal_(0, 0.1, generator=draw)
    ids = torch.tensor([[5, 6, 7]])
    said = adapted.logits(ids)
    proxies.write(adapted, HELD, tmp_path, {})
    found = proxies.read(str(tmp_path), "here").model.logits(ids)
    assert torch.allclose(found, said, atol=1e-5) and not torch.allclose(found, student.logits(ids), atol=1e-4)
