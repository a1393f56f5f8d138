"""The pair of GGUF files asked through llama.cpp (xllamacpp's embedded server), as the product asks it."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Said:
    """One answer: its values, the text, seconds from the question to the answer."""

    values: dict[str, Any]
    text: str
    seconds: float


class Reader:
    """A loaded pair. One thread; the context holds one question."""

    def __init__(self, text: Path, vision: Path, context: int = 1024) -> None:
        import xllamacpp  # type: ignore[import-untyped]  # has no types

        params = xllamacpp.CommonParams()
        params.model.path, params.mmproj.path = str(text), str(vision)
        params.n_ctx, params.n_parallel, params.warmup = context, 1, False
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.verbosity = -1
        self._server = xllamacpp.Server(params)

    def ask(self, picture: NDArray[np.uint8], system: str, prompt: str, schema: dict[str, Any]) -> Said:
        """Asks about an RGB picture; the answer is held by the schema. Raises ValueError when there is none."""
        data = cv2.imencode(".png", picture[..., ::-1])[1].tobytes()
        url = "data:image/png;base64," + base64.b64encode(data).decode()
        content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": prompt}]
        messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
        begin = time.perf_counter()
        reply = self._server.handle_chat_completions(
            {
                "messages": [*messages, {"role": "user", "content": content}],
                "max_tokens": 160,
                "temperature": 0,
                "response_format": {"type": "json_schema", "json_schema": {"schema": schema}},
            }
        )
        seconds = time.perf_counter() - begin
        if "choices" not in reply:
            raise ValueError(f"no answer: {reply}")
        said = str(reply["choices"][0]["message"]["content"])
        return Said(json.loads(said), said, seconds)
