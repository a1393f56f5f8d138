"""The service put together: what comes in as a picture goes out as an alert, through the outbox that cameras use too."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloud_adapter.config import load_cloud
from cloud_adapter.demo.leaves import render_leaf
from cloud_adapter.demo.node import Node
from cloud_adapter.demo.server import serving
from cloud_adapter.service import Parts, open_parts, serve
from edge_agent.config.models import Config
from tests.cloud_adapter.actions.cases import action
from tests.conftest import ROOT
from tests.peers.webhook import Receiver
from vision.delivery.records import EventFilter
from vision.errors import ConfigError, OutsideError
from vision.wire.signing import Key

DEVICE_SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef"
HOOK_SECRET = "whsec_UXVpbmNlLUhlZGdlaG9nLTkwLVF1aW5jZS1IZWRnZWhvZy05MA=="


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_SECRET", DEVICE_SECRET)
    monkeypatch.setenv("HOOK_SECRET", HOOK_SECRET)


def written(folder: Path, model: str, hook: str) -> Path:
    labels = {"late_blight": {"severity": "high"}, "early_blight": {}}
    models = {"family": "server", "base_url": model}
    config = {
        "version": 1,
        "data_dir": str(folder / "data"),
        "alerts": [{"type": "webhook", "url": hook, "secret": "${HOOK_SECRET}"}],
        "cloud": {
            "intake": {"port": 0},
            "devices": [
                {
                    "name": "node",
                    "site": "farm",
                    "cameras": ["field-1", "mast"],
                    "keys": [{"id": "k1", "secret": "${NODE_SECRET}"}],
                }
            ],
            "models": {
                "entries": {
                    "a": models | {"model": "sightline-demo-shapes"},
                    "b": models | {"model": "sightline-demo-colours"},
                }
            },
            "profiles": {
                "potato": {"kind": "leaf", "crop": "potato", "labels": labels, "model": "a", "second_model": "b"}
            },
            "actions": {
                "rules": [
                    action(
                        mode="approve", clear_of=[], sensors=[], agreement={"k": 1, "n": 1, "captures": 1}
                    ).model_dump(mode="json")
                ]
            },
        },
    }
    path = folder / "cloud.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


async def settled(parts: Parts) -> None:
    deadline = time.monotonic() + 120
    while (await parts.queue.depth()).waiting + (await parts.queue.depth()).taken:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def served(path: Path, during: Any) -> None:
    parts = open_parts(load_cloud(path))
    stop, url = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(parts, stop, ready=lambda server: url.set_result(server.url)))
    await asyncio.wait((task, url), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    try:
        await during(parts, Node(url.result(), Key("node/k1", DEVICE_SECRET), "farm", time.time()))
    finally:
        stop.set()
        await task
        await parts.close()


def test_a_picture_becomes_an_alert_and_a_proposal(tmp_path: Path) -> None:
    async def play() -> None:
        with Receiver(HOOK_SECRET) as receiver:
            async with serving() as model:
                path = written(tmp_path, model, receiver.url)

                async def during(parts: Parts, node: Node) -> None:
                    now = time.time()
                    ill = await node.picture("field-1", "potato", render_leaf("late_blight", 5, severity=0.5), now - 60)
                    await node.picture("field-1", "potato", render_leaf("healthy", 1), now - 7200)
                    await settled(parts)
                    await asyncio.to_thread(receiver.wait, 2, 60.0)
                    events = {message.event["type"]: message.event for message in receiver.messages}
                    assert sorted(events) == ["action_proposed", "diagnosis"]  # the healthy leaf is nobody's news
                    told = events["diagnosis"]
                    assert (told["camera"], told["label"], told["severity"]) == ("field-1", "late_blight", "warning")
                    assert "Not yet reviewed by an agronomist" in told["summary"]["text"]
                    assert (tmp_path / "data" / told["evidence"]["snapshot"]).is_file()
                    [proposal] = parts.actions.commands("proposed")
                    assert proposal.job.endswith(ill)
                    for diagnosis in list(parts.diagnoses.each()):  # as after a kill, before the job was done
                        await parts.tell.diagnosis(diagnosis)
                    assert len(list(parts.store.events(EventFilter()))) == 2

                await served(path, during)

    asyncio.run(play())


def test_what_the_intake_refuses_is_told(tmp_path: Path) -> None:
    async def play() -> None:
        path = written(tmp_path, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/")

        async def during(parts: Parts, node: Node) -> None:
            with pytest.raises(OutsideError, match="403"):  # a camera that the device may not speak for
                await node.picture("field-9", "potato", render_leaf("healthy", 1), time.time())
            with pytest.raises(OutsideError, match="4"):  # a profile that there is not
                await node.picture("field-1", "rice", render_leaf("healthy", 1), time.time())

        await served(path, during)

    asyncio.run(play())


def test_the_agents_keys_are_left_to_the_agent() -> None:
    from cloud_adapter.config import CloudFile

    assert set(Config.model_fields) - {"cloud"} <= set(CloudFile.model_fields)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"profiles": {}}, "profiles"),  # nothing is asked about anything
    ({"profils": {}}, "did you mean profiles?"),
    ({"budget": {"fleet_day_usd": -1}}, "at least 0"),
    ({"queue": {"type": "rabbit"}}, "no known type"),
    ({"actions": {"rules": [action(profile="rice").model_dump(mode="json")]}}, "there is no profile 'rice'"),
    ({"actions": {"rules": [action(labels=["rust"]).model_dump(mode="json")]}}, "'rust' is no label"),
    ({"audit_key": "plain"}, "environment"),  # a secret in the file
]


@pytest.mark.parametrize(("change", "told"), WRONG, ids=[row[1] for row in WRONG])
def test_wrong_configs_are_one_line_with_the_place(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    path = written(tmp_path, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/")
    raw = yaml.safe_load(path.read_text())
    raw["cloud"] |= change
    path.write_text(yaml.safe_dump(raw))
    with pytest.raises(ConfigError) as caught:
        load_cloud(path)
    lines = str(caught.value).splitlines()
    assert any(told in line for line in lines), lines
    assert all(line.startswith("cloud.yaml:") for line in lines)


@pytest.mark.parametrize("name", ["crops.yaml", "manhole.yaml"])
def test_the_shipped_configs_are_right(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_DEMO_MODEL", "http://127.0.0.1:9/v1")
    assert load_cloud(ROOT / "configs" / name).cloud.profiles
    assert json.dumps(load_cloud(ROOT / "configs" / name).cloud.model_dump(mode="json"), default=str)
