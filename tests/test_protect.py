"""`protect`: nothing but reasoning changes, and no death, full disk or rewriter that is down loses a finished row."""

import asyncio
import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st
from msgspec.structs import replace
from typer.testing import CliRunner

from azeotrope import Scripted, Trace, defense, rewriting, withholding
from azeotrope.cli import app
from azeotrope.cli.summary import show
from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.models.columns import Layout, Unreadable
from azeotrope.protect import Settings, protect
from azeotrope.protect.journal import Journal
from azeotrope.protect.splice import spliced, values
from azeotrope.types import Cost, Step

ROWS = [
    {"id": i, "question": f"What is {i} + {i}?", "answer": f"We add {i} to itself, so {i}+{i} = {2 * i}.\n#### {2 * i}"}
    for i in range(40)
]


async def upper(trace: Trace) -> Trace:
    return trace.but(reasoning=trace.reasoning.upper())


SHOUT = rewriting(upper, name="shout")


def lines(rows, ending: str = "\n") -> bytes:
    return "".join(json.dumps(row) + ending for row in rows).encode()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_bytes(lines(ROWS))
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def beside(out: Path) -> list[str]:
    return sorted(path.name for path in out.parent.iterdir() if path.name.startswith(out.name))


# --- what is written


async def test_reasoning_is_rewritten_in_order_and_nothing_else_changes(source, out) -> None:
    async def slowest_first(trace: Trace) -> Trace:
        for _ in range(40 - int(trace.answer.split()[-1]) // 2):
            await asyncio.sleep(0)
        return await upper(trace)

    summary = await protect(source, out, rewriting(slowest_first, name="x"), Settings(concurrency=7))
    expected = [
        {**row, "answer": "\n####".join((row["answer"].split("\n")[0].upper(), row["answer"].split("####")[1]))}
        for row in ROWS
    ]
    assert out.read_bytes() == lines(expected)
    assert (summary.rows, summary.released, summary.withheld, summary.failed) == (40, 40, 0, 0)
    assert (summary.answers_changed, summary.length_ratio) == (0, 1.0)
    assert beside(out) == ["out.jsonl"]


async def test_the_control_writes_the_same_bytes(source, out) -> None:
    source.write_bytes(
        b"\xef\xbb\xbf"
        + lines(ROWS[:2], "\r\n")
        + b"\n   \r\n"
        + b' { "answer" : "Why.\\n#### 1","n":1.50, "q":[ 1e5] } '
    )
    summary = await protect(source, out, defense("none"))
    assert out.read_bytes() == source.read_bytes()
    assert (summary.rows, summary.unchanged) == (3, 3)


async def test_withholding_keeps_every_other_byte(source, out) -> None:
    head, tail = (
        b'\xef\xbb\xbf{"big": 123456789012345678901234567890, "x": 1.0e+2 ,',
        b', "e": "\\u00e9\\/", "z": {"b":1,"a":2}}',
    )
    source.write_bytes(
        head + b'"answer": "Since \\u00e9.\\n#### 5"' + tail + b"\r\n\n" + head[3:] + b'"answer":""' + tail
    )
    summary = await protect(source, out, withholding())
    assert out.read_bytes() == head + b'"answer": "#### 5"' + tail + b"\r\n\n" + head[3:] + b'"answer":""' + tail
    assert (summary.rows, summary.withheld, summary.absent, summary.length_ratio) == (2, 1, 1, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@any_of(st.dictionaries(st.text(max_size=4), JSON, max_size=4), st.text(max_size=9), st.data())
def test_splicing_changes_one_text_and_no_other_byte(row, text, data) -> None:
    row["the one"] = [1, {"x": {}, "text": "before"}, []]
    order = data.draw(st.permutations(list(row)))
    blanks = data.draw(st.sampled_from([None, (",", ":"), (" ,\t", " : "), (",\r", ":\n ")]))
    line = json.dumps(
        {key: row[key] for key in order}, ensure_ascii=data.draw(st.booleans()), separators=blanks
    ).encode("utf-8", "surrogatepass")
    try:
        values(line)
        out = spliced(line, [(("the one", 1, "text"), text)])
    except (Unreadable, UnicodeEncodeError):
        assert "surrogates" in repr(_surrogates(row, text))
        return
    row["the one"][1]["text"] = text
    assert json.loads(out) == row
    start = line.index(b'"before"', line.index(b'"the one"'))
    assert out.startswith(line[:start])
    assert out.endswith(line[start + len(b'"before"') :])


def _surrogates(row, text) -> str:
    try:
        json.dumps([row, text], ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "surrogates"
    return ""


@pytest.mark.parametrize(
    "line", [b'{"a":1,"a":"x"}', b'{"a":"x","a":"x"}', b'{"b":1,"b":12,"a":"x"}', b'{"a":"x","b":{},"b":2}']
)
def test_a_member_named_twice_is_not_guessed_at(line) -> None:
    with pytest.raises(Unreadable, match="twice"):
        spliced(line, [(("a",), "y")])


@any_of(JSON, st.text("ab\u00e9", max_size=4), st.lists(st.booleans(), max_size=5), st.booleans())
def test_a_member_named_twice_at_any_depth_is_no_row(other, name, nesting, escaped) -> None:
    again = "".join(f"\\u{ord(char):04x}" for char in name) if escaped else name
    inner = f'{{"{name}": {json.dumps(other)}, "c": [], "{again}": null}}'
    for in_list in nesting:
        inner = f"[1, {inner}]" if in_list else f'{{"a": 1, "b": {inner}}}'
    with pytest.raises(Unreadable, match=r"twice|surrogate"):
        values(f'{{"question": {inner}}}'.encode())


@pytest.mark.parametrize("twice", ['"reasoning":"RAW","reasoning":""', '"meta":{"cot":"RAW","cot":null}'])
async def test_what_a_repeated_name_hides_is_not_written(source, out, twice) -> None:
    fine = {"question": "?", "reasoning": "Why.", "answer": "4"}
    source.write_bytes(lines([fine]) + b'{"question":"?",%s,"answer":"4"}\n' % twice.encode())
    summary = await protect(source, out, withholding())
    assert (summary.withheld, summary.failed) == (1, 1)
    assert b"RAW" not in out.read_bytes()


@pytest.mark.parametrize("odd", [b"1e999", b"-1e400", b"9" * 400, b'"\\ud83d"'])
async def test_an_odd_value_hides_no_reasoning_beside_it(source, out, odd) -> None:
    said = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "<think>RAW</think>4", "score": 1}]
    line = lines([{"question": "?", "reasoning": "Why.", "answer": "4", "messages": said}])
    source.write_bytes(line + line.replace(b'"score": 1', b'"score": ' + odd))
    summary = await protect(source, out, withholding())
    assert summary.rows == 2
    assert b"RAW" not in out.read_bytes()
    assert summary.failed == (odd[:1] == b'"')
    assert summary.failed or b'"score": ' + odd in out.read_bytes()


# --- rows that fail


BAD = [
    b"{not json}\n",
    b'{"question": "\xff"}\n',
    b"[1]\n",
    b'{"id": 1}\n',
    b'{"question":"?","answer":"no mark"}\n',
    b'{"a":' + b"[" * 5000 + b"\n",
]


async def test_bad_rows_cost_nobody_else_anything_and_are_kept_with_their_reason(source, out, caplog) -> None:
    source.write_bytes(b"".join([*BAD[:3], lines(ROWS[:9]), *BAD[3:]]))
    summary = await protect(source, out, SHOUT)
    assert (summary.rows, summary.released, summary.failed) == (15, 9, 6)
    assert [json.loads(line)["id"] for line in out.read_bytes().splitlines()] == list(range(9))
    side = out.with_name("out.jsonl.failed.jsonl")
    failed = [json.loads(line) for line in side.read_bytes().splitlines()]
    assert side.stat().st_mode & 0o077 == 0, "raw reasoning is its owner's alone"
    assert [one["row"] for one in failed] == [1, 2, 3, 13, 14, 15]
    assert failed[0] == {"row": 1, "reason": failed[0]["reason"], "line": "{not json}"}
    assert "not UTF-8 (byte 14" in failed[1]["reason"]
    assert len({one["reason"] for one in failed}) == 6
    assert "no mark" not in caplog.text

    source.write_bytes(source.read_bytes().replace(b"no mark", b"A mark.\\n#### 3"))
    again = await protect(source, out, SHOUT)  # only the failed rows are done again, the mended one now finishes
    assert (again.rows, again.released, again.failed, again.resumed) == (15, 10, 5, 9)


class Down:
    """A rewriter that is down until it is told otherwise."""

    def __init__(self) -> None:
        self.up, self.asked = False, 0

    async def rewrite(self, trace: Trace) -> Trace:
        self.asked += 1
        if not self.up:
            raise Unavailable("down")
        return await upper(trace)


async def test_a_row_with_an_unmarked_generation_fails_with_the_cure(tmp_path, out) -> None:
    source = tmp_path / "mixed.jsonl"
    fine, lost = ["<think>Two and two.</think>4", "<think>Twice two.</think>4"], ["<think>Two.</think>4", "Twice. 4"]
    source.write_bytes(lines([{"problem": "2+2?", "generations": fine}, {"problem": "2+2?", "generations": lost}]))
    summary = await protect(source, out, SHOUT)
    assert (summary.rows, summary.failed) == (2, 1)
    assert "--reasoning-in-content" in (out.parent / f"{out.name}.failed.jsonl").read_text()
    assert b"Twice. 4" not in out.read_bytes()


async def test_a_rewriter_that_is_down_stops_the_run_early_and_the_same_call_resumes(source, out) -> None:
    down = Down()
    with pytest.raises(Unavailable, match=r"20 rows failed one after another \(unavailable\).*doctor"):
        await protect(source, out, rewriting(down.rewrite, name="x"), Settings(concurrency=4))
    assert down.asked <= 24
    assert not out.exists()
    assert "We add 3" in (out.parent / "out.jsonl.failed.jsonl").read_text()
    down.up = True
    summary = await protect(source, out, rewriting(down.rewrite, name="x"))
    assert (summary.released, summary.failed) == (40, 0)
    assert beside(out) == ["out.jsonl"]


async def test_only_rows_that_failed_are_done_again(source, out) -> None:
    asked = []

    async def hiccups(trace: Trace) -> Trace:
        asked.append(trace.id)
        if len(asked) % 10 == 3 and len(asked) <= 40:
            raise Unavailable("?")
        return await upper(trace)

    flaky = rewriting(hiccups, name="x")
    first = await protect(source, out, flaky)
    assert (first.failed, first.released, first.reasons) == (4, 36, {"unavailable": 4})
    done, asked[:] = set(asked), ["x"] * 40
    second = await protect(source, out, flaky)
    assert (second.failed, second.released, second.resumed) == (0, 40, 36)
    assert len(asked) == 44
    assert set(asked[40:]) < done
    assert len(out.read_bytes().splitlines()) == 40


async def test_a_check_that_fails_is_final_and_counted_by_name(source, out) -> None:
    async def gives_up(trace: Trace) -> Trace:
        return trace.but(reasoning="", step=Step("x", "withheld", failures=("copied", "copied")))

    summary = await protect(source, out, rewriting(gives_up, name="x"))
    assert (summary.withheld, summary.failed, summary.failures) == (40, 0, {"copied": 80})


async def test_a_rewrite_that_would_read_as_something_else_is_withheld(source, out) -> None:
    async def breaks_out(trace: Trace) -> Trace:
        return trace.but(reasoning="Adding. <think>")

    summary = await protect(source, out, rewriting(breaks_out, name="x"))
    assert (summary.withheld, summary.released, summary.failures) == (40, 0, {"unwritable": 40})
    assert json.loads(out.read_bytes().splitlines()[3])["answer"] == "#### 6"


async def test_a_defense_that_changes_an_answer_stops_the_run(source, out) -> None:
    def lying(teacher):
        return Scripted(lambda request: ("Adding.", "#### 0"))

    with pytest.raises(AssertionError, match="changed the answer of row 2"):
        await protect(source, out, lying)  # of row 1 it happens to be right
    assert not out.exists()


# --- what stands in the way


async def test_an_output_that_is_there_is_not_replaced_unasked(source, out) -> None:
    out.write_text("precious")
    with pytest.raises(Misconfigured, match=r"is there already.*--force"):
        await protect(source, out, SHOUT)
    assert out.read_text() == "precious"
    assert (await protect(source, out, SHOUT, Settings(force=True))).released == 40
    with pytest.raises(Misconfigured, match="would replace the input"):
        await protect(source, source, SHOUT, Settings(force=True))


async def test_a_second_run_on_one_output_is_refused(source, out) -> None:
    began, go = asyncio.Event(), asyncio.Event()

    async def waits(trace: Trace) -> Trace:
        began.set()
        await go.wait()
        return trace

    first = asyncio.create_task(protect(source, out, rewriting(waits, name="x")))
    await began.wait()
    with pytest.raises(Misconfigured, match="another process is writing"):
        await protect(source, out, SHOUT)
    go.set()
    assert (await first).released == 40


async def stopped(source: Path, out: Path, recipe: str = "") -> None:
    """A run that ends in the midst."""
    done = 0

    async def stops(trace: Trace) -> Trace:
        nonlocal done
        done += 1
        return await upper(trace) if done < 10 else replace(trace, reasoning=1 / 0)

    with pytest.raises(Unavailable):
        await protect(source, out, rewriting(stops, name="x"), Settings(recipe=recipe, patience=3))


async def test_another_configuration_or_input_is_refused_with_the_cure(source, out) -> None:
    await stopped(source, out, recipe="a")
    with pytest.raises(Misconfigured, match=r"another defense: .*--restart"):
        await protect(source, out, SHOUT, Settings(recipe="b"))
    whole = source.read_bytes()
    source.write_bytes(whole.replace(b"What is 0", b"What was 0"))
    with pytest.raises(Misconfigured, match=r"row 1 of the input is not what it was.*--restart"):
        await protect(source, out, SHOUT, Settings(recipe="a"))
    source.write_bytes(lines(ROWS[:5]))
    with pytest.raises(Misconfigured, match=r"has 5 rows.*--restart"):
        await protect(source, out, SHOUT, Settings(recipe="a"))
    assert (await protect(source, out, SHOUT, Settings(recipe="b", restart=True))).resumed == 0


async def test_a_longer_input_goes_on_where_the_shorter_one_ended(source, out) -> None:
    first = await protect(source, out, SHOUT, Settings(limit=10))
    assert (first.rows, len(out.read_bytes().splitlines())) == (10, 10)
    await stopped(source, out.with_name("b.jsonl"))
    source.write_bytes(source.read_bytes() + lines([{"question": "?", "answer": "One more.\n#### 1"}]))
    assert (await protect(source, out.with_name("b.jsonl"), SHOUT)).released == 41


@pytest.mark.parametrize("content", [b"", b"\n\n", b'[\n{"a": 1}\n]\n', b"\xff\xfe"])
async def test_what_is_no_jsonl_is_said_at_once(source, out, content) -> None:
    source.write_bytes(content)
    with pytest.raises(Misconfigured, match=r"has no row that can be read|no reasoning was found"):
        await protect(source, out, SHOUT)
    assert beside(out) == []


# --- killed at any moment

CHILD = """
import asyncio, os, signal, sys
from pathlib import Path
from azeotrope import rewriting
from azeotrope.protect import Settings, journal, protect
import azeotrope.protect.procedure as procedure

source, out, calls, moment = sys.argv[1:]
log = os.open(calls, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
asked = 0

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

async def rewrite(trace):
    global asked
    number = asked = asked + 1
    os.write(log, (trace.id + "\\n").encode())
    await asyncio.sleep(0.0005 * (len(trace.reasoning) * 7 % 5))
    if moment == f"row {number}":
        die()
    return trace.but(reasoning=trace.reasoning.upper())

def torn(descriptor, data, at, write=os.pwrite):
    if asked > 20:
        write(descriptor, bytes(data)[: len(data) // 2], at)
        die()
    return write(descriptor, data, at)

if moment == "torn record":
    os.pwrite = torn
if moment == "torn first line":
    os.pwrite = lambda descriptor, data, at, write=os.pwrite: (write(descriptor, bytes(data)[:9], at), die())
if moment == "before the sync":
    os.fsync = die
if moment == "before the rename":
    Path.replace = die
if moment == "after the rename":
    journal.Journal.remove = die
asyncio.run(protect(source, out, rewriting(rewrite, name="x"), Settings(concurrency=6)))
"""


def child(source: Path, out: Path, calls: Path, moment: str = "", **more) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", CHILD, source, out, calls, moment], capture_output=True, text=True, **more
    )


