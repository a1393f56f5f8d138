"""The agent's own HTTP interface: its port, its public address."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from edge_agent.config import Config
from edge_agent.doctor.base import Finding, Look, Patient, check_each, fail, ok, warn
from edge_agent.doctor.folders import agent_here


@check_each("api", order=140)
def api(patient: Patient, config: Config) -> Iterable[tuple[str, Look]]:
    """The port that the agent listens on, and the address under which receivers reach it."""
    if config.api.enabled:
        yield "port", lambda: _port(patient, config)
    if config.api.public_url is not None:
        url = config.api.public_url
        yield "public_url", lambda: _public(patient, config, url)


def _port(patient: Patient, config: Config) -> Iterable[Finding]:
    host, port = config.api.host, config.api.port
    place = f"{f'[{host}]' if ':' in host else host}:{port}"
    running = agent_here(patient)
    if running is not None:
        yield ok(
            f"an agent runs with this config (process {running.get('pid')}), at {running.get('api') or 'no address'}"
        )
    elif (reason := _taken(host, port)) is None:
        yield ok(f"{place} is free")
    else:
        yield fail(
            f"{place} cannot be used: {reason}", "set api.port to another one (0: any free), or stop what listens there"
        )
    if config.api.token is not None:
        config.api.token.filled_in(patient.env)
    if not _loopback(host):
        yield warn(
            f"api.host {host}: others in the network can ask it, and the token goes over it unencrypted",
            "keep 127.0.0.1 and put a proxy with TLS before it, or make sure that the network is yours",
        )


def _taken(host: str, port: int) -> str | None:
    """Why the port cannot be listened on; None where it can."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return "no such address here"
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the agent does
            try:
                probe.bind(address)
                probe.listen(1)
            except OSError as error:
                return error.strerror or "it is taken"
    return None


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _public(patient: Patient, config: Config, url: str) -> Iterable[Finding]:
    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
    if parts.scheme == "http" and not _loopback(parts.hostname or ""):
        yield warn(
            f"{place}: links to pictures travel unencrypted", "put a proxy with TLS before it and write https://"
        )
    if not config.api.enabled:
        yield Finding("fail", "public_url is set, but api.enabled is false", "api: {enabled: true}", input=True)
        return
    maker = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = maker(parts.hostname or "", parts.port, timeout=patient.left(8.0))
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/healthz")
        status = connection.getresponse().status
    except ssl.SSLError as error:
        yield fail(f"{place}: TLS fails ({error.reason or 'certificate'})", "renew the proxy's certificate")
        return
    except (OSError, HTTPException) as error:
        yield from _unreached(patient, place, error)
        return
    finally:
        connection.close()
    if status == 200:
        yield ok(f"{place} leads here")
    else:
        yield _strange(patient, place, status)


def _unreached(patient: Patient, place: str, error: Exception) -> Iterable[Finding]:
    reason = getattr(error, "strerror", None) or type(error).__name__
    if agent_here(patient) is None:
        yield warn(
            f"{place} does not answer ({reason}); no agent runs here now", "try again while `sightline run` runs"
        )
    else:
        yield fail(
            f"{place} does not answer ({reason})", "check name, port and the proxy; from here and from the receivers"
        )


def _strange(patient: Patient, place: str, status: int) -> Finding:
    text = f"{place} answers with HTTP {status}, not as the agent would"
    if agent_here(patient) is None:
        return warn(f"{text}; no agent runs here now", "try again while `sightline run` runs")
    return fail(text, "let the proxy pass everything on to api.host and api.port")
