"""Wrong configs: each gives exactly the lines it should, on the right line of the file, and never a traceback."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pytest
import typer
from typer.testing import CliRunner

from edge_agent.commands.check import register
from edge_agent.config import load_config
from tests.edge_agent.config.base import GOOD, spoilt, write
from vision.errors import ConfigError


class Wrong(NamedTuple):
    text: str | bytes
    line: int | None  # None: the fault is the file's, not a line's
    says: tuple[str, ...]
    never: str = "\0"  # a secret that must not be shown


def bomb() -> str:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    return "\n".join(rows) + "\n" + GOOD


ZONE = "polygon: [[0.1, 0.4], [0.9, 0.4], [1, 1], [0, 1]]"
SECOND = "  - {name: yard, rules: [{type: intrusion}]}\nlanguage:"
WRONG = {
    # --- the file itself
    "empty": Wrong("", 1, ("the file is empty",)),
    "only comments": Wrong("# nothing\n# here\n", 1, ("the file is empty",)),
    "list at the top": Wrong("- version: 1\n", 1, ("a list at its top", "version:, model:, cameras:")),
    "a single word": Wrong("hello\n", 1, ("a single value at its top",)),
    "Latin-1": Wrong(GOOD.encode().replace(b"name: fence", b"name: z\xe4un"), 13, ("not UTF-8 (byte 0xe4)",)),
    "UTF-16": Wrong(GOOD.encode("utf-16"), 1, ("UTF-16", "save the file as UTF-8")),
    "a picture": Wrong(b"\x89PNG\r\n\x1a\n\0\0\0", 1, ("not UTF-8",)),
    "control character": Wrong(spoilt("name: fence", "name: fe\x07nce"), 13, ("U+0007",)),
    "two documents": Wrong(GOOD + "---\nversion: 1\n", 30, ("a second document",)),
    # --- the language model
    "model without a file": Wrong(
        spoilt("backend: template", "backend: llama_cpp"), 20, ("language.backend", "llama_cpp needs language.path")
    ),
    "server without an address": Wrong(
        spoilt("backend: template", "backend: openai"), 20, ("language.backend", "openai needs language.url")
    ),
    "model file that is not there": Wrong(
        spoilt("backend: template", "backend: llama_cpp, path: no.gguf"), 20, ("language.path", "no such file")
    ),
    "prompt with an unknown place": Wrong(
        spoilt("backend: template", "backend: template, prompts: [{task: 'is {who} there'}]"),
        20,
        ("language.prompts[0]", "{who} is no place in a prompt"),
    ),
    "huge": Wrong("#" * 600_000, None, ("larger than 512 KiB",)),
    # --- the YAML
    "tab": Wrong(spoilt("    source:", "\tsource:"), 7, ("tab", "spaces")),
    "indentation": Wrong(spoilt("    zones:", "   zones:"), 9, ("indentation",)),
    "list not closed": Wrong(
        spoilt("[opened, described, closed]", "[opened, described"), 26, ("lacks a ','", "line 25")
    ),
    "quote not closed": Wrong(spoilt("name: yard\n    source", 'name: "yard\n    source'), None, ("column",)),
    "colon in a text": Wrong(spoilt("min_seconds: 1", "min_seconds: 1: 2"), 17, ("a ':' where none may stand",)),
    "key given twice": Wrong(
        spoilt("        min_seconds: 1", "        min_seconds: 1\n        zone: yard"),
        18,
        ("cameras[0].rules[0].zone", "given twice", "line 16"),
    ),
    "block given twice": Wrong(GOOD + "cameras: []\n", 30, ("cameras: the key is given twice", "line 5")),
    "alias of nothing": Wrong(spoilt("zone: yard", "zone: *yrd"), 16, ("alias",)),
    "alias bomb": Wrong(bomb(), None, ("more than 50000 values",)),
    "too many values": Wrong("x: [" + "a," * 60_000 + "]\n" + GOOD, 1, ("more than 50000 values",)),
    "alias of itself": Wrong("version: 1\nmodel: &m {path: *m}\n", 2, ("holds itself",)),
    "merge of itself": Wrong("version: 1\nmodel: &m\n  <<: *m\n", None, ("itself",)),
    "deep nesting": Wrong("version: " + "[" * 5000, 1, ("levels of nesting",)),
    "Python object": Wrong(
        spoilt("topic: sightline", "topic: !!python/object/apply:os.getcwd []"), 28, ("alerts[1].topic", "tags")
    ),
    "own tag": Wrong(spoilt("zone: yard", "zone: !zone yard"), 16, ("tags (!name) are not used",)),
    "list as a key": Wrong(GOOD + "? [a, b]\n: 1\n", 30, ("a key must be a plain word",)),
    # --- keys
    "mistyped key": Wrong(
        spoilt("min_seconds", "min_secnds"),
        17,
        ("cameras[0].rules[0].min_secnds", "unknown key", "did you mean min_seconds?", "leave_seconds"),
    ),
    "mistyped key at the top": Wrong(
        spoilt("language:", "langauge:"), 20, ("did you mean language?", "cameras, cloud, data_dir")
    ),
    "key of another rule": Wrong(
        spoilt("direction: in}", "zone: yard}"), 18, ("rules[1].zone: unknown key", "direction")
    ),
    "key on the wrong level": Wrong(spoilt("evidence:", "fps: 5\nevidence:"), 29, ("fps: unknown key",)),
    "no version": Wrong(GOOD.replace("version: 1\n", ""), 1, ("version: missing",)),
    "no model": Wrong(GOOD.replace("model:\n  path: tiny.onnx\n  labels: tiny.txt\n", ""), 1, ("model: missing",)),
    "no cameras": Wrong("version: 1\nmodel: {path: tiny.onnx}\n", 1, ("cameras: missing",)),
    "no camera at all": Wrong("version: 1\nmodel: {path: tiny.onnx}\ncameras: []\n", 3, ("at least 1",)),
    "cameras empty": Wrong("version: 1\nmodel: {path: tiny.onnx}\ncameras:\n", 3, ("cameras", "empty")),
    "camera without a name": Wrong(
        spoilt("  - name: yard\n    source", "  - source"), 6, ("cameras[0].name: missing",)
    ),
    "rule without its line": Wrong(
        spoilt("line: fence, ", ""), 18, ("rules[1].line: missing", "line_crossing needs it")
    ),
    "rule without a type": Wrong(
        spoilt("- type: intrusion\n        zone", "- zone"), 15, ("rules[0].type: missing", "intrusion")
    ),
    "rule of no known type": Wrong(
        spoilt("type: intrusion", "type: intrusin"), 15, ("'intrusin'", "did you mean intrusion?")
    ),
    "rule as a word": Wrong(
        spoilt("- {type: line_crossing, line: fence, direction: in}", "- tamper"), 18, ("'tamper'", "type:")
    ),
    # --- values
    "another version": Wrong(spoilt("version: 1", "version: 2"), 1, ("version: 2 is not allowed", "allowed: 1")),
    "word for a number": Wrong(
        spoilt("min_seconds: 1", "min_seconds: one"), 17, ("'one' is not allowed", "a number at least 0")
    ),
    "true for a number": Wrong(spoilt("min_seconds: 1", "min_seconds: true"), 17, ("true", "a number at least 0")),
    "number for a name": Wrong(spoilt("name: yard\n    source", "name: 12\n    source"), 6, ('in quotes: "12"',)),
    "below zero": Wrong(spoilt("min_seconds: 1", "min_seconds: -1"), 17, ("-1 is not allowed", "at least 0")),
    "percent for 0..1": Wrong(spoilt("confidence: 0.4", "confidence: 40"), 8, ("40 is not allowed", "below 1")),
    "no frames": Wrong(spoilt("fps: 5", "fps: 0"), 8, ("0 is not allowed", "above 0 and at most 60")),
    "not a number": Wrong(spoilt("fps: 5", "fps: .nan"), 8, ("detect.fps", "not-a-number")),
    "infinity": Wrong(spoilt("cooldown_s: 60", "cooldown_s: .inf"), 27, ("infinity",)),
    "infinity in quotes": Wrong(spoilt("min_seconds: 1", 'min_seconds: "inf"'), 17, ("infinity",)),
    "too many digits": Wrong(spoilt("min_seconds: 1", "min_seconds: 1" + "0" * 5000), 17, ("no int that can be used",)),
    "date for a name": Wrong(spoilt("topic: sightline", "topic: []"), 28, ("an empty list is not allowed", "a text")),
    "word for a list": Wrong(
        spoilt("classes: [person, car]", "classes: person"), 8, ("a list is wanted; write [person]",)
    ),
    "list for a word": Wrong(spoilt("zone: yard", "zone: [yard]"), 16, ("a list is not allowed", "a text")),
    "no word for a choice": Wrong(spoilt("direction: in", "direction: inside"), 18, ("'inside'", "both", "out")),
    "severity": Wrong(
        spoilt("min_severity: warning", "min_severity: warn"), 26, ("did you mean warning?", "alert, info")
    ),
    "moment": Wrong(spoilt("[opened, described, closed]", "[open]"), 25, ("alerts[0].on[0]", "did you mean opened?")),
    "name with a space": Wrong(spoilt("name: yard\n    source", "name: my yard\n    source"), 6, ("Letters, digits",)),
    "nothing after the colon": Wrong(spoilt("min_seconds: 1", "min_seconds:"), 17, ("empty", "a number")),
    "list for a group": Wrong(spoilt("{pre_s: 5, post_s: 5}", "[5, 5]"), 29, ("evidence", "pre_s")),
    "input size": Wrong(spoilt("labels: tiny.txt", "input_size: [400, 416]"), 4, ("400: must be a multiple of 32",)),
    "input size of one side": Wrong(spoilt("labels: tiny.txt", "input_size: [416]"), 4, ("2 entries", "it has 1")),
    "provider": Wrong(spoilt("labels: tiny.txt", "providers: [gpu]"), 4, ("'gpu'", "cuda")),
    # --- places in the picture
    "pixels": Wrong(
        spoilt(ZONE, "polygon: [[64, 144], [576, 144], [640, 360], [0, 360]]"),
        11,
        ("0..1 of the picture", "not pixels", "64"),
    ),
    "two corners": Wrong(spoilt(ZONE, "polygon: [[0.1, 0.4], [0.9, 0.4]]"), 11, ("at least 3", "it has 2")),
    "corner of three numbers": Wrong(spoilt("[1, 1], [0, 1]]", "[1, 1, 1], [0, 1]]"), 11, ("a point is two numbers",)),
    "corner of one number": Wrong(
        spoilt("[1, 1], [0, 1]]", "[1], [0, 1]]"), 11, ("polygon[2]", "a point is two numbers")
    ),
    "flat list of numbers": Wrong(spoilt(ZONE, "polygon: [0.1]"), 11, ("0.1 is no point",)),
    "line of one point": Wrong(spoilt("points: [[0.0, 0.5], [1.0, 0.5]]", "points: [[0, 0.5]]"), 13, ("at least 2",)),
    # --- names
    "zone nobody knows": Wrong(spoilt("zone: yard", "zone: yrad"), 16, ("no zone 'yrad'", "did you mean yard?")),
    "line nobody knows": Wrong(spoilt("line: fence", "line: wall"), 18, ("no line 'wall'", "allowed: fence")),
    "zone of a camera without zones": Wrong(
        spoilt("language:", "  - {name: b, rules: [{type: intrusion, zone: yard}]}\nlanguage:"),
        20,
        ("it has no zones",),
    ),
    "two cameras of a name": Wrong(
        spoilt("language:", SECOND), 20, ("cameras[1].name", "two cameras", "'yard'", "line 6")
    ),
    "two lines of a name": Wrong(
        spoilt("    rules:\n", "      - {name: fence, points: [[0, 0], [1, 1]]}\n    rules:\n"),
        14,
        ("lines[1].name", "two lines", "line 13"),
    ),
    "class nobody knows": Wrong(
        spoilt("[person, car]", "[persn, car]"), 8, ("no class 'persn'", "did you mean person?")
    ),
    # --- schedule
    "time zone of words": Wrong(
        spoilt("locale: zh", "timezone: Shanghai"), 20, ("language.timezone", "'Shanghai' is no IANA time zone")
    ),
    "time zone": Wrong(spoilt("Asia/Shanghai", "Shanghai"), 19, ("schedule.timezone", "Asia/Shanghai")),
    "weekday": Wrong(spoilt('"sat-sun"', '"sat-son"'), 19, ("schedule.active", "'sat-son'", "mon-fri 18:00-07:00")),
    "hours as a number": Wrong(spoilt('["mon-fri 18:00-07:00", "sat-sun"]', "[1800]"), 19, ("1800 is a number",)),
    # --- model
    "model by name": Wrong(
        spoilt("path: tiny.onnx\n  labels: tiny.txt", "name: yolox-nano"),
        3,
        ("'yolox-nano'", "give model: {path: my.onnx}"),
    ),
    "neither name nor path": Wrong(
        spoilt("path: tiny.onnx\n  labels: tiny.txt", "threads: 1"), 2, ("model", "path: my.onnx")
    ),
    "name and path": Wrong(spoilt("path: tiny.onnx", "path: tiny.onnx\n  name: tiny"), 4, ("both given",)),
    "model file missing": Wrong(spoilt("tiny.onnx", "models/none.onnx"), 3, ("models/none.onnx: no such file",)),
    "model is a folder": Wrong(spoilt("path: tiny.onnx", "path: ."), 3, ("is a folder",)),
    "labels missing": Wrong(spoilt("tiny.txt", "none.txt"), 4, ("model.labels", "no such file")),
    "family": Wrong(spoilt("labels: tiny.txt", "family: yolo8"), 4, ("'yolo8'", "did you mean yolov8?")),
    # --- secrets
    "secret written out": Wrong(spoilt("${HOOK_SECRET}", "hunter2"), 24, ("alerts[0].secret", "${NAME}"), "hunter2"),
    "secret as a number": Wrong(spoilt("${HOOK_SECRET}", "48151623"), 24, ("alerts[0].secret",), "48151623"),
    "secret half written out": Wrong(
        spoilt("${HOOK_SECRET}", "hunter2${X}"), 24, ("a secret does not belong",), "hunter2"
    ),
    "password in an address": Wrong(
        spoilt("${YARD_PASSWORD}", "hunter2"), 7, ("holds a password", "${NAME}"), "hunter2"
    ),
    "password with a slash": Wrong(spoilt("${YARD_PASSWORD}", "hun/ter2"), 7, ("holds a password",), "ter2"),
    "password in a query": Wrong(
        spoilt("rtsp://viewer:${YARD_PASSWORD}@192.0.2.10/sub", "http://192.0.2.10/s?user=a&pwd=hunter2"),
        7,
        ("holds a password",),
        "hunter2",
    ),
    "broker password": Wrong(spoilt("topic: sightline", "password: hunter2"), 28, ("alerts[1].password",), "hunter2"),
    "secret under a wrong key": Wrong(
        spoilt("secret: ${HOOK_SECRET}", "secrt: hunter2"), 24, ("mean secret?",), "hunter2"
    ),
    "default in a variable": Wrong(spoilt("${HOOK_SECRET}", "${HOOK_SECRET:-hunter2}"), 24, ("${NAME}",), "hunter2"),
    "variable not set": Wrong(spoilt("host: broker.example", "host: ${NO_SUCH_HOST}"), 28, ("NO_SUCH_HOST", "not set")),
    "variable misspelt": Wrong(
        spoilt("host: broker.example", "host: ${broker host}"), 28, ("alerts[1].host", "${NAME}")
    ),
    "webhook to a file": Wrong(spoilt("https://hooks.example/in", "hooks.example/in"), 23, ("http:// or https://",)),
    "alert of no known type": Wrong(spoilt("type: mqtt", "type: mail"), 28, ("'mail'", "mqtt, webhook")),
}


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return app


def test_the_table_is_long_enough() -> None:
    assert len(WRONG) >= 40


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_one_clear_line(wrong: Wrong, tmp_path: Path, app: typer.Typer) -> None:
    path = write(tmp_path, wrong.text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, env={})
    told = str(caught.value)
    assert "\n" not in told, told
    place = "security.yaml:" if wrong.line is None else f"security.yaml:{wrong.line}: "
    assert told.startswith(place) or (wrong.line is None and told.startswith("security.yaml: ")), told
    for fragment in wrong.says:
        assert fragment in told
    assert caught.value.exit_status == 2
    result = CliRunner().invoke(app, ["check", str(path)])
    assert result.exit_code == 2, result.output
    assert result.stderr.strip() == told
    for text in (told, result.output):
        assert "Traceback" not in text
        assert "pydantic" not in text.lower()
        assert "Input should" not in text
        assert wrong.never not in text


def test_several_errors_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = spoilt("min_seconds: 1", "min_secnds: 1").replace("pre_s", "pre").replace("fps: 5", "fps: 500")
    text = text.replace("[1, 1], [0, 1]]", "[100, 100], [0, 100]]").replace("broker.example", "${NO_SUCH_HOST}")
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text), env={})
    assert [int(line.split(":")[1]) for line in str(caught.value).splitlines()] == [8, 11, 17, 28, 29]


def test_names_are_checked_in_the_cameras_that_are_right(tmp_path: Path) -> None:
    other = "  - {name: gate, rules: [{type: intrusion, zone: gate}]}\nlanguage:"
    text = spoilt("language:", other).replace("min_seconds", "min_secnds")
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text), env={})
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("security.yaml:20: cameras[1].rules[0].zone: the camera has no zone 'gate'")


def test_at_most_twenty_lines_then_how_many_more(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, GOOD + "".join(f"wrong{i}: 1\n" for i in range(30))), env={})
    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "security.yaml: and 10 more"


def test_a_missing_file_names_its_neighbours(tmp_path: Path, app: typer.Typer) -> None:
    write(tmp_path, GOOD)
    with pytest.raises(ConfigError, match=r"securty\.yaml: no such file \(there is security\.yaml\)"):
        load_config(tmp_path / "securty.yaml")
    result = CliRunner().invoke(app, ["check", str(tmp_path / "securty.yaml")])
    assert result.exit_code == 2


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (".", "is a folder"),  # the folder itself
        ("nowhere/security.yaml", "no such file"),  # its folder is missing too
        ("x" * 300 + ".yaml", "cannot be read"),  # a name longer than file systems allow
        ("a\0b", "cannot be read"),  # no name at all
    ],
)
def test_paths_that_are_no_file(name: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        load_config(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    path.chmod(0)
    with pytest.raises(ConfigError, match="may not be read"):
        load_config(path)


def test_a_model_that_is_none_is_said_at_its_line(tmp_path: Path, app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["check", str(write(tmp_path, GOOD))])
    assert result.exit_code == 2
    assert "security.yaml:3: model.path: " in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
