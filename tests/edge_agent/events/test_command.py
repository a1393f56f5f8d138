"""`sightline events` as a user runs it: what is printed, exit status, one clear line for what is wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from edge_agent.cli import build
from tests.peers.postgres import PASSWORD, Postgres
from tests.vision.delivery.store.samples import T0, event, message
from vision.delivery.store import Store, open_store
from vision.errors import ConfigError, InputError, SightlineError, StoreError
from vision.events import Evidence, Summary

CONFIG = """
version: 1
data_dir: ./data
model: {path: model.onnx}
cameras: [{name: yard, source: "rtsp://127.0.0.1/a"}]
alerts: [{type: webhook, name: hook, url: "http://127.0.0.1:9/", secret: "${HOOK_SECRET}", expire_s: 600}]
"""
CLOSED = event(2, state="closed", end=T0 + 9.5, camera="gate", type="fall", severity="info", facts={"lying_s": 3.2})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def store(data: Path) -> Iterator[Store]:
    store = open_store(None, data)
    words = Summary(text="Somebody\tis \x1b[31mthere")
    store.record(event(1, summary=words), [message(event(1)), message(event(1), target="broker")], T0)
    store.record(CLOSED, [message(CLOSED), message(CLOSED, "closed")], T0)
    yield store
    store.close()


def run(*arguments: object) -> tuple[str, str]:
    """Output and error output; what the command raises for `main` to tell comes out as it is."""
    done = CliRunner().invoke(build(), ["events", *map(str, arguments)])
    if isinstance(done.exception, SightlineError):
        raise done.exception
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout, done.stderr


def test_list_in_a_pipe(store: Store, data: Path) -> None:
    out, _ = run("list", "--data-dir", data, "--utc")
    newest, oldest = (line.split("\t") for line in out.splitlines())
    assert newest == [
        CLOSED.id, "2026-09-21T14:13:22+00:00", "2026-09-21T14:13:29+00:00", "gate", "fall", "info", "closed", "lawn", "",
    ]  # fmt: skip
    assert oldest[2] == ""
    assert oldest[-1] == "Somebody is  [31mthere"  # neither a further column nor a colour


def test_list_as_json(store: Store, data: Path) -> None:
    out, _ = run("list", "--data-dir", data, "--json", "--limit", 1)
    assert [json.loads(line) for line in out.splitlines()] == [CLOSED.to_dict()]


def test_list_in_a_terminal(store: Store, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("COLUMNS", "160"), ("TERM", "xterm-256color")):
        monkeypatch.setenv(name, value)
    out, _ = run("list", "--data-dir", data, "--utc")
    assert "\x1b[31m" in out  # the colour of an alert
    bare = re.sub(r"\x1b\[[0-9;]*m", "", out)
    assert "2026-09-21 14:13:22" in bare
    assert "7.5 s" in bare
    for n in range(3, 60):
        store.record(event(n), [], T0)
    out, _ = run("list", "--data-dir", data)
    assert "the newest 50; --limit 0 shows all" in re.sub(r"\x1b\[[0-9;]*m", "", out)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--camera", "gate"], 1),
        (["--camera", "gate", "--camera", "yard"], 2),
        (["--type", "fall"], 1),
        (["--state", "open"], 1),
        (["--min-severity", "warning"], 1),
        (["--since", "2026-09-21", "--utc"], 2),
        (["--until", "2026-09-21", "--utc"], 0),
        (["--since", "2026-09-21T14:13:22Z"], 1),
        (["--since", "1h"], 0),
        (["--limit", "0"], 2),
    ],
)
def test_list_filters(store: Store, data: Path, options: list[str], count: int) -> None:
    out, _ = run("list", "--data-dir", data, *options)
    assert len(out.splitlines()) == count


def test_show(store: Store, data: Path) -> None:
    store.attach(CLOSED.id, Evidence(snapshot="snapshots/a.jpg", clip="clips/a.mp4"), T0 + 1)
    (data / "clips").mkdir()
    (data / "clips/a.mp4").write_bytes(b"x")
    first, second = store.deliveries(event_id=CLOSED.id)
    store.sent(first.number, T0 + 3)
    store.give_up(second.number, "HTTP 410: gone\n\x1b[2J")
    out, _ = run("show", CLOSED.id, "--data-dir", data, "--utc")
    for expected in (
        "camera: gate",
        "start: 2026-09-21 14:13:22",
        "fact lying_s: 3.2",
        f"snapshot: {data}/snapshots/a.jpg  (the file is no more)",
        f"clip: {data}/clips/a.mp4\n",
        "message: opened to hook: sent at 2026-09-21 14:13:23, 1 attempt\n",
        "message: closed to hook: dead, 1 attempt, HTTP 410: gone  [2J\n",
    ):
        assert expected in out
    shown = json.loads(run("show", CLOSED.id.lower(), "--data-dir", data, "--json")[0])
    assert shown["event"]["id"] == CLOSED.id
    assert [(d["stage"], d["state"], d["error"]) for d in shown["deliveries"]] == [
        ("opened", "sent", None),
        ("closed", "dead", "HTTP 410: gone\n\x1b[2J"),
    ]


def test_show_by_the_beginning(store: Store, data: Path) -> None:
    beginning = next(CLOSED.id[:n] for n in range(1, 27) if not event(1).id.startswith(CLOSED.id[:n]))
    assert CLOSED.id in run("show", beginning, "--data-dir", data)[0]
    with pytest.raises(InputError, match=f"several events begin so .*{CLOSED.id}"):
        run("show", CLOSED.id[:2], "--data-dir", data)
    with pytest.raises(InputError, match="no such event"):
        run("show", "nothing", "--data-dir", data)


def test_export(store: Store, data: Path, tmp_path: Path) -> None:
    store.attach(CLOSED.id, Evidence(clip="clips/a.mp4"), T0 + 1)
    out, err = run("export", "--data-dir", data, "--out", tmp_path / "e.zip", "--type", "fall")
    assert out == f"{tmp_path / 'e.zip'}: 1 event, 3 files\n"
    assert err == "1 file of evidence no more there, listed in manifest.json\n"
    out, _ = run("export", "--data-dir", data, "--out", tmp_path / "e.csv")
    assert out == f"{tmp_path / 'e.csv'}: 2 events\n"


def test_redeliver_the_dead(store: Store, data: Path) -> None:
    first, second, third, fourth = store.deliveries()
    store.sent(first.number, T0)
    store.give_up(second.number, "refused")
    store.give_up(third.number, "old", expired=True)
    out, _ = run("redeliver", "--dead", "--dry-run", "--data-dir", data)
    assert out == "2 messages would be sent again\n"
    assert [d.number for d in store.deliveries(states=("pending",))] == [fourth.number]
    before = time.time()
    out, _ = run("redeliver", "--dead", "--data-dir", data)
    assert out == "2 messages to be sent again; they go out when the agent runs\n"
    again = store.deliveries(states=("pending",))
    assert [d.number for d in again] == [second.number, third.number, fourth.number]
    assert before <= again[0].next_at <= time.time()
    assert again[0].expires == again[0].next_at + 86400
    assert run("redeliver", "--dead", "--data-dir", data)[0] == "no such messages: nothing to send again\n"


def test_redeliver_chosen_ones(store: Store, data: Path) -> None:
    for found in store.deliveries():
        store.sent(found.number, T0)
    assert run("redeliver", event(1).id, "--target", "hook", "--data-dir", data)[0].startswith("1 message to be sent")
    assert run("redeliver", CLOSED.id, "--data-dir", data)[0].startswith("2 messages to be sent")
    assert run("redeliver", "--since", "2026-09-01", "--data-dir", data)[0].startswith("1 message to be sent")
    with pytest.raises(InputError, match="--target phone: no such target; known: broker, hook"):
        run("redeliver", "--dead", "--target", "phone", "--data-dir", data)


def test_the_config_names_folder_and_expiry(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "sightline.yaml"
    config.write_text(CONFIG)
    (tmp_path / "model.onnx").touch()
    assert len(run("list", "--config", config)[0].splitlines()) == 2
    monkeypatch.chdir(tmp_path)
    assert len(run("list")[0].splitlines()) == 2  # ./sightline.yaml
    store.sent(store.deliveries()[0].number, T0)
    run("redeliver", event(1).id, "--target", "hook")
    again = store.deliveries()[0]
    assert again.expires == again.next_at + 600


def test_a_config_with_postgresql(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres.fresh()
    store = Store(url)
    store.record(event(1), [], T0)
    store.close()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").touch()
    url = url.replace(quote(PASSWORD, safe=""), "${PG_PASSWORD}")
    (tmp_path / "sightline.yaml").write_text(f"{CONFIG}store: {{url: '{url}'}}\n")
    with pytest.raises(ConfigError, match="PG_PASSWORD not set"):
        run("list")
    monkeypatch.setenv("PG_PASSWORD", PASSWORD)  # as it is, not percent-encoded
    assert run("list")[0].startswith(event(1).id)
    monkeypatch.setenv("PG_PASSWORD", "wr@ng")
    with pytest.raises(StoreError, match="password authentication failed") as caught:
        run("list")
    assert "wr@ng" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list"], "no sightline.yaml here; say --config FILE or --data-dir DIR"),
        (["list", "--data-dir", "nowhere"], "nowhere: no sightline.db there; has an agent run with this folder?"),
        (["list", "--data-dir", "a", "--config", "b"], "--config and --data-dir: give one of them"),
        (["list", "--data-dir", "data", "--since", "soon"], "--since soon: no time;"),
        (["list", "--data-dir", "data", "--state", "dead"], "--state dead: open or closed"),
        (["list", "--data-dir", "data", "--min-severity", "high"], "--min-severity high: info, warning, alert"),
        (["list", "--data-dir", "data", "--since", "1h", "--until", "2h"], "--until is before --since"),
        (["list", "--config", "none.yaml"], "none.yaml"),
        (["export", "--data-dir", "data", "--out", "x.txt"], "--out x.txt: no known format"),
        (["redeliver", "--data-dir", "data"], "say which messages"),
        (["redeliver", "nothing", "--data-dir", "data"], "nothing: no such event"),
        (["redeliver", CLOSED.id, "--since", "1h", "--data-dir", "data"], "ids of events and --since"),
    ],
)
def test_what_is_wrong_is_one_line(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        run(*arguments)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "nowhere").exists()


def sightline(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from edge_agent.cli import main; main()", "events", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_exit_status_of_the_real_command(store: Store, tmp_path: Path) -> None:
    done = sightline(tmp_path, "list", "--data-dir", "data", "--json")
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 2, "")
    wrong = sightline(tmp_path, "list")
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/sightline.db").write_bytes(b"no database at all" * 500)
    outside = sightline(tmp_path, "list", "--data-dir", "broken")
    assert (outside.returncode, outside.stdout, outside.stderr.count("\n")) == (3, "", 1)
    assert "damaged" in outside.stderr
    usage = sightline(tmp_path, "list", "--limit", "many")
    assert (usage.returncode, usage.stderr.count("\n")) == (2, 1)


def test_digest_in_a_few_lines(store: Store, data: Path) -> None:
    held = event(5, facts={"withheld": "demo sees no support for the alarm in the picture"})
    store.record(held, [], T0)
    out, _ = run("digest", "--data-dir", data, "--since", "2026-09-21", "--until", "2026-09-22", "--utc", "--lines", 4)
    assert 1 < len(out.splitlines()) <= 4
    assert "3 events" in out.splitlines()[0]
    chinese, _ = run("digest", "--data-dir", data, "--since", "2026-09-21", "--locale", "zh", "--utc")
    assert "3 个事件" in chinese
    with pytest.raises(InputError, match="--locale fr"):
        run("digest", "--data-dir", data, "--locale", "fr")
