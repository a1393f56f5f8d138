"""The outbox with the real store against a real receiver, for every way in which a receiver fails."""

from __future__ import annotations

import asyncio
import logging
import time

import pytest

from tests.peers.webhook import Fault, Receiver
from tests.vision.delivery.outbox.setting import (
    QUICK,
    closed,
    event,
    fill,
    of_state,
    outcome,
    running,
    until,
    webhooks,
)
from vision.delivery.policy import Policy, record
from vision.delivery.store import Store


def test_signed_events_arrive_in_order(store: Store, receiver: Receiver) -> None:
    async def scene() -> None:
        outbox = webhooks(store, receiver)
        policy = Policy([(name, sender.params) for name, sender in outbox.senders.items()])
        async with running(outbox):
            one = event(1)
            record(store, policy, one, "opened", True, time.time())
            outbox.wake()
            record(store, policy, closed(one), "closed", False, time.time())
            outbox.wake()
            await asyncio.to_thread(receiver.wait, 2)
            await until(lambda: len(of_state(store, "sent")) == 2, "both marked as sent")
            assert outbox.status() == {"webhook": "ok"}

    asyncio.run(scene())
    first, second = receiver.messages
    assert [first.stage, second.stage] == ["opened", "closed"]
    assert first.subject == second.subject == first.event["id"] == event(1).id
    assert (first.source, first.type) == ("/house/yard", "io.sightline.event.opened.v1")
    assert receiver.rejected == []


HEALS: tuple[Fault, ...] = ("down", "500", "503", "429", "hang", "drop", "lost answer")


