"""A byte-level BPE tokenizer for models from scratch: short on its own task, and no text is lost. Knows no task.

Source: Sennrich et al., arXiv 1508.07909, over GPT-2's 256 bytes. All bytes are in the alphabet, so that any string
survives the journey; what a token may span at most is the caller's to say.
"""

# tokenizers and transformers are typed in part:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

PAD, END = "<pad>", "<eos>"


def trained(texts: Iterable[str], pieces: str, *, vocabulary: int = 1024) -> Any:
    """Texts -> a `PreTrainedTokenizerFast` of at most `vocabulary` tokens.

    `pieces`: a regular expression (Oniguruma's); text is cut into its matches and what lies between, and no token
    spans two of them. PAD and END are ids 0 and 1; a text that writes "<eos>" writes letters, not the end.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pieces), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=[PAD, END], min_frequency=2, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    backend.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token=PAD, eos_token=END, split_special_tokens=True,
        clean_up_tokenization_spaces=False, model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip
