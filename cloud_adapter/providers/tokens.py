"""What a call can take at most: tokens, counted without the provider's tokenizer, and what the endpoint lets in."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from decimal import Decimal

from cloud_adapter.providers.base import BackendError, Question
from cloud_adapter.providers.settings import Fixed, ImageTokens, ModelEntry
from cloud_adapter.records import Picture, Usage

_FRAME = 64  # what endpoints add around messages, tools and schemas
_PER_EXAMPLE = 24  # the words around a reference picture, beside its label
_ASCII_PER_TOKEN = 2  # English and JSON have 3 to 5 characters a token: this is on the dear side
_TOKENS_PER_OTHER = 2  # Chinese characters take 0.6 to 1.6 tokens


def image_tokens(formula: ImageTokens, width: int, height: int) -> int:
    """Input tokens of one picture of `width` x `height` pixels."""
    if isinstance(formula, Fixed):
        return formula.tokens
    patches = math.ceil(width / formula.size) * math.ceil(height / formula.size)
    tokens = math.ceil(Decimal(patches) * formula.factor)
    return (tokens if formula.cap is None else min(tokens, formula.cap)) + formula.base


def text_tokens(text: str) -> int:
    """No fewer tokens than any tokenizer of the day makes of `text`."""
    plain = sum(1 for c in text if c.isascii())
    return math.ceil(plain / _ASCII_PER_TOKEN) + _TOKENS_PER_OTHER * (len(text) - plain)


def worst_case(entry: ModelEntry, question: Question, pictures: Sequence[Picture]) -> Usage:
    """The most that one call can take: nothing comes from the cache, the answer is as long as it may be."""
    shown = [example.picture for example in question.examples] + list(pictures)
    words = [question.system, question.text, *(example.label for example in question.examples)]
    schema = json.dumps(question.wire.model_json_schema(), ensure_ascii=False)
    text = sum(map(text_tokens, words)) + text_tokens(schema) + _PER_EXAMPLE * len(question.examples)
    images = sum(image_tokens(entry.image_tokens, picture.width, picture.height) for picture in shown)
    return Usage(_FRAME + text + images, 0, question.max_tokens + entry.thinking_tokens)


def check_limits(name: str, entry: ModelEntry, question: Question, pictures: Sequence[Picture]) -> None:
    """Raises `BackendError` (`bad_request`) before anything is sent that the endpoint would not take."""
    limits = entry.limits
    shown = [example.picture for example in question.examples] + list(pictures)
    edge = max((max(picture.width, picture.height) for picture in shown), default=0)
    size = max((len(picture.data) for picture in shown), default=0)
    if len(shown) > limits.pictures:
        raise BackendError("bad_request", f"{name}: {len(shown)} pictures in a call, {limits.pictures} are allowed")
    if edge > limits.edge_px:
        raise BackendError("bad_request", f"{name}: a picture of {edge} pixels, {limits.edge_px} are allowed")
    if size > limits.bytes:
        raise BackendError("bad_request", f"{name}: a picture of {size} bytes, {limits.bytes} are allowed")
