"""Signatures of webhooks, as in Standard Webhooks 1.0 (symmetric scheme, `v1`).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re

_PREFIX = "whsec_"


def keys_of(secrets: str) -> tuple[bytes, ...]:
    """The keys in a text of one or several secrets, with blanks or commas between. Raises `ValueError` for a bad one.

    `whsec_…` is base64. Without that prefix a text that is base64 is taken as such, because the published libraries do
    so at the other end; anything else is a password whose bytes are the key.
    """
    found = tuple(_key(text) for text in re.split(r"[\s,]+", secrets.strip()) if text)
    if not found:
        raise ValueError("the secret is empty")
    return found


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One entry of the `webhook-signature` header."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def _key(text: str) -> bytes:
    bare = text.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        key = b""
    if key:
        return key
    if text.startswith(_PREFIX):
        raise ValueError("a secret that begins with whsec_ goes on with base64; make one: openssl rand -base64 32")
    return text.encode()
