"""Headers of GGUF files: what they tell, and that no damaged file does more than give one clear line."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from typing import Any

import pytest

from tests.language_peers import smollm2, tiny_pair
from vision.errors import ModelError
from vision.language.backends.base import ModelSettings
from vision.language.backends.fit import most_memory, refusal
from vision.language.gguf import MemorySum, memory_needed, read_gguf, size

MB = 1 << 20


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def value(raw: Any) -> bytes:
    if isinstance(raw, bool):
        return struct.pack("<I?", 7, raw)
    if isinstance(raw, int):
        return struct.pack("<II", 4, raw)
    if isinstance(raw, str):
        return struct.pack("<I", 8) + text(raw)
    if isinstance(raw, list) and raw and isinstance(raw[0], int):
        return struct.pack("<IIQ", 9, 4, len(raw)) + b"".join(struct.pack("<I", one) for one in raw)
    return struct.pack("<IIQ", 9, 8, len(raw)) + b"".join(text(one) for one in raw)


def gguf(values: dict[str, Any], tensors: list[tuple[str, tuple[int, ...], int, int]] = (), data: int = 0) -> bytes:
    """A file; a tensor is name, dimensions, type, offset; `data` bytes of weights follow."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    head += b"".join(text(key) + value(raw) for key, raw in values.items())
    for name, dimensions, kind, offset in tensors:
        head += text(name) + struct.pack("<I", len(dimensions))
        head += b"".join(struct.pack("<Q", one) for one in dimensions) + struct.pack("<IQ", kind, offset)
    return head + b"\0" * (-len(head) % 32) + b"\0" * data


LLAMA: dict[str, Any] = {
    "general.architecture": "llama",
    "general.name": "Some Model",
    "llama.context_length": 8192,
    "llama.block_count": 4,
    "llama.embedding_length": 256,
    "llama.feed_forward_length": 1024,
    "llama.attention.head_count": 8,
    "llama.attention.head_count_kv": 2,
    "tokenizer.chat_template": "{{ messages }}",
    "tokenizer.ggml.tokens": ["a", "b", "c"],
}
# 256 x 64 weights of Q8_0: 512 blocks of 34 bytes; 32 of F32
TENSORS = [("w", (256, 64), 8, 0), ("n", (32,), 0, 17408)]
WEIGHTS = 512 * 34 + 128
EYE: dict[str, Any] = {
    "general.architecture": "clip",
    "clip.has_vision_encoder": True,
    "clip.projector_type": "idefics3",
    "clip.vision.image_size": 512,
    "clip.vision.patch_size": 16,
    "clip.vision.embedding_length": 768,
    "clip.vision.feed_forward_length": 3072,
    "clip.vision.attention.head_count": 12,
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf(LLAMA, TENSORS, WEIGHTS))
    return path


@pytest.fixture
def eye(tmp_path: Path) -> Path:
    path = tmp_path / "mmproj.gguf"
    path.write_bytes(gguf(EYE, TENSORS, WEIGHTS))
    return path


def test_what_a_header_tells(model: Path, eye: Path) -> None:
    read = read_gguf(model)
    assert (read.architecture, read.name, read.context, read.quantisation) == ("llama", "Some Model", 8192, "Q8_0")
    assert read.weights_bytes == WEIGHTS
    assert read.has_template
    assert read.projector is None
    assert read.lengths["tokenizer.ggml.tokens"] == 3
    assert read_gguf(eye).projector == "idefics3"
    assert not read_gguf(eye).has_template


def test_the_sum(model: Path, eye: Path) -> None:
    sum_ = memory_needed(model, eye, 1000)
    assert sum_.weights == sum_.vision == WEIGHTS
    # 4 layers, 2 heads of 32 numbers for key and value each, 1024 cells (whole blocks of 256), 2 bytes
    assert sum_.context == 4 * 2 * 64 * 1024 * 2
    assert sum_.total == sum_.weights + sum_.vision + sum_.context + sum_.buffers + sum_.runtime
    assert memory_needed(model, None, 1000).vision == 0
    assert memory_needed(model, None, 1000).buffers < sum_.buffers


def test_heads_of_each_layer(tmp_path: Path) -> None:
    """Some families have another number of heads in each layer, and layers without attention."""
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf(LLAMA | {"llama.attention.head_count_kv": [2, 0, 2, 0]}, TENSORS, WEIGHTS))
    assert memory_needed(path, None, 1024).context == 4 * 64 * 1024 * 2


def test_a_sum_as_it_is_told() -> None:
    assert str(MemorySum(4_100_000_000, 600 * 10**6, 0, 10**6, 64 * 10**6)) == (
        "4.1 GB weights + 600 MB vision encoder + 1 MB buffers + 64 MB runtime = 4.8 GB"
    )
    assert size(1) == "1 MB"


def test_real_models(shared_data: Path) -> None:
    path, mmproj = tiny_pair(shared_data)
    sum_ = memory_needed(path, mmproj, 1024)
    assert sum_.weights + sum_.vision <= path.stat().st_size + mmproj.stat().st_size
    assert sum_.total < 120 * MB
    assert read_gguf(mmproj).projector == "mlp"
    assert read_gguf(path).has_template


