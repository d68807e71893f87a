"""Tasks from files: how each data set's rows are read, and what is said when they cannot be."""

import csv
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from azeotrope.errors import Misconfigured
from azeotrope.measure import score
from azeotrope.models.fake import Scripted
from azeotrope.sheets import Limits, Source, rows
from azeotrope.tasks import gsm8k, jsonl, math, mmlu, mmlu_pro


def file(folder: Path, *found: dict[str, Any], name: str = "rows.jsonl") -> Source:
    path = folder / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found), encoding="utf-8")
    return Source(str(path))


def trams(size: int, start: int = 0) -> list[dict[str, str]]:
    return [
        {
            "question": f"A tram has {at} rows of 2. Seats?",
            "answer": f"<<{at}*2={at * 2}>>{at * 2} seats.\n#### {2 * at}",
        }
        for at in range(start, start + size)
    ]


def asked(problem) -> str:
    return problem.request.messages[0]["content"]


def test_gsm8k_is_parted_in_its_order_and_keeps_calculator_marks(tmp_path) -> None:
    config = gsm8k.Config(file(tmp_path, *trams(100)), file(tmp_path, *trams(9, 500), name="test.jsonl"))
    task = gsm8k.build(config)
    sizes = {split: len(task.problems(split)) for split in ("train", "proxy", "validation", "test", "shifted")}
    assert sizes == {"train": 70, "proxy": 24, "validation": 6, "test": 9, "shifted": 0}
    whole = [asked(p) for split in ("train", "proxy", "validation") for p in task.problems(split)]
    assert whole == [f"{row['question']}\n\n{gsm8k.BOXED}" for row in trams(100)]
    first = task.problems("train")[3]
    assert (first.solution, first.gold) == ("<<3*2=6>>6 seats.", "6")


def test_a_test_question_is_taken_out_of_what_is_learned(tmp_path) -> None:
    again = {**trams(1)[0], "question": "A tram has  0 ROWS of 2. Seats?"}
    config = gsm8k.Config(file(tmp_path, *trams(10)), file(tmp_path, again, name="test.jsonl"), instruction="")
    task = gsm8k.build(config)
    assert [asked(p) for p in task.problems("test")] == [again["question"]]
    assert [asked(p) for p in task.problems("train")] == [row["question"] for row in trams(10)[1:7]]


def test_limits_keep_the_first_of_each_split(tmp_path) -> None:
    sources = file(tmp_path, *trams(100)), file(tmp_path, *trams(9, 500), name="test.jsonl")
    few, all_ = (gsm8k.build(gsm8k.Config(*sources, limits=limits)) for limits in (Limits(5, 3, 0, 2), Limits()))
    for split, size in (("train", 5), ("proxy", 3), ("validation", 0), ("test", 2)):
        assert few.problems(split) == all_.problems(split)[:size]


PIES = [
    {
        "problem": f"What is {at}/7 of a pie with 7 slices, over 3?", "level": level, "type": subject,
        "solution": f"It is \\boxed{{{at}}} slices, over 3: $\\boxed{{\\frac{{{at}}}{{3}}}}$.",
    }
    for at, (level, subject) in enumerate([("Level 1", "Algebra"), ("Level 5", "Algebra"), ("Level 5", "Geometry")] * 9)
]  # fmt: skip


def test_math_takes_the_box_that_ends_the_solution_and_chooses_levels_and_subjects(tmp_path) -> None:
    sources = file(tmp_path, *PIES), file(tmp_path, PIES[1] | {"problem": "Once more?"}, name="test.jsonl")
    task = math.build(math.Config(*sources, levels=(5,), subjects=("Algebra",)))
    found = [p for split in ("train", "proxy", "validation") for p in task.problems(split)]
    assert sorted(asked(p).split("\n")[0] for p in found) == sorted(row["problem"] for row in PIES[1::3])
    assert {p.subject for p in found} == {"Algebra"}
    by = {asked(p).split("\n")[0]: p.gold for p in found}
    assert by[PIES[4]["problem"]] == "\\frac{4}{3}"
    with pytest.raises(Misconfigured, match="levels are 1 to 5"):
        math.build(math.Config(*sources, levels=(9,)))


