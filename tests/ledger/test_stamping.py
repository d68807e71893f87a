"""Time stamps: an authority is believed about what it stamped, under a root that is trusted, and about nothing else."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azeotrope.errors import Misconfigured, Unavailable
from azeotrope.ledger.stamping import ask, authorities, claimed, when

DATA = b"a signed head"


def test_an_honest_authority_is_believed(authority) -> None:
    response = ask(authority.url, DATA, 5)
    assert when(response, DATA, authorities(authority.roots)) == authority.time == claimed(response, DATA)


def test_another_data_or_another_root_is_not(authority, tmp_path: Path) -> None:
    response, trusted = ask(authority.url, DATA, 5), authorities(authority.roots)
    with pytest.raises(ValueError, match=r"[Mm]ismatch|something else"):
        when(response, DATA + b"!", trusted)
    with pytest.raises(ValueError, match="something else"):
        claimed(response, DATA + b"!")
    stranger = type(authority)()
    with pytest.raises(ValueError, match="certificate"):
        when(response, DATA, [stranger.root])


@pytest.mark.parametrize(
    ("mood", "why"),
    [
        ("refuses", "not granted"), ("of something else", "something else"), ("to somebody else", "another request"),
        ("nonsense", "nonsense"), ("broken", "answers 500"),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_not_stored(authority, mood: str, why: str) -> None:
    authority.mood = mood
    with pytest.raises(Unavailable, match=why):
        ask(authority.url, DATA, 5)


def test_an_authority_that_hangs_or_is_not_there_is_given_up(authority) -> None:
    authority.mood = "hangs"
    with pytest.raises(Unavailable, match="cannot be reached"):
        ask(authority.url, DATA, 0.2)
    with pytest.raises(Unavailable, match="cannot be reached"):
        ask("http://127.0.0.1:1/tsr", DATA, 1)
    for address in ("file:///etc/passwd", "freetsa.org", "http://"):
        with pytest.raises(Misconfigured, match="http"):
            ask(address, DATA, 1)


@pytest.mark.parametrize("address", ["https://user:hunter2@h/tsr", "user:hunter2@h/tsr", "http://[hunter2"])
def test_an_address_that_holds_a_password_is_refused_unquoted(address: str) -> None:
    with pytest.raises(Misconfigured, match="address") as refused:
        ask(address, DATA, 1)
    assert "hunter2" not in repr(refused.value)


def test_certificates_that_are_none_are_told(tmp_path: Path) -> None:
    empty = tmp_path / "roots.pem"
    with pytest.raises(Misconfigured, match="No such file"):
        authorities(empty)
    empty.write_text("nothing")
    with pytest.raises(Misconfigured, match="no certificates in PEM"):
        authorities(empty)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=150)
@given(at=st.integers(0, 1 << 16), flip=st.integers(1, 255))
def test_no_altered_response_says_another_time(authority, at: int, flip: int) -> None:
    """Some bytes are not signed (lengths are read leniently, say): then the time is still the true one."""
    authority.hold.set()
    response = getattr(authority, "kept", None) or ask(authority.url, DATA, 5)
    authority.kept = response
    changed = bytearray(response)
    changed[at % len(response)] ^= flip
    try:
        said = when(bytes(changed), DATA, authorities(authority.roots))
    except ValueError:
        return
    assert said == authority.time
