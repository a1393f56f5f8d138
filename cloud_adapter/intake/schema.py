"""The tables of the intake: devices and their keys, ids of frames that were taken, nonces, pictures that are asked for.

Of a key only what it is made from is kept (salt and a proof); the secret itself needs the master key beside it.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from vision.delivery.migrations import run

ROOM = "intake"
STEPS: list[Callable[[sa.Connection], None]] = []
metadata = sa.MetaData()

devices = sa.Table(
    "cloud_devices",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("document", sa.Text, nullable=False),  # site, cameras, profiles, plain
    sa.Column("added", sa.Double, nullable=False),
)
keys = sa.Table(
    "cloud_device_keys",
    metadata,
    sa.Column("device", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("salt", sa.Text, nullable=False),
    sa.Column("proof", sa.Text, nullable=False),
    sa.Column("not_before", sa.Double, nullable=False),
    sa.Column("not_after", sa.Double),
    sa.Column("revoked", sa.Double),
)
frames = sa.Table(
    "cloud_frames",
    metadata,
    sa.Column("device", sa.Text, primary_key=True),
    sa.Column("frame", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("received", sa.Double, nullable=False),
    sa.Column("stored", sa.Integer, nullable=False),
)
nonces = sa.Table(
    "cloud_nonces",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("nonce", sa.Text, primary_key=True),
    sa.Column("expires", sa.Double, nullable=False),
)
captures = sa.Table(
    "cloud_captures",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("device", sa.Text, nullable=False),
    sa.Column("camera", sa.Text, nullable=False),
    sa.Column("profile", sa.Text, nullable=False),
    sa.Column("after", sa.Double, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    sa.Column("follows", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("frame", sa.Text),  # the frame that answered it
)


def i001_tables(db: sa.Connection) -> None:
    """All of the above."""
    run(
        db,
        """CREATE TABLE cloud_devices (
            name {KEY} PRIMARY KEY NOT NULL,
            document TEXT NOT NULL,
            added DOUBLE PRECISION NOT NULL
        )""",
        """CREATE TABLE cloud_device_keys (
            device {KEY} NOT NULL REFERENCES cloud_devices (name) ON DELETE CASCADE,
            id {KEY} NOT NULL,
            salt TEXT NOT NULL,
            proof TEXT NOT NULL,
            not_before DOUBLE PRECISION NOT NULL,
            not_after DOUBLE PRECISION,
            revoked DOUBLE PRECISION,
            PRIMARY KEY (device, id)
        )""",
        """CREATE TABLE cloud_frames (
            device {KEY} NOT NULL,
            frame {KEY} NOT NULL,
            sha256 TEXT NOT NULL,
            received DOUBLE PRECISION NOT NULL,
            stored INTEGER NOT NULL,
            PRIMARY KEY (device, frame)
        )""",
        "CREATE INDEX cloud_frames_received ON cloud_frames (received)",
        """CREATE TABLE cloud_nonces (
            key_id {KEY} NOT NULL,
            nonce {KEY} NOT NULL,
            expires DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (key_id, nonce)
        )""",
        "CREATE INDEX cloud_nonces_expires ON cloud_nonces (expires)",
        """CREATE TABLE cloud_captures (
            id {KEY} PRIMARY KEY NOT NULL,
            device {KEY} NOT NULL,
            camera TEXT NOT NULL,
            profile TEXT NOT NULL,
            after DOUBLE PRECISION NOT NULL,
            until DOUBLE PRECISION NOT NULL,
            follows TEXT,
            reason TEXT NOT NULL,
            frame TEXT
        )""",
        "CREATE INDEX cloud_captures_open ON cloud_captures (device, until) WHERE frame IS NULL",
    )


STEPS.append(i001_tables)