def test_math_reads_the_other_names_of_its_columns(tmp_path) -> None:
    row = {"problem": "?", "solution": "No box.", "answer": "\\pi", "subject": "Precalculus", "level": 3}
    task = math.build(math.Config(file(tmp_path, *PIES), file(tmp_path, row, name="t.jsonl"), levels=(3,)))
    (problem,) = task.problems("test")
    assert (problem.gold, problem.subject, problem.solution) == ("\\pi", "Precalculus", "No box.")


def choices(at: int, **more: Any) -> dict[str, Any]:
    return {
        "question": f"Which of these {at}?",
        "choices": ["ash", "beech", "fir"],
        "answer": 2,
        "subject": "w",
        **more,
    }


def test_mmlu_letters_its_options_and_keeps_subjects(tmp_path) -> None:
    found = [choices(at, subject=("wood", "stone")[at % 2], answer=(2, "b")[at % 2]) for at in range(60)]
    task = mmlu.build(mmlu.Config(file(tmp_path, *found), instruction=""))
    problems = [p for split in ("train", "proxy", "validation", "test") for p in task.problems(split)]
    assert len(problems) == 60
    assert {(p.subject, p.gold) for p in problems} == {("wood", "C"), ("stone", "B")}
    assert asked(problems[0]).endswith("?\nA. ash\nB. beech\nC. fir")
    stone = mmlu.build(mmlu.Config(file(tmp_path, *found), subjects=("stone",)))
    assert {p.subject for split in ("train", "proxy", "test") for p in stone.problems(split)} == {"stone"}
    with pytest.raises(Misconfigured, match="no question of these subjects"):
        mmlu.build(mmlu.Config(file(tmp_path, *found), subjects=("iron",)))


async def test_a_score_by_subject_tells_both_sides_apart(tmp_path) -> None:
    """Selective protection: what was done to one subject shows on it alone."""
    found = [choices(at, subject=("wood", "stone")[at % 2]) for at in range(40)]
    task = mmlu.build(mmlu.Config(file(tmp_path, *found)))
    problems = task.problems("train")
    wood = {asked(p) for p in problems if p.subject == "wood"}
    model = Scripted(lambda request: "\\boxed{A}" if request.messages[0]["content"] in wood else "\\boxed{C}")
    by = (await score(model, task, problems)).by_subject()
    assert (by["wood"].rate, by["stone"].rate) == (0.0, 1.0)
    assert by["wood"].asked == len(wood)


@pytest.mark.parametrize("change", [{"answer": 3}, {"answer": "D"}, {"answer": ""}, {"answer": -1}, {"choices": "ab"}])
def test_an_answer_that_is_no_option_is_refused(change, tmp_path) -> None:
    with pytest.raises(Misconfigured, match="option"):
        mmlu.build(mmlu.Config(file(tmp_path, choices(0, **change))))


def test_mmlu_pro_keeps_workings_and_ten_options(tmp_path) -> None:
    row = {"question": "Which?", "options": [str(at) for at in range(10)], "answer": "J", "category": "law",
           "cot_content": "A: Let's think."}  # fmt: skip
    task = mmlu_pro.build(mmlu_pro.Config(file(tmp_path, row, row | {"question": "What?", "cot_content": ""})))
    problems = [p for split in ("train", "proxy", "validation", "test") for p in task.problems(split)]
    assert {(p.gold, p.subject, p.solution) for p in problems} == {("J", "law", "Let's think."), ("J", "law", "")}


