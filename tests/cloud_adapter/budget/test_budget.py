"""Money: reserved, settled, released, lost; caps; nothing leaks."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_adapter.budget.base import OverBudgetError, Reservation
from cloud_adapter.budget.budget import Budget, InFlightError, Kept
from cloud_adapter.budget.schema import ledger, reservations
from cloud_adapter.budget.settings import BudgetSettings
from cloud_adapter.database import CloudDatabase, address_in
from cloud_adapter.records import Usage
from tests.cloud_adapter.paying import REAL, FlatPrices

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
MIDNIGHT = NOON + 12 * 3600
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC).timestamp()


class Clock:
    def __init__(self) -> None:
        self.t = NOON

    def __call__(self) -> float:
        return self.t


def make(db: CloudDatabase, clock: Clock, **caps: object) -> Budget:
    wide = {"device_day_usd": 1.0, "fleet_day_usd": 1.0, "fleet_month_usd": 1.0, "alarm_share": 0.0}
    return Budget(db, BudgetSettings.model_validate(wide | caps), FlatPrices(), now=clock, lease_s=60)


def reserve(
    budget: Budget, job: str = "a/1", *, device: str = "a", tokens: int = 1000, alarm: bool = False, model: str = "tiny"
) -> Reservation:
    return budget.reserve(job=job, device=device, model=model, prompt="p@1", worst=Usage(tokens), alarm=alarm)


def settle(budget: Budget, reservation: Reservation, usage: Usage | None = REAL) -> int:
    return budget.settle(reservation, usage, latency_s=0.5, bytes_up=100)


def spent(db: CloudDatabase) -> int:
    with db.reading() as connection:
        return int(connection.execute(sa.select(sa.func.sum(ledger.c.microusd))).scalar() or 0)


def still_open(db: CloudDatabase) -> int:
    with db.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(reservations)).scalar_one())


def test_the_way_of_a_call(db: CloudDatabase) -> None:
    budget = make(db, Clock())
    reservation = reserve(budget)
    assert reservation.microusd == 1000
    assert (still_open(db), spent(db)) == (1, 0)
    assert settle(budget, reservation) == 310  # what it took, not what was set aside
    assert (still_open(db), spent(db)) == (0, 310)
    assert settle(budget, reservation) == 0  # a repeat charges nothing
    assert spent(db) == 310
    assert budget.leak() == {}


def test_a_released_call_costs_nothing(db: CloudDatabase) -> None:
    budget = make(db, Clock(), device_day_usd=0.001)
    for _ in range(3):  # more than the cap, were it charged
        reservation = reserve(budget)
        budget.release(reservation)
        budget.release(reservation)
    assert (still_open(db), spent(db)) == (0, 0)
    assert budget.leak() == {}


def test_an_unknown_amount_is_charged_in_full(db: CloudDatabase) -> None:
    budget = make(db, Clock())
    assert settle(budget, reserve(budget), None) == 1000
    assert spent(db) == 1000
    assert budget.leak() == {}


@pytest.mark.parametrize(
    ("caps", "cap", "until"),
    [
        ({"device_day_usd": 0.0025}, "device a and day", MIDNIGHT),
        ({"fleet_day_usd": 0.0025}, "fleet and day", MIDNIGHT),
        ({"fleet_month_usd": 0.0025, "fleet_day_usd": 0.0025}, "fleet and month", DECEMBER),
        ({"fleet_day_usd": 0.0025, "batch_at": "02:30"}, "fleet and day", MIDNIGHT + 2.5 * 3600),
    ],
)
def test_caps_hold_for_what_is_reserved(db: CloudDatabase, caps: dict[str, object], cap: str, until: float) -> None:
    clock = Clock()
    budget = make(db, clock, **caps)
    first = reserve(budget, "a/1")
    reserve(budget, "a/2")
    with pytest.raises(OverBudgetError) as over:
        reserve(budget, "a/3")
    assert (over.value.cap, over.value.until) == (cap, until)
    assert still_open(db) == 2  # the refused one left nothing behind
    settle(budget, first)  # 310 instead of 1,000: now there is room again
    reserve(budget, "a/3")
    clock.t = until
    for number in range(2):
        reserve(budget, f"a/next-{number}")
    assert budget.leak() == {}


def test_a_devices_cap_leaves_other_devices_alone(db: CloudDatabase) -> None:
    budget = make(db, Clock(), device_day_usd=0.001)
    reserve(budget, "a/1")
    with pytest.raises(OverBudgetError):
        reserve(budget, "a/2")
    reserve(budget, "b/1", device="b")


def test_alarms_may_use_what_is_kept_back_for_them(db: CloudDatabase) -> None:
    budget = make(db, Clock(), device_day_usd=0.004, alarm_share=0.5)
    reserve(budget, "a/1")
    reserve(budget, "a/2")
    with pytest.raises(OverBudgetError):
        reserve(budget, "a/3")
    reserve(budget, "a/4", alarm=True)
    reserve(budget, "a/5", alarm=True)
    with pytest.raises(OverBudgetError):
        reserve(budget, "a/6", alarm=True)


def test_a_call_dearer_than_its_cap_says_so(db: CloudDatabase) -> None:
    with pytest.raises(OverBudgetError, match="more than it allows at all"):
        reserve(make(db, Clock(), device_day_usd=0.0005))


def test_ones_own_models_are_free_under_a_cap_of_nothing(db: CloudDatabase) -> None:
    budget = make(db, Clock(), device_day_usd=0, fleet_day_usd=0, fleet_month_usd=0)
    settle(budget, reserve(budget, model="free"))
    with pytest.raises(OverBudgetError):
        reserve(budget)


def test_the_same_call_is_made_once_at_a_time(db: CloudDatabase) -> None:
    clock = Clock()
    budget = make(db, clock)
    reserve(budget)
    with pytest.raises(InFlightError) as other:
        reserve(budget)
    assert other.value.until == NOON + 60


def test_a_killed_workers_reservation_is_charged_in_full(db: CloudDatabase) -> None:
    clock = Clock()
    budget = make(db, clock)
    lost = reserve(budget)
    assert budget.recover() == 0  # its worker may be at it
    clock.t += 60
    assert make(db, clock).recover() == 1  # another process, or the same after a restart
    assert budget.recover() == 0
    assert (still_open(db), spent(db)) == (0, 1000)
    assert settle(budget, lost) == 0  # it was only slow: not charged twice
    assert spent(db) == 1000
    assert budget.leak() == {}


def test_a_repeat_after_the_lease_charges_the_lost_one_and_reserves_anew(db: CloudDatabase) -> None:
    clock = Clock()
    budget = make(db, clock)
    slow = reserve(budget)
    clock.t += 61
    again = reserve(budget)
    assert spent(db) == 1000
    assert settle(budget, slow) == 0  # the slow one must not settle the other's
    assert still_open(db) == 1
    assert settle(budget, again) == 310
    assert spent(db) == 1310
    assert budget.leak() == {}


def test_over_midnight_a_call_counts_for_the_day_it_was_reserved_on(db: CloudDatabase) -> None:
    clock = Clock()
    budget = make(db, clock)
    clock.t = MIDNIGHT - 1
    reservation = reserve(budget)
    clock.t = MIDNIGHT + 1
    settle(budget, reservation)
    assert budget.leak() == {}
    with db.reading() as connection:
        assert connection.execute(sa.select(ledger.c.day)).scalar_one() == "2026-11-23"


def test_an_answer_is_kept_with_its_settlement(db: CloudDatabase) -> None:
    clock = Clock()
    budget = make(db, clock, cache_days=1)
    reservation = reserve(budget)
    assert budget.cached("k") is None
    budget.settle(reservation, REAL, latency_s=0.5, bytes_up=100, keep=Kept("k", '{"a": 1}'))
    assert budget.cached("other", "k") == '{"a": 1}'
    clock.t += 2 * 86400
    assert budget.cached("k") is None
    budget.tidy()
    clock.t = NOON
    assert budget.cached("k") is None  # forgotten, not only hidden


def test_the_ledger_is_forgotten_by_whole_months(db: CloudDatabase) -> None:
    clock = Clock()
    budget = make(db, clock, ledger_days=40)
    settle(budget, reserve(budget))
    for days in (30, 41, 80):
        clock.t = NOON + days * 86400
        budget.tidy()
        assert budget.leak() == {}
    assert spent(db) == 0


def test_two_processes_at_the_same_moment_do_not_pass_the_cap(tmp_path: Path) -> None:
    clock = Clock()
    databases = [CloudDatabase(address_in(tmp_path)) for _ in range(2)]
    budgets = [make(db, clock, fleet_day_usd=0.02) for db in databases]
    granted: list[str] = []

    def work(number: int) -> None:
        for n in range(30):
            try:
                reserve(budgets[number % 2], f"a/{number}-{n}")
            except OverBudgetError:
                continue
            granted.append(f"{number}-{n}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 20
    assert budgets[0].leak() == {}
    for db in databases:
        db.close()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "unknown", "release", "kill", "recover", "later"]),
        st.integers(0, 4),  # which job
        st.integers(1, 5000),  # tokens, or seconds
        st.booleans(),  # alarm
    ),
    max_size=40,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_sequence_of_steps_leaks_money_or_passes_a_cap(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int, bool]]
) -> None:
    clock = Clock()
    db = CloudDatabase(address_in(tmp_path_factory.mktemp("b")))
    budget = make(db, clock, device_day_usd=0.01, fleet_day_usd=0.012, alarm_share=0.3)
    held: dict[int, Reservation] = {}
    try:
        for what, job, number, alarm in steps:
            if what == "reserve":
                try:
                    held[job] = reserve(budget, f"a/{job}", device=f"d{job % 2}", tokens=number, alarm=alarm)
                except (OverBudgetError, InFlightError):
                    continue
            elif what == "later":
                clock.t += number
            elif what == "recover":
                budget.recover()
            elif (reservation := held.get(job)) is not None:
                if what == "settle":
                    settle(budget, reservation, Usage(min(number, reservation.microusd)))
                elif what == "unknown":
                    settle(budget, reservation, None)
                elif what == "release":
                    budget.release(reservation)
                held.pop(job)  # "kill": it is only forgotten
            assert budget.leak() == {}
            assert spent(db) <= 12000 * (1 + (clock.t - NOON) // 86400 + 1)
        clock.t += 61
        budget.recover()
        assert still_open(db) == 0
        assert budget.leak() == {}
    finally:
        db.close()
