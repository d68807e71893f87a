"""`azeotrope verify text`: does a suspect's text carry a customer's token bias? Parses, calls, prints."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from azeotrope.cli import verifying, whose
from azeotrope.cli.chain import values
from azeotrope.cli.interrupting import interruptible
from azeotrope.cli.verifying import need, secret_in
from azeotrope.cli.writing import can_write, write

if TYPE_CHECKING:
    from azeotrope.marks import Law
    from azeotrope.verify import Settings
    from azeotrope.verify.text_records import TextEvidence
    from azeotrope.watermarks import greenlist

_SHOWN = 10
_SHIPPED = "shipped:"


def text(
    tokenizer: Annotated[str, typer.Option(help="The teacher's: a folder, a hub name, or shipped:steps.")],
    suspect: Annotated[
        str, typer.Option(metavar="URL|PATH|hf:NAME", help="Ask this one ordinary questions, and score its answers.")
    ] = "",
    texts: Annotated[
        Path | None,
        typer.Option(help='Score these: JSON lines with "text" (or "reasoning" and "answer"), or a file of one text.'),
    ] = None,
    asked: Annotated[
        Path | None, typer.Option("--questions", help="Ask these, one a line, instead of our own; none of marked text.")
    ] = None,
    ask: Annotated[int, typer.Option(min=1, help="So many questions of our own.")] = 200,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="How it was biased: gamma=0.25.")
    ] = None,
    customers: verifying.Customers = "all",
    customers_file: verifying.CustomersFile = Path("customers.json"),
    master_key: verifying.MasterKey = None,
    alpha: verifying.Alpha = 1e-6,
    committed: verifying.Committed = None,
    epochs: verifying.Epochs = None,
    law: verifying.LawFile = None,
    ledger: verifying.Ledger = None,
    revealed: verifying.Revealed = None,
    ledger_key: verifying.LedgerKey = None,
    signing_key: verifying.SigningKey = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The evidence; what was asked is beside it.")] = Path(
        "text-evidence.json"
    ),
    suspect_key_env: verifying.SuspectKey = "",
    tokens: Annotated[int, typer.Option(help="Longest answer.")] = 256,
    seed: Annotated[int, typer.Option(help="Of our own questions.")] = 0,
    at_once: verifying.AtOnce = 4,
    deadline: verifying.Deadline = 120.0,
) -> None:  # fmt: skip
    """Score a suspect's text by customers' keys of a token bias (watermark greenlist), and write down what it proves.

    Nothing is spent, and who holds the texts, the tokenizer and a revealed key computes the same. Exit status: 0 a
    verdict was reached, 2 a mistake to mend, 3 the suspect does not answer, 4 refused: this is too little text to prove
    anything at this level.
    """
    need("scipy", "cryptography")
    need("torch", "transformers", extra="lab")
    from azeotrope import __version__
    from azeotrope.codec import convert, encode
    from azeotrope.errors import Misconfigured
    from azeotrope.ledger import Signer
    from azeotrope.verify import Settings
    from azeotrope.verify.text_sealing import sealed
    from azeotrope.verify.texts import Reading, judged, now

    if bool(suspect) == (texts is not None):
        raise Misconfigured("whose text? --suspect asks one, --texts FILE has it: name one of the two")
    settings = convert(
        {"alpha": alpha, "seed": seed, "at_once": at_once, "deadline": deadline, "tokens": tokens}, Settings,
        "verify text",
    )  # fmt: skip
    if revealed:
        keys, its_law, counted = verifying.revealed_key(revealed, ledger_key, ledger, committed)
    else:  # nobody's tokens are biased by the operator's
        asked_about = whose.Asked(customers, customers_file, ledger, epochs)
        keys, its_law, counted = verifying.own_keys(asked_about, master_key, law, committed, operator=False)
    can_write(output)
    signer = Signer.read(signing_key) if signing_key else None
    ids, made_of = _tokenizer(tokenizer)
    biased = _biased(its_law, values(set_ or []), made_of)
    if texts is not None:
        said = _read(texts)
    else:
        put = _Put(suspect, secret_in(suspect_key_env), _lines(asked) if asked else _ours(ask, seed))
        said = _asked(put, settings, output.with_suffix(".texts.jsonl"))
    reading = Reading(biased, ids, made_of, counted, its_law, alpha, now(), __version__)
    evidence = judged(suspect or str(texts), said, keys, reading)
    write(output, encode(sealed(evidence, signer)).decode() + "\n")
    _show(evidence)
    if evidence.verdict.startswith("refused"):
        raise typer.Exit(4)


class _Put(NamedTuple):
    """Who is asked what."""

    suspect: str
    key: str | None
    """The suspect's own, where it asks for one."""
    questions: Sequence[str]


