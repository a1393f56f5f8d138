"""Devices and their keys: from the config and from the database, where `sightline cloud devices` adds, rotates and revokes.

The database holds no secret: a key is HMAC-SHA256 of device, key id and salt under the master key (`data_dir/intake.key`,
or `intake.key` of the config), so that a copy of the database lets nobody send pictures.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

from cloud_adapter.database import CloudDatabase
from cloud_adapter.intake import schema
from cloud_adapter.intake.settings import DeviceSettings, IntakeSettings, KeySettings, Rights, epoch
from vision.delivery.links import key_file
from vision.errors import ConfigError, InputError
from vision.wire.messages import Name
from vision.wire.signing import Key

_log = logging.getLogger("sightline.intake")
_REFRESH_S = 2.0  # how soon a device that was added or revoked elsewhere is known here
_SHORTEST = 32
_KEYS, _DEVICES = schema.keys, schema.devices


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """A key and when it is valid, epoch seconds UTC."""

    id: str
    secret: str = field(repr=False)
    not_before: float = 0.0
    not_after: float = math.inf
    revoked: bool = False

    def valid(self, now: float) -> bool:
        """Whether it is accepted at this moment."""
        return not self.revoked and self.not_before <= now < self.not_after


@dataclass(frozen=True, slots=True)
class Device:
    """Who may send what, and with which keys."""

    name: str
    site: str
    cameras: tuple[str, ...]  # ("*",): any
    profiles: tuple[str, ...]  # (): any
    plain: bool
    keys: tuple[DeviceKey, ...]
    from_config: bool = False

    def speaks_for(self, camera: str) -> bool:
        """Whether it may send pictures of this camera."""
        return camera in self.cameras or "*" in self.cameras

    def may_ask(self, profile: str) -> bool:
        """Whether this may be asked about its pictures."""
        return not self.profiles or profile in self.profiles


class Devices:
    """All devices; safe from any thread or process. Calls that read or write the database may raise `StoreError`."""

    def __init__(
        self, db: CloudDatabase, master: bytes, configured: Sequence[DeviceSettings], now: Callable[[], float]
    ) -> None:
        """Raises `ConfigError` for a key of the config that cannot be used."""
        self._db = db
        self._master = master
        self._now = now
        self._configured = {device.name: _configured(device) for device in configured}
        if len(self._configured) != len(configured):
            raise ConfigError("devices: two of them have the same name; give each its own")
        db.prepare(schema.ROOM, schema.STEPS)
        self._kept: dict[str, Device] = {}
        self._fresh_until = -math.inf
        self._warned: set[str] = set()
        self.refresh()

    @property
    def stale(self) -> bool:
        """Whether what is kept of the database is older than two seconds."""
        return not self._fresh_until - _REFRESH_S <= self._now() < self._fresh_until

    def refresh(self) -> None:
        """Read the database again; sync."""
        self._kept = {device.name: device for device in self._stored()}
        self._fresh_until = self._now() + _REFRESH_S

    def find(self, name: str) -> Device | None:
        """The device of this name, as of the last `refresh`; one of the config goes first."""
        return self._configured.get(name) or self._kept.get(name)

    def all(self) -> tuple[Device, ...]:
        """All devices by name."""
        found = {device.name: device for device in self._stored()} | self._configured
        return tuple(found[name] for name in sorted(found))

    def add(
        self,
        name: str,
        *,
        site: str = "site",
        cameras: Sequence[str] = (),
        profiles: Sequence[str] = (),
        plain: bool = False,
    ) -> Key:
        """A new device; the key is shown this once. Raises `InputError`."""
        wanted = {"site": site, "cameras": tuple(cameras), "profiles": tuple(profiles), "plain": plain}
        try:
            TypeAdapter(Name).validate_python(name)
            document = Rights.model_validate(wanted).model_dump_json()
        except ValidationError as error:
            trouble = error.errors(include_url=False, include_context=False)[0]
            raise InputError(f"device {'.'.join(map(str, trouble['loc'])) or 'name'}: {trouble['msg']}") from None
        if name in self._configured:
            raise InputError(f"{name}: this device is in the config already; choose another name")
        with self._db.writing() as db:
            if db.execute(sa.select(_DEVICES.c.name).where(_DEVICES.c.name == name)).first() is not None:
                raise InputError(f"{name}: there is such a device already; rotate its key, or remove it first")
            db.execute(sa.insert(_DEVICES).values(name=name, document=document, added=self._now()))
            key = self._new_key(db, name, "k1")
        self._fresh_until = -math.inf
        return key

    def rotate(self, name: str, *, overlap_s: float = 7 * 86_400.0) -> Key:
        """One more key, shown this once; the older ones hold for `overlap_s` more. Raises `InputError`."""
        until = self._now() + overlap_s
        with self._db.writing() as db:
            self._known(db, name)
            ids = set(db.execute(sa.select(_KEYS.c.id).where(_KEYS.c.device == name)).scalars())
            later = _KEYS.c.not_after.is_(None) | (_KEYS.c.not_after > until)
            db.execute(sa.update(_KEYS).where(_KEYS.c.device == name, later).values(not_after=until))
            number = next(n for n in range(1, len(ids) + 2) if f"k{n}" not in ids)
            key = self._new_key(db, name, f"k{number}")
        self._fresh_until = -math.inf
        return key

    def revoke(self, name: str, key_id: str | None = None) -> int:
        """Accept one key, or all, no more; how many that were. Raises `InputError`."""
        place = (_KEYS.c.device == name) & _KEYS.c.revoked.is_(None)
        if key_id is not None:
            place &= _KEYS.c.id == key_id
        with self._db.writing() as db:
            self._known(db, name)
            count = db.execute(sa.select(sa.func.count()).select_from(_KEYS).where(place)).scalar_one()
            if not count:
                raise InputError(
                    f"{name}: no valid key {key_id or ''}".rstrip() + "; sightline cloud devices list shows them"
                )
            db.execute(sa.update(_KEYS).where(place).values(revoked=self._now()))
        self._fresh_until = -math.inf
        return int(count)

    def remove(self, name: str) -> None:
        """Forget a device with its keys. Raises `InputError`."""
        with self._db.writing() as db:
            self._known(db, name)
            db.execute(sa.delete(_KEYS).where(_KEYS.c.device == name))
            db.execute(sa.delete(_DEVICES).where(_DEVICES.c.name == name))
        self._fresh_until = -math.inf

    def _known(self, db: sa.Connection, name: str) -> None:
        if name in self._configured:
            raise InputError(f"{name}: this device is in the config; change its keys there")
        if db.execute(sa.select(_DEVICES.c.name).where(_DEVICES.c.name == name)).first() is None:
            raise InputError(f"{name[:64]}: there is no such device; sightline cloud devices list shows them")

    def _new_key(self, db: sa.Connection, name: str, key_id: str) -> Key:
        salt = secrets.token_hex(16)
        secret = self._secret(name, key_id, salt)
        values = {"device": name, "id": key_id, "salt": salt, "proof": _proof(secret), "not_before": self._now()}
        db.execute(sa.insert(_KEYS).values(values))
        return Key(f"{name}/{key_id}", secret)

    def _secret(self, name: str, key_id: str, salt: str) -> str:
        made = hmac.new(self._master, f"sightline device key 1\n{name}\n{key_id}\n{salt}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(made.digest()).decode().rstrip("=")

    def _stored(self) -> list[Device]:
        with self._db.reading() as db:
            devices = db.execute(sa.select(_DEVICES)).all()
            keys = db.execute(sa.select(_KEYS).order_by(_KEYS.c.not_before, _KEYS.c.id)).all()
        held: dict[str, list[DeviceKey]] = {row.name: [] for row in devices}
        for row in keys:
            secret = self._secret(row.device, row.id, row.salt)
            if not hmac.compare_digest(_proof(secret), row.proof):
                self._warn_once(f"{row.device}/{row.id}")
            elif row.device in held:
                ends = math.inf if row.not_after is None else row.not_after
                held[row.device].append(DeviceKey(row.id, secret, row.not_before, ends, row.revoked is not None))
        return [
            _device(row.name, Rights.model_validate_json(row.document), tuple(held[row.name]), from_config=False)
            for row in devices
        ]

    def _warn_once(self, key_id: str) -> None:
        if key_id not in self._warned:
            self._warned.add(key_id)
            _log.error("the key %s was made with another intake.key; bring that file back, or rotate the key", key_id)


def master_key(settings: IntakeSettings, data_dir: Path) -> bytes:
    """The secret that keys are made from. Raises `ConfigError`, `StoreError`."""
    if settings.key is None:
        return key_file(data_dir / "intake.key", "the key of devices' keys")
    text = settings.key.filled_in()
    if len(text) < _SHORTEST:
        raise ConfigError(f"intake.key: needs at least {_SHORTEST} characters; for example: openssl rand -hex 32")
    return text.encode()


def _configured(device: DeviceSettings) -> Device:
    keys = tuple(_configured_key(device.name, key) for key in device.keys)
    if len({key.id for key in keys}) != len(keys):
        raise ConfigError(f"devices: {device.name}: two keys have the same id; give each its own")
    return Device(
        device.name,
        device.site,
        device.cameras or (device.name,),
        device.profiles,
        device.plain,
        keys,
        from_config=True,
    )


def _configured_key(device: str, key: KeySettings) -> DeviceKey:
    """A key of the config; its variable holds the secret, or the whole text `device/key/secret`."""
    text = key.secret.filled_in().strip()
    try:
        parsed = Key.parse(text if "/" in text else f"{device}/{key.id}/{text}")
    except InputError:
        raise ConfigError(
            f"devices: {device}: key {key.id} must have {_SHORTEST} to 128 letters, digits, - and _; openssl rand -hex 24"
        ) from None
    if parsed.id != f"{device}/{key.id}":
        raise ConfigError(f"devices: {device}: the variable of key {key.id} holds the key of {parsed.id}")
    return DeviceKey(key.id, parsed.secret, epoch(key.not_before, 0.0), epoch(key.not_after, math.inf), key.revoked)


def _device(name: str, rights: Rights, keys: tuple[DeviceKey, ...], *, from_config: bool) -> Device:
    return Device(name, rights.site, rights.cameras or (name,), rights.profiles, rights.plain, keys, from_config)


def _proof(secret: str) -> str:
    return hashlib.sha256(f"sightline proof of key 1\n{secret}".encode()).hexdigest()