def test_smollm2() -> None:
    read = read_gguf(smollm2())
    assert (read.architecture, read.context, read.quantisation) == ("llama", 8192, "Q4_1")
    assert memory_needed(read.path, None, 2048).context == 45 * MB  # as llama.cpp says when it loads it


BROKEN: list[tuple[str, bytes, str]] = [
    ("empty", b"", "is no GGUF file"),
    ("something else", b"PK\x03\x04" + b"\0" * 100, "is no GGUF file"),
    ("an old version", b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
    ("big-endian", b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version"),
    ("only the magic", b"GGUF", "ends within its header"),
    ("keys beyond all reason", b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60), "damaged"),
    ("tensors beyond all reason", b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0), "damaged"),
    ("keys that are not there", b"GGUF" + struct.pack("<IQQ", 3, 0, 5), "ends within"),
    ("a text beyond the file", b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 62), "ends within"),
    ("an unknown kind", b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<I", 77), "damaged"),
    ("a list of lists", b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 9, 1), "damaged"),
    (
        "a list beyond the file",
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 10, 1 << 61),
        "ends within",
    ),
    (
        "texts without an end",
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + text("k") + struct.pack("<IIQ", 9, 8, 1 << 61),
        "damaged",
    ),
    ("a tensor of 9 dimensions", gguf(LLAMA, [("w", (1,) * 9, 0, 0)]), "9 dimensions"),
    ("weights cut off", gguf(LLAMA, TENSORS, WEIGHTS)[:-1], "the file is cut off, 1 of"),
    ("weights missing", gguf(LLAMA, TENSORS, 0), "the file is cut off"),
    ("a size that overflows", gguf(LLAMA, [("w", (1 << 40, 1 << 40), 0, 0)]), "cut off"),
]


@pytest.mark.parametrize(("what", "data", "told"), BROKEN, ids=[row[0] for row in BROKEN])
def test_broken_files(tmp_path: Path, what: str, data: bytes, told: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=told) as caught:
        read_gguf(path)
    assert "\n" not in str(caught.value)
    refused = refusal(ModelSettings(backend="llama_cpp", path=path, force=True))
    assert refused is not None
    assert refused.failure == "unusable"


def test_any_damage_is_found_or_harmless(model: Path, tmp_path: Path) -> None:
    """Bytes changed and files cut at random places: a line or a header, never anything else."""
    whole, chance, path = model.read_bytes(), random.Random(7), tmp_path / "broken.gguf"
    for _ in range(400):
        data = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randrange(1, 6)):
            if data:
                data[chance.randrange(min(len(data), 700))] = chance.randrange(256)
        path.write_bytes(data)
        try:
            memory_needed(path)
        except ModelError as error:
            assert "\n" not in str(error)  # noqa: PT017  # most of them raise, some changes are harmless


def test_files_that_are_none(tmp_path: Path, model: Path, eye: Path) -> None:
    for path in (tmp_path / "none.gguf", tmp_path):
        with pytest.raises(ModelError):
            read_gguf(path)
    with pytest.raises(ModelError, match="belongs under mmproj"):
        memory_needed(eye)
    with pytest.raises(ModelError, match="no vision part"):
        memory_needed(model, model)


def test_a_split_model_counts_all_its_parts(tmp_path: Path) -> None:
    first = tmp_path / "m-00001-of-00002.gguf"
    first.write_bytes(gguf(LLAMA | {"split.count": 2}, TENSORS, WEIGHTS))
    with pytest.raises(ModelError, match=r"00002-of-00002\.gguf: missing"):
        read_gguf(first)
    (tmp_path / "m-00002-of-00002.gguf").write_bytes(b"\0" * 1000)
    assert read_gguf(first).weights_bytes == WEIGHTS + 1000


REFUSALS = [
    # enough
    ({}, 10**9, None),
    # the machine has too little
    ({}, 10**6, "1 MB are free"),
    # unless the user insists
    ({"force": True}, 10**6, None),
    # its share is too small, whatever is free
    ({"memory_mb": 32}, 10**12, "memory_mb allows 34 MB"),
    ({"memory_mb": 32, "force": True}, 10**12, None),
]


@pytest.mark.parametrize(("more", "free", "told"), REFUSALS)
def test_what_does_not_fit_is_refused_with_the_sum(
    model: Path, more: dict[str, Any], free: int, told: str | None
) -> None:
    refused = refusal(ModelSettings(backend="llama_cpp", path=model, **more), free)
    if told is None:
        assert refused is None
        return
    assert refused is not None
    assert refused.failure == "memory"
    assert told in str(refused)
    assert "weights + " in str(refused)


def test_the_share_of_a_model(model: Path) -> None:
    needed = memory_needed(model).total
    assert most_memory(ModelSettings(backend="llama_cpp", path=model, memory_mb=100)) == 100 * MB
    assert (most_memory(ModelSettings(backend="llama_cpp", path=model)) or 0) > needed
    assert most_memory(ModelSettings(backend="openai", url="http://127.0.0.1/v1")) is None
