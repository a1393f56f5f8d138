"""Devices and their keys: shown once, several at a time, revoked at once, and nowhere to be read."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from cloud_adapter.database import FILE, CloudDatabase, address_in
from cloud_adapter.intake.devices import Devices, master_key
from cloud_adapter.intake.settings import DeviceSettings, IntakeSettings
from tests.cloud_adapter.intake.serving import MASTER, START, Clock, Device, Serving, jpeg, served
from vision.errors import ConfigError, InputError, SightlineError
from vision.wire.signing import Key

SECRET = "c" * 40
DAY = 86_400.0


@pytest.fixture
def db(tmp_path: Path) -> Any:
    database = CloudDatabase(address_in(tmp_path))
    yield database
    database.close()


def configured(**changes: Any) -> DeviceSettings:
    wanted = {"name": "gate-1", "site": "north", "keys": [{"id": "k1", "secret": "${GATE_KEY}"}]}
    return DeviceSettings.model_validate(wanted | changes)


def valid(devices: Devices, name: str, at: float) -> list[str]:
    devices.refresh()
    device = devices.find(name)
    return [] if device is None else [key.id for key in device.keys if key.valid(at)]


def test_a_key_is_rotated_with_an_overlap_and_revoked(db: CloudDatabase) -> None:
    clock = Clock()
    devices = Devices(db, MASTER, (), clock)
    first = devices.add("field-3", site="north", cameras=("leaf",), profiles=("potato",))
    assert (first.device, first.id) == ("field-3", "field-3/k1")
    second = devices.rotate("field-3", overlap_s=DAY)
    assert second.id == "field-3/k2"
    assert second.secret != first.secret
    assert valid(devices, "field-3", START) == ["k1", "k2"]
    assert valid(devices, "field-3", START + DAY) == ["k2"]
    elsewhere = Devices(db, MASTER, (), clock)  # another process
    assert elsewhere.revoke("field-3", "k2") == 1
    assert valid(devices, "field-3", START) == ["k1"]
    assert devices.revoke("field-3") == 1
    assert valid(devices, "field-3", START) == []
    (listed,) = devices.all()
    assert (listed.site, listed.cameras, listed.profiles) == ("north", ("leaf",), ("potato",))
    assert SECRET not in repr(listed)
    assert first.secret not in repr(listed)
    devices.remove("field-3")
    assert devices.all() == ()
    again = devices.add("field-3")
    assert again.secret != first.secret, "an old key does not come back with the name"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda d: d.add("field-3"), "there is such a device"),
        (lambda d: d.add("gate-1"), "in the config"),
        (lambda d: d.add("a b"), "name"),
        (lambda d: d.add("x", cameras=("a b",)), "cameras"),
        (lambda d: d.rotate("nobody"), "no such device"),
        (lambda d: d.rotate("gate-1"), "in the config"),
        (lambda d: d.revoke("field-3", "k7"), "no valid key k7"),
        (lambda d: d.remove("nobody"), "no such device"),
    ],
)
def test_what_cannot_be_done_says_why(db: CloudDatabase, monkeypatch: Any, wrong: Any, told: str) -> None:
    monkeypatch.setenv("GATE_KEY", SECRET)
    devices = Devices(db, MASTER, (configured(),), Clock())
    devices.add("field-3")
    with pytest.raises(InputError, match=told):
        wrong(devices)


def test_the_database_holds_no_secret_and_another_master_key_makes_none(
    tmp_path: Path, db: CloudDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    key = Devices(db, MASTER, (), Clock()).add("field-3")
    stored = b"".join(file.read_bytes() for file in tmp_path.glob(FILE + "*"))
    assert b"field-3" in stored
    assert key.secret.encode() not in stored
    other = Devices(db, b"o" * 32, (), Clock())
    assert valid(other, "field-3", START) == []
    assert "another intake.key" in caplog.text
    assert key.secret not in caplog.text


def test_keys_of_the_config(db: CloudDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (SECRET, f"gate-1/k1/{SECRET}"):  # the secret alone, or the whole text of a key
        monkeypatch.setenv("GATE_KEY", text)
        devices = Devices(db, MASTER, (configured(),), Clock())
        device = devices.find("gate-1")
        assert device is not None
        assert (device.cameras, device.keys[0].secret) == (("gate-1",), SECRET)
    timed = {
        "id": "k1",
        "secret": "${GATE_KEY}",
        "not_before": "2026-01-01T00:00:00Z",
        "not_after": "2026-02-01T00:00:00Z",
    }
    devices = Devices(db, MASTER, (configured(keys=[timed]),), Clock())
    assert valid(devices, "gate-1", 1_768_000_000) == ["k1"]  # 9 January 2026
    assert valid(devices, "gate-1", 1_771_000_000) == []
    revoked = Devices(db, MASTER, (configured(keys=[timed | {"revoked": True}]),), Clock())
    assert valid(revoked, "gate-1", 1_768_000_000) == []
    for text, told in [("short", "32 to 128"), (f"other/k1/{SECRET}", "holds the key of other/k1")]:
        monkeypatch.setenv("GATE_KEY", text)
        with pytest.raises(ConfigError, match=told) as caught:
            Devices(db, MASTER, (configured(),), Clock())
        assert SECRET not in str(caught.value)
    monkeypatch.setenv("GATE_KEY", SECRET)
    for several, told in [
        ((configured(), configured()), "the same name"),
        ((configured(keys=[timed, timed]),), "the same id"),
    ]:
        with pytest.raises(ConfigError, match=told):
            Devices(db, MASTER, several, Clock())


def test_the_master_key_is_made_once_or_comes_from_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = master_key(IntakeSettings(), tmp_path)
    assert master_key(IntakeSettings(), tmp_path) == made
    assert (tmp_path / "intake.key").stat().st_mode & 0o077 == 0
    monkeypatch.setenv("MASTER", "m" * 40)
    given = IntakeSettings.model_validate({"key": "${MASTER}"})
    assert master_key(given, tmp_path) == b"m" * 40
    monkeypatch.setenv("MASTER", "short")
    with pytest.raises(SightlineError, match="at least 32"):
        master_key(given, tmp_path)


def test_a_revoked_or_expired_key_is_turned_away_at_the_door(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def use(s: Serving) -> None:
        caplog.set_level(logging.DEBUG)
        assert (await s.put(jpeg())).status == 201
        new = Device(s.devices.rotate("field-3", overlap_s=DAY), s.clock)
        assert (await s.put(jpeg(seed=1), "frame-002")).status == 201
        assert (await s.put(jpeg(seed=2), "frame-003", device=new)).status == 201
        s.clock.at += DAY
        old = await s.put(jpeg(seed=3), "frame-004")
        assert (old.status, old.body["error"]) == (401, "wrong_signature")
        assert (await s.put(jpeg(seed=3), "frame-004", device=new)).status == 201
        elsewhere = Devices(s.db, MASTER, (), s.clock)
        elsewhere.revoke("field-3")
        s.clock.at += 3  # as long as it takes at most to be known here
        revoked = await s.put(jpeg(seed=4), "frame-005", device=new)
        nobody = await s.put(jpeg(seed=4), "frame-005", device=Device(Key("nobody/k1", "x" * 43), s.clock))
        assert revoked.status == nobody.status == 401
        assert revoked.body == nobody.body, "strangers do not learn which devices there are"
        assert len(s.queue.jobs) == 4
        for secret in (s.device.key.secret, new.key.secret):
            assert secret not in caplog.text

    served(tmp_path, use)
