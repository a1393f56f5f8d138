"""How a device signs its requests: HTTP Message Signatures (RFC 9421), `hmac-sha256`, bodies by `Content-Digest` (RFC 9530).

Covered are method, path, query, the body's SHA-256 and, where it is sent, the header `Sightline-Meta`; the parameters
carry the time of signing, the key's id and a nonce. Not the host: what stands between device and cloud may rename it,
and a key belongs to one installation. Since the signature covers the digest and not the body itself, it is verified
before the first byte of a body is read.

    Content-Digest: sha-256=:…:
    Signature-Input: sightline=("@method" "@path" "@query" "content-digest" "sightline-meta");created=1790000000;
        keyid="field-3/k1";alg="hmac-sha256";nonce="…";tag="sightline-1"
    Signature: sightline=:…:

Written by hand, in the canonical form of the standard: the package `http-message-signatures` reads the clock itself,
brings `cryptography` (19 MB, no wheel for many small devices) and accepts any signature that the standard allows,
where here exactly one kind is wanted. The tests hold both against each other, so that a device may use any library.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from vision.errors import InputError

WINDOW_S = 300  # a signature this old, or from this far in the future, is not taken
META = "Sightline-Meta"
TAG = "sightline-1"
_ALGORITHM = "hmac-sha256"
_NEEDED = ("@method", "@path", "@query", "content-digest")
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_KEY_ID = re.compile(rf"(?P<device>{_NAME})/(?P<key>{_NAME})")
_KEY_TEXT = re.compile(rf"(?P<id>{_NAME}/{_NAME})/(?P<secret>[A-Za-z0-9_-]{{32,128}})")
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_DIGEST = re.compile(r"sha-256=:(?P<value>[A-Za-z0-9+/]{43}=):")
_SIGNATURE = re.compile(r"(?P<label>[a-z*][a-z0-9_.*-]{0,31})=:(?P<value>[A-Za-z0-9+/]{43}=):")
_PARAMETER = r';[a-z]{1,16}=(?:[0-9]{1,15}|"[ !#-\[\]-~]{0,160}")'
_INPUT = re.compile(
    r"(?P<label>[a-z*][a-z0-9_.*-]{0,31})="
    rf'(?P<params>\((?P<covered>"[@a-z-]{{1,32}}"(?: "[@a-z-]{{1,32}}"){{0,7}})\)(?P<rest>(?:{_PARAMETER}){{1,8}}))'
)


class SignatureError(InputError):
    """A request whose signature cannot be accepted; the text names what is wrong and holds nothing secret."""

    code: ClassVar[str] = "signature"


class MissingSignatureError(SignatureError):
    """The request is not signed."""

    code = "unsigned"


class MalformedSignatureError(SignatureError):
    """A header of the signature is not in the form that is wanted."""

    code = "malformed_signature"


class WrongSignatureError(SignatureError):
    """The key is unknown or no longer valid, or the signature is not by it: the answer is the same for all three."""

    code = "wrong_signature"


class WrongDigestError(SignatureError):
    """The body is not the one that was signed."""

    code = "wrong_digest"


class ClockSkewError(SignatureError):
    """The time of signing is out of the window; `server_time` and `window_s` let a device set its clock and sign anew."""

    code = "clock_skew"

    def __init__(self, told: str, server_time: float, window_s: float) -> None:
        super().__init__(told)
        self.server_time = server_time
        self.window_s = window_s


@dataclass(frozen=True, slots=True)
class Key:
    """A device's key: `id` is `device/key`, `secret` the text whose ASCII bytes are the HMAC key; never printed."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Key:
        """From the one text that a person copies to the device, `device/key/secret`. Raises `InputError`, without it."""
        match = _KEY_TEXT.fullmatch(text.strip())
        if not match:
            raise InputError("this is no device key; it looks like field-3/k1/… and is shown when the device is added")
        return cls(match["id"], match["secret"])

    @property
    def device(self) -> str:
        """Whose key it is."""
        return self.id.partition("/")[0]

    def text(self) -> str:
        """The one text to copy to the device: also its bearer token for plain uploads."""
        return f"{self.id}/{self.secret}"


@dataclass(frozen=True, slots=True)
class Signed:
    """What the headers of a request claim; nothing of it is to be believed before `check` has returned."""

    key_id: str
    created: int  # epoch seconds UTC
    nonce: str
    digest: bytes  # SHA-256 of the body, 32 bytes
    signature: bytes = field(repr=False)
    covered: tuple[str, ...]
    params: str  # as sent: they are signed as they stand
    fields: Mapping[str, str] = field(repr=False)

    @property
    def device(self) -> str:
        """The device that is said to have signed."""
        return self.key_id.partition("/")[0]


def sign(
    key: Key, *, method: str, target: str, body: bytes, created: int, nonce: str, meta: str | None = None
) -> dict[str, str]:
    """The headers that make a request a signed one, `Sightline-Meta` among them if there is one.

    `target` is path and query as they stand on the request line; `created` epoch seconds; `nonce` 16 to 64 of
    `A-Za-z0-9_-`, never used twice by this key. Raises `ValueError` for a nonce or an id that could not be read again.
    """
    if not _NONCE.fullmatch(nonce) or not _KEY_ID.fullmatch(key.id) or created < 0:
        raise ValueError("nonce, key id or time of signing are not in the form that is wanted")
    fields = {"content-digest": content_digest(body)} | ({META.lower(): meta} if meta is not None else {})
    covered = _NEEDED + ((META.lower(),) if meta is not None else ())
    inner = " ".join(f'"{name}"' for name in covered)
    params = f'({inner});created={created};keyid="{key.id}";alg="{_ALGORITHM}";nonce="{nonce}";tag="{TAG}"'
    signature = _mac(key.secret, _base(method, target, covered, fields, params))
    headers = {
        "Content-Digest": fields["content-digest"],
        "Signature-Input": f"sightline={params}",
        "Signature": f"sightline=:{base64.b64encode(signature).decode()}:",
    }
    return headers | ({META: meta} if meta is not None else {})


