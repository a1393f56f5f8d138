"""`sightline discover` as a whole: against cameras in a network of their own, and its command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edge_agent.cli import build
from edge_agent.commands.discover import credentials
from edge_agent.config.check import check
from edge_agent.discovery.records import Credential
from tests.conftest import missing
from tests.peers import onvif
from vision.errors import InputError, SightlineError

PASSWORD = "p@ss/w:1"


@pytest.fixture(scope="module")
def cameras() -> Iterator[onvif.Network]:
    """An ipycam that wants a login, and a responder that points to where nobody listens."""
    if reason := onvif.impossible():
        missing(reason)
    try:
        import ipycam  # type: ignore[import-untyped]  # noqa: F401  # has no types
    except ImportError:
        missing("needs ipycam: pip install --no-deps ipycam==1.3.0")
    with (
        onvif.network() as net,
        onvif.camera(net, user="viewer", password=PASSWORD),
        onvif.responder(net, f"http://{onvif.THERE}:9/onvif/device_service"),
    ):
        yield net


def discover(net: onvif.Network, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", "from edge_agent.cli import main; main()", "discover", *words]
    env = {**os.environ, "CAM": PASSWORD, "WRONG": "x", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        net.command(net.seeker, *command), env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert PASSWORD not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_a_search_finds_both_responders_and_says_what_is_wrong(cameras: onvif.Network) -> None:
    done = discover(cameras, "--timeout", "2", "--json", "--user", "viewer", "--password-env", "CAM")
    assert done.returncode == 0, done.stderr
    lax, strict = sorted(json.loads(done.stdout)["devices"], key=lambda d: str(d["address"]))
    assert (lax["name"], lax["maker"], lax["user"], lax["troubles"]) == ("Yard East", "Test & Sons", "viewer", [])
    assert [(p["width"], p["height"]) for p in lax["profiles"]] == [(1920, 1080), (640, 360)]
    assert lax["profiles"][1]["url"] == f"rtsp://{onvif.THERE}:8554/video_sub"
    assert strict["name"] == "Strict One"
    assert [t["kind"] for t in strict["troubles"]] == ["unreachable"]


def test_a_wrong_password_is_told_in_the_table(cameras: onvif.Network) -> None:
    done = discover(cameras, "--timeout", "1.5", "--interface", "seek0", "--user", "viewer", "--password-env", "WRONG")
    assert done.returncode == 0, done.stderr
    assert "Yard East" in done.stdout
    assert "does not take the password of 'viewer'" in done.stdout


def test_a_config_is_written_that_passes_the_check(cameras: onvif.Network, tmp_path: Path, root: Path) -> None:
    target, model = tmp_path / "found.yaml", root / "demo/model/sightline-demo.onnx"
    words = ["--address", f"{onvif.THERE}:8080", "--user", "viewer", "--password-env", "CAM"]
    words += ["--write", str(target), "--model", str(model)]
    done = discover(cameras, *words)
    assert done.returncode == 0, done.stderr
    config = check(target).config
    assert config is not None
    (camera,) = config.cameras
    assert str(camera.source) == f"rtsp://viewer:${{CAM}}@{onvif.THERE}:8554/video_sub"
    assert str(camera.record_source) == f"rtsp://viewer:${{CAM}}@{onvif.THERE}:8554/video_main"
    assert PASSWORD not in target.read_text()
    again = discover(cameras, *words)
    assert (again.returncode, again.stdout) == (2, "")  # said before the search
    assert "--force" in again.stderr


def test_who_answers_over_ipv6_alone_is_found_once(cameras: onvif.Network) -> None:
    with onvif.responder_over_ipv6(cameras, f"http://{onvif.THERE}:11/onvif/device_service"):
        done = discover(cameras, "--timeout", "2", "--json", "--interface", "seek0")
    assert done.returncode == 0, done.stderr
    assert [d["name"] for d in json.loads(done.stdout)["devices"]].count("Sixth") == 1


def test_nobody_answers(cameras: onvif.Network) -> None:
    command = ["discover", "--timeout", "0.5", "--interface", "lo"]
    done = discover(cameras, *command[1:])
    assert done.returncode == 3
    assert "no camera answered" in done.stderr


def run(*words: str) -> Result:
    return CliRunner().invoke(build(), ["discover", *words])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--write", "x.yaml"], "--model"),  # a config names its detector
        (["--write", "x.yaml", "--model", "nowhere.onnx"], "no such file"),
        (["--write", "no/such/folder/x.yaml", "--model", "x"], "folder"),
        (["--interface", "nosuch0"], "no such interface"),
        (["--address", "rtsp://cam"], "HOST"),
        (["--user", "viewer"], "--password-env"),  # no terminal to ask on
        (["--password-env", "X"], "--user"),
        (["--user", "viewer:secret", "--password-env", "X"], "':'"),
        (["--user", "viewer", "--password-env", "NO_SUCH_VARIABLE"], "not set"),
    ],
)
def test_wrong_command_lines(words: list[str], told: str) -> None:
    done = run(*words)
    assert isinstance(done.exception, InputError)
    assert told in str(done.exception)
    assert "secret" not in str(done.exception)


def test_logins_pair_by_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "1")
    monkeypatch.setenv("B", "2")
    assert credentials(["x", "y"], ["A", "B"]) == (Credential("x", "1", "A"), Credential("y", "2", "B"))


def test_the_missing_extra_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wsdiscovery", None)  # as if it were not installed
    done = run()
    assert isinstance(done.exception, SightlineError)
    assert "pip install 'sightline[onvif]'" in str(done.exception)
