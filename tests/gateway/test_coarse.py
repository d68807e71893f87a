"""Released log-probabilities: rounded, renormalised over what is shown, through the whole gateway's rendering."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azeotrope import Request, Trace
from azeotrope.errors import Misconfigured
from azeotrope.gateway import settings
from azeotrope.gateway.wire import chat
from azeotrope.gateway.wire.coarse import coarse
from azeotrope.types import Answer, Opened

LOGS = st.floats(-40, 0, allow_nan=False)


def record(own: float, *others: float, token: str = "t0") -> dict:
    top = [{"token": f"t{at}", "logprob": value, "bytes": None} for at, value in enumerate(others)]
    return {"token": token, "logprob": own, "bytes": None, "top_logprobs": top}


@given(st.lists(LOGS, min_size=1, max_size=20), LOGS, st.sampled_from([0.1, 0.25, 0.5, 2.0]), st.integers(0, 25))
def test_every_number_is_a_multiple_and_order_is_kept(logs: list[float], own: float, step: float, drawn: int) -> None:
    logs.sort(reverse=True)
    before = record(own, *logs, token=f"t{drawn}")
    (out,) = coarse([before], step)
    shown = [one["logprob"] for one in out["top_logprobs"]]
    for value in (*shown, out["logprob"]):
        assert value <= 0 and abs(value / step - round(value / step)) < 1e-4
    assert shown == sorted(shown, reverse=True)
    mass = math.fsum(math.exp(value) for value in logs)
    for value, was in zip(shown, logs, strict=True):
        assert abs(value - (was - math.log(mass))) <= step / 2 + 1e-5, "renormalised over what is shown"
    assert out["logprob"] == shown[drawn] if drawn < len(shown) else out["logprob"] <= shown[-1]
    assert before == record(own, *logs, token=f"t{drawn}"), "the record itself stays"
    assert [one["token"] for one in out["top_logprobs"]] == [one["token"] for one in before["top_logprobs"]]


def test_two_logits_a_thief_would_tell_apart_look_the_same() -> None:
    one, two = (coarse([record(-0.71, -0.71, -1.31 - change)], 0.5) for change in (0.0, 0.03))
    assert one == two
    assert coarse([record(-0.71)], 0.5)[0]["logprob"] == -0.5


def test_whole_and_streamed_they_leave_alike() -> None:
    records = (record(-0.7, -0.7, -1.2, -3.0),)
    trace = Trace("t", Request.of("?"), "", "4", logprobs=records)
    whole = json.loads(chat.completion([trace], "reasoning", "i", 0, 2, 0.25))["choices"][0]["logprobs"]["content"]
    frames = chat.Frames("reasoning", "i", 0, usage=False, alternatives=2, step=0.25)
    frames.of(Opened("i"))
    streamed = frames.of(Answer("4", logprobs=records))
    last = json.loads(streamed.strip().split(b"\n\n")[-1].removeprefix(b"data: "))
    assert (
        last["choices"][0]["logprobs"]["content"]
        == whole
        == coarse([{**records[0], "top_logprobs": records[0]["top_logprobs"][:2]}], 0.25)
    )
    assert len(whole[0]["top_logprobs"]) == 2


def test_a_policy_says_how_coarsely() -> None:
    def policy(step: object) -> settings.Settings:
        table = {"defense": "none", "logprob_step": step}
        return settings.check({"upstream": {"base_url": "http://x/v1"}, "policies": {"default": table}}, "here")

    assert policy(0.5).policies["default"].logprob_step == 0.5
    for wrong in (-1.0, 11.0):
        with pytest.raises(Misconfigured, match="logprob_step is 0 to 10"):
            policy(wrong)
