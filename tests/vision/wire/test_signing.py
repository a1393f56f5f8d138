"""Signed requests: what is accepted, what each refusal says, and that other implementations agree."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import missing
from vision.errors import InputError
from vision.wire import signing
from vision.wire.headers import MAX_META, MetaError, meta_header, read_meta
from vision.wire.messages import FrameMeta, Reading

SECRET = "s" * 43
KEY = signing.Key("field-3/k1", SECRET)
NONCE = "n" * 22
NOW = 1_790_000_000
TARGET = "/v1/frames/abcdefgh?x=1"


def signed(**changes: object) -> list[tuple[str, str]]:
    wanted: dict[str, object] = {
        "method": "PUT",
        "target": TARGET,
        "body": b"body",
        "created": NOW,
        "nonce": NONCE,
        "meta": "bWV0YQ",
    }
    return list(signing.sign(KEY, **(wanted | changes)).items())  # type: ignore[arg-type]  # a table's rows


def accept(
    headers: list[tuple[str, str]],
    *,
    method: str = "PUT",
    target: str = TARGET,
    body: bytes = b"body",
    secret: str = SECRET,
    now: float = NOW,
) -> signing.Signed:
    claim = signing.read(headers)
    signing.check(claim, secret, method=method, target=target)
    signing.check_time(claim, now)
    signing.check_body(claim, hashlib.sha256(body).digest())
    return claim


def changed(name: str, old: str, new: str) -> list[tuple[str, str]]:
    headers = signed()
    assert any(old in value for key, value in headers if key == name)
    return [(key, value.replace(old, new, 1) if key == name else value) for key, value in headers]


def test_what_was_signed_is_accepted() -> None:
    claim = accept(signed())
    assert (claim.key_id, claim.device, claim.created, claim.nonce) == ("field-3/k1", "field-3", NOW, NONCE)
    assert accept(signed(meta=None), body=b"body").nonce == NONCE
    assert accept([(name.upper(), value) for name, value in signed()])  # names of headers are case-insensitive


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"method": "POST"}, signing.WrongSignatureError),
        ({"target": "/v1/frames/other-id"}, signing.WrongSignatureError),
        ({"target": "/v1/frames/abcdefgh"}, signing.WrongSignatureError),  # the query belongs to it
        ({"target": "/v1/frames/abcdefgh?x=2"}, signing.WrongSignatureError),
        ({"secret": "t" * 43}, signing.WrongSignatureError),
        ({"body": b"another"}, signing.WrongDigestError),
        ({"now": NOW + 301}, signing.ClockSkewError),
        ({"now": NOW - 3600}, signing.ClockSkewError),  # a clock an hour ahead
    ],
)
def test_another_request_is_refused(wrong: dict[str, object], error: type[signing.SignatureError]) -> None:
    with pytest.raises(error) as caught:
        accept(signed(), **wrong)  # type: ignore[arg-type]  # a table's rows
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ([], signing.MissingSignatureError),
        (signed()[:1], signing.MissingSignatureError),
        (signed()[1:], signing.MalformedSignatureError),  # no digest
        ([*signed(), signed()[0]], signing.MalformedSignatureError),  # one header twice
        ([*signed(meta=None), (signing.META, "x")], signing.MalformedSignatureError),  # a meta that was not signed
        (signed()[:-1], signing.MalformedSignatureError),  # a signed meta that is gone
        (changed(signing.META, "bWV0", "AAAA"), signing.WrongSignatureError),
        (changed("Signature", "=:", "=:A"), signing.MalformedSignatureError),
        (changed("Signature", "sightline", "other"), signing.MalformedSignatureError),  # another label
        (changed("Signature-Input", ' "@path"', ""), signing.MalformedSignatureError),  # the path is not covered
        (changed("Signature-Input", '"@path"', '"@method"'), signing.MalformedSignatureError),  # covered twice
        (changed("Signature-Input", "hmac-sha256", "none"), signing.MalformedSignatureError),
        (changed("Signature-Input", f'nonce="{NONCE}"', 'nonce="short"'), signing.MalformedSignatureError),
        (changed("Signature-Input", f';nonce="{NONCE}"', ""), signing.MalformedSignatureError),
        (changed("Signature-Input", "created=17", "created=-17"), signing.MalformedSignatureError),
        (changed("Signature-Input", f"created={NOW}", f"created={NOW + 1}"), signing.WrongSignatureError),
        (changed("Signature-Input", "created=", "created=1;created="), signing.MalformedSignatureError),
        (changed("Signature-Input", "field-3/k1", "../../etc"), signing.MalformedSignatureError),
        (changed("Signature-Input", "sightline=", "sightline= "), signing.MalformedSignatureError),
        (changed("Content-Digest", "sha-256", "md5"), signing.MalformedSignatureError),
        (changed("Content-Digest", "sha-256=:", "sha-256=:é"), signing.MalformedSignatureError),
    ],
)
def test_headers_that_are_not_in_form(headers: list[tuple[str, str]], error: type[signing.SignatureError]) -> None:
    with pytest.raises(error):
        accept(headers)


def test_a_skewed_clock_learns_the_time() -> None:
    with pytest.raises(signing.ClockSkewError, match="behind") as caught:
        accept(signed(), now=NOW + 3600)
    assert (caught.value.server_time, caught.value.window_s) == (NOW + 3600, signing.WINDOW_S)


@given(
    st.lists(st.tuples(st.sampled_from(["Signature", "signature-input", "Content-Digest", "x"]), st.text(max_size=90)))
)
def test_no_headers_do_more_than_be_refused(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(signing.SignatureError):
        signing.read(headers)


@given(st.integers(0, 2**32), st.integers(0, 300), st.sampled_from(list("\0 \"';()é\r\n9A=")))
def test_no_change_of_a_signed_header_is_accepted(which: int, at: int, sign: str) -> None:
    headers = signed()
    name, value = headers[which % len(headers)]
    at %= len(value)
    forged = value[:at] + sign + value[at + 1 :]
    if forged.strip(" ") == value:
        return
    headers[which % len(headers)] = (name, forged)
    with pytest.raises(signing.SignatureError):
        accept(headers)


def test_a_key_travels_as_one_text_and_is_never_printed() -> None:
    assert signing.Key.parse(f" {KEY.text()}\n") == KEY
    assert SECRET not in repr(KEY)
    with pytest.raises(InputError) as caught:
        signing.Key.parse("field-3/k1/tooshort")
    assert "tooshort" not in str(caught.value)
    for bad in ("short", "with space" * 3):
        with pytest.raises(ValueError, match="nonce"):
            signed(nonce=bad)


def test_the_base_is_that_of_the_standard() -> None:
    # RFC 9421 appendix B.2.5, with its shared secret: fields of its own choice under the same base and MAC
    secret = base64.b64decode(
        "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
    )
    params = '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
    fields = {"date": "Tue, 20 Apr 2021 02:07:55 GMT", "@authority": "example.com", "content-type": "application/json"}
    base = signing._base("POST", "/foo", ("date", "@authority", "content-type"), fields, params)
    got = base64.b64encode(hmac.new(secret, base, hashlib.sha256).digest()).decode()
    assert got == "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="


def test_another_implementation_of_the_standard_agrees() -> None:
    try:
        import http_message_signatures as judge
    except ImportError:
        missing("no http-message-signatures: pip install http-message-signatures")
    resolver = type(
        "Resolver",
        (judge.HTTPSignatureKeyResolver,),
        {"resolve_private_key": lambda _, __: SECRET.encode(), "resolve_public_key": lambda _, __: SECRET.encode()},
    )()
    hmac_sha256 = judge.algorithms.HMAC_SHA256
    # a device that signs with the library is understood here
    request = SimpleNamespace(method="PUT", url=f"http://h{TARGET}", headers={"Sightline-Meta": "bWV0YQ"})
    judge.HTTPMessageSigner(signature_algorithm=hmac_sha256, key_resolver=resolver).sign(
        request,
        key_id=KEY.id,
        created=dt.datetime.fromtimestamp(NOW, dt.UTC),
        nonce=NONCE,
        tag=signing.TAG,
        label="sightline",
        covered_component_ids=("@method", "@path", "@query", "content-digest", "sightline-meta"),
        body=b"body",
    )
    theirs = list(request.headers.items())
    assert accept(theirs).key_id == KEY.id
    # and what is signed here, the library accepts
    now = int(dt.datetime.now(dt.UTC).timestamp())
    for meta in ("bWV0YQ", None):
        headers = dict(signed(created=now, meta=meta))
        ours = SimpleNamespace(method="PUT", url=f"http://h{TARGET}", headers=headers)
        verifier = judge.HTTPMessageVerifier(signature_algorithm=hmac_sha256, key_resolver=resolver)
        assert verifier.verify(ours, body=b"body", max_age=dt.timedelta(hours=1))


def meta(**changes: object) -> FrameMeta:
    wanted: dict[str, object] = {
        "frame": "abcdefgh",
        "site": "north",
        "camera": "leaf",
        "captured": 1.0,
        "profile": "potato",
        "width": 640,
        "height": 480,
        "sha256": "0" * 64,
    }
    return FrameMeta.model_validate(wanted | changes)


def test_the_meta_header_goes_there_and_back() -> None:
    rich = meta(
        readings=[Reading(sensor="wind", value=3.5, unit="m/s", t=5)], facts={"note": "叶"}, quality={"sharp": 0.5}
    )
    assert read_meta(meta_header(rich)) == rich
    with pytest.raises(MetaError, match="fewer readings"):
        meta_header(meta(facts={"note": "x" * MAX_META}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("*", "base64url"),
        ("eyI", "JSON"),  # cut off
        ("A" * (MAX_META + 1), "longer"),
        (base64.urlsafe_b64encode(b'{"frame": "x"}').decode(), "frame"),
        (
            base64.urlsafe_b64encode(meta().model_dump_json().replace("640", '"%s"' % ("s" * 99)).encode()).decode(),
            "width",
        ),
    ],
)
def test_a_meta_that_cannot_be_read_names_the_field(text: str, told: str) -> None:
    with pytest.raises(MetaError, match=told) as caught:
        read_meta(text)
    assert "sss" not in str(caught.value)
