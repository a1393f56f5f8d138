"""Checks a config file as far as that goes without a camera: its text, its names, its files, its model."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from edge_agent.config.crosscheck import class_problems, silent_rules
from edge_agent.config.detector import open_detector_for
from edge_agent.config.loading import load_with_warnings
from edge_agent.config.models import Config
from vision.delivery.outbox import build_senders
from vision.delivery.senders.base import SenderContext
from vision.errors import ConfigError, ModelError, SightlineError
from vision.settings.document import read
from vision.settings.problems import Problem, Problems


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found: the config where it can be used, else errors; one line each.

    `parts` describe the parts of other programs in the file. A file that holds nothing else has no `config`.
    """

    config: Config | None
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    model: str = ""
    parts: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the config can be used."""
        return not self.errors


def check(path: str | Path, env: Mapping[str, str] | None = None) -> CheckReport:
    """Everything that is wrong or doubtful in the config at `path`; the model file is opened too."""
    path = Path(path)
    wrong, parts, alone = _parts(path, env)
    if alone:
        return CheckReport(None, errors=tuple(wrong), parts=tuple(parts))
    try:
        config, warnings = load_with_warnings(path, env)
        model, names = _model(config, path)
        warnings += check_classes(path, config, names)
        warnings += check_alerts(path, config)
        warnings += check_inspection(path, config)
    except ConfigError as error:
        return CheckReport(None, errors=tuple(dict.fromkeys([*str(error).splitlines(), *wrong])))
    if wrong:
        return CheckReport(None, errors=tuple(wrong))
    return CheckReport(config, warnings=tuple(warnings), model=model, parts=tuple(parts))


def _parts(path: Path, env: Mapping[str, str] | None) -> tuple[list[str], list[str], bool]:
    """What other programs (entry points `sightline.config`, by key) say of their part: what is wrong, what it is.

    The third value: whether the file is theirs alone, without cameras.
    """
    try:
        data = read(path).data
    except ConfigError:
        return [], [], False  # told by who reads the whole file
    keys = data if isinstance(data, dict) else {}
    wrong: list[str] = []
    parts: list[str] = []
    theirs = [entry for entry in entry_points(group="sightline.config") if entry.name in keys]
    for entry in theirs:
        try:
            parts += entry.load()(path, env)
        except ConfigError as error:
            wrong += str(error).splitlines()
    return wrong, parts, bool(theirs) and "cameras" not in keys


def check_classes(path: str | Path, config: Config, names: tuple[str, ...]) -> list[str]:
    """Whether the classes in `config`, read from `path`, are among the model's `names`.

    Returns lines about rules that can see nothing. Raises `ConfigError` naming each class that the model does not know.
    """
    document = read(Path(path))
    problems, warnings = Problems(document.name), Problems(document.name)
    for i, camera in enumerate(config.cameras):
        problems.add(*class_problems(document, ("cameras", i), camera, names))
        warnings.add(*silent_rules(document, ("cameras", i), camera, names))
    problems.raise_if_any()
    return warnings.lines()


def check_alerts(path: Path, config: Config) -> list[str]:
    """What stands in the way of each alert on this machine: a variable that is not set, an extra that is missing."""
    document = read(path)
    warnings = Problems(document.name)
    context = SenderContext(evidence=path.parent, clock=time.time)
    for i, alert in enumerate(config.alerts):
        try:
            build_senders((alert,), context)
        except SightlineError as error:
            text = re.sub(rf"^{re.escape(document.name)}:\d+: ", "", " ".join(str(error).split()))  # said by the place
            warnings.add(Problem(document.line(("alerts", i)), ("alerts", i), text))
    return warnings.lines()


def check_inspection(path: Path, config: Config) -> list[str]:
    """Whether the recipe's files and models can be used; lines about a variable or an extra that is missing here.

    Raises `ConfigError` where they cannot.
    """
    if config.inspection is None:
        return []
    from edge_agent.inspect.assets import FolderAssets
    from edge_agent.inspect.live.line import check_line
    from vision.inspect.inspector import Inspector

    document = read(path)
    found = Problems(document.name)
    try:
        Inspector(config.inspection.recipe, FolderAssets(path.resolve().parent))
    except SightlineError as error:
        place = Problem(document.line(("inspection",)), ("inspection",), " ".join(str(error).split()))
        raise ConfigError(place.told(document.name)) from None
    try:
        check_line(config.inspection, path.resolve().parent)
    except SightlineError as error:
        found.add(Problem(document.line(("inspection", "live")), ("inspection", "live"), " ".join(str(error).split())))
    return found.lines()


def _model(config: Config, path: Path) -> tuple[str, tuple[str, ...]]:
    """A line about the model and its class names. Raises `ConfigError` where it cannot be used."""
    try:
        detector = open_detector_for(config)
        names = detector.names
    except ModelError as error:
        document = read(path)
        problem = Problem(document.line(("model", "path")), ("model", "path"), " ".join(str(error).split()))
        raise ConfigError(problem.told(document.name)) from None
    return detector.description, names
