"""Whether llama.cpp computes what PyTorch does: image tokens of the exported vision tower beside those of the network.

Uses libmtmd through llama-cpp-python, the only binding that shows image tokens; without it nothing is compared.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from .learn import normalised
from .network import Model
from .pictures import plain
from .scenes import Crop


def compare(model: Model, pair: tuple[Path, Path], crops: list[Crop]) -> dict[str, Any]:
    """Least and mean cosine over all image tokens of the crops; `compared` is 0 without the binding."""
    try:
        tower = _Tower(*pair)
    except ImportError:
        return {"compared": 0}
    cosines: list[float] = []
    for crop in crops:
        picture = plain(crop).picture
        with torch.no_grad():
            wanted = model.eval().vision(normalised([picture]))[0].numpy()
        got = tower.tokens(picture, wanted.shape)
        norms = np.linalg.norm(got, axis=1) * np.linalg.norm(wanted, axis=1)
        cosines += ((got * wanted).sum(1) / norms).tolist()
    tower.close()
    return {
        "compared": len(cosines),
        "cosine_least": round(min(cosines), 6),
        "cosine_mean": round(float(np.mean(cosines)), 6),
    }


class _Tower:
    """The vision tower in libmtmd."""

    def __init__(self, text: Path, vision: Path) -> None:
        import llama_cpp
        from llama_cpp import mtmd_cpp
        from llama_cpp.llama_chat_format import MTMDChatHandler

        self._m: Any = mtmd_cpp
        self._handler: Any = MTMDChatHandler(clip_model_path=str(vision), verbose=False, use_gpu=False)
        self._llama: Any = llama_cpp.Llama(str(text), chat_handler=self._handler, n_ctx=512, n_threads=1, verbose=False)
        self._handler._init_mtmd_context(self._llama)  # noqa: SLF001  # no public way to image tokens

    def tokens(self, picture: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Image tokens (n, width) of an RGB picture."""
        m, context = self._m, self._handler.mtmd_ctx
        png = cv2.imencode(".png", picture[..., ::-1])[1].tobytes()
        bitmap = self._handler._create_bitmap_from_bytes(png)  # noqa: SLF001
        asked = m.mtmd_input_text()
        asked.text = b"<__media__>"
        if hasattr(asked, "text_len"):
            asked.text_len = len(asked.text)
        asked.add_special, asked.parse_special = False, True
        chunks = m.mtmd_input_chunks_init()
        bitmaps = (m.mtmd_bitmap_p_ctypes * 1)(bitmap)
        if m.mtmd_tokenize(context, chunks, ctypes.byref(asked), bitmaps, 1) != 0:
            raise RuntimeError("libmtmd cannot read the picture")
        for index in range(m.mtmd_input_chunks_size(chunks)):
            chunk = m.mtmd_input_chunks_get(chunks, index)
            if m.mtmd_input_chunk_get_type(chunk) == m.MTMD_INPUT_CHUNK_TYPE_IMAGE:
                if m.mtmd_encode_chunk(context, chunk) != 0:
                    raise RuntimeError("libmtmd cannot encode the picture")
                flat = np.ctypeslib.as_array(m.mtmd_get_output_embd(context), shape=(int(np.prod(shape)),))
                return np.array(flat.reshape(shape), np.float32)
        raise RuntimeError("libmtmd made no image token")

    def close(self) -> None:
        """Lets the model go."""
        self._llama.close()
