"""The fixtures of the attacks' tests."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("thieves", Path(__file__).parents[1] / "attacks" / "conftest.py")
assert _spec is not None and _spec.loader is not None
_thieves = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_thieves)

gold, noting = _thieves.gold, _thieves.noting
learner, problems, task, teacher = _thieves.learner, _thieves.problems, _thieves.task, _thieves.teacher
thief, traces, weights, words = _thieves.thief, _thieves.traces, _thieves.weights, _thieves.words
