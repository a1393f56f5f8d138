"""Answers to a probe, as they come in the field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.discovery.records import Responder
from edge_agent.discovery.replies import MAX_BYTES, merged, responders

HOST = "192.0.2.10"
URL = f"http://{HOST}/onvif/device_service"
_STRICT = """<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"
 xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header><a:MessageID>uuid:1</a:MessageID></s:Header><s:Body>
 <d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>urn:uuid:77</a:Address></a:EndpointReference>
 <d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://www.onvif.org/name/Gate%20West
 onvif://www.onvif.org/hardware/X-1</d:Scopes><d:XAddrs>{}</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>
 </d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>"""
STRICT = _STRICT.format(URL)
BARE = "<Envelope><Body><ProbeMatch>{}</ProbeMatch></Body></Envelope>"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (STRICT, Responder("urn:uuid:77", (URL,), "Gate West", "X-1")),
        # no ProbeMatches, no namespaces, no id, a name with a blank that is not escaped
        (
            BARE.format(f"<Scopes>onvif://www.onvif.org/name/Back Yard</Scopes><XAddrs>{URL}</XAddrs>"),
            Responder("", (URL,), "Back Yard"),
        ),
        # no addresses: the device service is where the standard puts it
        (BARE.format("<Types>dn:NetworkVideoTransmitter</Types>"), Responder("", (URL,))),
        # an address that is none, between two that are; who answered comes first
        (
            _STRICT.format(f"http://[fe80::1]/onvif/device_service http://: ftp://x {URL}"),
            Responder("urn:uuid:77", (URL, "http://[fe80::1]/onvif/device_service"), "Gate West", "X-1"),
        ),
        # cut off in the middle
        (STRICT[: STRICT.index("<d:MetadataVersion>")], Responder("urn:uuid:77", (URL,), "Gate West", "X-1")),
        # what a device sends is shown on one line, without control characters
        (
            BARE.format(f"<Scopes>onvif://www.onvif.org/name/a%1b[31m%0ab</Scopes><XAddrs>{URL}</XAddrs>"),
            Responder("", (URL,), "a [31m b"),
        ),
        # a printer
        (BARE.format(f"<Types>wprt:PrintDeviceType</Types><XAddrs>http://{HOST}:5357/x</XAddrs>"), None),
        # our own probe, heard again
        ("<Envelope><Body><Probe><Types>dn:NetworkVideoTransmitter</Types></Probe></Body></Envelope>", None),
        ("", None),
        ("hello", None),
        ("<a" * 20_000, None),
        ("x" * (MAX_BYTES + 1), None),
        # entities are not expanded, files are not read
        (
            '<!DOCTYPE e [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
            + BARE.format(f"<Scopes>onvif://www.onvif.org/name/&f;</Scopes><XAddrs>{URL}</XAddrs>"),
            Responder("", (URL,), ""),
        ),
    ],
)
def test_answers(reply: str, expected: Responder | None) -> None:
    assert responders(reply.encode(), HOST) == ([] if expected is None else [expected])


@given(st.binary(max_size=400))
def test_noise_is_no_camera_and_no_error(noise: bytes) -> None:
    assert responders(noise, HOST) == []


@given(st.integers(0, len(STRICT)), st.binary(max_size=8))
def test_damaged_answers_are_no_error(place: int, noise: bytes) -> None:
    raw = STRICT.encode()
    responders(raw[:place] + noise + raw[place:], HOST)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # the same id over IPv4 and IPv6
        (
            [Responder("u1", ("http://a/x",), "N"), Responder("u1", ("http://[::1]/x",))],
            [Responder("u1", ("http://a/x", "http://[::1]/x"), "N")],
        ),
        # a new id with each answer, but the same place
        ([Responder("u1", ("http://a/x",)), Responder("u2", ("http://a:80/y",), "N")], None),
        ([Responder("", ("http://a/x",)), Responder("", ("http://a/x",))], [Responder("", ("http://a/x",))]),
        # no id is not the same as no id
        ([Responder("", ("http://a/x",)), Responder("", ("http://b/x",))], 2),
        # the third joins the first two
        (
            [
                Responder("", ("http://a/x",)),
                Responder("", ("http://b/x",)),
                Responder("", ("http://a/x", "http://b/x")),
            ],
            1,
        ),
    ],
)
def test_duplicate_answers_are_one_device(found: list[Responder], expected: list[Responder] | int | None) -> None:
    got = merged(found)
    if isinstance(expected, list):
        assert got == expected
    else:
        assert len(got) == (expected or 1)
