"""The outbox in the store: who is due when, in which order, and what becomes of each message."""

from __future__ import annotations

import pytest

from tests.vision.delivery.store.samples import T0, event, message
from vision.delivery.records import Delivery, Stage
from vision.delivery.store import Store
from vision.errors import StoreError
from vision.events import Evidence

E1, E2, E3 = event(1), event(2), event(3)


def due(store: Store, now: float = T0, target: str | None = None) -> list[str]:
    return [delivery.id for delivery in store.due(now, target=target)]


def one(store: Store, message_id: str) -> Delivery:
    return next(delivery for delivery in store.deliveries() if delivery.id == message_id)


def test_a_delivery_comes_back_as_it_went_in(store: Store) -> None:
    new = message(E1, not_before=T0 + 5, expires=T0 + 90, group="hook|yard|r", payload={"a": [1, None, "ü"]})
    store.record(E1, [new], T0)
    (found,) = store.deliveries()
    assert found == Delivery(
        number=found.number,
        id=new.id,
        event_id=E1.id,
        target="hook",
        stage="opened",
        payload={"a": [1, None, "ü"]},
        created=T0,
        next_at=T0 + 5,
        expires=T0 + 90,
        group="hook|yard|r",
    )


def test_numbers_rise_in_the_order_given(store: Store) -> None:
    wanted = [message(E1, target=name) for name in ("c", "a", "b")]
    store.record(E1, wanted, T0)
    store.record(E2, [message(E2)], T0)
    found = store.deliveries()
    assert [d.id for d in found] == [*(m.id for m in wanted), message(E2).id]
    assert [d.number for d in found] == sorted({d.number for d in found})


def test_a_known_id_is_left_as_it_is(store: Store) -> None:
    store.record(E1, [message(E1), message(E1)], T0)  # twice in one call, too
    store.sent(store.deliveries()[0].number, T0 + 1)
    store.record(E1, [message(E1, payload={"other": 1}), message(E1, "closed")], T0 + 2)
    first, second = store.deliveries()
    assert (first.state, first.payload, second.stage) == ("sent", E1.to_dict(), "closed")


def test_only_what_is_due_and_in_the_order_of_commit(store: Store) -> None:
    store.record(E1, [message(E1, not_before=T0 + 10)], T0)
    store.record(E2, [message(E2, not_before=T0 + 5)], T0)
    store.record(E3, [message(E3, not_before=T0 + 20), message(E3, target="broker")], T0)
    assert store.next_due() == 0.0
    assert store.next_due("hook") == T0 + 5
    assert store.next_due("nobody") is None
    assert due(store, T0, "hook") == []
    assert due(store, T0 + 5, "hook") == [message(E2).id]
    assert due(store, T0 + 10, "hook") == [message(E1).id, message(E2).id]
    assert due(store, T0 + 20) == [message(e).id for e in (E1, E2, E3)] + [message(E3, target="broker").id]
    assert [d.id for d in store.due(T0 + 20, limit=2)] == [message(E1).id, message(E2).id]


def test_of_each_event_and_target_only_the_oldest(store: Store) -> None:
    stages: tuple[Stage, ...] = ("opened", "described", "closed")
    store.record(E1, [message(E1, stage) for stage in stages], T0)
    store.record(E1, [message(E1, "closed", "broker")], T0)
    first, second, third = (message(E1, stage).id for stage in stages)
    broker = message(E1, "closed", "broker").id
    assert due(store) == [first, broker]  # one target does not wait for another
    store.retry(one(store, first).number, T0 + 60, "timeout")
    assert due(store) == [broker]  # the first waits for its retry and holds the others back
    assert store.next_due("hook") == T0 + 60
    store.sent(one(store, first).number, T0 + 60)
    assert due(store) == [second, broker]
    store.give_up(one(store, second).number, "no such address")
    assert due(store, target="hook") == [third]
    store.redeliver([one(store, second).number], T0 + 61, T0 + 999)  # older than the third: goes first again
    assert due(store, T0 + 61, "hook") == [second]
    store.sent(one(store, second).number, T0 + 61)
    store.sent(one(store, third).number, T0 + 61)
    assert due(store, T0 + 61) == [broker]


def test_what_is_held_holds_back_the_younger_of_its_event(store: Store) -> None:
    store.record(E1, [message(E1, held=True, group="g", not_before=T0 + 60), message(E1, "closed")], T0)
    assert due(store) == []
    assert store.next_due() == T0 + 60
    stands_for = message(E1, "merged", group="g")
    store.merge("g", [one(store, message(E1).id).number], stands_for, E1.id, T0 + 60)
    assert due(store) == [message(E1, "closed").id]


