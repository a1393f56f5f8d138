"""What a GGUF file says of itself, without loading it: kind, size, whether it is whole, and the memory that it will need.

Only the header is read, with every length bounded by the file's size: a damaged or foreign file gives one clear line.
Format: ggml, docs/gguf.md (versions 2 and 3, little-endian).
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from vision.errors import ModelError

Value = int | float | bool | str | tuple[float, ...]

_MOST_KEYS: Final = 1 << 16
_MOST_TENSORS: Final = 1 << 17
_MOST_TEXTS: Final = 1 << 22  # texts in one list; the largest vocabularies have 262144
_LONGEST: Final = 1 << 20  # bytes of a text that is kept (a chat template); longer ones are passed over
_MOST_NUMBERS: Final = 1 << 12  # numbers in a list that is kept (one for each layer)
_SCALARS: Final = dict(enumerate(["<B", "<b", "<H", "<h", "<I", "<i", "<f", "<?"])) | {10: "<Q", 11: "<q", 12: "<d"}
_TEXT: Final = 8
_LIST: Final = 9

# ggml type: name, weights in a block, bytes of a block
_TYPES: Final[dict[int, tuple[str, int, int]]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gguf:
    """The header of one file. `values`: its metadata, long lists and texts left out; `lengths`: of all lists.

    `weights_bytes`: of all tensors, in all parts of a split model. `quantisation`: the type that most of them have.
    """

    path: Path
    size_bytes: int
    values: Mapping[str, Value]
    lengths: Mapping[str, int]
    weights_bytes: int
    quantisation: str

    @property
    def architecture(self) -> str:
        """`llama`, `qwen2vl`, …; `clip` for a vision part."""
        return str(self.values.get("general.architecture", "unknown"))

    @property
    def name(self) -> str:
        """As its makers call it; the file's name where they do not say."""
        return str(self.values.get("general.name") or self.path.stem)

    @property
    def context(self) -> int:
        """Tokens that it was trained for; 0 where it does not say."""
        return self.number("context_length")

    @property
    def has_template(self) -> bool:
        """Whether it carries a chat template: without one it is no model for questions."""
        return "tokenizer.chat_template" in self.values or "tokenizer.chat_template" in self.lengths

    @property
    def projector(self) -> str | None:
        """Kind of a vision part (`mlp`, `idefics3`, `qwen2.5vl_merger`, …), None for any other file."""
        kind = self.values.get("clip.vision.projector_type", self.values.get("clip.projector_type"))
        sees = self.values.get("clip.has_vision_encoder", False)
        return str(kind or "unknown") if self.architecture == "clip" and sees else None

    def number(self, key: str, default: int = 0) -> int:
        """An integer under the architecture's own keys; the largest where there is one for each layer."""
        value = self.values.get(f"{self.architecture}.{key}", default)
        if isinstance(value, tuple):
            value = max(value, default=default)
        return default if isinstance(value, str) else int(value)


