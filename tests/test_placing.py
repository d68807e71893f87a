"""A file is there whole or not at all, whatever happens while it is written."""

from __future__ import annotations

import resource
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from azeotrope.placing import placed


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_file_is_there_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "one"
    with placed(path) as beside:
        beside.write_text("all of it")
        assert not path.exists()
    assert path.read_text() == "all of it" and names(path.parent) == ["one"]


def test_what_raises_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), placed(path) as beside:
        beside.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and names(tmp_path) == ["one"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_text("old")
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, was[1]))
    try:
        with pytest.raises(OSError), placed(path) as beside:
            beside.write_bytes(b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, was)
    assert path.read_text() == "old" and names(tmp_path) == ["one"]


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_text("old")
    code = (
        "import os, pathlib, sys\nfrom azeotrope.placing import placed\n"
        "with placed(pathlib.Path(sys.argv[1])) as beside:\n    beside.write_text('half')\n    os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == -9
    assert path.read_text() == "old"
    with placed(path) as beside:  # what the dead one left is in nobody's way
        beside.write_text("new")
    assert path.read_text() == "new"


def test_writers_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "one"

    def write(letter: str) -> None:
        with placed(path) as beside:
            for _ in range(50):
                with beside.open("a") as file:
                    file.write(letter * 100)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, "abcdefgh"))
    text = path.read_text()
    assert len(text) == 5_000 and len(set(text)) == 1 and names(tmp_path) == ["one"]


def test_a_secret_is_its_owners_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_text("old")
    path.chmod(0o644)
    with placed(path, mode=0o600) as beside:
        assert stat.S_IMODE(beside.stat().st_mode) == 0o600
        beside.write_text("secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_name_that_is_taken_meanwhile_stays_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "one"
    with pytest.raises(FileExistsError), placed(path, replace=False) as beside:
        beside.write_text("late")
        path.write_text("first")
    assert path.read_text() == "first" and names(tmp_path) == ["one"]


def test_a_long_name_has_room_beside_it(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250)
    with placed(path) as beside:
        beside.write_text("here")
    assert path.read_text() == "here"
