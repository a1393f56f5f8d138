"""What no single value shows: names that must be known or differ, shapes that make no sense, files that must exist."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from edge_agent.config.cloudcheck import cloud_problems
from edge_agent.config.models import CameraConfig, Config
from edge_agent.config.shapes import shape_fault
from vision.language.prompts.task import PromptOverride
from vision.rules.base import rule_types
from vision.settings.document import Document
from vision.settings.problems import Loc, Problem, choice, clean, nearest


def name_problems(document: Document) -> list[Problem]:
    """Cameras, zones and lines that share a name; found in the raw values, so that each has its own line."""
    cameras = document.at(("cameras",))
    if not isinstance(cameras, list):
        return []
    found = _same_names(document, ("cameras",), "cameras")
    for i in range(len(cameras)):
        found += _same_names(document, ("cameras", i, "zones"), "zones")
        found += _same_names(document, ("cameras", i, "lines"), "lines")
    return found


def _same_names(document: Document, loc: Loc, kind: str) -> list[Problem]:
    entries = document.at(loc)
    seen: dict[str, int] = {}
    found = []
    for i, entry in enumerate(entries if isinstance(entries, list) else []):
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        here = document.line((*loc, i, "name"))
        if name in seen:
            text = f"two {kind} are called '{clean(name)}' (the first on line {seen[name]}); give each its own name"
            found.append(Problem(here, (*loc, i, "name"), text))
        seen.setdefault(name, here)
    return found


def cross_problems(
    document: Document, cameras: dict[int, CameraConfig], config: Config | None
) -> tuple[list[Problem], list[Problem]]:
    """What is wrong, and what is doubtful."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    labels: tuple[str, ...] | None = None
    if config is not None:
        found, labels = _model(document, config)
        problems += found
        found, doubtful = cloud_problems(document, config)
        problems += found
        warnings += doubtful
        found, doubtful = _language(document, config)
        problems += found
        warnings += doubtful
    line = None
    if config is not None and config.inspection is not None and config.inspection.live is not None:
        line = config.inspection.live.camera
        problems += _line_camera(document, config, line)
    for i, camera in cameras.items():
        problems += _references(document, ("cameras", i), camera)
        warnings += _shapes(document, ("cameras", i), camera)
        if labels is not None:
            problems += class_problems(document, ("cameras", i), camera, labels)
        if not camera.rules and camera.looks and camera.name != line:
            warnings.append(
                Problem(document.line(("cameras", i)), ("cameras", i, "rules"), "no rules: no events will come")
            )
    return problems, warnings


def _line_camera(document: Document, config: Config, name: str) -> list[Problem]:
    """The line's camera: one that there is, and whose pictures are looked at here."""
    here: Loc = ("inspection", "live", "camera")
    names = [camera.name for camera in config.cameras]
    if name not in names:
        text = f"there is no camera '{clean(name)}'; {choice(name, names)}"
    elif not config.camera(name).looks:
        text = f"camera {name} has tier cloud and is opened only now and then; a line needs every picture"
    else:
        return []
    return [Problem(document.line(here), here, text)]


def _references(document: Document, loc: Loc, camera: CameraConfig) -> list[Problem]:
    """Rules that name a zone or line that the camera does not have."""
    known = {"zone": [zone.name for zone in camera.zones], "line": [line.name for line in camera.lines]}
    found = []
    for r, rule in enumerate(camera.rules):
        for kind, names in known.items():
            named = getattr(rule, kind, None)
            if isinstance(named, str) and named not in names:
                here = (*loc, "rules", r, kind)
                others = choice(named, names) if names else f"it has no {kind}s at all"
                text = f"the camera has no {kind} '{clean(named)}'; {others}"
                found.append(Problem(document.line(here), here, text))
    return found


def _shapes(document: Document, loc: Loc, camera: CameraConfig) -> list[Problem]:
    """Areas that cross themselves or are next to nothing."""
    found = []
    areas = [("zones", i, zone.polygon) for i, zone in enumerate(camera.zones)]
    areas += [("masks", i, mask.polygon) for i, mask in enumerate(camera.masks)]
    for kind, i, polygon in areas:
        if fault := shape_fault(polygon):
            here = (*loc, kind, i, "polygon")
            found.append(Problem(document.line(here), here, fault))
    for i, line in enumerate(camera.lines):
        if len(set(line.points)) < 2:
            here = (*loc, "lines", i, "points")
            found.append(Problem(document.line(here), here, "all points are the same; nothing can cross this line"))
    return found


