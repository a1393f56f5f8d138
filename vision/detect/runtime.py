"""A session of ONNX Runtime as this program wants it: quiet, on as many threads as asked for, the same result every time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vision.errors import ModelError


def open_session(
    model: bytes, source: str, *, threads: int = 1, providers: Sequence[str] = ("CPUExecutionProvider",)
) -> Any:
    """The network in the bytes of an ONNX file; `source` is what to call it in errors.

    Raises:
        ModelError: onnxruntime cannot load it.

    """
    import onnxruntime as ort

    ort.disable_telemetry_events()  # newer ones tell their maker of their use; nobody asked for that here
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting must not burn a core
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(model, options, providers=list(providers))
    except Exception as error:  # noqa: BLE001  # onnxruntime's own exceptions share no base class; any of them means no
        first = str(error).splitlines()[0]
        raise ModelError(f"{source}: onnxruntime cannot load it ({first}); is it a whole ONNX model?") from None
