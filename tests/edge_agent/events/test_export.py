"""What `sightline events export` writes: complete, verifiable, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.export import cell, export, format_of, walk
from edge_agent.files import dated, write_whole
from tests.vision.delivery.store.samples import T0, event
from vision.delivery.records import EventFilter, StoredEvent
from vision.delivery.store import Store, open_store
from vision.errors import InputError, OutsideError
from vision.events import Event, Evidence, Summary
from vision.language.record import ModelStamp, Question, kept_bytes

ALL = EventFilter()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(None, tmp_path / "data")
    yield store
    store.close()


def fill(store: Store) -> None:
    evidence = Evidence(snapshot="snapshots/一.jpg", clip="clips/a.mp4")
    store.record(event(1, evidence=evidence, facts={"dwell_s": 7.4, "armed": True, "path": [0.5, 1.0]}), [], T0)
    store.record(event(2, camera="=cmd|' /C calc'!A1", facts={"speed": -0.5, "near": None}), [], T0)
    store.record(event(3, summary=Summary(text='said "hi",\n+1'), state="closed", end=T0 + 9), [], T0)


def stored(store: Store) -> list[StoredEvent]:
    return store.events(ALL)


def test_json_lines_are_the_wire_form(store: Store, tmp_path: Path) -> None:
    fill(store)
    done = export(walk(store, ALL), tmp_path / "e.jsonl", "jsonl", tmp_path, {})
    lines = (tmp_path / "e.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [found.event.to_dict() for found in stored(store)]
    assert (done.events, done.missing) == (3, [])
    assert [path.name for path in tmp_path.glob("*") if path.is_file()] == ["e.jsonl"]  # nothing is left beside it


def test_csv_is_flat_and_harmless(store: Store, tmp_path: Path) -> None:
    fill(store)
    export(walk(store, ALL), tmp_path / "e.csv", "csv", tmp_path, {})
    rows = list(csv.DictReader(io.StringIO((tmp_path / "e.csv").read_text(encoding="utf-8"), newline="")))
    assert [row["id"] for row in rows] == [found.event.id for found in stored(store)]
    first, second, third = rows
    assert (first["facts.dwell_s"], first["facts.armed"], first["facts.path"]) == ("7.4", "true", "[0.5, 1.0]")
    assert first["facts.speed"] == ""
    assert (second["facts.speed"], second["facts.near"]) == ("-0.5", "")
    assert second["camera"] == "'=cmd|' /C calc'!A1"
    assert (third["summary"], third["end_utc"]) == ('said "hi",\n+1', "2026-09-21T14:13:29.000Z")
    assert first["snapshot"] == "snapshots/一.jpg"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),  # text, not a number of ours
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),  # some programs trim
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1", "'＝1"),  # full width, as typed in East Asia
        ("a=1", "a=1"),
        ("", ""),
        (-1.5, -1.5),
        (None, ""),
        (True, "true"),
        ([-1, 2], "[-1, 2]"),
    ],
)
def test_cells(value: Any, expected: Any) -> None:
    assert cell(value) == expected


def test_a_clip_has_no_time_of_day(store: Store, tmp_path: Path) -> None:
    store.record(event(0, id="A", start=12.5, opened=13.0, at=13.0), [], T0)
    export(walk(store, ALL), tmp_path / "e.csv", "csv", tmp_path, {})
    (row,) = csv.DictReader(io.StringIO((tmp_path / "e.csv").read_text()))
    assert (row["start"], row["start_utc"]) == ("12.5", "")


def test_the_zip_verifies_with_sha256sum(store: Store, tmp_path: Path) -> None:
    fill(store)
    data = tmp_path / "data"
    (data / "snapshots").mkdir()
    (data / "snapshots/一.jpg").write_bytes(b"\xff\xd8picture")
    (data / "secret").write_text("no evidence")
    (data / "link.jpg").symlink_to("/etc/hostname")
    for n, path in enumerate(("../data/secret", "/etc/hostname", "link.jpg", "snapshots", "a\nb"), 20):
        store.record(event(n, evidence=Evidence(snapshot=path)), [], T0)
    done = export(walk(store, ALL), tmp_path / "e.zip", "zip", data, {"format": "sightline-export-1"})
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "events.jsonl",
            "events.csv",
            "snapshots/一.jpg",
            "manifest.json",
            "SHA256SUMS",
        ]
        archive.extractall(tmp_path / "out")
    checked = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=tmp_path / "out", capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert checked.stdout.count(": OK") == 4
    manifest = json.loads((tmp_path / "out/manifest.json").read_text(encoding="utf-8"))
    assert (manifest["format"], manifest["events"], done.events) == ("sightline-export-1", 8, 8)
    picture = next(entry for entry in manifest["files"] if entry["path"] == "snapshots/一.jpg")
    assert (picture["event"], picture["bytes"]) == (event(1).id, 9)
    missing = [entry["path"] for entry in manifest["missing"]]
    assert missing == ["clips/a.mp4", "../data/secret", "/etc/hostname", "link.jpg", "snapshots", "a\nb"]
    assert [path for _, path in done.missing] == missing


def test_the_zip_has_what_a_language_model_was_asked(store: Store, tmp_path: Path) -> None:
    live, clip, damaged, bare = (event(n, described={"model": "m"}, evidence=Evidence()) for n in (1, 2, 3, 4))
    day = dated("asked", live, "")
    write_whole(tmp_path / f"{day}.json", asked(live, f"{day}.jpg"))
    write_whole(tmp_path / f"{day}.jpg", b"shown")
    write_whole(tmp_path / f"asked/{clip.id}.json", asked(clip, f"asked/{clip.id}.jpg"))
    write_whole(tmp_path / f"asked/{damaged.id}.json", b"{")
    for found in (live, clip, damaged, bare):
        store.record(found, [], T0)
    done = export(walk(store, ALL), tmp_path / "e.zip", "zip", tmp_path, {})
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        kept = [name for name in archive.namelist() if name.startswith("asked/")]
        assert kept == [f"{day}.json", f"{day}.jpg", f"asked/{clip.id}.json", f"asked/{damaged.id}.json"]
        assert archive.read(f"{day}.jpg") == b"shown"
    assert done.missing == [(clip.id, f"asked/{clip.id}.jpg")]


def asked(about: Event, picture: str) -> bytes:
    """The record of a question with one picture."""
    return Question(
        event=about, name="intrusion", version=1, prompt_digest="", asked="", system="", prompt="", max_tokens=9, seed=0,
        temperature=0.0, answer_schema={}, pictures=(kept_bytes(picture, b"shown"),), model=ModelStamp(name="m"), values={},
        text="",
    ).model_dump_json().encode()  # fmt: skip


def test_large_evidence_is_not_held_in_memory(store: Store, tmp_path: Path) -> None:
    store.record(event(1, evidence=Evidence(clip="clips/a.mp4")), [], T0)
    clip = tmp_path / "data/clips/a.mp4"
    clip.parent.mkdir()
    with clip.open("wb") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    export(walk(store, ALL), tmp_path / "e.zip", "zip", tmp_path / "data", {})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        assert archive.getinfo("clips/a.mp4").file_size == 64 << 20


def test_walk_pages(store: Store) -> None:
    for n in range(7):
        store.record(event(n), [], T0)
    assert [found.event.id for found in walk(store, ALL, limit=3)] == [event(n).id for n in range(3)]
    assert len(list(walk(store, ALL))) == 7
    assert list(walk(store, ALL, limit=0)) == []


@pytest.mark.parametrize(
    ("name", "form", "expected"),
    [
        ("a.jsonl", None, "jsonl"),
        ("a.NDJSON", None, "jsonl"),
        ("a.csv", None, "csv"),
        ("a.zip", None, "zip"),
        ("a.txt", "CSV", "csv"),
    ],
)
def test_formats(name: str, form: str | None, expected: str) -> None:
    assert format_of(Path(name), form) == expected


@pytest.mark.parametrize(("name", "form"), [("a", None), ("a.txt", None), ("a.csv", "xlsx")])
def test_unknown_formats(name: str, form: str | None) -> None:
    with pytest.raises(InputError, match="jsonl, csv or zip"):
        format_of(Path(name), form)


def test_what_cannot_be_written_is_one_line_and_leaves_nothing(store: Store, tmp_path: Path) -> None:
    fill(store)
    with pytest.raises(OutsideError, match="No such file or directory"):
        export(walk(store, ALL), tmp_path / "nowhere/e.csv", "csv", tmp_path, {})
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OutsideError):
        export(walk(store, ALL), tmp_path / "folder.csv", "csv", tmp_path, {})
    assert not list(tmp_path.glob("*.part"))
