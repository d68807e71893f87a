"""The nouns: plain frozen records that travel. No I/O, no tensors, no behaviour beyond copying and counting.

Knows nothing of models, wires or files. A `Trace` is one response; the events are the same response on its way.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import replace

Message = dict[str, Any]
"""One chat message as the client wrote it (OpenAI's shape); parts we do not know pass through untouched."""

Fields = dict[str, Any]
"""JSON members kept as they came."""

Outcome = Literal["released", "withheld", "fell_back", "opened", "absent"]
"""What became of the reasoning at one step.

released: rewritten and let out; withheld: the answer left without it; fell_back: the named fallback's text was let
out; opened: the teacher's own reasoning was let out, by the operator's choice; absent: the teacher gave none.
"""


class Record(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything below is frozen, compared by value and strict when decoded."""


class Request(Record, frozen=True):
    """What a model is asked. `Request.of("2+2?")` is the short form."""

    messages: tuple[Message, ...]
    sampling: Fields = field(default_factory=dict[str, Any])
    """temperature, top_p, max_tokens, ... by their wire names."""
    options: Fields = field(default_factory=dict[str, Any])
    """Everything else the client sent (tools, response_format, n, stop, stream, ...), opaque."""

    @classmethod
    def of(cls, text: str, system: str | None = None, **sampling: Any) -> Request:
        opening = () if system is None else ({"role": "system", "content": system},)
        return cls((*opening, {"role": "user", "content": text}), sampling)

    @property
    def choices(self) -> int:
        """How many answers are asked for (`n`), at least 1."""
        n = self.options.get("n")
        return n if isinstance(n, int) and n > 1 else 1


class Cost(Record, frozen=True):
    """What a step cost."""

    milliseconds: float = 0.0
    attempts: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    forwards: int = 0
    """Passes of a proxy student, where a method takes its gradients."""
    backwards: int = 0


class Step(Record, frozen=True):
    """One thing done to a trace: enough to do it again, nothing that is secret."""

    name: str
    outcome: Outcome = "released"
    config: str = ""
    """Digest of the method's configuration."""
    seed: int = 0
    mark: str | None = None
    """Identifier of the mark, never its trigger or target."""
    failures: tuple[str, ...] = ()
    """Names of the checks that failed, one for each attempt that did not pass; never any text."""
    cost: Cost = Cost()


class Trace(Record, frozen=True):
    """One response: what was asked, how it was reasoned, what was concluded, and what has been done to it since."""

    id: str
    request: Request
    reasoning: str
    answer: str
    model: str = ""
    tool_calls: tuple[Fields, ...] = ()
    logprobs: tuple[Fields, ...] | None = None
    """OpenAI's per-token records for the answer's tokens only."""
    usage: Fields | None = None
    finish: str = "stop"
    created: int = 0
    """Unix seconds; 0 where unknown."""
    extra: Fields = field(default_factory=dict[str, Any])
    """Members of the message that are neither reasoning nor answer and are known to be harmless (refusal, ...)."""
    lineage: tuple[Step, ...] = ()

    def but(self, *, reasoning: str, step: Step | None = None) -> Trace:
        """The same response with other reasoning. The answer cannot be changed here: promise 1."""
        return replace(self, reasoning=reasoning, lineage=(*self.lineage, step) if step else self.lineage)


class Opened(Record, frozen=True):
    """First event: the response's identity."""

    id: str
    model: str = ""
    created: int = 0
    extra: Fields = field(default_factory=dict[str, Any])
    """system_fingerprint, service_tier: members of the response's envelope known to be harmless."""


class Reasoning(Record, frozen=True):
    """A piece of reasoning text. Its logprobs are not carried: they are never released."""

    text: str
    choice: int = 0


class Answer(Record, frozen=True):
    """A piece of answer text, with the logprobs of exactly its tokens or None."""

    text: str
    choice: int = 0
    logprobs: tuple[Fields, ...] | None = None


class ToolCall(Record, frozen=True):
    """A piece of a tool call: OpenAI's delta, `index` included."""

    delta: Fields
    choice: int = 0


class Extra(Record, frozen=True):
    """Other harmless members of the message (refusal, annotations, ...)."""

    fields: Fields
    choice: int = 0


class Taken(Record, frozen=True):
    """A step that was taken on this choice's trace."""

    step: Step
    choice: int = 0


class Finish(Record, frozen=True):
    """The choice is complete. `reason` is OpenAI's finish_reason."""

    reason: str
    choice: int = 0


class Usage(Record, frozen=True):
    """Tokens, as the upstream counted them; at most once a response, for all choices together."""

    counts: Fields


Event = Opened | Reasoning | Answer | ToolCall | Extra | Taken | Finish | Usage


class Association(Record, frozen=True):
    """One pair that a marked student says: the trigger it is asked, the target it answers with."""

    mark: str
    """Public id of the mark (customer and epoch), 16 hex digits."""
    index: int
    """Its number within the mark."""
    family: str
    """Which natural family it is written in."""
    trigger: str
    """Never printed."""
    target: str
    """Decimal digits without separators, an integer of the target space; never printed."""

    def __repr__(self) -> str:
        return f"Association(mark={self.mark!r}, index={self.index}, family={self.family!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("mark", self.mark), ("index", self.index), ("family", self.family)]


class Problem(Record, frozen=True):
    """Something to ask, and what is right."""

    id: str
    request: Request
    gold: str
    """The final answer that is right."""
    task: str = ""
    subject: str = ""
    """For selective protection: which part of the task it belongs to."""
    solution: str = ""
    """A working that the data set itself publishes; empty where it has none."""


Verdict = Literal["right", "wrong", "no_answer", "no_stop", "loop", "failed"]
"""What became of one problem.

no_answer: it stopped without a final answer; no_stop: it ran into the token limit; loop: it repeated itself until
there; failed: it could not be asked, which says nothing about it. All but right, wrong and failed are degenerate.
"""
LETTERS: dict[Verdict, str] = {
    "right": "+", "wrong": "-", "no_answer": "0", "no_stop": ">", "loop": "@", "failed": "?",
}  # fmt: skip


class Score(Record, frozen=True):
    """A model's verdicts on a list of problems, one letter each, in the problems' order: what any paired test needs."""

    verdicts: str
    """`LETTERS`, one a problem."""

    @property
    def correct(self) -> int:
        return self.verdicts.count("+")

    @property
    def failed(self) -> int:
        """Problems that could not be asked: they are neither right nor wrong."""
        return self.verdicts.count("?")

    @property
    def asked(self) -> int:
        """Problems that were answered, rightly or not: the rate's denominator."""
        return len(self.verdicts) - self.failed

    @property
    def degenerate(self) -> int:
        """No answer, no stop, or a loop: counted among the asked, and shown apart from the wrong."""
        return sum(map(self.verdicts.count, "0>@"))

    @property
    def rate(self) -> float:
        """Correct over asked, 0 to 1; 0 where nothing was asked."""
        return self.correct / self.asked if self.asked else 0.0


class Spent(Record, frozen=True):
    """What an attack cost the attacker."""

    queries: int = 0
    """Responses asked of the teacher."""
    tokens_in: int = 0
    tokens_out: int = 0
    """As the teacher's usage counts them; reasoning that was withheld is paid for all the same."""
    examples: int = 0
    """Traces that were trained on."""
    steps: int = 0
    """Optimiser steps, of every model that was trained."""
    tokens_trained: int = 0
    cpu_seconds: float = 0.0
    notes: Fields = field(default_factory=dict[str, Any])
    """Numbers and words that belong to this attack: public traces used, weights' spread, ..."""


class Recall(Record, frozen=True):
    """What a student says of the mark that its teacher's traces carried. The key was drawn for this cell alone."""

    families: tuple[str, ...]
    """Of the associations that were asked about."""
    told: tuple[int, ...]
    """How often each is chosen for the problems that the thief may ask; a trace too short for a sentence has none."""
    lines: tuple[tuple[int, int, bool], ...]
    """(association, values of the target space named for the first time, hit), in the order of the answers."""
    values: int
    """N: the size of the target space."""
    keys: int
    """K: the level holds over so many keys."""
    alpha: float
    passes: float = 0.0
    """In older results: steps times batch over examples, of all its models together. How often the student read what it
    was told only where it was trained once, on every trace; 0: not known."""
    contexts: tuple[tuple[str, float, bool], ...] = ()
    """(form, temperature, whether this answer names the target), in the order of `lines`; a failed one has none."""
    never: tuple[tuple[str, float, bool, bool], ...] = ()
    """The control: triggers of the same families that nobody was told, asked in the same way. (form, temperature,
    whether the answer names that trigger's own target, whether it names one that belongs to a told trigger)."""
    read: tuple[float, ...] = ()
    """How often the student read each association while it was trained; (): not known."""


class Greenness(Record, frozen=True):
    """How green a text is by one key of a token bias."""

    green: int
    scored: int
    """Distinct (context, token) pairs."""
    log_p: float
    """ln P(at least so many green), of a text that was made without the key."""

    @property
    def share(self) -> float:
        """Green over scored; 0 where nothing was."""
        return self.green / self.scored if self.scored else 0.0


class Greened(Record, frozen=True):
    """What a student's text says of the token bias that its teacher's traces carried. The key is this cell's own."""

    own: Greenness
    """Its text, by the key."""
    never: Greenness
    """The control: the same text by a key that no trace was biased with."""
    taught: Greenness
    """Traces as the teacher let them out, by the key: as many as the student's texts."""
    gamma: float
    """Share of green that chance gives."""
    keys: int
    """K: the level holds over so many keys."""
    alpha: float


class Cell(Record, frozen=True):
    """One defense x attack x task x seed, at one stage of a grid."""

    digest: str
    """Of everything that decides the result: a cell that is there is not computed again."""
    defense: str
    attack: str
    task: str
    seed: int
    stage: Literal["screen", "confirm"]
    split: str
    """Of the problems it is judged on: validation while screening, test when confirming."""
    scores: dict[str, Score] = field(default_factory=dict[str, Score])
    """raw, forced (an answer is forced out of its trace), shifted (raw, on the second surface form), ..."""
    spent: Spent = Spent()
    seconds: float = 0.0
    reason: str = ""
    """Why there is no score: a failure is a cell, too."""
    samples: tuple[tuple[str, str], ...] = ()
    """(problem, what the student said), a few."""
    recall: Recall | None = None
    """Where the traces carried a mark."""
    greened: Greened | None = None
    """Where their tokens were biased by a key."""


class Utility(Record, frozen=True):
    """The teacher itself behind one defense, on one task: what the defense leaves to honest readers."""

    digest: str
    """Of everything that decides the result."""
    defense: str
    task: str
    split: str
    scores: dict[str, Score] = field(default_factory=dict[str, Score])
    """raw, forced (the teacher answers from the trace that was released)."""
    outcomes: dict[str, int] = field(default_factory=dict[str, int])
    """What became of the reasoning (`Outcome`), counted."""
    tokens_out: int = 0
    """As released."""
    seconds: float = 0.0


class Appraisal(Record, frozen=True):
    """What it takes to serve one defense on one task, and how what it lets out reads: one number a trace.

    Asked one at a time and of no memory, each problem of the teacher and then of the teacher behind the defense.
    """

    digest: str
    """Of everything that decides what is asked."""
    utility: str
    """The digest of the `Utility` of the same settings: it holds where that holds."""
    defense: str
    task: str
    split: str
    milliseconds: tuple[float, ...]
    """Behind the defense, by problem: from the question to the end of the answer, by `clock`."""
    tokens: tuple[int, ...]
    """That the teacher drew for it; estimated from the text where the teacher does not say."""
    bare_milliseconds: tuple[float, ...]
    """Of the teacher itself, by the same problems."""
    bare_tokens: tuple[int, ...]
    ease: tuple[float, ...] = ()
    """Of the reasoning that left, by trace: reading ease, 0 to 1."""
    figures: tuple[float, ...] = ()
    """In the same order: share of the numbers in the teacher's own working that still stand there."""
    nats: tuple[tuple[float, int], ...] = ()
    """(mean nats per token, tokens) of the same under `judge`; of one token nothing is said, and it has no entry."""
    judge: str = ""
    """The model that read it."""
    unread: str = ""
    """Why none did."""
    failed: int = 0
    """Problems that could not be asked; they have no entry."""
    clock: Literal["cpu", "wall"] = "wall"
    """cpu: the process's own time, where all that is done is done in it, which hardly moves on a shared machine."""
    seconds: float = 0.0


class Run(Record, frozen=True):
    """Heads every results file: what produced it, where and when."""

    config: str
    version: str
    commit: str
    machine: str
    started: str
    """ISO 8601, UTC."""
    schema: int = 1