def test_jsonl_names_its_columns_and_takes_a_test_of_its_own(tmp_path) -> None:
    found = [{"q": f"{at}?", "a": at, "w": "so", "s": None} for at in range(50)]
    config = jsonl.Config(file(tmp_path, *found), question="q", answer="a", solution="w", subject="s")
    shared = jsonl.build(config)
    assert sum(len(shared.problems(split)) for split in ("train", "proxy", "validation", "test")) == 50
    assert shared.problems("test")
    assert shared.problems("train")[0].solution == "so"
    test = file(tmp_path, {"q": "99?", "a": "ninety-nine"}, name="test.jsonl")
    apart = jsonl.build(jsonl.Config(config.source, test, "q", "a"))
    assert [p.gold for p in apart.problems("test")] == ["ninety-nine"]
    assert sum(len(apart.problems(split)) for split in ("train", "proxy", "validation")) == 50


# --- sources ---


def test_csv_and_parquet_are_read_as_json_lines_are(tmp_path) -> None:
    import pyarrow as arrow
    from pyarrow import parquet

    found = [{"question": "two,\nlines", "answer": "é"}, {"question": '"quoted"', "answer": "2"}]
    with (tmp_path / "rows.csv").open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, ["question", "answer"])
        writer.writeheader()
        writer.writerows(found)
    parquet.write_table(arrow.Table.from_pylist(found), tmp_path / "rows.parquet")
    for source in (file(tmp_path, *found), *(Source(str(tmp_path / f"rows.{kind}")) for kind in ("csv", "parquet"))):
        assert rows(source) == found


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("no.jsonl", None, "there is no file"),
        ("rows.txt", "a", "give a .jsonl, .parquet or .csv file"),
        ("rows.jsonl", '{"a": 1}\n{"a":', "line 2: not JSON"),
        ("rows.jsonl", "[1]\n", "line 1: not an object"),
        ("rows.jsonl", b"\xff\xfe", "cannot read"),
        ("rows.csv", '"a"b",c\n', "cannot read"),
        ("rows.parquet", "PAR1", "cannot read"),
        ("", None, "no questions: give the path"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_cure(name, content, said, tmp_path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(Misconfigured, match=said):
        rows(Source(str(tmp_path / name) if name else ""))


def test_a_missing_column_is_named_with_those_there_are(tmp_path) -> None:
    with pytest.raises(Misconfigured, match="without 'question'; there are: q, a"):
        jsonl.build(jsonl.Config(file(tmp_path, {"q": "?", "a": "1"})))
    with pytest.raises(Misconfigured, match="is it GSM8K"):
        gsm8k.build(gsm8k.Config(file(tmp_path, {"question": "?", "answer": "1"}), Source("x.jsonl")))
    with pytest.raises(Misconfigured, match="is it MATH"):
        math.build(math.Config(file(tmp_path, {"problem": "?", "solution": "It follows."}), Source("x.jsonl")))


class Hub(ModuleType):
    """Stands in for `datasets`: what it was asked, and what it gives."""

    def __init__(self, gives: Any) -> None:
        super().__init__("datasets")
        self.asked: list[Any] = []
        self.gives = gives
        self.__spec__ = sys.modules["csv"].__spec__

    def load_dataset(self, *where: Any, **how: Any) -> Any:
        self.asked.append((where, how))
        if isinstance(self.gives, Exception):
            raise self.gives
        return self.gives


def test_a_name_of_the_hub_goes_through_datasets(monkeypatch) -> None:
    hub = Hub([{"question": "?"}])
    monkeypatch.setitem(sys.modules, "datasets", hub)
    assert rows(Source("hf:owner/name", "main", "test")) == [{"question": "?"}]
    assert rows(Source("hf:owner/name")) == [{"question": "?"}]
    assert hub.asked == [(("owner/name", "main"), {"split": "test"}), (("owner/name", None), {"split": "train"})]
    hub.gives = ConnectionError("no route to host\nand more")
    with pytest.raises(Misconfigured, match=r"cannot load hf:owner/name .*no route to host; where there is no network"):
        rows(Source("hf:owner/name"))