def read_gguf(path: Path) -> Gguf:
    """Read a file's header. Raises `ModelError`, in one line, for what is missing, damaged, cut off or no GGUF."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = _Reader(file, size).header()
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such model file") from error
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    except _Damaged as error:
        raise ModelError(f"{path}: {error}") from error
    weights, missing = header.weights, header.end - size
    if missing > 0:
        raise ModelError(f"{path}: the file is cut off, {missing} of {header.end} bytes are missing; fetch it again")
    for part in _other_parts(path, header.values):
        if not part.is_file():
            raise ModelError(f"{part}: missing; this part belongs to {path.name}")
        weights += part.stat().st_size
    return Gguf(path, size, header.values, header.lengths, weights, header.quantisation)


@dataclass(slots=True)
class _Header:
    values: dict[str, Value] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    weights: int = 0
    end: int = 0
    quantisation: str = "unknown"


class _Damaged(Exception):
    """What is wrong with the file."""


class _Reader:
    """Reads forward only, and never beyond the file."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._left = size

    def header(self) -> _Header:
        magic = self._bytes(4) if self._left >= 4 else b""
        if magic != b"GGUF":
            raise _Damaged("is no GGUF file" + ("" if magic else " (it is empty)"))
        version = self._number("<I")
        if version not in {2, 3}:
            raise _Damaged(f"GGUF version {version} is not known")
        tensors, keys = self._number("<Q"), self._number("<Q")
        if tensors > _MOST_TENSORS or keys > _MOST_KEYS:
            raise _Damaged(f"the header is damaged: {tensors} tensors and {keys} keys")
        header = _Header()
        for _ in range(keys):
            self._pair(header)
        self._tensors(header, tensors)
        return header

    def _pair(self, header: _Header) -> None:
        key, kind = self._text(), self._number("<I")
        if key is None:
            raise _Damaged("the header is damaged: a key of more than a million bytes")
        if kind != _LIST:
            value = self._text() if kind == _TEXT else self._scalar(kind)
            if value is None:
                header.lengths[key] = _LONGEST
            else:
                header.values[key] = value
            return
        kind, count = self._number("<I"), self._number("<Q")
        header.lengths[key] = count
        if kind == _TEXT:
            if count > _MOST_TEXTS:
                raise _Damaged(f"the header is damaged: {count} texts under {key}")
            for _ in range(count):
                self._skip(self._number("<Q"))
        elif kind in _SCALARS and count <= _MOST_NUMBERS:
            header.values[key] = tuple(float(self._scalar(kind)) for _ in range(count))
        elif kind in _SCALARS:
            self._skip(count * struct.calcsize(_SCALARS[kind]))
        else:
            raise _Damaged(f"the header is damaged: a list of kind {kind} under {key}")

    def _tensors(self, header: _Header, count: int) -> None:
        bytes_of: Counter[str] = Counter()
        end = 0
        for _ in range(count):
            self._text()
            dimensions = self._number("<I")
            if dimensions > 8:
                raise _Damaged(f"the header is damaged: a tensor of {dimensions} dimensions")
            weights = 1
            for _ in range(dimensions):
                weights *= self._number("<Q")
            kind, offset = self._number("<I"), self._number("<Q")
            name, block, length = _TYPES.get(kind, (f"type {kind}", 1, 0))
            length = weights // block * length
            bytes_of[name] += length
            end = max(end, offset + length)
        header.weights = sum(bytes_of.values())
        if bytes_of:
            header.quantisation = bytes_of.most_common(1)[0][0]
        alignment = header.values.get("general.alignment", 32)
        step = alignment if isinstance(alignment, int) and alignment > 0 else 32
        position = self._file.tell()
        header.end = -(-position // step) * step + end if count else position

    def _scalar(self, kind: int) -> int | float | bool:
        if kind not in _SCALARS:
            raise _Damaged(f"the header is damaged: a value of kind {kind}")
        value: int | float | bool = struct.unpack(_SCALARS[kind], self._bytes(struct.calcsize(_SCALARS[kind])))[0]
        return value

    def _number(self, form: str) -> int:
        value: int = struct.unpack(form, self._bytes(struct.calcsize(form)))[0]
        return value

    def _text(self) -> str | None:
        """The next text, None for one that is too long to keep."""
        length = self._number("<Q")
        if length > _LONGEST:
            self._skip(length)
            return None
        return self._bytes(length).decode(errors="replace")

    def _bytes(self, count: int) -> bytes:
        if count > self._left:
            raise _Damaged("the file ends within its header; fetch it again")
        data = self._file.read(count)
        if len(data) < count:
            raise _Damaged("the file became shorter while it was read")
        self._left -= count
        return data

    def _skip(self, count: int) -> None:
        if count > self._left:
            raise _Damaged("the file ends within its header; fetch it again")
        self._file.seek(count, 1)
        self._left -= count


def _other_parts(path: Path, values: Mapping[str, Value]) -> list[Path]:
    """The further files of a model that is split (`…-00001-of-00003.gguf`)."""
    count = values.get("split.count", 1)
    found = re.fullmatch(r"(.*)-00001-of-(\d{5})", path.stem)
    if found is None or not isinstance(count, int) or count < 2:
        return []
    return [path.with_name(f"{found[1]}-{part:05d}-of-{found[2]}.gguf") for part in range(2, int(found[2]) + 1)]


@dataclass(frozen=True, slots=True)
class MemorySum:
    """Bytes that a model takes while it answers, by what for. An upper bound; measured, it is 5 to 30 % less."""

    weights: int
    vision: int
    context: int
    buffers: int
    runtime: int

    @property
    def total(self) -> int:
        """All together."""
        return self.weights + self.vision + self.context + self.buffers + self.runtime

    def __str__(self) -> str:
        """The sum as it is told to the user."""
        parts = {
            "weights": self.weights,
            "vision encoder": self.vision,
            "context": self.context,
            "buffers": self.buffers,
            "runtime": self.runtime,
        }
        told = " + ".join(f"{size(count)} {name}" for name, count in parts.items() if count)
        return f"{told} = {size(self.total)}"


RUNTIME_BYTES: Final = 80 << 20  # Python and the binding, measured: 55 to 75 MB
BATCH: Final = 512  # tokens read at once by our backends


def memory_needed(model: Path, mmproj: Path | None = None, n_ctx: int = 2048) -> MemorySum:
    """The memory that a model will take, from the headers of its files. Raises `ModelError`.

    Context: two vectors of 16-bit numbers for each layer and token. Buffers: the widest step of a batch, the mask of its
    attention, the tokenizer's tables.
    """
    text = read_gguf(model)
    if text.projector is not None:
        raise ModelError(f"{model}: this is a vision part; it belongs under mmproj")
    eye = None if mmproj is None else read_gguf(mmproj)
    if eye is not None and eye.projector is None:
        raise ModelError(f"{mmproj}: this is no vision part (mmproj) of a model")
    width, batch = text.number("embedding_length"), min(BATCH, n_ctx)
    step = batch * (2 * text.number("feed_forward_length", 4 * width) + 6 * width) * 4
    mask = batch * n_ctx * 6
    tokens = 512 * text.lengths.get("tokenizer.ggml.tokens", 0)
    return MemorySum(
        weights=text.weights_bytes,
        vision=0 if eye is None else eye.weights_bytes,
        context=_context(text, n_ctx),
        buffers=step + mask + tokens + (0 if eye is None else _seeing(eye)),
        runtime=RUNTIME_BYTES,
    )


def _context(text: Gguf, n_ctx: int) -> int:
    heads = text.number("attention.head_count")
    if not heads:
        return 0  # no attention: a recurrent model, whose state is small
    width = text.number("embedding_length") // heads
    key, value = text.number("attention.key_length", width), text.number("attention.value_length", width)
    kept = text.values.get(f"{text.architecture}.attention.head_count_kv", heads)
    layers = text.number("block_count")
    # One number for all layers, or one for each (0 in layers without attention)
    all_heads = sum(kept) if isinstance(kept, tuple) else int(float(kept)) * layers
    cells = -(-n_ctx // 256) * 256
    return int(all_heads) * (key + value) * cells * 2


def _seeing(eye: Gguf) -> int:
    side = eye.number("vision.image_size") // max(1, eye.number("vision.patch_size", 14))
    patches, width = side * side, eye.number("vision.embedding_length")
    wide = eye.number("vision.feed_forward_length", 4 * width)
    return patches * (wide + 6 * width) * 4 + eye.number("vision.attention.head_count") * patches * patches * 4


def size(count: int) -> str:
    """Bytes as they are told: 512 MB, 4.1 GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"
