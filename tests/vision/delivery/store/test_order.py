"""`due` held against the simplest thing that can be right: a list, walked from its start."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.vision.delivery.store.samples import T0, event, message
from vision.delivery.records import STAGES, Delivery
from vision.delivery.store import Store

EVENTS = [event(n) for n in range(3)]
TARGETS = ("hook", "broker")


class Outbox(RuleBasedStateMachine):
    """Random life of messages; after every step the store must name the same heads as a walk over all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.store = Store(f"sqlite:///{Path(self.folder.name) / 'x.db'}")
        self.now = T0
        self.count = 0

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(which=st.integers(0, 2), place=st.sampled_from(TARGETS), held=st.booleans(), wait=st.integers(0, 3))
    def add(self, which: int, place: str, held: bool, wait: int) -> None:
        self.count += 1
        changes = {"id": f"m{self.count}", "held": held, "group": place, "not_before": self.now + wait}
        stage = STAGES[self.count % 3]
        self.store.record(EVENTS[which], [message(EVENTS[which], stage, place, **changes)], self.now)

    @precondition(lambda self: self.count)
    @rule(data=st.data(), what=st.sampled_from(["sent", "retry", "give_up", "expired", "redeliver"]))
    def move(self, data: st.DataObject, what: str) -> None:
        number = data.draw(st.sampled_from([d.number for d in self.store.deliveries()]))
        if what == "sent":
            self.store.sent(number, self.now)
        elif what == "retry":
            self.store.retry(number, self.now + 2, "down")
        elif what == "redeliver":
            self.store.redeliver([number], self.now, T0 + 9999)
        else:
            self.store.give_up(number, "no", expired=what == "expired")

    @rule(place=st.sampled_from(TARGETS))
    def merge(self, place: str) -> None:
        held = self.store.group(place)
        if held:
            self.count += 1
            lead = next(e for e in EVENTS if e.id == held[0].event_id)
            stands_for = message(lead, "merged", place, id=f"m{self.count}", group=place)
            self.store.merge(place, [d.number for d in held], stands_for, lead.id, self.now)

    @rule(place=st.sampled_from(TARGETS))
    def release(self, place: str) -> None:
        self.store.release(place, self.now)

    @rule()
    def tick(self) -> None:
        self.now += 1

    def heads(self) -> list[Delivery]:
        """The oldest unsent of each event and target."""
        first: dict[tuple[str, str], Delivery] = {}
        for one in self.store.deliveries():
            if one.state in ("pending", "held"):
                first.setdefault((one.event_id, one.target), one)
        return [one for one in first.values() if one.state == "pending"]

    @invariant()
    def due_is_exact(self) -> None:
        heads = self.heads()
        for target in (None, *TARGETS):
            mine = [one for one in heads if target in (None, one.target)]
            expected = sorted((one for one in mine if one.next_at <= self.now), key=lambda one: one.number)
            assert self.store.due(self.now, target=target) == expected
            held = [d for d in self.store.deliveries(states=("held",)) if target in (None, d.target)]
            times = [one.next_at for one in (*mine, *held)]
            assert self.store.next_due(target) == (min(times) if times else None)


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