def read(headers: Iterable[tuple[str, str]]) -> Signed:
    """What the headers claim; `headers` as they came, so that one sent twice is noticed.

    Raises `MissingSignatureError`, `MalformedSignatureError`.
    """
    fields = _single(headers)
    if "signature" not in fields or "signature-input" not in fields:
        raise MissingSignatureError("the request is not signed; send Signature-Input, Signature and Content-Digest")
    digest = _DIGEST.fullmatch(fields.get("content-digest", ""))
    if not digest:
        raise MalformedSignatureError("Content-Digest is missing or not of the form sha-256=:BASE64:")
    claimed = _INPUT.fullmatch(fields["signature-input"])
    signature = _SIGNATURE.fullmatch(fields["signature"])
    if not claimed or not signature or claimed["label"] != signature["label"]:
        raise MalformedSignatureError(
            "Signature-Input and Signature must hold one signature, as in RFC 9421, sha-256 long"
        )
    covered = tuple(name.strip('"') for name in claimed["covered"].split(" "))
    wanted = set(_NEEDED) | ({META.lower()} & fields.keys())
    if set(covered) != wanted or len(covered) != len(wanted):
        raise MalformedSignatureError(f"the signature must cover exactly: {', '.join(sorted(wanted))}")
    values = _parameters(claimed["rest"])
    return Signed(
        key_id=values["keyid"],
        created=int(values["created"]),
        nonce=values["nonce"],
        digest=_decoded(digest["value"]),
        signature=_decoded(signature["value"]),
        covered=covered,
        params=claimed["params"],
        fields=fields,
    )


def check(signed: Signed, secret: str, *, method: str, target: str) -> None:
    """That the request was signed with this secret; takes the same time either way. Raises `WrongSignatureError`."""
    genuine = _mac(secret, _base(method, target, signed.covered, signed.fields, signed.params))
    if not hmac.compare_digest(genuine, signed.signature):
        raise WrongSignatureError(
            "the key is unknown or not valid now, or the signature is not by it; check device and key"
        )


def check_time(signed: Signed, now: float, window_s: float = WINDOW_S) -> None:
    """That it was signed about now. Raises `ClockSkewError`."""
    off = signed.created - now
    if abs(off) > window_s:
        side = "ahead" if off > 0 else "behind"
        told = f"the device's clock is {abs(off):.0f} s {side}; at most {window_s:.0f} s are taken"
        raise ClockSkewError(f"{told}: set the clock to server_time and sign anew", now, window_s)


def check_body(signed: Signed, sha256: bytes) -> None:
    """That the body with this SHA-256 (32 bytes) is the one that was signed. Raises `WrongDigestError`."""
    if not hmac.compare_digest(signed.digest, sha256):
        raise WrongDigestError("the body is not the one that was signed (Content-Digest); send it again")


def content_digest(body: bytes) -> str:
    """The header `Content-Digest` of a body."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def _single(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    wanted = {"signature", "signature-input", "content-digest", META.lower()}
    fields: dict[str, str] = {}
    for name, value in headers:
        low = name.lower()
        if low not in wanted:
            continue
        if low in fields:
            raise MalformedSignatureError(f"the header {low} was sent twice")
        if not value.isascii() or not value.isprintable():
            raise MalformedSignatureError(f"the header {low} holds signs that are not printable ASCII")
        fields[low] = value.strip(" ")
    return fields


def _parameters(text: str) -> dict[str, str]:
    """The parameters of the signature by name, each there once and in its form."""
    found = [part.partition("=") for part in re.findall(_PARAMETER, text)]
    values = {name[1:]: value for name, _, value in found}
    forms = {
        "created": re.compile(r"[0-9]{1,15}"),
        "keyid": re.compile(f'"{_KEY_ID.pattern}"'),
        "alg": re.compile(f'"{_ALGORITHM}"'),
        "nonce": re.compile(f'"{_NONCE.pattern}"'),
        "tag": re.compile(f'"{TAG}"'),
    }
    if len(values) != len(found) or values.keys() != forms.keys():
        raise MalformedSignatureError(f"the signature must have exactly the parameters {', '.join(forms)}, each once")
    for name, form in forms.items():
        if not form.fullmatch(values[name]):
            raise MalformedSignatureError(f"the signature's parameter {name} is not in the form that is wanted")
    return {name: value.strip('"') for name, value in values.items()}


def _base(method: str, target: str, covered: tuple[str, ...], fields: Mapping[str, str], params: str) -> bytes:
    """The signature base, RFC 9421 section 2.5."""
    path, _, query = target.partition("?")
    derived = {"@method": method, "@path": path or "/", "@query": f"?{query}"}
    lines = [f'"{name}": {derived[name] if name in derived else fields[name]}' for name in covered]
    lines.append(f'"@signature-params": {params}')
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def _mac(secret: str, message: bytes) -> bytes:
    return hmac.new(secret.encode(), message, hashlib.sha256).digest()


def _decoded(text: str) -> bytes:
    """32 bytes from their one right base64 form: others, with stray bits at the end, would make a signature two texts."""
    raw = base64.b64decode(text)  # the pattern has looked at its letters and length
    if base64.b64encode(raw).decode() != text:
        raise MalformedSignatureError("a header of the signature is not base64 in its canonical form")
    return raw