def finished(out: Path) -> set[str]:
    """Rows that the journal holds."""
    with out.with_name("copy.journal").open("wb") as copy:
        copy.write(out.with_name(out.name + ".journal").read_bytes())
    identity = (
        json.loads(copy_head) if (copy_head := Path(copy.name).read_bytes().partition(b"\n")[0]).endswith(b"}") else {}
    )
    journal = Journal.opened(Path(copy.name), identity)
    try:
        return {f"row-{row + 1}.0" for row in range(len(journal)) if journal.finished(row)}
    finally:
        journal.close()


MOMENTS = [
    "row 1",
    "row 13",
    "row 40",
    "torn record",
    "torn first line",
    "before the sync",
    "before the rename",
    "after the rename",
]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_killed_at_any_moment_it_goes_on_and_nothing_finished_is_done_again(source, out, moment) -> None:
    calls = out.with_name("calls")
    await protect(source, out, SHOUT)
    whole = out.read_bytes()
    out.unlink()

    assert child(source, out, calls, moment).returncode == -signal.SIGKILL
    assert out.exists() == (moment == "after the rename")
    done, first = finished(out), calls.read_text().split()
    calls.unlink()
    assert done <= set(first)
    assert len(done) >= len(first) - 20  # at most what was in work, and one batch, is lost
    again = child(source, out, calls)
    assert again.returncode == 0, again.stderr
    second = calls.read_text().split()
    assert not done & set(second)
    assert done | set(second) == {f"row-{i + 1}.0" for i in range(40)}
    assert out.read_bytes() == whole
    assert beside(out) == ["out.jsonl"]


