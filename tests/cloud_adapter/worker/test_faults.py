"""What each fault of a provider does to the job, the money and the number of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cloud_adapter.providers.base import BackendError
from cloud_adapter.records import Usage
from tests.cloud_adapter.paying import ScriptedModel
from tests.cloud_adapter.worker.bench import Bench


def run(bench: Bench, test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(120):
            await test()

    try:
        asyncio.run(bounded())
    finally:
        bench.close()


SAID = Usage(250, 0, 5)  # what a provider may say that a failed call took
FULL, REAL = 1100, 310  # the reservation, and what a good answer takes

# script, requests, micro-dollars, outcomes in the ledger, how the job ends, tries it has used, seconds it waits (None: over)
FAULTS = [
    ([], 1, REAL, ["answered"], "diagnosed", 1, None),
    ([BackendError("rate_limited", "429", after_s=40)], 1, 0, [], "open", 0, 40),  # Retry-After is kept to
    ([BackendError("rate_limited", "429")], 1, 0, [], "open", 0, 4),  # half of the first back-off: random is 0.5
    ([BackendError("overloaded", "529")], 1, 0, [], "open", 1, 4),
    ([BackendError("overloaded", "500", usage=SAID)], 1, 255, ["overloaded"], "open", 1, 4),  # billed all the same
    ([BackendError("timeout", "slow")], 1, FULL, ["timeout"], "open", 1, 4),  # may have been billed
    ([BackendError("cut", "cut")], 1, FULL, ["cut"], "open", 1, 4),
    ([BackendError("cut", "refused", usage=Usage(requests=0))], 1, 0, ["cut"], "open", 1, 4),  # never got there
    ([BackendError("malformed", "{")], 2, FULL + REAL, ["malformed", "answered"], "diagnosed", 1, None),
    ([BackendError("malformed", "{", usage=SAID)] * 2, 2, 510, ["malformed"] * 2, "review", 1, None),
    ([BackendError("refused", "I cannot", usage=SAID)], 1, 255, ["refused"], "review", 1, None),
    ([BackendError("quota", "no money")], 1, 0, [], "open", 0, 600),
    ([BackendError("auth", "401")], 1, 0, [], "open", 0, 600),
    ([BackendError("bad_request", "400")], 1, 0, [], "buried", 1, None),
    ([RuntimeError("a mistake in the code")], 1, FULL, ["failed"], "open", 1, 4),
]


@pytest.mark.parametrize(("script", "requests", "microusd", "outcomes", "end", "tries", "waits"), FAULTS)
def test_faults(
    tmp_path: Path,
    script: list[Any],
    requests: int,
    microusd: int,
    outcomes: list[str],
    end: str,
    tries: int,
    waits: float | None,
) -> None:
    bench = Bench(tmp_path, ScriptedModel(script=list(script)))

    async def test() -> None:
        job = await bench.put()
        await bench.work()
        assert bench.model.requests == requests
        assert (bench.spent(), bench.outcomes(), bench.reserved()) == (microusd, outcomes, 0)
        assert bench.ends([job]) == [end]
        if waits is None:
            assert job not in bench.queue.due
            assert (job in bench.queue.buried) == (end == "buried")
            assert len(bench.concluded) == (end != "buried")
        else:
            assert bench.queue.due[job] == pytest.approx(bench.t + waits)
            assert bench.queue.tries[job] == tries
            bench.t += 599
            await bench.worker.work(await taken(bench))
            if script[0].__class__ is BackendError and script[0].fault in {"quota", "auth"}:
                assert bench.model.requests == requests  # never again by itself
            else:
                assert bench.ends([job]) == ["diagnosed"]
                assert bench.model.requests == requests + 1

    async def taken(bench: Bench) -> Any:
        while (claim := await bench.queue.take(0.0)) is None:
            bench.t += 1
        return claim

    run(bench, test)


def test_a_job_that_always_fails_is_buried_with_the_reason(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedModel(script=[BackendError("timeout", "no answer")] * 9), circuit_failures=99)

    async def test() -> None:
        job = await bench.put()
        for _ in range(10):
            await bench.work()
            bench.t += 100
        assert bench.model.requests == 3
        assert bench.spent() == 3 * FULL
        assert bench.ends([job]) == ["buried"]
        assert bench.queue.buried[job].reason == "no answer"
        assert [notice.kind for notice in bench.notices] == ["buried"]

    run(bench, test)


def test_a_rate_limit_never_buries_a_job(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedModel(script=[BackendError("rate_limited", "429", after_s=5)] * 20))

    async def test() -> None:
        job = await bench.put()
        for _ in range(60):
            await bench.work()
            bench.t += 600
        assert bench.ends([job]) == ["diagnosed"]
        assert bench.spent() == REAL
        assert [notice.kind for notice in bench.notices] == ["endpoint_failing"]  # told once, not each time

    run(bench, test)


def test_an_outage_of_the_provider_buries_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedModel(script=[BackendError("overloaded", "503")] * 40))

    async def test() -> None:
        jobs = [await bench.put(f"frame-{n:04}", data=b"%d" % n) for n in range(4)]
        for _ in range(200):  # more than a day
            bench.t += 600
            await bench.work(4)
        assert bench.ends(jobs) == ["diagnosed"] * 4
        assert bench.model.requests == 44
        assert bench.spent() == 4 * REAL
        assert [notice.kind for notice in bench.notices] == ["endpoint_failing"]

    run(bench, test)


def test_retry_after_holds_for_all_jobs_of_the_endpoint(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedModel(script=[BackendError("rate_limited", "429", after_s=100)]))

    async def test() -> None:
        jobs = [await bench.put(f"frame-{n:04}", data=b"%d" % n) for n in range(5)]
        await bench.work(5)
        assert bench.model.requests == 1
        assert min(bench.queue.due[job] for job in jobs) >= bench.t + 100
        for _ in range(20):
            bench.t += 100
            await bench.work(5)
        assert bench.ends(jobs) == ["diagnosed"] * 5

    run(bench, test)


def test_the_circuit_opens_after_failures_in_a_row_and_tries_one_call(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedModel(script=[BackendError("overloaded", "503")] * 4), circuit_seconds=30)

    async def test() -> None:
        for n in range(8):
            await bench.put(f"frame-{n:04}", data=b"%d" % n)
        await bench.work(8)
        assert bench.model.requests == 3  # circuit_failures; the other five were not even reserved
        bench.t += 29
        await bench.work(8)
        assert bench.model.requests == 3
        bench.t += 31
        await bench.work(8)
        assert bench.model.requests == 4  # the one that finds out that nothing is better
        bench.t += 29
        await bench.work(8)
        assert bench.model.requests == 4  # twice as long now
        bench.t += 300
        await bench.work(8)
        assert bench.model.requests == 4 + 8
        assert not bench.queue.due

    run(bench, test)


def test_while_the_circuit_is_tried_other_jobs_wait(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedModel(script=[BackendError("overloaded", "503")] * 3))

    async def test() -> None:
        jobs = [await bench.put(f"frame-{n:04}", data=b"%d" % n) for n in range(3)]
        await bench.work(3)
        bench.t += 60
        go = asyncio.Event()
        bench.model.script.append(wait_for(go))
        claims = [await bench.queue.take(0.0) for _ in jobs]
        tasks = [asyncio.create_task(bench.worker.work(claim)) for claim in claims if claim is not None]
        assert len(tasks) == 3
        while bench.model.requests < 4 or sum(task.done() for task in tasks) < 2:
            await asyncio.sleep(0.01)
        assert bench.model.requests == 4  # one of the three; the others were given back meanwhile
        go.set()
        await asyncio.gather(*tasks)
        assert bench.ends(jobs).count("diagnosed") >= 1

    def wait_for(go: asyncio.Event) -> Callable[[], Awaitable[None]]:
        async def wait() -> None:
            await go.wait()

        return wait

    run(bench, test)


def test_an_empty_account_is_told_once_and_stays_closed_over_restarts(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedModel(script=[BackendError("quota", "insufficient_quota")]))

    async def test() -> None:
        jobs = [await bench.put(f"frame-{n:04}", data=b"%d" % n) for n in range(3)]
        for _ in range(5):
            await bench.work(3)
            bench.t += 1000
            bench.again()
        assert bench.model.requests == 1
        assert [(n.kind, n.severity) for n in bench.notices] == [("endpoint_closed", "alert")]
        assert "top the account up" in bench.notices[0].text
        assert list(bench.diagnoses.closed_endpoints()) == ["tiny"]
        assert bench.diagnoses.open_endpoint("tiny") is True
        assert bench.diagnoses.open_endpoint("tiny") is False
        await bench.work(3)
        assert bench.ends(jobs) == ["diagnosed"] * 3

    run(bench, test)


def test_a_wrong_key_closes_until_a_restart(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ScriptedModel(script=[BackendError("auth", "401")]))

    async def test() -> None:
        job = await bench.put()
        for _ in range(4):
            await bench.work()
            bench.t += 1000
        assert bench.model.requests == 1
        assert [n.kind for n in bench.notices] == ["endpoint_closed"]
        bench.again()
        await bench.work()
        assert bench.ends([job]) == ["diagnosed"]

    run(bench, test)


def test_a_refusal_is_not_paid_for_again_after_a_kill(tmp_path: Path) -> None:
    """Killed between the settlement and the diagnosis: the next worker finds the refusal in the cache."""
    bench = Bench(tmp_path, ScriptedModel(script=[BackendError("refused", "I cannot", usage=SAID)]))

    async def test() -> None:
        job = await bench.put()
        keep = bench.diagnoses.keep

        def dies(*_: object) -> Any:
            raise asyncio.CancelledError

        bench.worker._diagnoses.keep = dies  # type: ignore[method-assign,assignment]
        claim = await bench.queue.take(0.0)
        assert claim is not None
        await asyncio.gather(bench.worker.work(claim), return_exceptions=True)
        bench.diagnoses.keep = keep  # type: ignore[method-assign]
        bench.again()
        bench.t += 100
        await bench.work()
        assert bench.ends([job]) == ["review"]
        assert bench.model.requests == 1

    run(bench, test)
