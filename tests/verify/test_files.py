"""What a verification writes: evidence that is there is never written over."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from azeotrope.errors import Misconfigured

from .test_command import home, run  # noqa: F401 - a fixture
from .test_suspects import served  # noqa: F401 - a fixture


@pytest.mark.parametrize("there", ["e.html", "e.json", "e.private.jsonl"])
def test_evidence_that_is_there_is_left_and_nothing_is_asked(
    home: Path,  # noqa: F811
    served: Callable[..., str],  # noqa: F811
    there: str,
) -> None:
    asked: list[Any] = []
    address = served(lambda server, body: asked.append(body) or server.answer("?"))
    (home / there).write_text("the only salts")
    done = run(home, "--suspect", address, "--customers", "acme")
    assert isinstance(done.exception, Misconfigured), done.output
    assert there in str(done.exception) and "-o" in str(done.exception)
    assert not asked
    assert not (home / "azeotrope-spent.jsonl").exists()
    assert (home / there).read_text() == "the only salts"


def test_a_second_run_needs_a_place_of_its_own(home: Path, served: Callable[..., str]) -> None:  # noqa: F811
    address = served(lambda server, body: server.answer("?"))
    assert run(home, "--suspect", address, "--customers", "acme").exit_code == 0
    before = {path.name: path.read_bytes() for path in home.glob("e.*")}
    assert len(before) == 3
    assert isinstance(run(home, "--suspect", address, "--customers", "acme", "--again").exception, Misconfigured)
    assert before == {path.name: path.read_bytes() for path in home.glob("e.*")}
    second = run(home, "--suspect", address, "--customers", "acme", "--again", "-o", str(home / "second.html"))
    assert second.exit_code == 0, second.output


def test_a_page_that_would_be_its_own_twin_is_refused(home: Path) -> None:  # noqa: F811
    done = run(home, "--suspect", "http://127.0.0.1:9/v1", "--customers", "acme", "-o", str(home / "page.json"))
    assert isinstance(done.exception, Misconfigured) and "twin" in str(done.exception)