def test_killed_again_and_again_it_gets_done(source, out) -> None:
    calls = out.with_name("calls")
    for _ in range(40):
        if child(source, out, calls, "row 12").returncode == 0:
            break
    assert len(out.read_bytes().splitlines()) == 40
    assert beside(out) == ["out.jsonl"]


@pytest.mark.parametrize("room", [1500, 6000])
def test_a_full_disk_is_said_cleanly_and_the_run_goes_on_when_there_is_room(source, out, room) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    calls = out.with_name("calls")
    died = child(source, out, calls, preexec_fn=full)
    assert died.returncode == 1
    assert "azeotrope.errors.Unavailable: cannot write" in died.stderr
    assert "make room and run the same again" in died.stderr
    done = finished(out)
    assert 0 < len(done) < 40
    calls.unlink()
    assert child(source, out, calls).returncode == 0
    assert not done & set(calls.read_text().split())
    assert len(out.read_bytes().splitlines()) == 40


# --- Parquet


def parquet_table() -> pa.Table:
    message = pa.struct([("role", pa.string()), ("content", pa.string()), ("reasoning_content", pa.large_string())])
    rows = [
        {
            "stamp": i * 10**18 % 7,
            "messages": None
            if i == 4
            else [
                {"role": "user", "content": "How many?", "reasoning_content": None},
                {"role": "assistant", "content": f"{i}", "reasoning_content": None if i == 5 else f"Because {i} eggs."},
            ],
            "generations": [f"<think>Count to {i}.</think>{i}", None] if i % 2 else [],
            "blob": bytes([i]),
            "score": float("nan") if i == 3 else i / 3,
        }
        for i in range(9)
    ]
    texts = {"messages": pa.list_(message), "generations": pa.list_(pa.string())}
    kinds = {"stamp": pa.timestamp("ns"), **texts, "blob": pa.binary(), "score": pa.float32()}
    columns = [pa.array([row[name] for row in rows], kind) for name, kind in kinds.items()]
    return pa.table(columns, pa.schema(list(kinds.items()), metadata={"made": "by hand"}))


