"""Answers as models really state them, and what only looks like one."""

import pytest

from azeotrope.models.text import final_answer, same

B = "\\boxed"
STATED = [
    # boxes: escaped twice or too little, on the next line, behind a minus, in a block of text
    (f"\\{B}{{42}}", "42"),
    ("\x08oxed{42}", "42"),
    (f"{B}\n{{42}}", "42"),
    (f"$x = -{B}{{42}}$", "-42"),
    (f"\\[\n-{B}{{\\frac{{1}}{{2}}}}\n\\]", "-\\frac{1}{2}"),
    (f"$7-{B}{{4}}$", "4"),
    (f"It is\n- {B}{{4}}", "4"),
    (f"```\n{B}{{7}}\n```", "7"),
    (f"```latex\nSo ${B}{{7}}$.\n```", "7"),
    (f"```python\nprint(r'{B}{{7}}')\n```", f"print(r'{B}{{7}}')"),
    (f"\\fbox{{{B}{{12}}}}", "12"),
    (f"{B}{{\\textbf{{A}}: 5}}", "A"),
    (f"{B}{{42}}{{43}}", "42"),
    (f"{B}{{F'}}", "F'"),
    (f"{B}{{(A \\cap B)}}", "(A \\cap B)"),
    (f"{B}{{E = mc^2}}", "E = mc^2"),
    (f"{B}{{\\begin{{cases}} x=1 \\\\ y=2 \\end{{cases}}}}", "\\begin{cases} x=1 \\\\ y=2 \\end{cases}"),
    (f"{B}{{?}} Therefore {B}{{5}}", "5"),
    (f"Either {B}{{1}} or {B}{{2}}, but only {B}{{2}}", "2"),
    # "####" wherever a model puts it
    ("So the total is 72. #### 72", "72"),
    ("5 + 5 = 10 #### $1,010.50\n", "$1,010.50"),
    ("The final answer is #### 72", "72"),
    ("#### 12/5", "12/5"),
    ("#### C# is a language\nAnswer: 5", "5"),
    # tags
    ("<answer type='int'>72</answer>", "72"),
    ("<final_answer>72</final_answer>", "72"),
    ("<final-answer>72</final-answer>", "72"),
    ("<answer>the answer is 72</answer>", "72"),
    # JSON, with a key that looks like a statement
    ('Here it is:\n\n{"answer": 42, "b": [1, {"c": 3}]}', '{"answer": 42, "b": [1, {"c": 3}]}'),
    ('It is {"why": {"x": "}"}, "answer": 42}. Hope it helps.', '{"why": {"x": "}"}, "answer": 42}'),
    ('{"answer": "B", "why": "x"}', '{"answer": "B", "why": "x"}'),
    # choices
    ("The correct answer is **D**: 42 km", "D"),
    ("The answer is C - Paris", "C"),
    ("The answer is C – the capital", "C"),
    ("The answer is C - D", "C - D"),
    ("Therefore, the answer is option (B).", "B"),
    ("Therefore, option (B) is correct.", "B"),
    ("**B** is the right choice, since C is not.", "B"),
    ("A is wrong. So B is the correct answer.", "B"),
    ("Looking at it all, I choose (D).", "D"),
    ("Answer: A and C", "A and C"),
    # asides, abbreviations and reasons are no part of the value
    ("Answer: 42 (since 6*7=42)", "42"),
    ("Answer: 42; check: 6*7 = 42", "42"),
    ("The answer is 42 (forty-two).", "42"),
    ("The answer is $3 \\pmod{7}$.", "3 \\pmod{7}"),
    ("The answer is Mr. Smith.", "Mr. Smith"),
    ("Answer: 3\n\nExplanation: the answer is obtained by adding 1 and 2.", "3"),
    ("Answer: 3\n\nThe answer is correct.", "3"),
    ("If the answer is 42, we are done. But the answer is 43.", "43"),
    # on the next lines
    ("# Final answer\n\n- 72", "72"),
    ("# Final answer\n\n-72", "-72"),
    ("Answer:\n1 2 3\n4 5 6\n7 8 9", "1 2 3\n4 5 6\n7 8 9"),
    ("Answer:\n\nA B\nB A\n\nDone.", "A B\nB A"),
    # a few words, no statement
    ("Thus, $x = 5$.", "x = 5"),
    ("Therefore x=5", "x=5"),
    ("It is 5.", "5"),
    ("Result: 42", "42"),
    ("Solution: x = 4", "x = 4"),
    # other languages and scripts
    ("答案是：12。", "12"),
    ("所以答案为 $\\frac{1}{2}$。", "\\frac{1}{2}"),
    ("正确答案是 B。", "B"),
    ("故选：B", "B"),
    ("因此应选 C。", "C"),
    ("答えは42です。", "42"),
    ("정답: 42", "42"),
    ("La respuesta final es 42", "42"),
    ("Die Antwort lautet: 42", "42"),
    ("Réponse : 42", "42"),
    ("Ответ: 42", "42"),
    (f"{B}{{\\frac{{１}}{{２}}}}", "\\frac{１}{２}"),
    ("The answer is −72.", "−72"),
    ("The answer is\u00a072.", "72"),
]
UNSTATED = [
    "The answer isn't 42.",
    "The answer is never 42.",
    "The answer is not 42, it is 43.",
    "Is the answer 42?",
    "The answer is obtained by adding 3 and 4.\n\nSo 7 it may be.",
    "So she has 5 apples.",
    f"{B}{{?}}",
    f"Put your answer in {B}{{}}. Thus: 42",
    f"{B}[42]",
    "?",
]


@pytest.mark.parametrize(("text", "value"), STATED)
def test_stated(text: str, value: str) -> None:
    found = final_answer(text)
    assert found is not None
    assert found.value == value
    assert 0 <= found.start < found.end <= len(text)


@pytest.mark.parametrize("text", UNSTATED)
def test_not_stated(text: str) -> None:
    assert final_answer(text) is None


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (f"So $x = -{B}{{3}}$.", f"{B}{{3}}", False),
        (f"So $x = -{B}{{3}}$.", f"{B}{{-3}}", True),
        ("Answer:\n1 2\n3 4", "Answer:\n1 2\n4 3", False),
        ("The answer is 5 million.", "#### 5,000,000", True),
        ("The answer is 5 million.", "#### 5", False),
        (f"{B}{{\\frac{{1}}{{2}}}}", "**Final answer:** 0.5", True),
        ("The answer is (C).", f"{B}{{\\text{{(C)}}\\ 12}}", True),
        ("The answer is (C).", f"{B}{{\\text{{(D)}}\\ 12}}", False),
    ],
)
def test_from_text_to_equality(a: str, b: str, expected: bool) -> None:
    first, second = final_answer(a), final_answer(b)
    assert first and second
    assert same(first, second) is same(second, first) is expected
