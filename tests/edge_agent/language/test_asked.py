"""Questions to a model are kept as evidence, and can be asked again: the same answer, or a line that says what changed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.cli import build
from edge_agent.config import Config, EvidenceConfig
from edge_agent.language.again import ask_again, revisit
from edge_agent.language.asked import AskedKeeper, kept_question
from edge_agent.language.child import ChildModel
from edge_agent.language.service import Asking, Describer, Shot, Told, ask_about, shown_of
from edge_agent.live.commit import StoreCommitter
from edge_agent.live.hub import Hub
from edge_agent.live.recorder import Recorder, Wording
from edge_agent.live.retention import Retention
from edge_agent.live.worker import Happening
from tests.conftest import ROOT
from tests.language_peers import tiny, wait_for
from vision.delivery.policy import Policy
from vision.delivery.records import EventFilter, StoredEvent
from vision.delivery.store import open_store
from vision.errors import InputError, OutsideError, SightlineError
from vision.events import Event
from vision.frame import Picture
from vision.language.backends.base import ModelSettings
from vision.language.model import NoAnswer, ScriptedModel
from vision.language.prompts.task import PromptOverride
from vision.language.record import Question, kept_file
from vision.media.reader import open_clip

BOX = (0.1316, 0.4746, 0.1947, 0.7262)
T0 = 1_790_000_000.0
ASKING = Asking(side=128)
SEEN: dict[str, Any] = {
    "activity": "walking", "clothing_colour": "brown", "carried": "nothing", "posture": "upright", "subject": "person",
    "visibility": "clear", "supports": "yes", "threat": 2,
}  # fmt: skip


def happened(start: float = 0.0) -> Event:
    return Event(
        id="01ASKED0000000000000000001", type="intrusion", rule="intrusion", camera="yard", severity="alert",
        start=start, opened=start + 1.0, at=start + 3.8, zone="yard", label="person", box=BOX, facts={"dwell_s": 1.0},
    )  # fmt: skip


@pytest.fixture(scope="module")
def picture() -> Picture:
    """Somebody in the demo's yard, by day and near."""
    with open_clip(ROOT / "demo/clips/fall.mp4", camera="yard") as clip:
        return next(frame.picture for frame in clip.frames(10.0) if frame.t >= 3.75)


@pytest.fixture
def files(tmp_path: Path) -> ModelSettings:
    """Settings of a model whose files are there, and are no model."""
    for name in ("words.gguf", "eyes.gguf"):
        (tmp_path / name).write_bytes(name.encode())
    return ModelSettings(backend="xllamacpp", path=tmp_path / "words.gguf", mmproj=tmp_path / "eyes.gguf", seed=7)


def told_by(values: Mapping[str, Any], picture: Picture, asking: Asking = ASKING) -> Told:
    event = happened()
    return ask_about(ScriptedModel([values]), event, shown_of(event, [Shot(picture, BOX, 3.8)], asking), asking, 5.0)


def kept(folder: Path, files: ModelSettings, picture: Picture, **more: Any) -> Question:
    """The question as it lies in the folder after one answer."""
    AskedKeeper(folder, files, **more).keep(happened(), told_by(SEEN, picture))
    return kept_question(folder, happened())


def test_asked_again_it_is_the_same_question_to_the_letter(
    tmp_path: Path, files: ModelSettings, picture: Picture
) -> None:
    told = told_by(SEEN, picture)
    AskedKeeper(tmp_path, files).keep(happened(), told)
    what = revisit(kept_question(tmp_path, happened()), tmp_path, None)
    assert what.notes == ()
    assert what.images == told.chosen.images
    model = ScriptedModel([SEEN])
    settings: list[ModelSettings] = []

    def start(wanted: ModelSettings) -> ScriptedModel:
        settings.append(wanted)
        return model

    again = ask_again(what, 5.0, start)
    assert again.same
    assert "brown" in again.described.text
    task, images, _ = model.asked[0]
    assert (task.system, task.prompt, task.max_tokens) == (told.task.system, told.task.prompt, told.task.max_tokens)
    assert (task.seed, images) == (7, 1)  # the seed that held: the config's
    assert (settings[0].path, settings[0].seed) == (files.path, 7)