async def test_parquet_keeps_schema_metadata_and_every_other_value(tmp_path) -> None:
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    table = parquet_table()
    pq.write_table(table, source, row_group_size=4)
    summary = await protect(source, out, SHOUT, Settings(concurrency=3))
    made = pq.read_table(out)
    assert made.schema.equals(pq.read_schema(source), check_metadata=True)
    for name in ("stamp", "blob", "score"):  # printed, for NaN is not equal to itself
        assert str(made[name].combine_chunks()) == str(table[name].combine_chunks())
    assert made["messages"].to_pylist()[4] is None
    assert made["messages"].to_pylist()[6][1] == {
        "role": "assistant",
        "content": "6",
        "reasoning_content": "BECAUSE 6 EGGS.",
    }
    assert made["messages"].to_pylist()[5] == table["messages"].to_pylist()[5]
    assert made["generations"].to_pylist()[7] == ["<think>COUNT TO 7.</think>7", None]
    assert (summary.rows, summary.released, summary.absent) == (9, 11, 1)


async def test_parquet_is_resumed_and_the_control_equals_its_input(tmp_path) -> None:
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pq.write_table(parquet_table(), source)
    await protect(source, out, defense("none"))
    assert str(pq.read_table(out)) == str(pq.read_table(source))
    out.unlink()
    down = Down()
    with pytest.raises(Unavailable):
        await protect(source, out, rewriting(down.rewrite, name="x"), Settings(patience=2))
    down.up = True
    assert (await protect(source, out, rewriting(down.rewrite, name="x"))).failed == 0
    assert "BECAUSE 8 EGGS." in str(pq.read_table(out)["messages"].to_pylist())


