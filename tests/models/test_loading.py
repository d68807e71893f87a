"""A GGUF file becomes weights like any other: what it holds is what answers, and it can be trained."""

from pathlib import Path

import gguf
import pytest
import torch

from azeotrope.errors import Misconfigured
from azeotrope.models.loading import loaded, placed

HIDDEN, HEADS, WIDE = 32, 2, 64
WORDS = ["<|pad|>", "<|end|>", *map(chr, range(33, 127)), "Ġ", "Ċ", "ab"]


@pytest.fixture(scope="module")
def tensors() -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    sizes = {"attn_q": (HIDDEN, HIDDEN), "attn_k": (HIDDEN, HIDDEN), "attn_v": (HIDDEN, HIDDEN)}
    sizes |= {"attn_output": (HIDDEN, HIDDEN), "ffn_gate": (WIDE, HIDDEN), "ffn_up": (WIDE, HIDDEN)}
    sizes |= {"ffn_down": (HIDDEN, WIDE), "attn_norm": (HIDDEN,), "ffn_norm": (HIDDEN,)}
    found = {f"blk.0.{name}.weight": torch.randn(size, generator=draw) for name, size in sizes.items()}
    return found | {"token_embd.weight": torch.randn(len(WORDS), HIDDEN, generator=draw),
                    "output_norm.weight": torch.ones(HIDDEN)}  # fmt: skip


@pytest.fixture(scope="module")
def file(tensors: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(WIDE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(WORDS))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(WORDS)
    writer.add_token_types([3, 3, *[1] * (len(WORDS) - 2)])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(0)
    writer.add_unk_token_id(0)
    writer.add_chat_template("{% for m in messages %}{{ m['content'] }}<|end|>{% endfor %}")
    for name, tensor in tensors.items():
        writer.add_tensor(name, tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_gguf_file_is_weights_like_any_other(file: Path, tensors: dict[str, torch.Tensor], tmp_path: Path) -> None:
    net, tokenizer, name = loaded(file, device="cpu")
    assert name == "tiny"
    assert torch.equal(net.model.layers[0].mlp.down_proj.weight, tensors["blk.0.ffn_down.weight"])
    assert torch.equal(net.lm_head.weight, tensors["token_embd.weight"])
    assert not getattr(net, "is_quantized", False), "a trainer would refuse it"
    net.save_pretrained(tmp_path)
    again, _, _ = loaded(file.parent, gguf_file=file.name, device="cpu")
    ids = torch.tensor([tokenizer("ab", add_special_tokens=False)["input_ids"]])
    assert torch.equal(net(input_ids=ids).logits, again(input_ids=ids).logits)
    assert tokenizer.decode(ids[0]) == "ab"
    assert tokenizer.chat_template


def test_on_a_cpu_weights_are_float32(file: Path) -> None:
    assert next(loaded(file, device="cpu")[0].parameters()).dtype is torch.float32
    assert placed("cpu").type == "cpu"


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no weights file"):
        loaded(tmp_path / "absent.gguf")
    with pytest.raises(Misconfigured, match="give a folder or a hub name"):
        loaded(tmp_path, gguf_file="absent.gguf", local_files_only=True)
