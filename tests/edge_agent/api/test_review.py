"""Review by HTTP: doubtful parts are listed, shown, labelled; only with the token."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edge_agent.inspect.line.labels import Labels
from tests.edge_agent.api.serving import serving
from tests.edge_agent.inspect.line.written import entry, written

LIST = "/v1/inspection/review"


def data_dir(tmp_path: Path) -> tuple[Path, str, bytes]:
    """The agent's folder with one run: a clear pass, a part near the threshold; its digest and bytes."""
    rows = [entry(1, score=0.1), entry(2, score=0.97), entry(3, verdict="no_decision")]
    run = written(tmp_path / "data/inspection/20261123-060000-abcd1234", rows, pictures=True)
    sha256 = rows[1]["picture"]
    return tmp_path / "data", sha256, (run / "pictures" / sha256).read_bytes()


def ask(folder: Path, path: str, method: str = "GET", **options: Any) -> tuple[int, Any, str]:
    async def run() -> tuple[int, Any, str]:
        async with serving(folder) as served, served.client.request(method, path, **options) as answer:
            kind = answer.content_type
            return answer.status, await (answer.json(content_type=None) if "json" in kind else answer.read()), kind

    return asyncio.run(run())


def test_list_look_label(tmp_path: Path) -> None:
    folder, sha256, data = data_dir(tmp_path)
    status, told, _ = ask(folder, LIST)
    assert status == 200
    assert told["total"] == 2
    assert {part["verdict"] for part in told["parts"]} == {"pass", "no_decision"}
    near = next(part for part in told["parts"] if part["id"] == sha256)
    assert "below the threshold" in near["why"][0]
    status, body, kind = ask(folder, near["picture"])
    assert (status, body, kind) == (200, data, "image/png")
    status, kept, _ = ask(folder, f"{LIST}/{sha256}", "POST", json={"label": "good", "by": "Ann", "note": "dust"})
    assert status == 201
    assert (kept["label"], kept["by"], kept["note"], kept["verdict"]) == ("good", "Ann", "dust", "pass")
    assert ask(folder, LIST)[1]["total"] == 1
    assert ask(folder, f"{LIST}?all=1")[1]["total"] == 2
    labels = Labels("plate", folder / "reviews")
    assert labels.picture(labels.current()[sha256]).read_bytes() == data


REFUSED = [
    # method, address ({id}: the part's), body, status, what is said
    ("GET", f"{LIST}?near=2", None, 400, "near"),
    ("GET", f"{LIST}?nearer=1", None, 400, "no such parameter"),
    ("GET", f"{LIST}/{'0' * 64}/picture", None, 404, "no such part"),
    ("GET", f"{LIST}/..%2f..%2fapi.token/picture", None, 404, "no such part"),  # no way out of the folder
    ("POST", f"{LIST}/{{id}}", b"", 400, "JSON object"),
    ("POST", f"{LIST}/{{id}}", b'{"label": "good"}', 400, "are needed"),
    ("POST", f"{LIST}/{{id}}", b'{"label": "fine", "by": "Ann"}', 400, "is no label"),
    ("POST", f"{LIST}/{{id}}", b'{"label": "good", "by": " "}', 400, "who says so"),
    ("POST", f"{LIST}/{{id}}", b'{"label": "good", "by": "Ann", "x": "y"}', 400, "no such key"),
    ("POST", f"{LIST}/{'0' * 64}", b'{"label": "good", "by": "Ann"}', 404, "no such part"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "said"), REFUSED)
def test_refused(tmp_path: Path, method: str, path: str, body: bytes | None, status: int, said: str) -> None:
    folder, sha256, _ = data_dir(tmp_path)
    found, told, _ = ask(folder, path.format(id=sha256), method, data=body)
    assert (found, told["status"]) == (status, status)
    assert said in told["detail"]
    assert not Labels("plate", folder / "reviews").current()


def test_nothing_without_the_token(tmp_path: Path) -> None:
    folder, sha256, _ = data_dir(tmp_path)
    wrong = {"Authorization": "Bearer wrong-token-0123456789"}
    for method, path in (("GET", LIST), ("GET", f"{LIST}/{sha256}/picture"), ("POST", f"{LIST}/{sha256}")):
        assert ask(folder, path, method, headers=wrong)[0] == 401


def test_an_agent_that_inspects_nothing(tmp_path: Path) -> None:
    assert ask(tmp_path, LIST)[1] == {"parts": [], "total": 0}
