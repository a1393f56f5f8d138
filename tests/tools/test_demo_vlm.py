"""The demo's multimodal model: what its card says holds, it loads in llama.cpp and answers, its data is what it seems."""

from __future__ import annotations

import hashlib
import random
import re
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import missing
from tools.scenes.parts import MATERIALS, Design, shoot
from tools.vlm.fields import ALARMS, FIELDS, SEEN, Look, answer, schema, supports
from tools.vlm.moments import around, moment_picture, moments
from tools.vlm.parts_fields import PART_FIELDS, PART_SEEN, PartLook, part_answer, part_schema
from tools.vlm.parts_look import part_box
from tools.vlm.reader import Reader
from tools.vlm.words import dialogue
from vision.events import Event
from vision.language import fields as product
from vision.language.prompts.task import task_for

FILES = ("sightline-demo-vlm.gguf", "mmproj-sightline-demo-vlm.gguf")


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "demo" / "model" / "vlm"


@pytest.mark.parametrize("name", FILES)
def test_the_card_names_the_file(folder: Path, name: str) -> None:
    card, data = (folder / "CARD.md").read_text(encoding="utf-8"), (folder / name).read_bytes()
    assert hashlib.sha256(data).hexdigest() in card
    assert f"{len(data):_}".replace("_", " ") in card
    assert len(data) < 4_000_000
    assert b"Demo and test model" in data[:4096] or b"DEMO" in data[:4096]


def test_the_card_says_what_it_is(folder: Path) -> None:
    card = (folder / "CARD.md").read_text(encoding="utf-8")
    for words in ("demo and test model", "rendered scenes only", "Apache-2.0"):
        assert words in card


def test_its_fields_are_the_products() -> None:
    wanted = {name: tuple(str(v) for v in product.FIELDS[name].values) for name in product.CORE}
    assert wanted == FIELDS


def test_its_fields_of_parts_are_the_products() -> None:
    wanted = {name: tuple(str(v) for v in product.FIELDS[name].values) for name in product.fields_for("defect")}
    assert wanted == PART_FIELDS


CASES: tuple[tuple[Look, str, str], ...] = (
    (Look("person", "climbing", "climbing"), "climbing", "yes"),
    (Look("person", "walking", "upright"), "climbing", "no"),  # somebody walks past the fence
    (Look("person", "lying", "lying"), "fall", "yes"),
    (Look("person", "standing", "bent"), "fall", "no"),  # ties a shoe
    (Look("bag"), "left_object", "yes"),
    (Look("person", "carrying", "upright", carried="bag"), "left_object", "no"),  # somebody is with it
    (Look(), "intrusion", "no"),  # a shadow
    (Look("car"), "intrusion", "yes"),
    (Look("car"), "loitering", "no"),
    (Look().covered(), "tamper", "yes"),
    (Look().covered(), "intrusion", "unsure"),  # nothing can be told
    (Look(), "tamper", "no"),
)


@pytest.mark.parametrize(("look", "alarm", "wanted"), CASES)
def test_what_bears_out_an_alarm(look: Look, alarm: str, wanted: str) -> None:
    assert supports(look, alarm) == wanted


@pytest.mark.parametrize(
    ("look", "verdict", "wanted"),
    [
        (PartLook("board"), "pass", "no"),
        (PartLook("metal", "hole", "centre", extent="small"), "reject", "yes"),
        (PartLook("metal", "misprint", "unsure", extent="large"), "reject", "yes"),  # somewhere between two places
        (PartLook("plastic", "unsure", "unsure", "blurred", "unsure"), "unsure", "unsure"),  # nothing can be told
    ],
)
def test_what_is_said_of_a_part(look: PartLook, verdict: str, wanted: str) -> None:
    said = part_answer(look)
    assert (said["verdict"], said["supports"]) == (verdict, wanted)
    assert all(value in PART_FIELDS[name] for name, value in said.items())


