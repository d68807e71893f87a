"""Open weights as a model: traces, shapes, batches that people share."""

import asyncio
import threading
from copy import copy
from typing import Any

import pytest
import torch

from azeotrope.errors import Misconfigured, Refused
from azeotrope.models.dialect import Dialect
from azeotrope.models.open import Open
from azeotrope.models.sampling import Sampling
from azeotrope.streams import ask
from azeotrope.types import Request, Trace

QUESTIONS = [Request.of(text, temperature=1.2, max_tokens=8) for text in ("2+2?", "Who is there, and why?", "9")]


class Counted(Open):
    """Counts the batches, and how many rows are in each."""

    @classmethod
    def of(cls, model: Open) -> "Counted":
        made = cls(model.net, model.tokenizer, name=model.name, dialect=model.dialect)
        made.sizes = []
        return made

    def _answered(self, asked: Any) -> list[Trace]:
        self.sizes.append(len(asked))
        return super()._answered(asked)


def spoken(model: Open, text: str, prompt: str) -> Open:
    """The model behind a shape that makes it answer this prompt with this text, then end."""
    said, began = [*model.encode([text])[0], model.end], len(model.encode([f"{prompt}\n"])[0])

    def shape(ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        return torch.full_like(logits, -torch.inf).index_fill(1, torch.tensor([said[ids.shape[1] - began]]), 0.0)

    return model.shaped(shape)


async def test_the_same_alone_and_together(tiny: Open) -> None:
    counted = Counted.of(tiny)
    together = await asyncio.gather(*(ask(counted, request) for request in QUESTIONS))
    assert counted.sizes == [3]
    assert together == [await ask(counted, request) for request in QUESTIONS] == tiny.answers(QUESTIONS)


async def test_a_seed_is_another_answer_and_the_same_seed_the_same(tiny: Open) -> None:
    one, two = (Request.of("2+2?", temperature=1.2, max_tokens=16, seed=seed) for seed in (1, 2))
    said = tiny.answers([one, two, one])
    assert said[0] == said[2]
    assert said[0].reasoning + said[0].answer != said[1].reasoning + said[1].answer


async def test_finish_usage_and_the_parts_of_an_answer(tiny: Open) -> None:
    trace = await ask(spoken(tiny, "1+1 = 2\n\\boxed{2}", "2?"), Request.of("2?", max_tokens=40))
    assert (trace.reasoning, trace.answer, trace.finish) == ("1+1 = 2\n", "\\boxed{2}", "stop")
    assert trace.usage == {"prompt_tokens": 3, "completion_tokens": len("1+1 = 2\n\\boxed{2}") + 1}
    cut = await ask(spoken(tiny, "1+1 = 2\n\\boxed{2}", "2?"), Request.of("2?", max_tokens=4))
    assert (cut.reasoning + cut.answer, cut.finish, cut.usage["completion_tokens"]) == ("1+1 ", "length", 4)


def test_a_beginning_is_gone_on_from(tiny: Open) -> None:
    """What a model said so far, handed back as the beginning, leads to what it would have said next."""
    letters = torch.tensor(tiny.encode(["abcdefghijklmnopqrstuvwxyz"])[0])
    spelling = tiny.shaped(lambda ids, logits: torch.full_like(logits, -1e9).index_copy(1, letters, logits[:, letters]))
    [whole] = spelling.answers([Request.of("2+2?", max_tokens=12)])
    assert len(whole.answer) == 12
    begun = {"role": "assistant", "content": whole.answer[:5]}
    [rest] = spelling.answers([Request((*Request.of("2+2?").messages, begun), {"max_tokens": 7})])
    assert whole.answer == whole.answer[:5] + rest.answer


async def test_a_shape_is_applied_to_both_faces(tiny: Open) -> None:
    def shape(ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        return logits.index_fill(1, torch.tensor([60]), 50.0 + ids.shape[1])

    ids = torch.tensor([[50, 51, 52, 53]])
    shaped = tiny.shaped(shape)
    assert shaped.logits(ids)[0, :, 60].tolist() == [51.0, 52.0, 53.0, 54.0]
    assert torch.equal(shaped.logits(ids)[..., :60], tiny.logits(ids)[..., :60])
    said = shaped.answers([Request.of("2?", max_tokens=3)])[0]
    assert said.reasoning + said.answer == tiny.tokenizer.decode([60, 60, 60])
    twice = shaped.shaped(lambda ids, logits: logits - 1)
    assert torch.allclose(twice.logits(ids), shaped.logits(ids) - 1)


def test_logits_of_right_padded_rows_are_their_own(tiny: Open) -> None:
    alone = tiny.logits(torch.tensor([[50, 51, 52]]))
    padded = tiny.logits(torch.tensor([[50, 51, 52, 0, 0], [60, 61, 62, 63, 64]]))
    assert torch.allclose(alone[0], padded[0, :3])
    with pytest.raises(AssertionError, match="ids are"):
        tiny.logits(torch.tensor([50]))


async def test_who_leaves_disturbs_nobody(tiny: Open) -> None:
    tasks = [asyncio.create_task(ask(tiny, request)) for request in QUESTIONS]
    await asyncio.sleep(0)
    tasks[0].cancel()
    rest = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(rest[0], asyncio.CancelledError)
    assert rest[1:] == tiny.answers(QUESTIONS[1:])
    assert await ask(tiny, QUESTIONS[0]) == tiny.answers(QUESTIONS[:1])[0]


async def test_a_bad_request_is_refused_alone_and_a_broken_net_fails_all(tiny: Open) -> None:
    bad = Request.of("2+2?", temperature=-1)
    several = Request(QUESTIONS[0].messages, options={"n": 2})
    said = await asyncio.gather(*(ask(tiny, one) for one in (bad, several, *QUESTIONS)), return_exceptions=True)
    assert [type(one) for one in said[:2]] == [Refused, Refused]
    assert said[2:] == tiny.answers(QUESTIONS)
    broken = Open(lambda **given: 1 / 0, tiny.tokenizer, name="broken", dialect=tiny.dialect)
    broken.net.parameters, broken.net.generation_config = tiny.net.parameters, None
    failed = await asyncio.gather(*(ask(broken, one) for one in QUESTIONS), return_exceptions=True)
    assert [type(one) for one in failed] == [ZeroDivisionError] * 3


def test_threads_with_loops_of_their_own_share_a_model(tiny: Open) -> None:
    said: dict[int, list[Trace]] = {}

    def asking(at: int) -> None:
        async def all_of_them() -> list[Trace]:
            return await asyncio.gather(*(ask(tiny, request) for request in QUESTIONS))

        said[at] = asyncio.run(all_of_them())

    threads = [threading.Thread(target=asking, args=(at,)) for at in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [said[at] for at in range(3)] == [tiny.answers(QUESTIONS)] * 3


def test_where_a_request_says_nothing_the_model_does(tiny: Open) -> None:
    asked = Request.of("2+2?")
    assert tiny.answers([asked])[0].usage["completion_tokens"] <= 24
    short = tiny.sampled(Sampling(max_tokens=2))
    assert short.answers([asked])[0].usage["completion_tokens"] == 2
    longer = Request.of("2+2?", max_tokens=None, max_completion_tokens=3)
    assert short.answers([longer])[0].usage["completion_tokens"] == 3


def test_a_copy_has_weights_of_its_own(tiny: Open) -> None:
    before = tiny.answers(QUESTIONS)
    twin = tiny.copied()
    assert twin.answers(QUESTIONS) == before
    with torch.no_grad():
        for weight in twin.net.parameters():
            weight.zero_()
    assert tiny.answers(QUESTIONS) == before


def test_a_folder_keeps_net_tokenizer_and_dialect(tiny: Open, tmp_path: Any) -> None:
    from azeotrope.codec import encode

    tiny.net.save_pretrained(tmp_path)
    tiny.tokenizer.save_pretrained(tmp_path)
    assert Open.load(tmp_path).dialect == Dialect(chat=True, split="tags")
    (tmp_path / "dialect.json").write_bytes(encode(Dialect()))
    again = Open.load(tmp_path, dtype=torch.float64, how=Sampling(max_tokens=24), name=tiny.name)
    assert again.answers(QUESTIONS) == tiny.answers(QUESTIONS)
    with pytest.raises(Misconfigured, match="give a folder or a hub name"):
        Open.load(tmp_path / "nowhere", local_files_only=True)


@pytest.mark.parametrize(("closing", "end"), [("<pad>", "<pad>"), ("!\n", "<eos>"), ("", "<eos>")])
def test_the_end_is_what_the_template_writes_if_that_is_special(tiny: Open, closing: str, end: str) -> None:
    tokenizer = copy(tiny.tokenizer)
    tokenizer.split_special_tokens = False
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '" + closing + "' }}{% endfor %}"
    )
    model = Open(tiny.net, tokenizer, name="chat", dialect=Dialect(chat=True))
    assert tokenizer.convert_ids_to_tokens(model.end) == end
    assert model.ends == {model.end, tokenizer.eos_token_id}
