"""The header `Sightline-Meta`: a picture's `FrameMeta` beside its bytes, base64url of the JSON."""

from __future__ import annotations

import base64

from pydantic import ValidationError

from vision.errors import InputError
from vision.wire.messages import FrameMeta

MAX_META = 8000  # characters; servers and proxies take a header of about 8 kB unless told otherwise


class MetaError(InputError):
    """A `Sightline-Meta` that cannot be read; the text names the field."""


def meta_header(meta: FrameMeta) -> str:
    """The value of the header. Raises `MetaError` where it would be too long for the way."""
    text = base64.urlsafe_b64encode(meta.model_dump_json(exclude_defaults=True).encode()).decode().rstrip("=")
    if len(text) > MAX_META:
        raise MetaError(
            f"what is told about the picture is too long ({len(text)} of {MAX_META}); send fewer readings or facts"
        )
    return text


def read_meta(text: str) -> FrameMeta:
    """What the header says. Raises `MetaError`."""
    if len(text) > MAX_META:
        raise MetaError(f"Sightline-Meta is longer than {MAX_META} characters; send fewer readings or facts")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        return FrameMeta.model_validate_json(raw)
    except ValidationError as error:
        raise MetaError(f"Sightline-Meta: {first_trouble(error)}") from None
    except ValueError:  # of base64
        raise MetaError("Sightline-Meta: it is not base64url") from None


def first_trouble(error: ValidationError) -> str:
    """The first trouble with a message, by field; never the value, which may be anything."""
    trouble = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part)[:40] for part in trouble["loc"]) or "the JSON"
    return f"{place}: {trouble['msg']}"[:200]