@pytest.mark.parametrize("short", [False, True])
def test_dialogues_about_parts_answer_what_is_asked(short: bool) -> None:
    rng = random.Random(4)
    for _ in range(50):
        look = PartLook(**{name: rng.choice(PART_FIELDS[name]) for name in PART_SEEN})
        before, after, said = dialogue(look, rng, short=short)
        pairs = dict(re.findall(r'"(\w+)": ?"?(\w+)"?', said))
        assert pairs
        assert pairs.items() <= part_answer(look).items()
        assert "defect" in (before + after)


@pytest.mark.parametrize("short", [False, True])
def test_dialogues_answer_what_is_asked(short: bool) -> None:
    rng = random.Random(3)
    for _ in range(100):
        look = Look(**{name: rng.choice(FIELDS[name]) for name in SEEN})
        before, after, said = dialogue(look, rng, short=short)
        assert before.startswith("<|im_start|>")
        assert after.endswith("<|im_start|>assistant\n")
        pairs = dict(re.findall(r'"(\w+)": ?"?(\w+)"?', said))
        assert pairs
        assert any(pairs.items() <= answer(look, alarm).items() for alarm in ALARMS)


@pytest.fixture(scope="module")
def reader(folder: Path) -> Reader:
    try:
        import xllamacpp  # type: ignore[import-untyped]  # noqa: F401  # has no types
    except ImportError:
        missing("xllamacpp is not installed")
    return Reader(folder / FILES[0], folder / FILES[1])


def test_the_pair_answers_through_llama_cpp(reader: Reader, root: Path) -> None:
    moment = next(m for m in moments() if (m.clip, m.alarm) == ("fall", "fall") and m.frame > 200)
    picture = moment_picture(moment, root / "demo")
    event = Event(id="x", type="fall", camera="yard", severity="alert", start=17.0, opened=18.0, at=20.0)
    task = task_for(event)
    keys = product.fields_for("fall")
    said = reader.ask(picture, task.system, task.prompt, schema(keys))
    assert list(said.values) == list(keys)
    assert all(product.allowed(name, value) for name, value in said.values.items())
    assert said.values["subject"] == "person"


def test_the_pair_tells_good_parts_from_faulty_ones(reader: Reader) -> None:
    """Parts of designs that it never saw, with faults that anybody sees at once."""
    right, asked = 0, 0
    for index, defect in enumerate(("none", "missing_screw", "none", "hole") * 2):
        rng = np.random.default_rng([index, 6])
        shot = shoot(Design.make(MATERIALS[index % 2], 90_000 + index), rng, defect)
        task = task_for(Event(id="x", type="defect", camera="table", severity="alert", start=1.0, opened=1.0, at=1.0))
        said = reader.ask(around(shot.picture[..., ::-1], part_box(shot)), task.system, task.prompt, part_schema())
        assert all(product.allowed(name, value) for name, value in said.values.items())
        right += said.values["defect"] == defect
        asked += 1
    assert right >= 0.7 * asked, f"{right} of {asked}"


@pytest.mark.slow
def test_llama_cpp_computes_what_pytorch_does(folder: Path) -> None:
    """The weights read back from the files into PyTorch, against libmtmd; torch is no dependency of the project."""
    for name in ("torch", "gguf", "llama_cpp"):
        pytest.importorskip(name, reason="for training only", exc_type=ImportError)
    from tools.vlm.equal import compare
    from tools.vlm.restore import from_gguf
    from tools.vlm.scenes import PAD, Crop

    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 256, (168, 168, 3)).astype(np.uint8), np.full((168, 168, 3), PAD, np.uint8)]
    crops = [Crop(p, np.zeros((42, 42), np.uint8), Look(), (40.0, 40.0, 120.0, 120.0)) for p in pictures]
    pair = (folder / FILES[0], folder / FILES[1])
    told = compare(from_gguf(*pair), pair, crops)
    assert told["compared"] == 128
    assert told["cosine_least"] > 0.995