def test_attempts_errors_and_ends(store: Store) -> None:
    store.record(E1, [message(E1, target=name) for name in ("a", "b", "c")], T0)
    a, b, c = (d.number for d in store.deliveries())
    store.retry(a, T0 + 1, "HTTP 500\0")
    store.retry(a, T0 + 2, "HTTP 503")
    waiting = store.deliveries(target="a")[0]
    assert (waiting.attempts, waiting.error, waiting.next_at, waiting.state) == (2, "HTTP 503", T0 + 2, "pending")
    store.sent(a, T0 + 3)
    store.sent(a, T0 + 9)  # told twice: the first counts
    done = store.deliveries(target="a")[0]
    assert (done.attempts, done.error, done.sent, done.state) == (3, None, T0 + 3, "sent")
    store.give_up(b, "HTTP 410 Gone")
    store.give_up(c, "too old", expired=True)
    dead, expired = store.deliveries(states=("dead", "expired"))
    assert (dead.state, dead.attempts, dead.error) == ("dead", 1, "HTTP 410 Gone")
    assert (expired.state, expired.attempts, expired.error) == ("expired", 0, "too old")
    store.retry(b, T0 + 9, "late")  # what is over stays over
    store.give_up(a, "late")
    assert [d.state for d in store.deliveries()] == ["sent", "dead", "expired"]
    assert store.next_due() is None
    store.sent(99999, T0)
    store.retry(99999, T0, "who?")
    store.give_up(99999, "who?")


def test_redeliver_is_the_same_message_anew(store: Store) -> None:
    store.record(E1, [message(E1, target=name) for name in ("a", "b", "c", "d")], T0)
    a, b, c, d = (found.number for found in store.deliveries())
    store.sent(a, T0 + 1)
    store.give_up(b, "refused")
    store.give_up(c, "late", expired=True)
    store.retry(d, T0 + 500, "down")
    assert store.redeliver([a, b, c, d, 99999], T0 + 10, T0 + 1000) == 4
    for again, before in zip(store.deliveries(), ("a", "b", "c", "d"), strict=True):
        assert (again.state, again.next_at, again.expires, again.attempts) == ("pending", T0 + 10, T0 + 1000, 0)
        assert (again.id, again.sent) == (message(E1, target=before).id, None)
    assert len(store.due(T0 + 10)) == 4
    assert store.redeliver([], T0, T0) == 0


def test_redeliver_of_many(store: Store) -> None:
    store.record(E1, [message(E1, target=f"t{n}") for n in range(1203)], T0)
    numbers = [d.number for d in store.deliveries()]
    for number in numbers[:3]:
        store.sent(number, T0)
    assert store.redeliver(numbers, T0 + 1, T0 + 99) == 1203
    assert len(store.due(T0 + 1, limit=5000)) == 1203


def test_an_answer_after_an_outage_releases_what_failed(store: Store) -> None:
    for e in (E1, E2, E3):
        store.record(e, [message(e), message(e, target="broker")], T0)
    store.record(E3, [message(E3, "closed", not_before=T0 + 50)], T0)
    for found in store.deliveries():
        if found.stage == "opened" and found.event_id != E2.id:
            store.retry(found.number, T0 + 300, "down")
    assert store.release("hook", T0 + 10) == 2
    assert due(store, T0 + 10, "hook") == [message(e).id for e in (E1, E2, E3)]
    assert due(store, T0 + 10, "broker") == [message(E2, target="broker").id]
    assert store.release("hook", T0 + 10) == 0


def test_attach_completes_the_unsent_closed_messages(store: Store) -> None:
    late = T0 + 30
    stages: list[tuple[Stage, str]] = [("opened", "a"), ("closed", "a"), ("closed", "b"), ("closed", "c")]
    store.record(E1, [message(E1, s, t, not_before=late if s == "closed" else 0.0) for s, t in stages], T0)
    store.record(E1, [message(E1, "closed", "d", not_before=late, held=True, group="g")], T0)
    store.record(E2, [message(E2, "closed", "a", not_before=late)], T0)
    by_target = {d.target: d.number for d in store.deliveries(event_id=E1.id) if d.stage == "closed"}
    store.sent(by_target["b"], T0)
    store.retry(by_target["c"], T0 + 20, "down")
    store.attach(E1.id, Evidence(snapshot="s.jpg"), T0 + 1, release=False)
    assert [d.next_at for d in store.deliveries(target="a")] == [0.0, late, late]
    store.attach(E1.id, Evidence(clip="c.mp4"), T0 + 2)
    both, none = {"snapshot": "s.jpg", "clip": "c.mp4"}, {"snapshot": None, "clip": None}
    found = {(d.event_id, d.stage, d.target): d for d in store.deliveries()}
    expected = {
        (E1.id, "opened", "a"): (none, 0.0),  # what was to be said at the opening is not changed
        (E1.id, "closed", "a"): (both, T0 + 2),  # released
        (E1.id, "closed", "b"): (none, late),  # gone already
        (E1.id, "closed", "c"): (both, T0 + 20),  # its retry keeps its time
        (E1.id, "closed", "d"): (both, late),  # held until its window ends
        (E2.id, "closed", "a"): (none, late),  # another event
    }
    assert {key: (d.payload["evidence"], d.next_at) for key, d in found.items()} == expected
    store.evidence_gone({E1.id: ["clip"]}, T0 + 3)
    assert store.deliveries(target="a")[1].payload["evidence"] == {"snapshot": "s.jpg", "clip": None}


