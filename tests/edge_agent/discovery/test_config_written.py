"""The config that a search leaves behind: right, without a secret, and never over another file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import load_config
from edge_agent.config.check import check
from edge_agent.discovery.addresses import candidates, with_login
from edge_agent.discovery.channels import channels, chosen
from edge_agent.discovery.records import Credential, Device, Profile, Trouble
from edge_agent.discovery.write import config_text, write
from vision.errors import InputError

MAIN = Profile("m", "main", "v1", "h264", 2560, 1440, 25.0, url="rtsp://192.0.2.10:554/main?x=1&y=2")
SUB = Profile("s", "sub", "v1", "h264", 640, 360, 15.0, url="rtsp://192.0.2.10:554/sub")
FROM_ENV = Credential("view er", "s3cret!", "CAMS_PASSWORD")
TYPED = Credential("viewer", "s3cret!")


def device(*profiles: Profile, name: str = "Yard", login: Credential | None = None, **facts: object) -> Device:
    return Device("http://192.0.2.10/onvif/device_service", name, "ACME", "X", profiles=profiles, login=login, **facts)  # type: ignore[arg-type]  # facts are fields


def written(folder: Path, model: Path, *devices: Device) -> tuple[Path, str]:
    target = folder / "found.yaml"
    text = config_text(channels(devices), model, folder)
    write(target, text, force=False)
    return target, text


@pytest.mark.parametrize(
    ("login", "source", "record"),
    [
        (None, "rtsp://192.0.2.10:554/sub", "rtsp://192.0.2.10:554/main?x=1&y=2"),
        # the variable that it was found with
        (FROM_ENV, "rtsp://view%20er:${CAMS_PASSWORD}@192.0.2.10:554/sub", None),
        # a password that was typed gets a variable of its own
        (TYPED, "rtsp://viewer:${CAM_YARD_PASSWORD}@192.0.2.10:554/sub", None),
    ],
)
def test_it_passes_the_check(
    tmp_path: Path, root: Path, login: Credential | None, source: str, record: str | None
) -> None:
    model = root / "demo/model/sightline-demo.onnx"
    target, text = written(tmp_path, model, device(MAIN, SUB, login=login))
    report = check(target)
    assert (report.errors, report.warnings) == ((), ())
    assert report.config is not None
    (camera,) = report.config.cameras
    assert (camera.name, str(camera.source)) == ("yard", source)
    assert record is None or str(camera.record_source) == record
    assert [rule.type for rule in camera.rules] == ["tamper"]
    assert "s3cret!" not in text


@pytest.mark.parametrize(
    "name",
    [
        "x\n  evil: true",  # would be a line of its own
        "a: b # c",
        "'\"]}",
        "仓库",  # nothing of it can be a name in the config
        "",
        "-",
        "ÄÖÜ Tür 3",
    ],
)
def test_names_from_the_network_stay_names(tmp_path: Path, root: Path, name: str) -> None:
    model = root / "demo/model/sightline-demo.onnx"
    found = device(MAIN, SUB, name=name, troubles=(Trouble("clock", "its clock is 3 days behind"),))
    config = load_config(written(tmp_path, model, found, found)[0])
    assert len({camera.name for camera in config.cameras}) == 2


@pytest.mark.parametrize(
    ("profiles", "main", "sub"),
    [
        ([MAIN, SUB], "m", "s"),
        ([MAIN], "m", "m"),  # one stream for both
        (
            [SUB, MAIN, Profile("x", "", "v1", "h264", 1280, 720, url="rtsp://h/x")],
            "m",
            "s",
        ),  # the one nearest to 640x360
        (
            [MAIN, Profile("j", "", "v1", "jpeg", 640, 360, url="rtsp://h/j"), SUB],
            "m",
            "s",
        ),  # H.264 where there is a choice
        ([MAIN, Profile("t", "", "v1", "h264", 160, 90, url="rtsp://h/t")], "m", "t"),  # tiny, but a sub stream
        ([MAIN, Profile("same", "", "v1", "h264", 640, 360, url=MAIN.url)], "m", "m"),  # two names for one stream
    ],
)
def test_main_and_sub(profiles: list[Profile], main: str, sub: str) -> None:
    best, looked_at = chosen(profiles)
    assert (best.token, looked_at.token) == (main, sub)


def test_each_video_source_of_a_recorder_is_a_camera() -> None:
    second = [Profile("m2", "", "v2", "h264", 1280, 720, url="rtsp://h/2"), Profile("n", "", "v3", "h264", 640, 360)]
    assert [c.name for c in channels([device(MAIN, SUB, *second)])] == ["yard-1", "yard-2"]  # v3 has no address


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "a.yaml"
    target.write_text("mine")
    with pytest.raises(InputError, match="--force"):
        write(target, "new", force=False)
    assert target.read_text() == "mine"
    write(target, "new", force=True)
    assert target.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.yaml"]  # nothing is left beside it


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rtsp://h/a", "rtsp://u:${P}@h/a"),
        ("http://h/s.cgi?user=u&pwd=old", "http://h/s.cgi?user=u&pwd=${P}"),  # where the maker wants it
        (
            "rtsp://h/user=u_password=hash_channel=1_stream=0.sdp",
            "rtsp://u:${P}@h/user=u_password=${P}_channel=1_stream=0.sdp",
        ),
    ],
)
def test_the_login_has_its_place(url: str, expected: str) -> None:
    assert with_login(url, "u", "P") == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1:8080", ("http://192.0.2.1:8080/onvif/device_service",)),
        ("cam.example", "http://cam.example:80/onvif/device_service"),  # and the other usual ports
        ("::1", "http://[::1]:80/onvif/device_service"),
        ("[fe80::1]:81", ("http://[fe80::1]:81/onvif/device_service",)),
        ("https://cam:8443", ("https://cam:8443/onvif/device_service",)),
        ("http://cam/other/path", ("http://cam/other/path",)),
        ("cam:443", ("https://cam:443/onvif/device_service",)),
    ],
)
def test_addresses_of_the_user(address: str, expected: tuple[str, ...] | str) -> None:
    got = candidates(address)
    assert got == expected if isinstance(expected, tuple) else (got[0] == expected and len(got) > 3)


@pytest.mark.parametrize(
    "address", ["", "cam:99999", "cam:x", "rtsp://cam/x", "a b", "http://u:s3cret!@cam", "http://"]
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(InputError) as error:
        candidates(address)
    assert "s3cret!" not in str(error.value)
