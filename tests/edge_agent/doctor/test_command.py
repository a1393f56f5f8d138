"""`sightline doctor --config` as a whole, against real servers: an RTSP camera, a webhook receiver, ports in use."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.cli import build
from edge_agent.doctor import cameras, inference
from tests.media_files import write_video
from tests.peers.rtsp import RtspServer, free_port

PASSWORD = "s3cret/p@ss"
_BASE = """\
version: 1
data_dir: {folder}/data
model: {{path: {model}}}
api: {{port: {port}}}
evidence: {{max_gb: 0.1, min_free_gb: 0.1}}
cameras:
{cameras}
{rest}
"""
_CAMERA = (
    "  - {{name: {name}, source: '{source}', stream: {{connect_s: 3, loop: true}}, rules: [{{type: tamper}}]{more}}}"
)


def camera(name: str, source: str, more: str = "") -> str:
    return _CAMERA.format(name=name, source=source, more=more)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A clip of a few seconds, 10 pictures a second."""
    path = tmp_path / "clip.mp4"
    write_video(path, count=40, size=(640, 360))
    return path


class Doctor:
    """Writes configs and runs the command on them."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.model, self.port = folder, root / "demo/model/sightline-demo.onnx", free_port()

    def __call__(self, *cameras: str, rest: str = "", **env: str) -> tuple[int, list[dict[str, Any]]]:
        text = _BASE.format(folder=self.folder, model=self.model, port=self.port, cameras="\n".join(cameras), rest=rest)
        path = self.folder / "cams.yaml"
        path.write_text(text)
        words = ["doctor", "--config", str(path), "--json", "--timeout", "30"]
        done = CliRunner().invoke(build(), words, env={"CAM_PASSWORD": PASSWORD, **env})
        assert PASSWORD not in done.output
        assert "s3cret" not in done.output
        report = json.loads(done.stdout)
        assert report["status"] == done.exit_code
        return done.exit_code, report["findings"]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads the figures here."""
    monkeypatch.setattr(inference, "_SECONDS", 0.05)
    monkeypatch.setattr(cameras, "FILE_S", 0.2)
    monkeypatch.setattr(cameras, "WATCH_S", 2.0)


@pytest.fixture
def doctor(tmp_path: Path, root: Path) -> Doctor:
    return Doctor(tmp_path, root)


def of(findings: list[dict[str, Any]], check: str, subject: str = "") -> list[dict[str, Any]]:
    return [f for f in findings if f["check"] == check and f["subject"] == subject]


def levels(findings: list[dict[str, Any]], check: str, subject: str = "") -> list[str]:
    return [f["level"] for f in of(findings, check, subject)]


def test_a_file_as_camera_and_nothing_wrong(doctor: Doctor, clip: Path) -> None:
    code, found = doctor(camera("yard", clip.name))
    assert code == 0
    (line,) = of(found, "camera", "yard")
    assert (line["level"], line["facts"]["width"]) == ("ok", 640)
    assert levels(found, "api", "port") == levels(found, "store") == ["ok"]
    assert not (doctor.folder / "data").exists()  # nothing is made by looking


def test_cameras_over_rtsp_with_right_and_wrong_logins(doctor: Doctor, clip: Path) -> None:
    with RtspServer(clip, "viewer", PASSWORD) as server:
        place = f"127.0.0.1:{server.port}"
        code, found = doctor(
            camera("right", f"rtsp://viewer:${{CAM_PASSWORD}}@{place}/cam", f", record_source: 'rtsp://{place}/cam'"),
            camera("wrong", f"rtsp://viewer:${{WRONG}}@{place}/cam"),
            camera("path", f"rtsp://viewer:${{CAM_PASSWORD}}@{place}/other"),
            camera("gone", f"rtsp://127.0.0.1:{free_port()}/cam"),
            camera("unset", f"rtsp://viewer:${{NOT_SET}}@{place}/cam"),
            WRONG="nope",
        )
    assert code == 2  # the variable that is not set stands in the config
    assert levels(found, "camera", "right")[0] == "ok", of(found, "camera", "right")
    faults = {
        subject: of(found, "camera", subject)[0]["facts"].get("fault")
        for subject in ("wrong", "path", "gone", "right record_source")
    }
    assert faults == {"wrong": "auth", "path": "not_found", "gone": "refused", "right record_source": "auth"}
    assert "NOT_SET" in of(found, "camera", "unset")[0]["text"]
    assert all(f["fix"] for f in found if f["level"] == "fail" and f["facts"].get("fault"))


def test_targets_that_cannot_be_reached(doctor: Doctor, clip: Path) -> None:
    rest = f"alerts:\n  - {{type: webhook, url: 'http://127.0.0.1:{free_port()}/x', name: hook}}\n"
    rest += f"  - {{type: mqtt, host: 127.0.0.1, port: {free_port()}, name: broker}}"
    code, found = doctor(camera("yard", clip.name), rest=rest)
    assert code == 3
    assert levels(found, "alerts", "hook") == levels(found, "alerts", "broker") == ["fail"]


def test_a_port_in_use(doctor: Doctor, clip: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", doctor.port))
        other.listen(1)
        code, found = doctor(camera("yard", clip.name))
    assert code == 3
    (line,) = of(found, "api", "port")
    assert (line["level"], "api.port" in line["fix"]) == ("fail", True)


def test_a_data_folder_that_is_a_file(doctor: Doctor, clip: Path) -> None:
    (doctor.folder / "data").write_text("not a folder")
    code, found = doctor(camera("yard", clip.name))
    assert code == 3
    assert "fail" in levels(found, "disk")


def test_a_store_that_is_no_database(doctor: Doctor, clip: Path) -> None:
    (doctor.folder / "data").mkdir()
    (doctor.folder / "data/sightline.db").write_bytes(b"not a database, but long enough to be read as one" * 50)
    code, found = doctor(camera("yard", clip.name))
    assert code == 3
    assert levels(found, "store") == ["fail"]


@pytest.fixture
def proxy() -> Iterator[int]:
    """Something at the public address that is not the agent."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join(5)


def test_a_public_address_that_leads_elsewhere(doctor: Doctor, clip: Path, proxy: int) -> None:
    doctor.model = doctor.model.resolve()
    text = _BASE.replace(
        "api: {{port: {port}}}", f"api: {{{{port: {{port}}, public_url: 'http://127.0.0.1:{proxy}'}}}}"
    )
    path = doctor.folder / "cams.yaml"
    path.write_text(
        text.format(folder=doctor.folder, model=doctor.model, port=doctor.port, cameras=camera("y", clip.name), rest="")
    )
    done = CliRunner().invoke(build(), ["doctor", "--config", str(path), "--json"])
    (line,) = of(json.loads(done.stdout)["findings"], "api", "public_url")
    assert (done.exit_code, line["level"]) == (0, "warn")  # no agent runs: it may be a page in its place
    assert "HTTP 404" in line["text"]


def test_a_wrong_config_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("version: 1\ncamera: []\n")
    done = CliRunner().invoke(build(), ["doctor", "--config", str(path)])
    assert done.exit_code == 2
    assert "bad.yaml:2" in done.stdout
    assert "processor" not in done.stdout  # first things first


def test_the_report_for_people(tmp_path: Path) -> None:
    done = CliRunner().invoke(build(), ["doctor"])
    assert done.exit_code == 0
    assert "inference" in done.stdout
    assert done.stdout.rstrip().endswith("ok") or "all is well" in done.stdout
