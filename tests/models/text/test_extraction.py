"""The final answer a careful reader would take from a text; and no text, however hostile, raises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azeotrope.models.text import answer_start, explicit_answer, final_answer, split
from azeotrope.models.text.boxes import boxes

B = "\\boxed"
CASES: list[tuple[str, tuple[str, str] | None]] = [
    # boxes
    (f"So ${B}{{42}}$.", ("math", "42")),
    (f"${B}{{\\frac{{1}}{{2}}}}$", ("math", "\\frac{1}{2}")),
    (f"${B}{{\\left(3, \\frac{{\\pi}}{{2}} \\right)}}$", ("math", "\\left(3, \\frac{\\pi}{2} \\right)")),
    (f"${B}{{\\frac{{\\sqrt{{2+\\sqrt{{3}}}}}}{{2}}}}.$", ("math", "\\frac{\\sqrt{2+\\sqrt{3}}}{2}")),
    (f"${B}{{\\{{1, 2, 3\\}}}}$", ("math", "\\{1, 2, 3\\}")),
    (f"${B}{{\\left\\{{x \\mid x > 2\\right\\}}}}$", ("math", "\\left\\{x \\mid x > 2\\right\\}")),
    (f"{B}{{[-1, 2)}}", ("math", "[-1, 2)")),
    (f"{B}{{(-\\infty, 3) \\cup (3, \\infty)}}", ("math", "(-\\infty, 3) \\cup (3, \\infty)")),
    (
        f"{B}{{\\begin{{pmatrix}} 1 & 2 \\\\ 3 & 4 \\end{{pmatrix}}}}",
        ("math", "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}"),
    ),
    (f"{B}{{\\text{{Tuesday}}}}", ("text", "\\text{Tuesday}")),
    (f"{B}{{12 \\text{{ cm}}^2}}", ("math", "12 \\text{ cm}^2")),
    (f"{B}{{\\$1,234.50}}", ("math", "\\$1,234.50")),
    (f"{B}{{50\\%}}", ("math", "50\\%")),
    (f"{B}{{90^\\circ}}", ("math", "90^\\circ")),
    (f"{B}{{x^2+3x-4}}", ("math", "x^2+3x-4")),
    (f"{B}{{ 7 }}", ("math", "7")),
    (f"{B} {{7}}", ("math", "7")),
    ("\\fbox{7}", ("math", "7")),
    (f"${B} 5$", ("math", "5")),
    (f"${B} 12.5$.", ("math", "12.5")),
    (f"${B}\\frac{{1}}{{2}}$", ("math", "\\frac{1}{2}")),
    (f"${B}5$", ("math", "5")),
    (f"{B}{{{B}{{5}}}}", ("math", "5")),
    (f"{B}{{x = {B}{{5}}}}", ("math", "5")),
    (f"{B}{{１２}}", ("math", "１２")),
    (f"{B}{{−3}}", ("math", "−3")),
    (f"{B}{{\\text{{Évora}}}}", ("text", "\\text{Évora}")),
    (f"{B}{{北京}}", ("text", "北京")),
    (f"{B}{{A}}", ("choice", "A")),
    (f"{B}{{\\textbf{{(C)}}}}", ("choice", "C")),
    (f"{B}{{\\text{{(D)}}}}", ("choice", "D")),
    (f"{B}{{\\text{{E}}}}", ("choice", "E")),
    (f"{B}{{a}}", ("math", "a")),
    (f"First {B}{{1}}. Then, corrected, {B}{{2}}.", ("math", "2")),
    (f"{B}{{1}}\n\n{B}{{2}}", ("math", "2")),
    (f"$x = {B}{{1}}$ or $x = {B}{{2}}$", ("math", "1, 2")),
    (f"${B}{{1}}, {B}{{2}}, {B}{{3}}$", ("math", "1, 2, 3")),
    (f"{B}{{1}} and {B}{{-2}}", ("math", "1, -2")),
    (f"$x={B}{{1}},\\quad y={B}{{2}}$", ("math", "1, 2")),
    (f"${B}{{1}} \\text{{ or }} {B}{{2}}$", ("math", "1, 2")),
    (f"{B}{{3}} and {B}{{3}}", ("math", "3")),
    (f"We had {B}{{3}} there, so the end is {B}{{5}}.", ("math", "5")),
    (f"Put it in {B}{{}}. So {B}{{9}}.", ("math", "9")),
    (f"Answer in {B}{{...}} form: {B}{{9}}. Recall {B}{{}}", ("math", "9")),
    (f"{B}{{12", None),
    (f"So {B}{{7}}, that is {B}{{8", None),
    (f"So {B}{{78}}, that is {B}{{7", ("math", "78")),
    (f"So ${B}{{7$.", ("math", "7")),
    (f"So ${B}{{\\frac{{1}}{{2}}$ it is.", ("math", "\\frac{1}{2}")),
    (f"So \\({B}{{7\\) it is.", ("math", "7")),
    (f"broken {B}{{\\frac{{1}} and later {B}{{3}}.", ("math", "3")),
    (f"\\[\n{B}{{\n42\n}}\n\\]", ("math", "42")),
    (f"{B}{{\\frac12}} or as a decimal 0.5.", ("math", "\\frac12")),
    (f"**Final Answer**\n\n\\[{B}{{18}}\\]", ("math", "18")),
    (f"The final answer is: ${B}{{72}}$. I hope it is correct.", ("math", "72")),
    (f"{B}{{18}}\n\nFinal answer: She makes $18 every day.", ("math", "18")),
    ("\\boxedfoo{3}", None),
    # GSM8K
    ("48/2 = <<48/2=24>>24 clips.\n48+24 = <<48+24=72>>72.\n#### 72", ("math", "72")),
    ("So.\n#### 1,234", ("math", "1,234")),
    ("So.\n#### $1,234.50", ("math", "$1,234.50")),
    ("So.\n#### -5", ("math", "-5")),
    ("So.\n#### 5.\n", ("math", "5")),
    ("So.\n#### 75%", ("math", "75%")),
    ("So.\n####72", ("math", "72")),
    ("So.\n#### <<2*3=6>>6", ("math", "6")),
    ("So.\n#### 42 km", ("math", "42 km")),
    ("#### 12\nwait\n#### 13", ("math", "13")),
    ("#### 13\nDone, thanks.", ("math", "13")),
    (f"{B}{{12}}\n#### 13", ("math", "13")),
    (f"#### 13\n{B}{{12}}", ("math", "12")),
    (f"#### Step 1: add\nx\n#### 2. Multiply\nso {B}{{6}}", ("math", "6")),
    ("#### Step 1: add\n2+2\n\nThe answer is 4.", ("math", "4")),
    ("#### Final Answer\n42", ("math", "42")),
    ("#### Answer: 42", ("math", "42")),
    ("So, she makes 9*2 = $18.", None),
    ("#### **42**", ("math", "42")),
    # words
    ("Final answer: 42", ("math", "42")),
    ("Final Answer: $\\frac{3}{4}$", ("math", "\\frac{3}{4}")),
    ("**Final Answer:** 42", ("math", "42")),
    ("**Final Answer**: 42", ("math", "42")),
    ("**Final Answer: 42**", ("math", "42")),
    ("### Final Answer\n\n42", ("math", "42")),
    ("## Answer:\n\n**42**", ("math", "42")),
    ("**Answer**\n\\[\nx = 3\n\\]", ("math", "x = 3")),
    ("The final answer is $7$. I hope it is correct.", ("math", "7")),
    ("The answer is 3.14.", ("math", "3.14")),
    ("the answer is: 12 apples.", ("math", "12 apples")),
    ("Thus the answer is $42$ dollars, because he paid twice.", ("math", "42 dollars")),
    ("So the answer is therefore 8.", ("math", "8")),
    ("The answer to the question is 12.", ("math", "12")),
    ("The answer is 1. No wait, the answer is 2.", ("math", "2")),
    ("The answer is not 5.\nAnswer: 6", ("math", "6")),
    ("Answer: $1,000", ("math", "$1,000")),
    ("Answer: She has 42 apples left over.", ("math", "42")),
    ("Answer: Tuesday", ("text", "Tuesday")),
    ("ANSWER: yes", ("text", "yes")),
    ("A: first\nAns: 12", ("math", "12")),
    ("The answer would be \\(x = 5\\).", ("math", "x = 5")),
    ("The answer is $x=2$ or $x=3$.", ("math", "x=2 or x=3")),
    ("The answer is\n\n$$\\frac{1}{2}$$\n", ("math", "\\frac{1}{2}")),
    ("The answer is (2, 3).", ("math", "(2, 3)")),
    ("The answer is `42`.", ("math", "42")),
    ("答案是 42。", ("math", "42")),
    ("最终答案：北京", ("text", "北京")),
    ("Final answer： 42", ("math", "42")),
    ("The answer is −5°.", ("math", "−5°")),
    ("The answer is 1/2.", ("math", "1/2")),
    ("The answer is 5:30 pm.", ("math", "5:30 pm")),
    # multiple choice
    ("Answer: B", ("choice", "B")),
    ("Answer: (B)", ("choice", "B")),
    ("Answer: B. Paris", ("choice", "B")),
    ("The answer is (C).", ("choice", "C")),
    ("The answer is **C**.", ("choice", "C")),
    ("The answer is C because it is green.", ("choice", "C")),
    ("The correct option is (D) 12.", ("choice", "D")),
    ("The correct answer is option C.", ("choice", "C")),
    ("The correct choice is B.", ("choice", "B")),
    ("The best answer is A) Rome", ("choice", "A")),
    ("(B)", ("choice", "B")),
    ("B.", ("choice", "B")),
    ("B", ("choice", "B")),
    ("**B**", ("choice", "B")),
    ("**(B)**", ("choice", "B")),
    ("B) Paris", ("choice", "B")),
    ("option C", ("choice", "C")),
    ("Option C is correct", ("choice", "C")),
    ("It is green.\n\n(C)", ("choice", "C")),
    ("It is green.\n\n**C**", ("choice", "C")),
    ("Answer: A dog", ("text", "A dog")),
    ("Answer: I think so", ("text", "I think so")),
    # tags
    ("<answer>42</answer>", ("math", "42")),
    ("<answer>\n $42$ \n</answer> Bye.", ("math", "42")),
    ("<answer>1</answer> no <ANSWER>2</ANSWER>", ("math", "2")),
    (f"<answer>So ${B}{{5}}$</answer>", ("math", "5")),
    (f"{B}{{4}} <answer>5</answer>", ("math", "5")),
    ("<answer>42", ("math", "42")),
    ("<answer>B</answer>", ("choice", "B")),
    ("<answer>Tuesday</answer>", ("text", "Tuesday")),
    ('<answer>{"a": 1}</answer>', ("json", '{"a": 1}')),
    ("<answer></answer>", None),
    ("<answer>\n```python\nprint(1)\n```\n</answer>", ("code", "print(1)")),
    # JSON and code
    ('{"answer": "\\\\boxed{3}", "b": [1, 2]}', ("json", '{"answer": "\\\\boxed{3}", "b": [1, 2]}')),
    ('[{"a": 1}]', ("json", '[{"a": 1}]')),
    ("[1, 2]", ("math", "[1, 2]")),
    ('Here:\n```json\n{"a": [1, {"b": 2}]}\n```', ("json", '{"a": [1, {"b": 2}]}')),
    ('Here:\n```json\n{"a": 1}\n```\nHope that helps.', ("json", '{"a": 1}')),
    ('The result is {"a": {"b": "}"}}', ("json", '{"a": {"b": "}"}}')),
    ("Use this:\n```python\nx = 1\nprint(x)\n```\nIt prints.", ("code", "x = 1\nprint(x)")),
    ("```\nA\n```\nthen\n~~~c\nint x;\n~~~", ("code", "int x;")),
    ("```python\n# The answer is 42\n#### 7\nreturn 1\n```", ("code", "# The answer is 42\n#### 7\nreturn 1")),
    ("The answer is a loop:\n```python\nfor x in y: pass\n```", ("code", "for x in y: pass")),
    ("```python\nprint(6*7)\n```\nThe answer is 42.", ("math", "42")),
    # bare
    ("42", ("math", "42")),
    (" 42.\n", ("math", "42")),
    ("x = 3", ("math", "x = 3")),
    ("$\\frac{1}{2}$", ("math", "\\frac{1}{2}")),
    ("$$x = 3$$", ("math", "x = 3")),
    ("\\[ x = 3 \\]", ("math", "x = 3")),
    ("-3/4", ("math", "-3/4")),
    ("½", ("math", "½")),
    ("π", ("math", "π")),
    ("42 km", ("math", "42 km")),
    ("Paris", ("text", "Paris")),
    ("New York City", ("text", "New York City")),
    ("Two and two make four.\n\n4", ("math", "4")),
    ("Solve it.\n\n$x=4$", ("math", "x=4")),
    # none
    ("", None),
    ("   \n", None),
    ("I cannot solve this problem, sorry.", None),
    ("I think there is something odd about 3 of the sheep and 4 of the goats here.", None),
    ("Let us see.\nFirst we add.\nThen we stop.", None),
    ("...", None),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_final_answer(text: str, expected: tuple[str, str] | None) -> None:
    found = final_answer(text)
    assert (found and (found.kind, found.value)) == expected
    assert found is None or 0 <= found.start < found.end <= len(text)


SPANS = [
    (f"We add. So $x = {B}{{5}}$.", f"So $x = {B}{{5}}$."),
    (f"We add.\n\\[\nx = {B}{{5}}\n\\]\nDone.", f"\\[\nx = {B}{{5}}\n\\]\nDone."),
    (f"It is 3. 5 km?\nHence {B}{{1}} or {B}{{2}}", f"Hence {B}{{1}} or {B}{{2}}"),
    ("2+2=4\n#### 4", "#### 4"),
    ("We add. **Final answer:** 42", "**Final answer:** 42"),
    ("We add.\n\n### Final Answer\n\n42", "### Final Answer\n\n42"),
    ("secret <answer>42</answer>", "<answer>42</answer>"),
    (
        "Thoughts.\n\nMore.\n\nIn short: nothing of note came of all of that.",
        "In short: nothing of note came of all of that.",
    ),
    ("One line\nlast line without any value at all", "last line without any value at all"),
    ("42", "42"),
    ("", ""),
]


@pytest.mark.parametrize(("content", "answer"), SPANS)
def test_span_keeps_the_statement_only(content: str, answer: str) -> None:
    assert split(content, "span") == (content[: len(content) - len(answer)], answer)


def test_a_kind_that_is_known_is_looked_for() -> None:
    assert final_answer("I go for (B), not more.", "choice").value == "B"  # type: ignore[union-attr]
    assert final_answer("x\n```json\n{}\n```\nAnswer: 5", "json").value == "{}"  # type: ignore[union-attr]
    assert final_answer("x\n```\nf()\n```\nAnswer: 5", "code").value == "f()"  # type: ignore[union-attr]
    assert final_answer("print(1)", "code").value == "print(1)"  # type: ignore[union-attr]
    assert final_answer("Answer: 5", "text").kind == "text"  # type: ignore[union-attr]
    assert final_answer("Answer: 5", "json") is None
    assert final_answer("Answer: 5", "choice") is None


MARKS = "{ } $ \\ < > ** [ ] \\[ ``` . é ½ 1 #### <answer> </answer> (B) 答案 \\text and << >>"
PARTS = [B, *MARKS.split(" "), "Answer:", "\n", " "]
parts = st.sampled_from([*PARTS, "The answer is ", '{"a":', "#### "])
texts = st.lists(parts | st.text(max_size=4), max_size=30).map("".join)


@settings(max_examples=500)
@given(st.text() | texts, st.sampled_from([None, "math", "choice", "json", "code", "text"]))
def test_no_text_raises(text: str, kind: None) -> None:
    found = final_answer(text, kind)
    assert found is None or (found.value and 0 <= found.start < found.end <= len(text))
    assert 0 <= answer_start(text) <= len(text)


@given(
    st.text(alphabet=st.characters(exclude_characters="\\{}", exclude_categories=["Cs"]), min_size=1).filter(str.strip)
)
def test_what_is_boxed_last_is_found(value: str) -> None:
    box = boxes(f"\\boxed{{0}} then \\boxed{{{value}}} and so on")
    assert box[0].value == "0"
    assert box[-1].value in (value.strip(), "0")


THOUGHT = "Each box has 12 pens, so 3*12 = 36. Adding 4 gives 36+4 = 40"
STATED = [
    (f"{THOUGHT}. The answer is 40. Let me", "The answer is 40"),
    (f"{THOUGHT}.\n\n**Final answer:** 40\n\nTo be sure", "**Final answer:** 40"),
    (f"{THOUGHT}, so \\boxed{{40}}. Wait, is", "\\boxed{40}"),
    (f"{THOUGHT}\n#### 40", "#### 40"),
    (f"{THOUGHT}\n<answer>40</answer> I", "<answer>40</answer>"),
    (f"{THOUGHT}\n<answer>40", "<answer>40"),
    (f"In <answer> tags, then: {THOUGHT}, \\boxed{{40}}", "\\boxed{40}"),
    ('{"answer": 40}', '{"answer": 40}'),
]
UNSTATED = [
    THOUGHT, f"{THOUGHT}, so", f"{THOUGHT}\n\nSo 40", f"{THOUGHT}\n40", f"{THOUGHT}\n```python\n36+4\n```", "40", "",
    f"I put it into <answer> tags. {THOUGHT}, for there are three of them, and then", f"{THOUGHT}, so \\boxed{{4",
    f"{THOUGHT}\n#### Step 2: count the pens", "The answer is what three times twelve gives with the four pens that",
    f'{THOUGHT}: {{"answer": 40}}', '{"answer": 4',
]  # fmt: skip


@pytest.mark.parametrize(("text", "statement"), STATED)
def test_an_explicit_answer_is_its_statement_and_nothing_beside_it(text: str, statement: str) -> None:
    found = explicit_answer(text)
    assert found is not None and text[found.start : found.end] == statement


@pytest.mark.parametrize("text", UNSTATED)
def test_where_a_text_breaks_off_no_answer_is_guessed(text: str) -> None:
    assert explicit_answer(text) is None


@given(texts)
def test_an_explicit_answer_is_short(text: str) -> None:
    found = explicit_answer(text)
    assert found is None or found.kind == "json" or 0 <= found.start < found.end <= min(len(text), found.start + 400)


HOSTILE = [
    "\\boxed{",
    "\\boxed",
    "\\boxed{1}",
    "{",
    "}",
    "\\",
    "$",
    "#### ",
    "#### 1\n",
    "<answer>",
    "</answer>",
    "Answer: ",
    "\n{",
]
HOSTILE += [
    "The answer is ",
    "answer to ",
    "```\n",
    "``` ",
    "[",
    '{"a":',
    "\\[",
    "( ",
    "**",
    "* ",
    "_",
    "<<",
    " ",
    "\n",
    ". ",
    "1,",
]
HOSTILE += [
    "\\text{",
    "\\frac{1}{",
    "A ",
    "option ",
    "is ",
    "答案",
    "\\boxed{1} or ",
    "-",
    "~~~\n",
    "\\left(",
    "final_answer ",
    "\\\\boxed{",
    "-\\boxed{1}",
    '{"answer": ',
    "B is ",
    "1 2\n",
    "Answer:\n1 2\n",
    "1 (a ",
    "\\boxed\n",
    "<answer a=",
]


@pytest.mark.parametrize("part", HOSTILE)
def test_a_hostile_text_of_200_kb_costs_work_in_proportion(part: str) -> None:
    """Executed lines of our own code, counted: a tenth of the text needs at least some 5 % of them."""
    small, large = part * (2_000 // len(part)), part * (20_000 // len(part))
    assert steps(large) < 25 * steps(small) + 2_000
    final_answer(part * (200_000 // len(part)))
    answer_start(part * (200_000 // len(part)))
    explicit_answer(part * (200_000 // len(part)))


def steps(text: str) -> int:
    import sys

    count = 0

    def trace(frame: object, event: str, argument: object) -> object:
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        final_answer(text)
    finally:
        sys.settrace(before)
    return count