SAID = pa.struct([("role", pa.string()), ("content", pa.string())])
THOUGHT = "RAW: three twelves are thirty-six, and the four that were bought make forty."
TALK = [{"role": "user", "content": "?"}, {"role": "assistant", "content": f"<think>{THOUGHT}</think>4"}]
NESTINGS = {
    "list": (pa.list_(SAID), TALK),
    "fixed_size_list": (pa.list_(SAID, 2), TALK),
    "list_view": (pa.list_view(SAID), TALK),
    "large_list_view": (pa.large_list_view(SAID), TALK),
    "string_view": (pa.string_view(), f"<think>{THOUGHT}</think>4"),
    "dictionary": (pa.dictionary(pa.int32(), pa.string()), f"<think>{THOUGHT}</think>4"),
    "json": (pa.json_(), f"<think>{THOUGHT}</think>4"),
    "map": (pa.map_(pa.string(), pa.string()), [("cot", THOUGHT), ("answer", "4")]),
    "map by number": (pa.map_(pa.int32(), pa.list_view(SAID)), [(7, TALK), (8, [])]),
    "list of maps": (pa.list_(pa.map_(pa.string(), pa.large_string())), [[("cot", THOUGHT)], [], None]),
    "struct": (pa.struct([("a", pa.list_(pa.string_view(), 1))]), {"a": [f"<think>{THOUGHT}</think>4"]}),
}