def test_another_answer_is_shown_field_by_field(tmp_path: Path, files: ModelSettings, picture: Picture) -> None:
    what = revisit(kept(tmp_path, files, picture), tmp_path, None)
    again = ask_again(what, 5.0, lambda _: ScriptedModel([SEEN | {"clothing_colour": "red"}]))
    assert again.changed == {"clothing_colour": ("brown", "red")}


def test_a_model_that_does_not_answer_now_is_one_line(tmp_path: Path, files: ModelSettings, picture: Picture) -> None:
    what = revisit(kept(tmp_path, files, picture), tmp_path, None)
    with pytest.raises(OutsideError, match=r"^no answer now: timeout: too slow$"):
        ask_again(what, 5.0, lambda _: ScriptedModel([NoAnswer("timeout", "too slow")]))


def spoil_picture(folder: Path, _: ModelSettings) -> None:
    path = next(folder.glob("asked/*.jpg"))
    path.write_bytes(path.read_bytes() + b"x")


def edit(folder: Path, **change: Any) -> None:
    path = next(folder.glob("asked/*.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


def without_runtime(folder: Path, _: ModelSettings) -> None:
    path = next(folder.glob("asked/*.json"))
    question = json.loads(path.read_text())
    edit(folder, model=question["model"] | {"runtime": "xllamacpp 2020.1"})


def replace_model(_: Path, files: ModelSettings) -> None:
    assert files.path is not None
    files.path.write_bytes(b"another model")


def remove_model(_: Path, files: ModelSettings) -> None:
    assert files.mmproj is not None
    files.mmproj.unlink()


CHANGES: list[tuple[Callable[[Path, ModelSettings], None], str, str | None]] = [
    # what happened, what is said of it, why it cannot be asked again
    (spoil_picture, "the picture has changed since", None),
    (lambda folder, _: next(folder.glob("asked/*.jpg")).unlink(), "", "the picture is no more"),
    (lambda folder, _: edit(folder, pictures=None), "", "the picture was not kept (evidence.snapshots is off)"),
    (replace_model, "the model has changed since", None),
    (remove_model, "", "the model is no more"),
    (without_runtime, "the runtime has changed since: xllamacpp 2020.1 then", None),
    (
        lambda folder, _: edit(folder, prompt_digest="0" * 12, version=0),
        "the prompt has changed since: intrusion 0",
        None,
    ),
    (lambda folder, _: edit(folder, name="dancing"), "the prompt dancing is no more", None),
]


@pytest.mark.parametrize(("change", "note", "hindrance"), CHANGES)
def test_what_has_changed_is_said(
    tmp_path: Path,
    files: ModelSettings,
    picture: Picture,
    change: Callable[[Path, ModelSettings], None],
    note: str,
    hindrance: str | None,
) -> None:
    kept(tmp_path, files, picture)
    change(tmp_path, files)
    what = revisit(kept_question(tmp_path, happened()), tmp_path, None)
    assert [one for one in what.notes if note in one] or not note
    assert len(what.notes) == bool(note)
    assert all("\n" not in one for one in what.notes)
    if hindrance is None:
        assert ask_again(what, 5.0, lambda _: ScriptedModel([SEEN])).same
    else:
        with pytest.raises(OutsideError) as caught:
            ask_again(what, 5.0, lambda _: ScriptedModel([SEEN]))
        assert hindrance in str(caught.value)


def config(**language: Any) -> Config:
    rule = {"type": "intrusion", "zone": "yard", "verify": "annotate"}
    yard = {"name": "yard", "zones": [{"name": "yard", "polygon": [[0, 0], [1, 0], [1, 1]]}], "rules": [rule]}
    values: dict[str, Any] = {"version": 1, "model": {"path": "model.onnx"}, "cameras": [yard]}
    return Config.model_validate(values | {"language": language})


CONFIGS = [
    # the same words, the same model
    ({}, ""),
    # somebody has written a context since
    ({"prompts": [{"context": "a school yard"}]}, "the config asks in other words now"),
    # or asks for fewer fields
    ({"fields": ["posture"]}, "the config asks in other words now"),
    # another model
    ({"path": "/models/other.gguf"}, "the config names another model now: other.gguf; asked with words.gguf"),
]


@pytest.mark.parametrize(("language", "note"), CONFIGS)
def test_the_config_of_today_is_compared(
    tmp_path: Path, files: ModelSettings, picture: Picture, language: dict[str, Any], note: str
) -> None:
    now = config(**{"backend": "llama_cpp", "path": str(files.path), "mmproj": str(files.mmproj), **language})
    what = revisit(kept(tmp_path, files, picture), tmp_path, now)
    assert [one[: len(note)] for one in what.notes] == ([note] if note else [])
    assert what.hindrance is None


def test_a_model_that_was_moved_is_found_through_the_config(
    tmp_path: Path, files: ModelSettings, picture: Picture
) -> None:
    question = kept(tmp_path, files, picture)
    assert files.path is not None
    moved = files.path.rename(tmp_path / "moved.gguf")
    assert revisit(question, tmp_path, None).hindrance is not None
    what = revisit(question, tmp_path, config(backend="llama_cpp", path=str(moved), mmproj=str(files.mmproj)))
    assert what.hindrance is None
    assert what.settings is not None
    assert what.settings.path == moved


def test_overrides_are_in_the_kept_text_and_no_key_is(tmp_path: Path, picture: Picture) -> None:
    asking = Asking(side=64, overrides=(PromptOverride(context="a school yard"),))
    settings = ModelSettings(backend="openai", url="http://127.0.0.1:9/v1", api_key="sk-very-secret")
    AskedKeeper(tmp_path, settings).keep(happened(), told_by(SEEN, picture, asking))
    question = kept_question(tmp_path, happened())
    assert "a school yard" in question.prompt
    assert "sk-very-secret" not in next(tmp_path.glob("asked/*.json")).read_text()
    assert revisit(question, tmp_path, None).notes == (
        "the server at http://127.0.0.1:9/v1 decides which model answers; it may be another one than then",
    )


def test_without_snapshots_no_picture_is_kept(tmp_path: Path, files: ModelSettings, picture: Picture) -> None:
    assert kept(tmp_path, files, picture, pictures=False).pictures is None
    assert list(tmp_path.glob("asked/*.jpg")) == []


def test_a_disk_that_takes_nothing_is_one_line_in_the_log(
    tmp_path: Path, files: ModelSettings, picture: Picture, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "asked").write_text("a file where the folder should be")
    keeper, told = AskedKeeper(tmp_path, files), told_by(SEEN, picture)
    keeper.keep(happened(), told)
    keeper.keep(happened(), told)
    said = [record.message for record in caplog.records if "a question to the model cannot be kept: " in record.message]
    assert len(said) == 1


def test_large_files_are_known_by_samples(tmp_path: Path) -> None:
    path = tmp_path / "large.gguf"
    with path.open("wb") as file:
        file.truncate(40 << 20)
    before = kept_file(path)
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    after = kept_file(path)
    assert before is not None
    assert after is not None
    assert before.size == after.size
    assert before.digest != after.digest


# -- as a user meets it ---------------------------------------------------------------------------------------------------


def run(*arguments: object) -> str:
    done = CliRunner().invoke(build(), ["events", "describe", *map(str, arguments)])
    if isinstance(done.exception, SightlineError):
        raise done.exception
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


@pytest.mark.slow
def test_an_answer_of_the_running_agent_is_reproduced_by_the_command(
    shared_data: Path, tmp_path: Path, picture: Picture
) -> None:
    """Recorder, store and the demo's model through llama.cpp; then the command beside it, from the evidence alone."""
    settings, event, data = tiny(shared_data), happened(T0), tmp_path / "data"
    with closing(open_store(None, data)) as store:
        recorder = Recorder(StoreCommitter(store, Policy(()), lambda: T0, post_s=None), None, Hub(), Wording())
        recorder.asked = AskedKeeper(data, settings, daily=True, clock=lambda: T0 + 5)
        describer = Describer(ChildModel(settings), ASKING, recorder.described, deadline_s=120.0)
        recorder.describer = describer
        describer.start()
        recorder.start()
        recorder.put(Happening(event, None, picture, (Shot(picture, BOX, event.at),)))
        assert wait_for(lambda: sum(describer.words.outcomes.values()) == 1, 120.0)
        recorder.put(Happening(event.model_copy(update={"state": "closed", "end": T0 + 60}), None, None))
        assert recorder.flush(60.0)
        describer.stop(10.0)
        recorder.stop(10.0)
    out = run(event.id[:12], "--data-dir", data, "--show-prompt")
    assert "the same answer as then" in out
    assert "asked: 2026-09-21T14:13:25+00:00" in out
    for expected in (
        "Alarm: intrusion",
        "You look at pictures",
        '"enum": ["walking"',
        "seed 0",
        f"{data}/asked/2026-09-21/",
    ):
        assert expected in out, out
    told = json.loads(run(event.id, "--data-dir", data, "--json"))
    assert told["again"]["same"]
    assert told["again"]["values"] == told["question"]["values"]
    next(data.glob("asked/*/*.jpg")).unlink()
    with pytest.raises(OutsideError, match="the picture is no more"):
        run(event.id, "--data-dir", data)
    assert json.loads(run(event.id, "--data-dir", data, "--json"))["again"] is None


def test_the_command_reads_what_a_replay_wrote(tmp_path: Path, files: ModelSettings, picture: Picture) -> None:
    kept(tmp_path, files, picture)
    (tmp_path / "events.jsonl").write_text(json.dumps(happened().to_dict()) + "\n")
    assert files.path is not None
    files.path.unlink()
    told = json.loads(run("01asked", "--from", tmp_path, "--json"))
    assert told["question"]["values"] == SEEN
    assert told["why_not"].startswith("it cannot be asked again: the model is no more: ")


WRONG: Sequence[tuple[str, list[str], str]] = [
    # the text of events.jsonl, arguments, what is said
    ("", ["01ASKED"], "no such event"),
    ("{}", ["01ASKED"], "is not what a replay writes"),
    (json.dumps(happened().to_dict()), ["01ASKED"], "no language model has described this event"),
    (json.dumps(happened().to_dict() | {"described": {}}), ["01ASKED"], "the question is no more"),
    (json.dumps(happened().to_dict()), ["01ASKED", "--data-dir", "."], "give one of them"),
]


@pytest.mark.parametrize(("text", "arguments", "said"), WRONG)
def test_what_cannot_be_told_is_one_line(tmp_path: Path, text: str, arguments: list[str], said: str) -> None:
    (tmp_path / "events.jsonl").write_text(text)
    with pytest.raises(InputError) as caught:
        run(*arguments, "--from", tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


class _Store:
    """What retention asks of a store; keeps what it is told."""

    def __init__(self) -> None:
        self.gone: dict[str, list[str]] = {}

    def events(self, wanted: EventFilter, *, limit: int | None = None, newest_first: bool = False) -> list[StoredEvent]:
        return [StoredEvent(happened(T0), T0, T0)]

    def evidence_gone(self, paths: Mapping[str, list[str]], now: float) -> None:
        self.gone.update(paths)

    def forget(self, before: float) -> int:
        return 0


def test_questions_are_evidence_that_is_swept_with_the_rest(
    tmp_path: Path, files: ModelSettings, picture: Picture
) -> None:
    event, store = happened(T0), _Store()
    AskedKeeper(tmp_path, files, daily=True).keep(event, told_by(SEEN, picture))
    written = sorted(tmp_path.glob("asked/*/*"))
    assert [path.suffix for path in written] == [".jpg", ".json"]
    now = [time.time()]
    told: list[object] = []
    keep = Retention(
        tmp_path, EvidenceConfig(keep_days=2, min_free_gb=0), store, lambda: now[0], told.append, told.append
    )
    assert keep.sweep().files == 0
    assert keep.used_bytes == sum(path.stat().st_size for path in written)
    now[0] += 3 * 86400
    assert keep.sweep().files == 2
    assert sorted(tmp_path.glob("asked/*/*")) == []
    assert store.gone == {}  # the event names no such evidence
