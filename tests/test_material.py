"""What stands in a named file decides a cell; a word that happens to be a file's name does not."""

import pytest

from azeotrope.errors import Misconfigured
from azeotrope.evaluate.grid import defended
from azeotrope.evaluate.plan import Shield, Subject
from azeotrope.material import material


def test_a_files_content_is_told_wherever_the_config_names_it(tmp_path) -> None:
    file = tmp_path / "mine.md"
    file.write_text("one")
    config = {"instruction": str(file), "bounds": {"others": [str(file), 3, None]}, "longest": 4}
    first = material(config)
    assert set(first) == {str(file)}
    file.write_text("two")
    assert material(config) != first


def test_a_folder_is_the_names_and_contents_of_its_files(tmp_path) -> None:
    (tmp_path / "art" / "deep").mkdir(parents=True)
    (tmp_path / "art" / "deep" / "a").write_text("one")
    config = {"artifact": str(tmp_path / "art")}
    first = material(config)
    (tmp_path / "art" / "deep" / "a").rename(tmp_path / "art" / "deep" / "b")
    assert material(config) != first


def test_what_is_no_path_or_is_not_there_is_text(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan").write_text("a file of the same name as a shipped instruction")
    assert material({"instruction": "plan", "form": "x/" + "y" * 5000, "other": "a/\0", "gone": "gone.md"}) == {}


def test_an_artifact_is_a_path_however_short_its_name(tmp_path, monkeypatch) -> None:
    """`artifact = "purifier"`: fitted anew into the same folder it is another defense."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "purifier").mkdir()
    (tmp_path / "purifier" / "a").write_text("one")
    config = [{"artifact": "purifier", "until": "end"}, {"artifact": ""}]
    first = material(config)
    assert set(first) == {"purifier"}
    (tmp_path / "purifier" / "a").write_text("two")
    assert material(config) != first


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch) -> None:
    file = tmp_path / "mine.md"
    file.write_text("one")
    monkeypatch.setattr("pathlib.Path.open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(Misconfigured, match=r"cannot read .*mine\.md.*Permission denied"):
        material({"instruction": str(file)})


def test_only_what_there_is_enters_the_digest() -> None:
    task, shield = Subject("steps", "steps"), Shield("instruct", "instruct", {"instruction": "mine.md"})
    other = Shield("instruct", "instruct", {"instruction": "mine.md"}, material={"mine.md": "ab"})
    assert defended("teacher", task, shield, 0) != defended("teacher", task, other, 0)
