"""The audit log of actions: each entry carries the hash of the one before, so that no later change goes unseen.

An entry's hash is SHA-256 over its number, time, kind, body (canonical JSON) and the hash before it; with a key, HMAC-SHA256
of the same, so that somebody who can write the database but has not the key cannot make a new chain. What was cut off at
the end leaves a sound chain: keep the head (`head()`, printed by `verify`) elsewhere to see that too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from cloud_adapter.database import CloudDatabase, metadata

GENESIS = "0" * 64

audit = sa.Table(
    "cloud_audit",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Float(53), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("prev", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("keyed", sa.Integer, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log; `at` epoch seconds UTC, `body` canonical JSON."""

    seq: int
    at: float
    kind: str
    body: str
    prev: str
    hash: str
    keyed: bool


@dataclass(frozen=True, slots=True)
class Verified:
    """How far the chain is sound: `broken` is None, or the first entry that is not and why."""

    entries: int
    head: str
    broken: str | None = None


class AuditLog:
    """Appends within the caller's transaction: an entry is there exactly when what it tells of is there."""

    def __init__(self, database: CloudDatabase, key: bytes | None = None) -> None:
        self._database, self._key = database, key

    def append(self, db: sa.Connection, at: float, kind: str, body: Mapping[str, Any]) -> Entry:
        """Add one entry; `db` must be of `CloudDatabase.writing()`: nobody else appends meanwhile."""
        last = db.execute(sa.select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
        seq, prev = (1, GENESIS) if last is None else (last.seq + 1, last.hash)
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        made = Entry(seq, at, kind, text, prev, _hash(seq, at, kind, text, prev, self._key), self._key is not None)
        values = {name: getattr(made, name) for name in Entry.__dataclass_fields__} | {"keyed": int(made.keyed)}
        db.execute(sa.insert(audit).values(values))
        return made

    def entries(self, since: int = 0) -> Iterator[Entry]:
        """All entries after number `since`, oldest first, read in blocks."""
        while True:
            with self._database.reading() as db:
                query = sa.select(audit).where(audit.c.seq > since).order_by(audit.c.seq).limit(500)
                rows = db.execute(query).all()
            for row in rows:
                yield Entry(row.seq, row.at, row.kind, row.body, row.prev, row.hash, bool(row.keyed))
            if not rows:
                return
            since = rows[-1].seq

    def verify(self, head: str | None = None) -> Verified:
        """Walk the chain; `head` is a hash noted earlier, that must still be in it."""
        count, prev, met = 0, GENESIS, head is None
        for entry in self.entries():
            fault = self._fault(entry, count + 1, prev)
            if fault is not None:
                return Verified(count, prev, fault)
            count, prev = entry.seq, entry.hash
            met = met or entry.hash == head
        if not met:
            return Verified(count, prev, f"the noted head {head} is not in the log: entries were cut off or replaced")
        return Verified(count, prev)

    def _fault(self, entry: Entry, seq: int, prev: str) -> str | None:
        if entry.seq != seq:
            return f"entry {seq} is missing"
        if entry.prev != prev:
            return f"entry {seq} does not follow the one before it"
        if entry.keyed and self._key is None:
            return f"entry {seq} was written with a key; set cloud.audit_key to check it"
        if self._key is not None and not entry.keyed:
            return f"entry {seq} was written without the key"
        expected = _hash(entry.seq, entry.at, entry.kind, entry.body, entry.prev, self._key)
        return None if hmac.compare_digest(expected, entry.hash) else f"entry {seq} was changed (or has another key)"


def _hash(seq: int, at: float, kind: str, body: str, prev: str, key: bytes | None) -> str:
    content = json.dumps([seq, at, kind, body, prev], separators=(",", ":"), ensure_ascii=False).encode()
    return hashlib.sha256(content).hexdigest() if key is None else hmac.new(key, content, hashlib.sha256).hexdigest()
