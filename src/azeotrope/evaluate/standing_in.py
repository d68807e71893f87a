"""What stands in for models and data that are not at hand: two random layers of the same architecture, made-up rows.

Knows no experiment. Facts about a model (its kind, the ratio of its heads, its template's name) come from a TOML file;
the templates themselves come with trl.
"""

# torch and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from msgspec import field

from azeotrope.codec import convert, read_toml
from azeotrope.errors import Misconfigured
from azeotrope.models.loading import quiet
from azeotrope.models.open import Open
from azeotrope.models.sampling import Shape
from azeotrope.types import Fields, Record

ROWS = 60
"""Of a data set."""
_HEAD = 16
"""Numbers a head."""
_UNSAID = -60.0
"""A logit of what is not to be said: never drawn, and no number that a shape of logits would drown in."""


class Architecture(Record, frozen=True):
    """A model, as far as two layers of it need to know."""

    type: str
    """transformers' model_type."""
    template: str
    """trl's name of its chat template."""
    end: str
    heads: int
    kv_heads: int
    begin: str = ""
    special: tuple[str, ...] = ()
    config: Fields = field(default_factory=dict[str, Any])
    """Members of its configuration that are taken over as they are."""


class StandIns(Record, frozen=True):
    """By the name of what they stand in for."""

    models: dict[str, Architecture] = field(default_factory=dict[str, Architecture])
    rows: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """A data set's columns: texts in which {n} is a number of the row's own."""


def read(path: Path) -> StandIns:
    """The stand-ins in a TOML file."""
    return convert(read_toml(path), StandIns, str(path))


def model(what: Architecture, folder: Path, seed: int = 0) -> Path:
    """Two random layers and a tokenizer that reads bytes, as a folder."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = _tokenizer(what)
    group = what.heads // what.kv_heads
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = AutoConfig.for_model(
            what.type, vocab_size=len(tokenizer), num_hidden_layers=2, num_attention_heads=2 * group,
            num_key_value_heads=2, head_dim=_HEAD, hidden_size=2 * group * _HEAD, intermediate_size=64,
            bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id, **what.config,
        )  # fmt: skip
        net: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with quiet():
        net.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def rows(columns: dict[str, str], path: Path) -> Path:
    """A data set of so many rows, as JSON lines."""
    numbered = ({name: text.replace("{n}", str(at)) for name, text in columns.items()} for at in range(1, ROWS + 1))
    path.write_text("".join(json.dumps(row) + "\n" for row in numbered), encoding="utf-8")
    return path


def saying(speaker: Open, text: str) -> Open:
    """The same weights made to say this: what is told so far decides how it goes on."""
    return speaker.shaped(_reciting([*speaker.encode([text])[0], speaker.end]))


def _reciting(said: list[int]) -> Shape:
    """Goes on behind the longest beginning of `said` that the context ends with."""

    def shape(ids: Any, logits: Any) -> Any:
        ends = [row[-len(said) :] for row in ids.tolist()]
        known = [max(k for k in range(len(said)) if k <= len(row) and row[len(row) - k :] == said[:k]) for row in ends]
        wanted = ids.new_tensor([[said[k]] for k in known])
        return logits.new_full(logits.shape, _UNSAID).scatter(1, wanted, 0.0)

    return shape


def _tokenizer(what: Architecture) -> Any:
    from azeotrope.training.tokenizer import trained

    tokenizer = trained((), r"\d")
    tokenizer.split_special_tokens = False
    special = {"eos_token": what.end, "pad_token": what.end, "additional_special_tokens": list(what.special)}
    tokenizer.add_special_tokens(special | ({"bos_token": what.begin} if what.begin else {}))
    tokenizer.chat_template = _template(what.template)
    return tokenizer


def _template(name: str) -> str:
    spec = find_spec("trl")
    if spec is None or not spec.origin:
        raise Misconfigured("stand-ins take their chat templates from trl: pip install 'azeotrope[train]'")
    folder = Path(spec.origin).parent / "chat_templates"
    try:
        return (folder / f"{name}.jinja").read_text(encoding="utf-8")
    except OSError:
        there = ", ".join(sorted(path.stem for path in folder.glob("*.jinja") if not path.stem.endswith("_training")))
        raise Misconfigured(f"trl has no chat template {name!r}; there are: {there}") from None