def _model(document: Document, config: Config) -> tuple[list[Problem], tuple[str, ...] | None]:
    """Whether the model's files are there, and its class names where a file gives them."""
    model, found = config.model, []
    if model.path is None and (model.name is not None or config.needs_model or document.at(("model",)) is not None):
        key: Loc = ("model",) if model.name is None else ("model", "name")
        what = (
            ("missing; write model: {path: my.onnx}" if document.at(("model",)) is None else "needs path: my.onnx")
            if model.name is None
            else (
                f"'{clean(model.name)}' is not on this machine; give model: {{path: my.onnx}} "
                "(`sightline models pull` comes with a later version)"
            )
        )
        found.append(Problem(document.line(key), key, what))
    elif model.name is not None:
        found.append(
            Problem(document.line(("model", "name")), ("model", "name"), "name and path are both given; keep one")
        )
    for key_name, path in (("path", model.path), ("labels", model.labels)):
        if path is not None and not path.is_file():
            where: Loc = ("model", key_name)
            what = (
                "is a folder, a file is wanted" if path.is_dir() else "no such file (counted from the config's folder)"
            )
            found.append(Problem(document.line(where), where, f"{clean(str(document.at(where)), 120)}: {what}"))
    labels: tuple[str, ...] | None = None
    if model.labels is not None and model.labels.is_file():
        where = ("model", "labels")
        try:
            text = model.labels.read_text(encoding="utf-8-sig")
            labels = tuple(line.strip() for line in text.splitlines() if line.strip())
        except (OSError, UnicodeDecodeError):
            found.append(Problem(document.line(where), where, "cannot be read as UTF-8 text"))
        if labels == ():
            found.append(Problem(document.line(where), where, "the file names no class; wanted is one name a line"))
            labels = None
    return found, labels


def _language(document: Document, config: Config) -> tuple[list[Problem], list[Problem]]:
    """Whether the language model's files are there, its prompts can be used, and somebody can verify what is to be."""
    language, problems, warnings = config.language, [], []
    for key, path in (("path", language.path), ("mmproj", language.mmproj)):
        if path is not None and not path.is_file():
            here: Loc = ("language", key)
            text = f"{clean(str(document.at(here)), 120)}: no such file (counted from the config's folder)"
            problems.append(Problem(document.line(here), here, text))
    needs = {"llama_cpp": ("path", language.path), "openai": ("url", language.url)}.get(language.backend)
    if needs is not None and needs[1] is None:
        here = ("language", "backend")
        problems.append(Problem(document.line(here), here, f"{language.backend} needs language.{needs[0]}"))
    problems += _prompts(document, config)
    if language.backend == "llama_cpp" and language.path is not None and language.mmproj is None:
        here = ("language", "path")
        text = "without language.mmproj the model sees no pictures: events keep their fixed words"
        warnings.append(Problem(document.line(here), here, text))
    if language.backend == "llama_cpp" and not any(find_spec(name) for name in ("llama_cpp", "xllamacpp")):
        here = ("language", "backend")
        text = "no binding to llama.cpp is installed, the fixed words stand alone: pip install 'sightline[llama]'"
        warnings.append(Problem(document.line(here), here, text))
    if language.backend == "template":
        for c, camera in enumerate(config.cameras):
            for r, rule in enumerate(camera.rules):
                if rule.verify != "off":
                    here = ("cameras", c, "rules", r, "verify")
                    warnings.append(Problem(document.line(here), here, "nobody verifies: language.backend is template"))
    return problems, warnings


def _prompts(document: Document, config: Config) -> list[Problem]:
    """Changes of what is asked that cannot be used."""
    found: list[tuple[Loc, str]] = []
    names = [camera.name for camera in config.cameras]
    for i, entry in enumerate(config.language.prompts):
        here: Loc = ("language", "prompts", i)
        if fault := PromptOverride(task=entry.task, context=entry.context).problem():
            found.append((here, fault))
        if entry.camera is not None and entry.camera not in names:
            found.append(
                ((*here, "camera"), f"there is no camera '{clean(entry.camera)}'; {choice(entry.camera, names)}")
            )
    for c, camera in enumerate(config.cameras):
        if camera.context is not None and (fault := PromptOverride(context=camera.context).problem()):
            found.append((("cameras", c, "context"), fault))
    return [Problem(document.line(here), here, text) for here, text in found]


def class_problems(document: Document, loc: Loc, camera: CameraConfig, labels: tuple[str, ...]) -> list[Problem]:
    """Classes that the model does not know."""
    found = []
    asked: list[tuple[Loc, Any]] = [((*loc, "detect", "classes"), camera.detect.classes)]
    asked += [((*loc, "rules", r, "classes"), rule.classes) for r, rule in enumerate(camera.rules)]
    for place, classes in asked:
        for i, name in enumerate(classes or ()):
            if name not in labels:
                here = (*place, i)
                found.append(
                    Problem(
                        document.line(here), here, f"the model knows no class '{clean(name)}'; {_few(name, labels)}"
                    )
                )
    return found


def _few(name: str, labels: tuple[str, ...]) -> str:
    if len(labels) <= 12:
        return choice(name, labels)
    near = nearest(name, labels)
    return (f"did you mean {near}? " if near else "") + f"(it knows {len(labels)}: {', '.join(labels[:8])}, …)"


def silent_rules(document: Document, loc: Loc, camera: CameraConfig, labels: tuple[str, ...]) -> list[Problem]:
    """Rules whose own default classes the model does not know, so that they would see nothing."""
    found = []
    for r, rule in enumerate(camera.rules):
        defaults = rule_types()[rule.type].default_classes
        if rule.classes is None and defaults and not set(defaults) & set(labels):
            here = (*loc, "rules", r)
            text = f"{rule.type} looks for {', '.join(defaults)}, which the model does not know; give classes:"
            found.append(Problem(document.line(here), here, text))
    return found