@pytest.mark.parametrize("nesting", NESTINGS)
async def test_reasoning_is_found_and_written_in_every_type_of_parquets(tmp_path, nesting) -> None:
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    kind, value = NESTINGS[nesting]
    column = pa.array([value, None, value, None], kind)
    fine = {"question": ["?"] * 4, "reasoning": ["We add."] * 4, "answer": ["4"] * 4}
    pq.write_table(pa.table({**fine, "more": column}), source)
    summary = await protect(source, out, withholding())
    made = pq.read_table(out)
    assert made.schema.equals(pq.read_schema(source))
    assert (summary.withheld, summary.failed) == (6, 0)
    assert "RAW" not in str(made.to_pylist())
    shouted = await protect(source, tmp_path / "b.parquet", SHOUT)
    again = pq.read_table(tmp_path / "b.parquet")["more"].to_pylist()
    assert shouted.released == 6
    assert str(again) == str(column.to_pylist()).replace(THOUGHT, THOUGHT.upper())


async def test_a_row_with_a_map_that_names_a_key_twice_fails_alone(tmp_path) -> None:
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pairs = [[("cot", "Why."), ("a", "4")], [("cot", THOUGHT), ("cot", "")], None]
    columns = {"reasoning": ["We add."] * 3, "answer": ["4"] * 3, "more": pa.array(pairs, pa.map_("string", "string"))}
    pq.write_table(pa.table(columns), source)
    summary = await protect(source, out, withholding())
    assert summary.reasons == {"a map of its names a key twice": 1}
    assert pq.read_table(out)["more"].to_pylist() == [[("cot", ""), ("a", "4")], None]


