"""What the intake remembers, on both databases."""

from __future__ import annotations

import asyncio

import pytest

from cloud_adapter.database import CloudDatabase
from cloud_adapter.intake.captures import Captures
from cloud_adapter.intake.devices import Devices
from cloud_adapter.intake.ledger import Known, Ledger
from cloud_adapter.intake.refusals import Refusal
from tests.cloud_adapter.budget.conftest import db, postgres
from tests.cloud_adapter.intake.serving import MASTER, START, Clock, meta_of

__all__ = ["db", "postgres"]
DAY = 86_400.0


def test_nonces_claims_and_requests(db: CloudDatabase) -> None:
    async def run() -> None:
        ledger, captures = Ledger(db), Captures(db)
        # of many who show one nonce at the same time, one is let in
        tries = [ledger.admit("d/k1", "n" * 16, START + 600) for _ in range(8)]
        shown = await asyncio.gather(*tries, return_exceptions=True)
        assert [type(one) for one in shown].count(type(None)) == 1
        assert {one.code for one in shown if isinstance(one, Refusal)} == {"replayed"}
        await ledger.admit("d/k2", "n" * 16, START + 600)  # another key: another nonce

        frame = meta_of(b"body", follows="frame-000")
        await asyncio.gather(*(ledger.claim("d", frame.frame, frame.sha256, START) for _ in range(4)))
        assert await ledger.known("d", frame.frame) == Known(frame.sha256, stored=False)
        with pytest.raises(Refusal, match="another content"):
            await ledger.claim("d", frame.frame, "f" * 64, START)
        await ledger.claim("other", frame.frame, "f" * 64, START)  # ids are those of a device

        asked = captures.request_capture(
            device="d", camera="field-3", profile="potato", after=START - 90, until=START + 9, follows="frame-000"
        )
        assert captures.open_requests("d", START) == (asked,)
        assert await ledger.stored("d", frame.frame, frame, START) == ()
        assert captures.answered_by(asked.id) == frame.frame
        assert await ledger.known("d", frame.frame) == Known(frame.sha256, stored=True)

        await ledger.forget(START + 601, 90 * DAY)
        await ledger.admit("d/k1", "n" * 16, START + 1200)  # its window is past: the signature's time says so by itself
        assert await ledger.known("d", frame.frame) is not None
        await ledger.forget(START + 91 * DAY, 90 * DAY)
        assert await ledger.known("d", frame.frame) is None
        assert captures.answered_by(asked.id) is None
        ledger.close()

    asyncio.run(run())


def test_devices_are_kept(db: CloudDatabase) -> None:
    clock = Clock()
    devices = Devices(db, MASTER, (), clock)
    first = devices.add("field-3", cameras=("a", "b"))
    second = devices.rotate("field-3", overlap_s=DAY)
    devices.revoke("field-3", "k1")
    (kept,) = Devices(db, MASTER, (), clock).all()
    assert [(key.id, key.valid(START)) for key in kept.keys] == [("k1", False), ("k2", True)]
    assert [key.secret for key in kept.keys] == [first.secret, second.secret]
    devices.remove("field-3")
    assert devices.all() == ()