@pytest.mark.parametrize("fault", HEALS)
def test_after_an_outage_everything_arrives(
    store: Store, receiver: Receiver, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sightline.outbox")

    async def scene() -> None:
        outbox = webhooks(store, receiver, timeout_s=1.0)
        await asyncio.to_thread(receiver.fail, fault)
        fill(store, ["webhook"], 30, time.time())
        async with running(outbox):
            await until(lambda: outbox.status()["webhook"] != "ok", "the fault to be seen")
            await asyncio.sleep(0.5)
            assert receiver.requests < 25, "an outage must not mean a request for each message"
            await asyncio.to_thread(receiver.heal)
            await asyncio.to_thread(receiver.wait, 30)
            await until(lambda: len(of_state(store, "sent")) == 30, "all marked as sent")
            assert outbox.status() == {"webhook": "ok"}

    asyncio.run(scene())
    assert len(receiver.messages) == 30
    assert receiver.doubled() == {}
    assert receiver.rejected == []
    told = [r.getMessage() for r in caplog.records]
    assert len([line for line in told if "not reached" in line]) == 1
    assert len([line for line in told if "works again" in line]) == 1


def test_an_answer_that_breaks_off_after_its_status_counts(store: Store, receiver: Receiver) -> None:
    receiver.fail("half answer")

    async def scene() -> None:
        fill(store, ["webhook"], 3, time.time())
        async with running(webhooks(store, receiver)):
            await until(lambda: len(of_state(store, "sent")) == 3, "all marked as sent")

    asyncio.run(scene())
    assert receiver.requests == len(receiver.taken) == 3


def test_retry_after_is_honoured(store: Store, receiver: Receiver) -> None:
    receiver.fail("429", times=1, retry_after="2")

    async def scene() -> None:
        fill(store, ["webhook"], 3, time.time())
        async with running(webhooks(store, receiver)):
            await asyncio.to_thread(receiver.wait, 3)

    asyncio.run(scene())
    first, second, *_ = receiver.attempts
    early = [moment - first[0] for moment, _ in receiver.attempts[1:] if moment - first[0] < 1.9]
    assert second
    assert len(early) <= 3, "those in flight at the same time, and nothing more, until the receiver's time"
    assert max(moment - first[0] for moment, _ in receiver.attempts) >= 1.9


def test_gone_stops_the_target_and_keeps_the_messages(
    store: Store, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.fail("410")

    async def scene() -> None:
        outbox = webhooks(store, receiver)
        fill(store, ["webhook"], 20, time.time())
        async with running(outbox):
            await until(lambda: outbox.status()["webhook"].startswith("stopped"), "the target to stop")
            seen = receiver.requests
            await asyncio.sleep(0.6)
            assert receiver.requests == seen <= 4
            assert "410" in outbox.status()["webhook"]
        receiver.heal()
        async with running(webhooks(store, receiver)):  # the config is loaded anew
            await asyncio.to_thread(receiver.wait, 20)
            await until(lambda: len(of_state(store, "sent")) == 20, "all marked as sent")

    asyncio.run(scene())
    assert len([r for r in caplog.records if "stopped" in r.getMessage()]) == 1


def test_refused_messages_are_dead_until_they_are_sent_again(store: Store, receiver: Receiver) -> None:
    receiver.fail("404")

    async def scene() -> None:
        outbox = webhooks(store, receiver)
        fill(store, ["webhook"], 5, time.time())
        async with running(outbox):
            await until(lambda: len(of_state(store, "dead")) == 5, "the dead letters")
            assert "HTTP 404" in outbox.status()["webhook"]
            assert receiver.requests == 5
            receiver.heal()
            dead = of_state(store, "dead")
            store.redeliver([d.number for d in dead], time.time(), time.time() + 60)  # another process: nobody wakes us
            await asyncio.to_thread(receiver.wait, 5)
            await until(lambda: outbox.status()["webhook"] == "ok", "the target to be well")

    asyncio.run(scene())
    assert {d.error for d in of_state(store, "dead")} == set()
    assert len(receiver.messages) == 5


def test_redirects_are_not_followed(store: Store, receiver: Receiver) -> None:
    with Receiver() as elsewhere:
        receiver.fail("redirect", location=elsewhere.url)

        async def scene() -> None:
            fill(store, ["webhook"], 2, time.time())
            async with running(webhooks(store, receiver)):
                await until(lambda: len(of_state(store, "dead")) == 2, "the dead letters")

        asyncio.run(scene())
        assert (elsewhere.requests, elsewhere.others, receiver.others) == (0, [], [])
    assert all("redirects are not followed" in (d.error or "") for d in of_state(store, "dead"))


def test_a_dead_target_does_not_hold_up_the_other(store: Store, receiver: Receiver) -> None:
    with Receiver() as other:
        receiver.fail("hang")

        async def scene() -> None:
            outbox = webhooks(store, receiver, other)
            fill(store, ["webhook", "webhook-2"], 150, time.time())
            async with running(outbox):
                await asyncio.to_thread(other.wait, 150)
                await until(lambda: len(of_state(store, "sent")) == 150, "all marked as sent")
                assert receiver.messages == []
                assert outbox.status()["webhook-2"] == "ok"

        asyncio.run(scene())
    assert len(of_state(store, "pending")) == 150


def test_a_slow_message_does_not_hold_up_those_of_other_events(store: Store, receiver: Receiver) -> None:
    async def scene() -> None:
        receiver.fail("slow", times=1, seconds=12)
        fill(store, ["webhook"], 1, time.time())
        outbox = webhooks(store, receiver)
        async with running(outbox):
            await until(lambda: receiver.requests == 1, "the slow one to begin")
            fill(store, ["webhook"], 50, time.time(), first=1)
            outbox.wake()
            await asyncio.to_thread(receiver.wait, 50, 11)

    asyncio.run(scene())
    assert event(0).id not in {m.subject for m in receiver.messages}


def test_drain_sends_what_is_due_and_leaves_the_rest(store: Store, receiver: Receiver) -> None:
    async def scene() -> None:
        outbox = webhooks(store, receiver)
        task = asyncio.create_task(outbox.run())
        await asyncio.sleep(0)
        policy = Policy([("webhook", outbox.senders["webhook"].params)], hold_s=60)
        for number in range(10):
            record(store, policy, event(number), "opened", True, time.time())
        record(store, policy, closed(event(0)), "closed", False, time.time())  # waits for its clip
        await outbox.drain(10)
        await asyncio.wait_for(task, 5)

    asyncio.run(scene())
    assert sorted(outcome(store)) == [("closed", "pending")] + [("opened", "sent")] * 10


def test_drain_gives_up_on_a_receiver_that_hangs(store: Store, receiver: Receiver) -> None:
    receiver.fail("hang")

    async def scene() -> float:
        outbox = webhooks(store, receiver, pace=QUICK)
        fill(store, ["webhook"], 3, time.time())
        task = asyncio.create_task(outbox.run())
        await until(lambda: receiver.requests > 0, "a request")
        began = time.monotonic()
        await outbox.drain(0.5)
        await asyncio.wait_for(task, 5)
        return time.monotonic() - began

    assert asyncio.run(scene()) < 5
    assert len(of_state(store, "pending")) == 3
