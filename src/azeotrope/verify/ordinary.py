"""Ordinary questions and random problems: what anybody might ask a model. Knows no mark."""

from __future__ import annotations

from random import Random

_NAMES = ("Ann", "Bob", "Eve", "Tom", "Mia", "Sam", "Zoe", "Max", "Ida", "Leo", "Kim", "Ben", "Una", "Omar", "Nora")
_THINGS = ("coins", "cards", "books", "shells", "stamps", "apples", "pens", "beads", "keys", "nuts", "cups", "jars")
_PROBLEMS = (
    "{who} has {a} {what} and buys {b} more. How many {what} does {who} have now?",
    "{who} packs {a} boxes with {b} {what} each. How many {what} is that?",
    "There are {c} {what} on a table. {who} takes {a} of them. How many are left?",
    "{who} shares {c} {what} equally among {d} friends. How many does each get, and how many remain?",
    "A train travels {a} km in the first hour and {b} km in the second. How far does it get?",
    "{who} earns {a} euros an hour and works {b} hours. How much does {who} earn?",
    "What is {a} * {b} + {d}?",
    "What is {c} - {a}?",
    "A rectangle is {a} cm long and {b} cm wide. What is its area?",
    "{who} reads {a} pages a day. How long does a book of {c} pages take?",
    "Solve for x: {d}x + {a} = {c}.",
    "Which is larger, {a} / {d} or {b} / {d}?",
)
_SUBJECTS = (
    "photosynthesis", "the water cycle", "a hash table", "supply and demand", "the French Revolution", "a fugue",
    "recursion", "plate tectonics", "the immune system", "compound interest", "a sonnet", "binary search",
    "natural selection", "the Doppler effect", "a database index", "chess openings", "sourdough", "the tides",
    "a black hole", "version control", "public transport", "the alphabet", "a syllogism", "chlorophyll",
)  # fmt: skip
_QUESTIONS = (
    "Explain {subject} in two sentences.", "What is {subject}?", "Give me an example that has to do with {subject}.",
    "Why does {subject} matter?", "Write a short quiz question about {subject}.", "Is {subject} hard to understand?",
    "Name three words related to {subject}.", "How would you teach {subject} to a child?",
)  # fmt: skip


def problem(rng: Random) -> str:
    """A small problem with numbers of at most three digits."""
    a, b, d = rng.randint(11, 49), rng.randint(3, 39), rng.randint(2, 9)
    who, what = rng.choice(_NAMES), rng.choice(_THINGS)
    return rng.choice(_PROBLEMS).format(who=who, what=what, a=a, b=b, c=rng.randint(60, 400), d=d)


def ordinary(rng: Random) -> str:
    """A question of any kind."""
    if rng.random() < 0.5:
        return problem(rng)
    return rng.choice(_QUESTIONS).format(subject=rng.choice(_SUBJECTS))
