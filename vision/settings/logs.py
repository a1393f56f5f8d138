"""How the log looks: plain lines, JSON lines, or coloured lines above the terminal view.

One line for each happening; what belongs to it (camera, target, event, …) is given as `extra={…}` and shown as
`key=value`, in JSON as keys. Whatever a record holds, passwords in addresses are blotted out before it is written: the
last line of defence, for lines of libraries too.
"""

from __future__ import annotations

import functools
import json
import logging
import math
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from rich.console import Console
from rich.text import Text

Kind = Literal["plain", "json", "rich"]

# scheme://user:password@ with whatever a password may hold (/, quotes, another @); rather too much than too little
_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/:?#]*:\S*@")
_QUERY = re.compile(
    r"(?P<key>[?&;](?:password|passwd|pwd|pass|token|access_token|secret|api_?key|auth|signature)=)[^\s&;#'\"]+",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<key>\b(?:Bearer|Basic|Digest)\s+)[A-Za-z0-9+/=._~-]{16,}")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_QUIET = {
    "aiohttp.access": logging.CRITICAL, "aiohttp.server": logging.ERROR, "aiohttp.client": logging.WARNING,
    "asyncio": logging.WARNING, "libav": logging.ERROR, "sqlalchemy": logging.WARNING, "urllib3": logging.WARNING,
    "requests": logging.WARNING, "zeep": logging.WARNING, "httpx": logging.WARNING, "mqtt": logging.WARNING,
    "apprise": logging.WARNING, "PIL": logging.WARNING,
}  # fmt: skip
_COLOURS = {"DEBUG": "dim", "INFO": "cyan", "WARNING": "yellow", "ERROR": "bold red", "CRITICAL": "bold red reverse"}


def redacted(text: str) -> str:
    """`text` without passwords of addresses, keys in queries and authorisation headers."""
    if "@" in text:
        text = _ADDRESS.sub(r"\g<scheme>***@", text)
    if "=" in text:
        text = _QUERY.sub(r"\g<key>***", text)
    return _BEARER.sub(r"\g<key>***", text)


def setup(kind: Kind, level: int | str = "INFO", *, stream: TextIO | None = None) -> None:
    """Send every logger's lines to standard error (or `stream`) in this form; a second call replaces the first."""
    handler = _handler(kind, stream)
    handler.set_name("sightline")
    root = logging.getLogger()
    for old in [one for one in root.handlers if one.get_name() == "sightline"]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper() if isinstance(level, str) else level)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.getLogger("sightline").getEffectiveLevel()))
    logging.captureWarnings(True)
    _quiet_media()


@functools.cache
def console() -> Console:
    """The one console of the log and the terminal view, so that lines appear above the view and do not tear it."""
    return Console(stderr=True, highlight=False)


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD and not name.startswith("_")}


class PlainFormatter(logging.Formatter):
    """`2026-03-01 18:00:00.123 WARNING camera  message key=value`; the part without `sightline.`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; an exception follows indented."""
        when = datetime.fromtimestamp(record.created).astimezone().isoformat(" ", "milliseconds")[:23]
        head = f"{when} {record.levelname:<7} {_part(record)}: {_body(record)}"
        trace = _trace(self, record)
        return redacted(head) + ("\n    " + redacted(trace).replace("\n", "\n    ") if trace else "")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts, level, logger, msg, the extras, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the message holds."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {
            "ts": when,
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": redacted(_message(record)),
        }
        for name, value in extras(record).items():
            entry[f"{name}_" if name in entry else name] = _clean(value)
        if trace := _trace(self, record):
            entry["exception"] = redacted(trace)
        return json.dumps(entry, ensure_ascii=False, default=lambda value: redacted(str(value)))


class RichHandler(logging.Handler):
    """Coloured lines on the console that the terminal view draws on."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print above the view."""
        try:
            when = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
            message = _one_line(_message(record))
            line = Text.assemble(
                (f"{when} ", "dim"),
                (f"{record.levelname.lower():<8}", _COLOURS.get(record.levelname, "")),
                redacted(message),
            )
            if more := redacted(_pairs(record, said=message)):  # people need not read twice what the line says
                line.append(f"  {more}", "dim")
            if trace := _trace(logging.Formatter(), record):
                line.append("\n" + redacted(trace), "dim")
            console().print(line, soft_wrap=True)
        except Exception:  # noqa: BLE001  # as every handler of the standard library does
            self.handleError(record)


def _handler(kind: Kind, stream: TextIO | None) -> logging.Handler:
    if kind == "rich":
        return RichHandler()
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if kind == "json" else PlainFormatter())
    return handler


def _quiet_media() -> None:
    """FFmpeg's own lines stay out: its faults are told by the sources.

    Only the level is set. Handing the lines on to Python can deadlock, as FFmpeg logs from its own threads
    (https://pyav.basswood-io.com/docs/stable/api/utils.html, `av.logging`).
    """
    import av.logging

    av.logging.set_level(None)


def _part(record: logging.LogRecord) -> str:
    return record.name.removeprefix("sightline.")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # wrong arguments must not lose the line
        return f"{record.msg} {record.args}"


def _body(record: logging.LogRecord) -> str:
    more = _pairs(record)
    return _one_line(_message(record)) + (f"  {more}" if more else "")


def _pairs(record: logging.LogRecord, said: str = "") -> str:
    """The extras, less those whose value `said` has already."""
    shown = ((name, str(value), _shown(value)) for name, value in extras(record).items())
    return " ".join(f"{name}={text}" for name, value, text in shown if not value or value not in said)


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or re.search(r"[\s\"=]", text) else text


def _one_line(text: str) -> str:
    """No line breaks and no control signs: a log line must not be forged by what a camera or a client sends."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
    parts += [formatter.formatStack(record.stack_info)] if record.stack_info else []
    return "\n".join(_one_line(line) for part in parts for line in part.splitlines())


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(one) for one in value]
    return redacted(str(value))
