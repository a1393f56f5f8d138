"""Right configs: every key arrives, odd but lawful YAML is read as meant, and nothing ever gives a traceback."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge_agent.commands.check import register
from edge_agent.config import Config, EnvText, load_config, load_with_warnings
from tests.edge_agent.config.base import GOOD, spoilt, write
from vision.errors import ConfigError, InputError


def load(folder: Path, text: str, **env: str) -> Config:
    return load_config(write(folder, text), env=env)


def test_the_whole_file_arrives(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    (camera,) = config.cameras
    assert camera.rules[0].model_dump(include={"type", "zone", "min_seconds"}) == {
        "type": "intrusion",
        "zone": "yard",
        "min_seconds": 1.0,
    }
    assert camera.zones[0].polygon == ((0.1, 0.4), (0.9, 0.4), (1.0, 1.0), (0.0, 1.0))
    assert camera.schedule is not None
    assert camera.schedule.active == ("mon-fri 18:00-07:00", "sat-sun")
    assert config.language.locale == "zh"
    assert [alert.type for alert in config.alerts] == ["webhook", "mqtt"]


def test_on_is_a_key_and_not_true(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).alerts[0].on == ("opened", "described", "closed")


def test_least_config_and_its_defaults(tmp_path: Path) -> None:
    config = load(tmp_path, "version: 1\nmodel: {path: tiny.onnx}\ncameras:\n  - name: yard\n")
    camera = config.camera()
    assert (camera.detect.fps, camera.detect.confidence, camera.source) == (5.0, 0.4, None)
    assert (config.language.backend, config.language.locale, config.alerts) == ("template", "en", ())
    assert (config.model.providers, config.model.threads, config.data_dir) == (("cpu",), 1, None)


def test_written_out_and_read_again_it_is_the_same(tmp_path: Path) -> None:
    config = load(tmp_path, GOOD)
    text = yaml.safe_dump(config.model_dump(mode="json", exclude_none=True), allow_unicode=True)
    assert load(tmp_path, text) == config


def test_relative_paths_count_from_the_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir("/")
    path = tmp_path / "sub" / "c.yaml"
    path.write_text(GOOD.replace("tiny.", "../tiny.") + "data_dir: ./data\n", encoding="utf-8")
    config = load_config(path)
    assert config.model.path is not None
    assert config.model.path.resolve() == (tmp_path / "tiny.onnx").resolve()
    assert config.data_dir == tmp_path / "sub" / "data"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # Windows line ends and a byte order mark
        ("version: 1\n", "\ufeffversion: 1\r\n"),
        # an integer where a number with a point is usual, an exponent, a plus sign
        ("min_seconds: 1", "min_seconds: +1.5e0"),
        # a number in quotes, as templates write it
        ("min_seconds: 1", 'min_seconds: "1"'),
        # names that YAML 1.1 takes for booleans, dates or sexagesimal numbers
        ("name: yard\n    source", "name: no\n    source"),
        ("name: yard\n    source", "name: 2024-01-01\n    source"),
        ("topic: sightline", "topic: 18:00"),
        # hours without quotes
        ('"mon-fri 18:00-07:00"', "mon-fri 18:00-07:00"),
        # a name in another script
        ("host: broker.example", "host: 例え.example"),
        # anchors and merge keys share what is the same
        ("  - {type: mqtt,", "  - &m {type: mqtt, host: a}\n  - {<<: *m, port: 8883, type: mqtt,"),
        # a variable without quotes between braces
        ("topic: sightline", "password: ${BROKER_PASSWORD}"),
        # an explicit tag of YAML itself
        ("topic: sightline", "topic: !!str 12"),
        # a port and an @ in a path are no password
        ("https://hooks.example/in", "https://hooks.example:8443/in@work"),
        # a user without a password; an IPv6 address
        ("viewer:${YARD_PASSWORD}@192.0.2.10", "viewer@[2001:db8::10]:554"),
        # a device, a file with a space
        ("rtsp://viewer:${YARD_PASSWORD}@192.0.2.10/sub", "/dev/video0"),
        ("rtsp://viewer:${YARD_PASSWORD}@192.0.2.10/sub", "clips/my yard.mp4"),
    ],
)
def test_odd_but_right(old: str, new: str, tmp_path: Path) -> None:
    load(tmp_path, spoilt(old, new))


def test_an_own_key_wins_over_a_merged_one(tmp_path: Path) -> None:
    text = spoilt("  - {type: mqtt,", "  - &m {type: mqtt, host: a, port: 8883}\n  - {<<: *m, type: mqtt,")
    alert = load(tmp_path, text).alerts[2].model_dump()
    assert (alert["host"], alert["port"]) == ("broker.example", 8883)


def test_secrets_are_read_when_used(tmp_path: Path) -> None:
    source = load(tmp_path, GOOD).cameras[0].source
    assert isinstance(source, EnvText)
    assert source.filled_in({"YARD_PASSWORD": "hunter2"}) == "rtsp://viewer:hunter2@192.0.2.10/sub"
    assert "hunter2" not in repr(source)
    with pytest.raises(
        ConfigError, match=r"security\.yaml:7: cameras\[0\]\.source: the environment variable YARD_PASS"
    ):
        source.filled_in({})


def test_other_variables_are_read_at_once(tmp_path: Path) -> None:
    text = spoilt("min_seconds: 1", "min_seconds: ${DWELL}")
    assert load(tmp_path, text, DWELL="2.5").cameras[0].rules[0].model_dump()["min_seconds"] == 2.5


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        # an hourglass
        (
            "[[0.1, 0.4], [0.9, 0.4], [1, 1], [0, 1]]",
            "[[0, 0], [1, 1], [1, 0], [0, 1]]",
            "11: cameras[0].zones[0].polygon",
        ),
        # three corners in a row
        ("[[0.1, 0.4], [0.9, 0.4], [1, 1], [0, 1]]", "[[0, 0], [0.5, 0.5], [1, 1]]", "next to nothing"),
        # a line that goes nowhere
        ("[[0.0, 0.5], [1.0, 0.5]]", "[[0.5, 0.5], [0.5, 0.5]]", "nothing can cross"),
        # nobody is there who could verify
        ("min_seconds: 1", "min_seconds: 1\n        verify: suppress", "nobody verifies: language.backend is template"),
    ],
)
def test_doubtful_things_are_warned_of(old: str, new: str, says: str, tmp_path: Path) -> None:
    _, warnings = load_with_warnings(write(tmp_path, spoilt(old, new)), env={})
    assert len(warnings) == 1
    assert says in warnings[0]


def test_a_good_file_has_no_warnings(tmp_path: Path) -> None:
    assert load_with_warnings(write(tmp_path, GOOD), env={})[1] == []


def test_which_camera(tmp_path: Path) -> None:
    config = load(tmp_path, spoilt("language:", "  - {name: gate}\nlanguage:"))
    assert config.camera("gate").name == "gate"
    with pytest.raises(InputError, match=r"several cameras; say which with --camera \(yard, gate\)"):
        config.camera()
    with pytest.raises(InputError, match="did you mean yard"):
        config.camera("yrad")


@pytest.mark.parametrize("config", sorted((Path(__file__).parents[3] / "configs").glob("*.yaml")), ids=lambda p: p.name)
def test_the_shipped_configs_are_right(config: Path) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    text = config.read_text(encoding="utf-8")
    named = yaml.safe_load(text).get("model", {}).get("path")  # a line or a cloud device needs no detector
    if named is not None and not (config.parent / named).is_file():
        pytest.skip(f"{named} is not there")
    result = CliRunner().invoke(app, ["check", str(config)])
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert result.stdout.startswith("OK")


TREE: Any = yaml.load(GOOD, Loader=yaml.BaseLoader)  # builds texts, lists and dicts only
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["${X}", "${", "yard", "1e999", "[", "intrusion", "rtsp://a:b@c"]),
    st.lists(st.integers(-2, 2) | st.text(max_size=3), max_size=3),
    st.dictionaries(st.sampled_from(["type", "name", "intrusion", "zone", "polygon"]), st.text(max_size=3), max_size=2),
)


def _places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for key, item in items for p in [(*way, key), *_places(item, (*way, key))]]


@given(data=st.data())
@settings(
    max_examples=250, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_spoilt_file_gives_a_config_or_its_errors(data: st.DataObject, tmp_path: Path) -> None:
    tree = copy.deepcopy(TREE)
    for _ in range(data.draw(st.integers(1, 3))):
        places = _places(tree)
        if not places:
            break
        *way, last = data.draw(st.sampled_from(places))
        holder = tree
        for step in way:
            holder = holder[step]
        change = data.draw(st.sampled_from(["drop", "rename", "retype"]))
        if change == "retype":
            holder[last] = data.draw(ODD)
        elif change == "rename" and isinstance(holder, dict):
            holder[data.draw(st.text(max_size=12))] = holder.pop(last)
        else:
            del holder[last]
    path = write(tmp_path, yaml.safe_dump(tree, allow_unicode=True))
    try:
        assert isinstance(load_config(path, env={}), Config)
    except ConfigError as error:
        for line in str(error).splitlines():
            assert line.startswith("security.yaml:")
            assert "Input should" not in line


@given(text=st.text(max_size=60) | st.binary(max_size=60))
@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_noise_gives_an_error(text: str | bytes, tmp_path: Path) -> None:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    with pytest.raises(ConfigError):
        load_config(write(tmp_path, raw), env={})
