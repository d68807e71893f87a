"""Small GGUF files, written as ggml's docs/gguf.md says: for tests of the reader and of who uses it."""

import struct
from pathlib import Path


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def entry(key: str, value: object) -> bytes:
    match value:
        case str():
            return text(key) + struct.pack("<I", 8) + text(value)
        case bool():
            return text(key) + struct.pack("<I?", 7, value)
        case int():
            return text(key) + struct.pack("<Iq", 11, value)
        case float():
            return text(key) + struct.pack("<Id", 12, value)
        case list():
            if all(isinstance(v, str) for v in value):
                return text(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(text(v) for v in value)
            return text(key) + struct.pack("<IIQ", 9, 4, len(value)) + struct.pack(f"<{len(value)}I", *value)
    raise TypeError(type(value))


def gguf(metadata: dict[str, object], *, tensors: int = 1, data: int = 64, version: int = 3) -> bytes:
    """A file of `tensors` tensors, one number each, 32 bytes apart, followed by `data` bytes of them."""
    head = b"GGUF" + struct.pack("<IQQ", version, tensors, len(metadata))
    head += b"".join(entry(key, value) for key, value in metadata.items())
    for i in range(tensors):
        head += text(f"t{i}") + struct.pack("<IQIQ", 1, 1, 0, 32 * i)
    return head + b"\0" * (-len(head) % 32) + b"\0" * data


MODEL: dict[str, object] = {"general.architecture": "llama", "general.license": "mit", "llama.context_length": 512}


def write(path: Path, content: bytes | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gguf(MODEL) if content is None else content)
    return path