def test_groups_are_held_and_merged(store: Store) -> None:
    lead = message(E1, group="g")
    store.record(E1, [lead], T0)
    for n, e in enumerate((E2, E3)):
        store.record(e, [message(e, held=True, group="g", not_before=T0 + 60)], T0 + 1 + n)
    other = event(9)
    store.record(other, [message(other, held=True, group="h", not_before=T0 + 30)], T0 + 5)
    assert [d.event_id for d in store.group("g")] == [E2.id, E3.id]
    assert store.groups_due(T0 + 29) == []
    assert store.groups_due(T0 + 30) == ["h"]
    assert store.groups_due(T0 + 60) == ["h", "g"]
    newest = store.newest_in_group("g")
    assert newest is not None
    assert (newest.id, store.last_in_group("g")) == (lead.id, T0)
    assert (store.newest_in_group("h"), store.last_in_group("h")) == (None, None)
    stands_for = message(E1, "merged", group="g", not_before=T0 + 60)
    numbers = [d.number for d in store.group("g")] + [d.number for d in store.group("h")]
    store.merge("g", numbers, stands_for, E1.id, T0 + 60)
    assert (store.group("g"), [d.state for d in store.group("h")]) == ([], ["held"])  # of this group only
    assert [d.state for d in store.deliveries(target="hook")] == ["pending", "merged", "merged", "held", "pending"]
    assert store.last_in_group("g") == T0 + 60
    store.merge("g", numbers, stands_for, E1.id, T0 + 61)  # the same once more changes nothing
    assert len(store.deliveries()) == 5


def test_a_message_of_no_event_is_refused_whole(store: Store) -> None:
    store.record(E1, [message(E1, held=True, group="g")], T0)
    with pytest.raises(StoreError):
        store.merge("g", [d.number for d in store.group("g")], message(E2, "merged"), E2.id, T0)
    assert [d.state for d in store.deliveries()] == ["held"]  # the first half was taken back


def test_deliveries_by_event_target_and_state(store: Store) -> None:
    store.record(E1, [message(E1), message(E1, "closed"), message(E1, target="broker")], T0)
    store.record(E2, [message(E2)], T0)
    store.sent(store.deliveries()[0].number, T0)
    assert len(store.deliveries(event_id=E1.id)) == 3
    assert len(store.deliveries(target="hook")) == 3
    assert [d.id for d in store.deliveries(states=("sent",))] == [message(E1).id]
    assert len(store.deliveries(states=("sent", "pending"), target="hook")) == 3
    assert len(store.deliveries(event_id=E1.id, target="hook", states=("pending",))) == 1
    assert [d.number for d in store.deliveries(limit=2)] == [d.number for d in store.deliveries()][:2]


def test_stats(store: Store) -> None:
    assert store.stats(T0) == type(store.stats(T0))()
    store.record(E1, [message(E1), message(E1, "closed"), message(E1, target="broker")], T0)
    store.record(E2, [message(E2), message(E2, target="log", held=True, group="g")], T0 + 10)
    store.sent(store.deliveries()[0].number, T0 + 11)
    store.give_up(store.deliveries(target="broker")[0].number, "refused")
    stats = store.stats(T0 + 15)
    assert stats.depth == {("hook", "sent"): 1, ("hook", "pending"): 2, ("broker", "dead"): 1, ("log", "held"): 1}
    assert stats.oldest_age_s == {"hook": 15.0, "log": 5.0}
    assert store.stats(T0 - 99).oldest_age_s["hook"] == 0.0  # a clock that was set back


def test_a_message_that_waits_for_a_verdict_is_let_go(store: Store) -> None:
    late = T0 + 30
    store.record(E1, [message(E1, not_before=late), message(E1, "closed", not_before=late)], T0)
    store.record(E2, [message(E2, not_before=late)], T0)
    assert store.let_go(E1.id, T0 + 5) == 1  # the `closed` one waits for its clip, not for the verdict
    assert due(store, T0 + 5) == [message(E1).id]
    assert store.let_go(E1.id, T0 + 6) == 0


def test_what_is_withheld_stays_visible_and_can_be_sent_after_all(store: Store) -> None:
    store.record(E1, [message(E1, not_before=T0 + 30), message(E1, target="broker", held=True, group="g")], T0)
    store.record(E2, [message(E2)], T0)
    assert store.withhold(E1.id, "the picture does not support the alarm") == 2
    assert due(store, T0 + 99) == [message(E2).id]
    assert store.groups_due(T0 + 1e9) == []
    found = store.deliveries(event_id=E1.id)
    assert {(d.state, d.error) for d in found} == {("withheld", "the picture does not support the alarm")}
    assert store.stats(T0).depth["hook", "withheld"] == 1
    assert store.redeliver([found[0].number], T0 + 100, T0 + 1e6) == 1
    assert message(E1).id in due(store, T0 + 100)


def test_what_was_sent_or_tried_is_not_withheld(store: Store) -> None:
    store.record(E1, [message(E1), message(E1, target="broker")], T0)
    first, second = store.deliveries()
    store.sent(first.number, T0)
    store.retry(second.number, T0 + 5, "timeout")
    assert store.withhold(E1.id, "no") == 0