async def test_texts_of_parquets_that_cannot_be_written_again_are_named_with_the_cure(tmp_path) -> None:
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    texts = pa.array([[THOUGHT]], pa.list_(pa.string()))
    odd = pa.ExtensionArray.from_storage(pa.opaque(texts.type, "t", "v"), texts)
    table = pa.table({"reasoning": ["Why."], "answer": ["4"], "odd": odd})
    pq.write_table(table, source)
    with pytest.raises(Misconfigured, match=r"column 'odd' holds texts inside an extension type.*--keep odd"):
        await protect(source, out, withholding())
    await protect(source, out, withholding(), Settings(layout=Layout(keep=("odd",))))
    assert pq.read_table(out)["odd"].to_pylist() == [[THOUGHT]]
    twin = pa.StructArray.from_arrays([pa.array([THOUGHT]), pa.array([""])], ["cot", "cot"])
    pq.write_table(table.set_column(2, "odd", twin), source)
    with pytest.raises(Misconfigured, match="column 'odd' has two members of one name"):
        await protect(source, out, withholding(), Settings(force=True))
    pq.write_table(table.set_column(2, "reasoning", pa.array([""])), source)
    with pytest.raises(Misconfigured, match="two columns called 'reasoning'"):
        await protect(source, out, withholding(), Settings(force=True))


async def test_a_dictionary_without_room_for_the_new_texts_is_said_and_the_cast_one_goes_on(tmp_path) -> None:
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    numbers = [str(i) for i in range(200)]
    narrow = pa.array(["Why."] * 200).cast(pa.dictionary(pa.int8(), pa.string()))
    table = pa.table({"question": numbers, "reasoning": narrow, "answer": numbers})
    pq.write_table(table, source)

    async def by_number(trace: Trace) -> Trace:
        return trace.but(reasoning=f"Because of {trace.answer}.")

    told = rewriting(by_number, name="x")
    with pytest.raises(Misconfigured, match="no room for the new texts: cast that column to strings"):
        await protect(source, out, told)
    pq.write_table(table.set_column(1, "reasoning", narrow.cast(pa.string())), source)
    assert (await protect(source, out, told)).resumed == 200
    assert pq.read_table(out)["reasoning"].to_pylist()[7] == "Because of 7."


async def test_a_proxys_passes_are_summed_up_over_an_interruption(source, out, capsys) -> None:
    down = ["20"]

    async def gradient(trace: Trace) -> Trace:
        if trace.answer.split()[-1] in down:
            raise Unavailable("down")
        return trace.but(reasoning=trace.reasoning.upper(), step=Step("gradient", cost=Cost(forwards=2, backwards=3)))

    for rows in (39, 40):
        summary = await protect(source, out, rewriting(gradient, name="gradient"))
        assert (summary.forwards, summary.backwards) == (2 * rows, 3 * rows)
        down.clear()
    show(summary, as_json=False)
    assert "proxy passes     80 forward, 120 backward" in capsys.readouterr().out


# --- the command


def test_the_command_prints_a_summary_and_its_exit_status_says_what_happened(source, out) -> None:
    run = CliRunner().invoke(app, ["protect", str(source), "-o", str(out), "--defense", "withhold", "--json"])
    summary = json.loads(run.stdout)
    assert (run.exit_code, summary["rows"], summary["withheld"], summary["answers_changed"]) == (0, 40, 40, 0)
    source.write_bytes(lines(ROWS) + BAD[0])
    run = CliRunner().invoke(app, ["protect", str(source), "-o", str(out), "--defense", "terse", "--force"])
    assert run.exit_code == 1
    assert "answers changed  0" in run.stdout
    assert "1 rows failed and are in" in run.stderr
    assert "We add" not in run.output


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--set", "x"], "--set takes KEY=VALUE"),
        (["--set", "x=1"], "defense 'withhold'"),
        (["--defense", "tersee"], "no defense called 'tersee'"),
        (["--rewriter-model", "m"], "--rewriter-model names a model at a URL"),
        (["--rewriter", "http://127.0.0.1:9/v1", "--rewriter-key-env", "NO_SUCH_VARIABLE"], "is not set"),
        (["--defense", "instruct"], "needs a model to rewrite with"),
        (["--reasoning-column", "why"], "no column 'why'"),
    ],
)
def test_a_mistake_is_named_before_anything_is_written(source, out, flags, said) -> None:
    run = CliRunner().invoke(app, ["protect", str(source), "-o", str(out), *flags])
    assert isinstance(run.exception, Misconfigured)
    assert said in str(run.exception)
    assert beside(out) == []
