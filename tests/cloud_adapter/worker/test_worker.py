"""The way of a job through a worker: once, whoever is killed; over the budget; the dead letter; the loop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cloud_adapter.diagnosis.base import Calls
from cloud_adapter.providers.base import BackendError
from cloud_adapter.records import Diagnosis, Job, Picture
from tests.cloud_adapter.making import make_job
from tests.cloud_adapter.paying import ScriptedModel
from tests.cloud_adapter.worker.bench import Bench
from tests.cloud_adapter.worker.test_faults import FULL, REAL, run
from vision.errors import StoreError


def test_one_job(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    async def test() -> None:
        job = await bench.put()
        await bench.work()
        (diagnosis,) = bench.concluded
        assert (diagnosis.job, diagnosis.label, diagnosis.cost_microusd) == (job, "healthy", REAL)
        assert list(bench.diagnoses.each()) == [diagnosis]
        assert bench.queue.due == {}

    run(bench, test)


def test_readings_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    async def test() -> None:
        await bench.put(data=None)
        await bench.work()
        assert len(bench.concluded) == 1
        assert bench.model.requests == 0

    run(bench, test)


def test_the_same_picture_prompt_and_model_is_paid_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    async def test() -> None:
        for n in range(3):
            await bench.put(f"frame-{n:04}", data=b"a blocked lens")
        await bench.work(3)
        assert bench.model.requests == 1
        assert bench.outcomes() == ["answered", "cached", "cached"]
        assert bench.spent() == REAL
        assert [d.opinions[0].cached for d in bench.concluded] == [False, True, True]

    run(bench, test)


def test_killed_while_the_model_was_asked(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    async def test() -> None:
        job = await bench.put()
        await bench.killed()
        assert bench.reserved() == 1  # the money is not forgotten
        bench.t += 91
        await bench.work()
        assert bench.ends([job]) == ["diagnosed"]
        assert bench.model.requests == 2
        assert bench.outcomes() == ["lost", "answered"]
        assert bench.spent() == FULL + REAL

    run(bench, test)


def test_the_job_comes_again_before_the_lost_call_is_over(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    async def test() -> None:
        job = await bench.put()
        await bench.killed()
        bench.queue.due[job] = bench.t  # the queue's lease was shorter than the call's
        await bench.work()
        assert bench.model.requests == 1  # it may be under way still
        assert bench.queue.due[job] == bench.t + 90
        bench.t += 90
        await bench.work()
        assert bench.ends([job]) == ["diagnosed"]

    run(bench, test)


@pytest.mark.parametrize("moment", ["keep", "concluded", "done"])
def test_killed_after_the_answer_was_paid(tmp_path: Path, moment: str) -> None:
    bench = Bench(tmp_path)

    async def test() -> None:
        job = await bench.put()

        def dies(*_: object) -> Any:
            raise asyncio.CancelledError

        async def dies_later(*_: object) -> None:
            dies()

        with pytest.MonkeyPatch.context() as patch:
            if moment == "keep":
                patch.setattr(bench.worker._diagnoses, "keep", dies)
            elif moment == "concluded":
                object.__setattr__(bench.worker._around, "concluded", dies_later)
            else:
                patch.setattr(bench.queue, "done", dies_later)
            claim = await bench.queue.take(0.0)
            assert claim is not None
            await asyncio.gather(bench.worker.work(claim), return_exceptions=True)
        bench.again()
        bench.t += 100
        await bench.work()
        assert bench.queue.due == {}
        assert bench.model.requests == 1
        assert bench.spent() == REAL
        assert len(list(bench.diagnoses.each())) == 1
        assert {d.job for d in bench.concluded} == {job}
        assert len({d.model_dump_json() for d in bench.concluded}) == 1  # told again at most with the same words

    run(bench, test)


def test_a_second_opinion_is_asked_alone_after_a_kill(tmp_path: Path) -> None:
    first, second = ScriptedModel("first"), ScriptedModel("second", script=[BackendError("overloaded", "503")])
    bench = Bench(tmp_path, first, second)

    async def test() -> None:
        job = await bench.put()
        await bench.work()
        bench.t += 10
        await bench.work()
        assert bench.ends([job]) == ["diagnosed"]
        assert (first.requests, second.requests) == (1, 2)
        assert bench.outcomes() == ["answered", "cached", "answered"]

    run(bench, test)


def test_a_job_over_which_workers_are_killed_is_buried_unseen(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    async def test() -> None:
        job = await bench.put()
        for _ in range(3):
            await bench.killed()
            bench.t += 100
        await bench.work()
        assert bench.ends([job]) == ["buried"]
        assert "killed or fell silent 3 times" in bench.queue.buried[job].reason
        assert bench.model.requests == 3
        bench.budget.recover()
        assert bench.spent() == 3 * FULL

    run(bench, test)


def test_revived_from_the_dead_letter(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedModel(script=[BackendError("bad_request", "picture too large")]))

    async def test() -> None:
        job = await bench.put()
        await bench.work()
        assert bench.ends([job]) == ["buried"]
        assert await bench.queue.revive(job)
        await bench.work()
        assert bench.ends([job]) == ["diagnosed"]
        assert not bench.queue.buried

    run(bench, test)


def test_who_comes_late_changes_nothing(tmp_path: Path) -> None:
    """A worker that was frozen finds its job buried; another one finds it diagnosed."""
    bench = Bench(tmp_path)

    async def test() -> None:
        job = make_job(data=b"pixels")
        diagnosis = await bench.diagnoser.diagnose(make_job(), None, None)  # type: ignore[arg-type]  # asks nothing
        assert bench.diagnoses.bury(job, "poison").reason == "poison"
        assert bench.diagnoses.keep(diagnosis).reason == "poison"
        assert list(bench.diagnoses.each()) == []
        other = diagnosis.model_copy(update={"job": "field-1/other-001"})
        assert bench.diagnoses.keep(other).diagnosis == other
        again = other.model_copy(update={"label": "blight"})
        assert bench.diagnoses.keep(again).diagnosis == other
        assert bench.diagnoses.bury(make_job("other-001"), "late").diagnosis == other

    run(bench, test)


def test_over_the_cap_pictures_are_held_and_told_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, budget={"device_day_usd": 0.0015})

    async def test() -> None:
        jobs = [await bench.put(f"frame-{n:04}", data=b"%d" % n) for n in range(4)]
        await bench.work(4)
        assert bench.ends(jobs) == ["diagnosed", "diagnosed", "open", "open"]  # 310 each, 1,100 reserved for each
        assert [n.kind for n in bench.notices] == ["over_budget"]
        assert bench.queue.tries[jobs[3]] == 0
        bench.t = min(bench.queue.due.values())
        await bench.work(4)
        assert bench.ends(jobs) == ["diagnosed"] * 4

    run(bench, test)


def test_over_the_cap_pictures_may_end_undiagnosed_but_alarms_may_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path, budget={"device_day_usd": 0.001, "over": "local"})

    async def test() -> None:
        plain = await bench.put("frame-0001", data=b"1")
        alarm = await bench.put("frame-0002", priority=0, data=b"2")
        await bench.work(2)
        assert bench.ends([plain, alarm]) == ["held", "open"]
        assert {n.kind: n.severity for n in bench.notices} == {"over_budget": "warning", "alarm_held": "alert"}
        assert alarm in bench.queue.due

    run(bench, test)


def test_the_part_kept_back_is_for_alarms(tmp_path: Path) -> None:
    bench = Bench(tmp_path, budget={"device_day_usd": 0.002, "alarm_share": 0.5})

    async def test() -> None:
        plain = await bench.put("frame-0001", data=b"1")
        alarm = await bench.put("frame-0002", priority=0, data=b"2")
        await bench.work(2)
        assert bench.ends([plain, alarm]) == ["open", "diagnosed"]

    run(bench, test)


def test_a_picture_that_is_gone(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    async def test() -> None:
        job = await bench.put()
        bench.queue.pictures.clear()
        await bench.work()
        assert bench.ends([job]) == ["buried"]

    run(bench, test)


def test_a_diagnoser_that_hangs(tmp_path: Path) -> None:
    bench = Bench(tmp_path, job_seconds=5)

    class Hangs:
        async def diagnose(self, job: Job, picture: Picture | None, calls: Calls) -> Diagnosis:
            await asyncio.sleep(3600)
            raise AssertionError

    bench.diagnoser = Hangs()
    bench.again()
    bench.worker._settings = bench.settings.model_copy(update={"job_seconds": 0.05})

    async def test() -> None:
        job = await bench.put()
        await bench.work()
        assert bench.ends([job]) == ["open"]
        assert bench.queue.tries[job] == 1
        for _ in range(2):
            bench.t += 1000
            await bench.work()
        assert bench.ends([job]) == ["buried"]

    run(bench, test)


def test_a_queue_that_fails_costs_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    async def test() -> None:
        job = await bench.put()

        async def gone(*_: object) -> None:
            raise StoreError("NATS is away")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bench.queue, "done", gone)
            await bench.work()
        bench.t += 100
        await bench.work()
        assert bench.ends([job]) == ["diagnosed"]
        assert bench.model.requests == 1
        assert bench.queue.due == {}

    run(bench, test)


def test_a_diagnosis_that_cannot_be_told_waits_and_is_not_asked_for_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    async def test() -> None:
        job = await bench.put()
        told = bench.worker._around.concluded

        async def fails(_: Diagnosis) -> None:
            raise RuntimeError("the alert store is full")

        object.__setattr__(bench.worker._around, "concluded", fails)
        for _ in range(8):  # more often than a job may be tried
            await bench.work()
            bench.t += 100
        assert job in bench.queue.due
        object.__setattr__(bench.worker._around, "concluded", told)
        await bench.work()
        assert bench.ends([job]) == ["diagnosed"]
        assert [d.job for d in bench.concluded] == [job]
        assert bench.model.requests == 1
        assert not bench.queue.buried

    run(bench, test)


def test_the_loop_goes_on_when_the_queue_is_there_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    async def test() -> None:
        job = await bench.put()
        take, failures = bench.queue.take, 3

        async def sometimes(wait_s: float) -> Any:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise StoreError("NATS is away")
            return await take(wait_s)

        bench.queue.take = sometimes  # type: ignore[method-assign]
        stop = asyncio.Event()
        loop = asyncio.create_task(bench.worker.run(stop))
        while bench.queue.due:
            await asyncio.sleep(0.02)
        stop.set()
        await loop
        assert bench.ends([job]) == ["diagnosed"]

    run(bench, test)


def test_the_loop_works_at_several_jobs_at_once_and_stops(tmp_path: Path) -> None:
    bench = Bench(tmp_path, workers=3)

    async def test() -> None:
        at_once, most = 0, 0

        async def busy() -> None:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            while most < 3:
                await asyncio.sleep(0.01)
            at_once -= 1

        bench.model.script = [busy] * 12
        jobs = [await bench.put(f"frame-{n:04}", data=b"%d" % n) for n in range(12)]
        stop = asyncio.Event()
        loop = asyncio.create_task(bench.worker.run(stop))
        while bench.queue.due:
            await asyncio.sleep(0.02)
        stop.set()
        await loop
        assert most == 3  # no fewer, no more
        assert bench.ends(jobs) == ["diagnosed"] * 12
        assert bench.worker.ended == 12

    run(bench, test)


def test_pages_of_diagnoses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud_adapter.worker.diagnoses._PAGE", 20)
    bench = Bench(tmp_path)

    async def test() -> None:
        for n in range(48):  # more than two pages, with the same moment in many
            one = await bench.diagnoser.diagnose(make_job(f"frame-{n:04}", device=f"d{n % 3}"), None, None)  # type: ignore[arg-type]
            bench.t += n % 5 == 0
            bench.diagnoses.keep(one)
        each = list(bench.diagnoses.each())
        assert len({d.job for d in each}) == len(each) == 48
        assert [d.decided for d in each] == sorted(d.decided for d in each)
        assert list(bench.diagnoses.each(newest_first=True)) == each[::-1]
        assert len(list(bench.diagnoses.each(device="d1"))) == 16
        assert list(bench.diagnoses.each(outcome="review")) == []
        assert list(bench.diagnoses.each(since=each[-1].decided + 1)) == []

    run(bench, test)
