"""Faults of the real protocol through the whole worker: how the job ends, how many uploads, what is reserved and settled."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cloud_adapter.budget.budget import Budget
from cloud_adapter.demo.leaves import render_leaf
from cloud_adapter.diagnosis.advising import advice_table
from cloud_adapter.diagnosis.calibration import Calibration
from cloud_adapter.diagnosis.leaf import LeafDiagnoser
from cloud_adapter.diagnosis.models import Models
from cloud_adapter.diagnosis.questions import choice_question
from cloud_adapter.diagnosis.settings import LeafProfile
from cloud_adapter.providers.catalogue import Catalogue, shipped
from cloud_adapter.providers.prices import Prices
from cloud_adapter.providers.registry import open_backend
from cloud_adapter.worker.worker import Worker
from tests.cloud_adapter.diagnosis.looks import GOOD, LABELS, encoded
from tests.cloud_adapter.worker.bench import Bench
from tests.peers.vision_llm import KEY, FaultServer, entry, schema_of, vision_server

LEAF = encoded(render_leaf("late_blight", 3))
PROFILE = LeafProfile(crop="potato", labels=LABELS, model="peer", first_question=False)
ONCE = 800 + 10 + 150  # of 900 tokens in, 100 of them from the cache at a tenth, and 30 out at 5 each
FULL = -1  # the whole reservation


class Priced(Bench):
    """The bench with a real backend, real prices and the real diagnoser."""

    def __init__(self, folder: Path, url: str, profile: LeafProfile = PROFILE, **settings: Any) -> None:
        self.models = Catalogue(shipped().dated, {"peer": entry(url)})
        self.backend = open_backend("peer", self.models)
        known = Models({"peer": self.backend})
        super().__init__(folder, **settings)
        table, advice = Calibration(), advice_table("potato")
        self.diagnoser = LeafDiagnoser("field", profile, known, (), advice, table, now=lambda: self.t)
        prices = Prices(self.models)
        self.budget = Budget(self.db, self.budget_settings, prices, now=lambda: self.t, lease_s=90)
        around = self.worker._around
        self.worker = Worker(self.queue, self.budget, self.diagnoses, self.diagnoser, self.settings, around)
        worst = self.backend.worst_case(choice_question("field", profile, ()), [LEAF])
        self.full = prices.ceiling("peer", worst, self.t)


def answer(body: Mapping[str, Any]) -> dict[str, Any]:
    """Late blight, in whichever form it was asked for."""
    return {name: GOOD[name] for name in schema_of(body)["properties"]}


# what the server does; how the job ends, uploads, micro-dollars for each upload, seconds that the job waits
TABLE: list[tuple[list[str], str, int, list[int], float | None]] = [
    (["ok"], "diagnosed", 1, [ONCE], None),
    (["fenced"], "diagnosed", 1, [ONCE], None),
    (["429"], "open", 1, [], 4),
    (["429 after"], "open", 1, [], 7),
    (["500"], "open", 1, [], 4),
    (["529"], "open", 1, [], 4),
    (["503 after"], "open", 1, [], 3),
    (["hang"], "open", 1, [FULL], 4),
    (["drip"], "open", 1, [FULL], 4),
    (["cut"], "open", 1, [FULL], 4),
    (["cut inside"], "open", 1, [FULL], 4),
    (["malformed", "ok"], "diagnosed", 2, [ONCE, ONCE], None),
    (["malformed"], "failed", 2, [ONCE, ONCE], None),
    (["half json"], "failed", 2, [FULL, FULL], None),
    (["outside"], "failed", 2, [ONCE, ONCE], None),
    (["refusal"], "failed", 1, [ONCE], None),
    (["filtered 400"], "failed", 1, [FULL], None),  # it may have been billed: not all say
    (["quota"], "open", 1, [], 600),
    (["401"], "open", 1, [], 600),
    (["400"], "buried", 1, [], None),
]


@pytest.mark.parametrize(("faults", "end", "uploads", "paid", "waits"), TABLE, ids=["+".join(row[0]) for row in TABLE])
def test_fault_to_money(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    faults: list[str],
    end: str,
    uploads: int,
    paid: list[int],
    waits: float | None,
) -> None:
    monkeypatch.setenv("VISION_TEST_KEY", KEY)

    async def main() -> None:
        async with FaultServer(answer) as server:
            server.then(*faults)
            seconds = 3 if {"hang", "drip"} & set(faults) else 60
            bench = Priced(tmp_path, server.url, call_seconds=seconds)
            job = await bench.put(data=LEAF.data)
            await bench.work()
            assert bench.ends([job]) == [end]
            # a deadline may also pass before the request is out, on a machine that stands still
            assert len(server.uploads) == uploads or (seconds == 3 and not server.uploads)
            assert bench.spent() == sum(bench.full if one == FULL else one for one in paid)
            assert bench.reserved() == 0
            if waits is not None:
                assert bench.queue.due[job] == pytest.approx(bench.t + waits)
            if faults == ["quota"]:  # never again by itself: the next job is not even sent
                await bench.put("frame-0002", data=LEAF.data)
                await bench.work()
                assert len(server.uploads) == 1
            await bench.backend.close()
            bench.close()

    asyncio.run(main())


def test_answered_once_is_paid_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISION_TEST_KEY", KEY)

    async def main() -> None:
        async with FaultServer(answer) as server:
            bench = Priced(tmp_path, server.url)
            for frame in ("frame-0001", "frame-0002"):
                await bench.put(frame, data=LEAF.data)
            await bench.work(2)
            assert len(server.uploads) == 1
            assert [one.cost_microusd for one in bench.concluded] == [ONCE, 0]
            assert bench.concluded[1].opinions[0].cached
            assert bench.concluded[0].candidates == bench.concluded[1].candidates
            await bench.backend.close()
            bench.close()

    asyncio.run(main())


def test_real_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_data: Path) -> None:
    """The happy path against a real multimodal server; whatever the tiny model sees, the money adds up."""
    monkeypatch.setenv("VISION_TEST_KEY", KEY)

    async def main(url: str) -> None:
        bench = Priced(tmp_path, url, PROFILE.model_copy(update={"first_question": True}), call_seconds=300)
        job = await bench.put(data=LEAF.data)
        await bench.work()
        (diagnosis,) = bench.concluded
        assert bench.ends([job]) == [diagnosis.outcome]
        assert diagnosis.outcome in {"diagnosed", "review"}
        assert 0 < bench.spent() == diagnosis.cost_microusd
        assert all(opinion.usage[0] > 64 for opinion in diagnosis.opinions)
        assert bench.reserved() == 0
        await bench.backend.close()
        bench.close()

    with vision_server(shared_data) as address:
        asyncio.run(main(address))
