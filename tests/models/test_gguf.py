"""The reader of untrusted weights files: what is whole is read exactly, everything else is refused in words."""

import importlib.util
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azeotrope.errors import Misconfigured
from azeotrope.models import gguf

_spec = importlib.util.spec_from_file_location("gguf_files", Path(__file__).with_name("gguf_files.py"))
assert _spec and _spec.loader
files = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(files)

KEYS = st.text(min_size=1, max_size=20)
VALUES = st.one_of(
    st.text(max_size=50), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False),
    st.lists(st.integers(0, 2**32 - 1), max_size=5), st.lists(st.text(max_size=5), min_size=1, max_size=5),
)  # fmt: skip


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights") / "m.gguf"


@given(st.dictionaries(KEYS, VALUES, max_size=6), st.integers(1, 4), st.sampled_from([2, 3]))
def test_what_was_written_is_read(place: Path, metadata: dict, tensors: int, version: int) -> None:
    metadata = {k: v for k, v in metadata.items() if k != "general.alignment"} | files.MODEL
    place.write_bytes(files.gguf(metadata, tensors=tensors, data=32 * tensors, version=version))
    header = gguf.read(place)
    assert (header.version, header.tensors) == (version, tensors)
    assert header.metadata == {k: len(v) if isinstance(v, list) else v for k, v in metadata.items()}
    assert (header.licence, header.context) == ("mit", 512)


@given(st.data())
def test_a_file_cut_anywhere_is_refused(place: Path, data: st.DataObject) -> None:
    whole = files.gguf(files.MODEL | {"tokens": ["a", "bc"], "n": [1, 2, 3]}, tensors=3, data=96)
    place.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 33))])
    with pytest.raises(Misconfigured, match="not a whole GGUF file"):
        gguf.read(place)


@settings(max_examples=300)
@given(st.data())
def test_no_bytes_do_worse_than_be_refused(place: Path, data: st.DataObject) -> None:
    """Any bytes after an honest beginning, and any change to an honest file: a header or `Misconfigured`."""
    whole = bytearray(files.gguf(files.MODEL | {"tokens": ["a", "bc"]}, tensors=2))
    if data.draw(st.booleans()):
        whole[data.draw(st.integers(4, 30)) :] = data.draw(st.binary(max_size=200))
    for at in data.draw(st.lists(st.integers(0, max(0, len(whole) - 8)), max_size=3)):
        whole[at : at + 8] = struct.pack("<Q", data.draw(st.integers(0, 2**64 - 1)))
    place.write_bytes(whole)
    try:
        assert isinstance(gguf.read(place), gguf.Header)
    except Misconfigured as error:
        assert str(place) in str(error)


def test_endless_counts_end_at_the_end_of_the_file(tmp_path: Path) -> None:
    for head in (
        struct.pack("<IQQ", 3, 1, 2**63),
        struct.pack("<IQQ", 3, 2**63, 0),
        struct.pack("<IQQ", 3, 1, 1) + files.text("k") + struct.pack("<IIQ", 9, 8, 2**62),
        struct.pack("<IQQ", 3, 1, 1) + files.text("k") + struct.pack("<IIQ", 9, 10, 2**62),
        struct.pack("<IQQ", 3, 1, 1) + struct.pack("<Q", 2**63),
        struct.pack("<IQQ", 3, 1, 1) + files.text("k") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 2**60) * 9,
    ):
        with pytest.raises(Misconfigured, match="download it again"):
            gguf.read(files.write(tmp_path / "m.gguf", b"GGUF" + head + b"\0" * 100))


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ({"general.license": "apache-2.0"}, "apache-2.0"),
        ({"general.license": "other", "general.license.name": "Some\nLicence"}, "Some Licence"),
        ({"general.license": "  "}, "not stated"),
        ({"general.license": 7}, "not stated"),
        ({}, "not stated"),
    ],
)
def test_the_licence_is_the_files_own_word(tmp_path: Path, metadata: dict, licence: str) -> None:
    content = files.gguf({"general.architecture": "llama"} | metadata)
    assert gguf.read(files.write(tmp_path / "m.gguf", content)).licence == licence


def test_what_is_not_there_or_no_language_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no weights file"):
        gguf.read(tmp_path / "absent.gguf")
    with pytest.raises(Misconfigured, match="cannot read"):
        gguf.read(tmp_path)
    projector = files.write(tmp_path / "p.gguf", files.gguf({"general.architecture": "clip"}))
    with pytest.raises(Misconfigured, match="no language model"):
        gguf.read(projector)


@pytest.mark.parametrize("member", ["block_count", "embedding_length", "context_length"])
@pytest.mark.parametrize("value", [0, -1, 60_000_000_000, "many", 1.5])
def test_dimensions_that_would_end_the_process_are_refused(tmp_path: Path, member: str, value: object) -> None:
    path = files.write(tmp_path / "m.gguf", files.gguf(files.MODEL | {f"llama.{member}": value}))
    with pytest.raises(Misconfigured, match=f"llama.{member} is {value}"):
        gguf.read(path)