def _ours(count: int, seed: int) -> Sequence[str]:
    from azeotrope.verify.texts import questions

    return questions(count, seed)


def _asked(put: _Put, settings: Settings, kept: Path) -> list[str | None]:
    """What it says, written down before anything is made of it. Raises `Misconfigured` where that is there already."""
    from azeotrope.errors import Misconfigured

    if kept.exists():
        raise Misconfigured(f"{kept} is there already: what a suspect said once it may not say again; name another -o")
    said = interruptible(_written(put, settings))
    rows = [
        json.dumps({"question": one, "text": answer})
        for one, answer in zip(put.questions, said, strict=True) if answer
    ]  # fmt: skip
    write(kept, "\n".join(rows) + "\n", 0o600)
    return said


async def _written(put: _Put, settings: Settings) -> list[str | None]:
    from azeotrope.verify import opened
    from azeotrope.verify.texts import written

    async with opened(put.suspect, key=put.key, deadline=settings.deadline) as found:
        return await written(found.model, put.questions, settings)


def _biased(law: Law, said: dict[str, Any], tokenizer: str) -> greenlist.Config:
    """How the text was biased: as the law says, or for this run. Raises `Misconfigured` where the two differ."""
    from azeotrope.codec import convert
    from azeotrope.errors import Misconfigured
    from azeotrope.watermarks import greenlist

    fixed = law.tokens
    if fixed is None:
        return convert(said, greenlist.Config, "--set")
    config = convert({"gamma": fixed.gamma, "context": fixed.context} | said, greenlist.Config, "--set")
    if (config.gamma, config.context) != (fixed.gamma, fixed.context):
        raise Misconfigured(
            f"the law has gamma = {fixed.gamma:g} and context = {fixed.context}: leave --set out, or name another law"
        )
    if tokenizer != fixed.tokenizer:
        raise Misconfigured(f"the law names another tokenizer ({fixed.tokenizer}); this is {tokenizer}")
    return config


def _show(evidence: TextEvidence) -> None:
    """The smallest p-values, the verdict, the claim."""
    from azeotrope.report.words import visible
    from azeotrope.verify.telling import power_of_ten

    for one in evidence.marks[:_SHOWN]:
        said = f"{100 * one.found.share:5.1f} % of {one.found.scored:,} green, p = {power_of_ten(one.found.log_p)}"
        typer.echo(visible(f"{said:<44} {one.customer}, epoch {one.epoch}: {one.verdict}"), err=True)
    typer.echo(visible(evidence.verdict))
    typer.echo(visible(evidence.claim))


def _tokenizer(source: str) -> tuple[Callable[[Sequence[str]], list[list[int]]], str]:
    """Texts -> token ids, and a digest of what the tokenizer is made of."""
    import hashlib

    from transformers import AutoTokenizer

    from azeotrope.codec import encode
    from azeotrope.errors import Misconfigured
    from azeotrope.evaluate.teachers import shipped_folder

    place = shipped_folder(source.removeprefix(_SHIPPED)) if source.startswith(_SHIPPED) else source
    loader: Any = AutoTokenizer
    try:
        words: Any = loader.from_pretrained(place)
    except (OSError, ValueError) as error:
        why = str(error).strip().partition("\n")[0]
        raise Misconfigured(f"there is no tokenizer in {source}: {why}") from None

    def ids(texts: Sequence[str]) -> list[list[int]]:
        return words(list(texts), add_special_tokens=False)["input_ids"] if texts else []

    backend = getattr(words, "backend_tokenizer", None)
    made_of = backend.to_str().encode() if backend is not None else encode(words.get_vocab())
    return ids, hashlib.sha256(made_of).hexdigest()


def _read(path: Path) -> list[str | None]:
    """Texts of a file: of JSON lines what the model said, never the question."""
    from azeotrope.errors import Misconfigured

    if path.suffix != ".jsonl":
        return [_whole(path)]
    out: list[str | None] = []
    for at, line in enumerate(_lines(path), 1):
        try:
            row: Any = json.loads(line)
            said = [row[name] for name in ("text", "reasoning", "answer") if row.get(name)]
        except (ValueError, AttributeError):
            said = []
        if not said or not all(isinstance(one, str) for one in said):
            raise Misconfigured(f'{path}, line {at}: give an object with "text", or with "reasoning" and "answer"')
        out.append("\n".join(said))
    return out


def _lines(path: Path) -> list[str]:
    return [line for line in _whole(path).split("\n") if line.strip()]


def _whole(path: Path) -> str:
    from azeotrope.errors import Misconfigured

    try:
        found = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"cannot read {path}: {error}") from None
    if not found.strip():
        raise Misconfigured(f"{path} holds nothing")
    return found
