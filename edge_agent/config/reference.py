"""The config reference and the editors' schema, made from the models: `python -m edge_agent.config.reference [DOCS]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from edge_agent.config.loading import config_schema
from vision.delivery.senders.base import AlertParams, sender_types
from vision.rules.base import RuleParams, rule_types
from vision.settings.schema import Schema, bounds, resolved, wanted

_HEAD = """\
# The config file

Made from the program's own models by `python -m edge_agent.config.reference`; do not edit by hand.

A config is YAML (UTF-8). `sightline check FILE` says what is wrong with it: line, key, what is allowed and the nearest
right key. An unknown key is an error. Relative paths count from the config file's folder. Places in the picture are 0..1
of its width and height, times are seconds.

Secrets never stand in the file: write `${NAME}` and set `NAME` in the environment. In `source`, `record_source`, `url`,
`secret`, `password`, `token` and `api_key` it is read when it is used (`replay` needs none of them), elsewhere at once.

Editors that know JSON Schema complete and check the keys with `docs/config.schema.json`: make the file's first line
`# yaml-language-server: $schema=…/docs/config.schema.json`. A whole commented example is `configs/security.yaml`.
"""

_SECTIONS = (
    ("model", "ModelConfig"),
    ("cameras[]", "CameraConfig"),
    ("cameras[].stream", "StreamConfig"),
    ("cameras[].detect", "Detect"),
    ("cameras[].zones[]", "Zone"),
    ("cameras[].lines[]", "Line"),
    ("cameras[].masks[]", "Mask"),
    ("cameras[].capture", "CaptureConfig"),
    ("cameras[].capture.gate", "Gate"),
    ("cameras[].capture.detector", "DetectorGate"),
    ("schedule", "Schedule"),
)
_LAST = (
    ("language", "LanguageConfig"),
    ("language.prompts[]", "PromptConfig"),
    ("evidence", "EvidenceConfig"),
    ("store", "StoreConfig"),
    ("api", "ApiConfig"),
    ("inference", "InferenceConfig"),
    ("uplink", "UplinkConfig"),
    ("inspection", "InspectionConfig"),
    ("inspection.locate", "Locate"),
    ("inspection.regions[]", "Region"),
    ("inspection.live", "LiveConfig"),
    ("inspection.live.triggers[]: mqtt", "MqttTrigger"),
    ("inspection.live.triggers[]: http", "HttpTrigger"),
    ("inspection.live.triggers[]: modbus", "ModbusTrigger"),
    ("inspection.live.triggers[]: line", "LineInPicture"),
    ("inspection.live.triggers[]: standstill", "Standstill"),
    ("inspection.live.window", "WindowParams"),
    ("inspection.live.sensors[]", "SensorConfig"),
    ("inspection.live.sensors[].source: modbus", "ModbusSource"),
    ("inspection.live.sensors[].source: csv", "CsvSource"),
    ("inspection.live.outputs[]", "OutputConfig"),
)


def schema_text() -> str:
    """The JSON Schema of the config as the file for editors."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(head | config_schema(), indent=2, ensure_ascii=False) + "\n"


def reference_text() -> str:
    """The reference as Markdown."""
    root = config_schema()
    parts = [_HEAD, "## Top level\n", table(root, root)]
    for title, name in _SECTIONS:
        parts += section(title, root["$defs"][name], root)
    parts += _rules(root)
    for title, name in _LAST:
        parts += section(title, root["$defs"][name], root)
    parts += _alerts(root)
    return "\n".join(parts)


def section(title: str, schema: Schema, root: Schema) -> list[str]:
    """A heading, what the group of keys is for, and its table; `root` holds the definitions."""
    return [f"\n## `{title}`\n", f"{schema.get('description', '')}\n", table(schema, root)]


def _rules(root: Schema) -> list[str]:
    """What all rules share, then each rule with what it adds or sets otherwise."""
    common = RuleParams.model_json_schema()
    common["properties"].pop("type")
    parts = ["\n## `cameras[].rules[]`\n", "Keys of every rule beside its `type`:\n", table(common, root)]
    for kind, rule in rule_types().items():
        schema = rule.Params.model_json_schema()
        own = {k: v for k, v in schema["properties"].items() if k != "type" and common["properties"].get(k) != v}
        said = (rule.__doc__ or "").strip().splitlines()[0]
        classes = f" Default classes: {', '.join(rule.default_classes)}." if rule.default_classes else ""
        parts += [f"\n### `type: {kind}`\n", f"{said}{classes}\n"]
        parts.append(
            table({"properties": own, "required": schema.get("required", [])}, schema | {"$defs": root["$defs"]})
        )
    return parts


def _alerts(root: Schema) -> list[str]:
    """What all alerts share, then each kind with what it adds."""
    common = AlertParams.model_json_schema()
    common["properties"].pop("type")
    parts = ["\n## `alerts[]`\n", "Keys of every alert beside its `type`:\n", table(common, root | common)]
    for kind, sender in sender_types().items():
        schema = sender.Params.model_json_schema()
        own = {k: v for k, v in schema["properties"].items() if k != "type" and common["properties"].get(k) != v}
        said = (sender.Params.__doc__ or "").strip().splitlines()[0]
        parts += [f"\n### `type: {kind}`\n", f"{said}\n"]
        parts.append(
            table({"properties": own, "required": schema.get("required", [])}, schema | {"$defs": root["$defs"]})
        )
    return parts


def table(schema: Schema, root: Schema) -> str:
    """The keys of a group: value, default and meaning of each."""
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    required = schema.get("required", [])
    for key, about in schema.get("properties", {}).items():
        default = "required" if key in required else _default(about)
        cells = (f"`{key}`", _value(about, root), default, about.get("description") or _described(about, root))
        rows.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _described(about: Schema, root: Schema) -> str:
    schema = resolved(about, root)
    described: str = schema.get("description") or resolved(schema.get("items") or {}, root).get("description", "")
    return described or ("What to watch for." if "items" in schema and "oneOf" in schema["items"] else "")


def _value(about: Schema, root: Schema) -> str:
    """What a value may be, short enough for a table."""
    schema = resolved(about, root)
    words = schema.get("enum") or ([schema["const"]] if "const" in schema else None)
    if words:
        return ", ".join(f"`{word}`" for word in words)
    if schema.get("type") == "array":
        return _list(schema, root)
    if "properties" in schema or named(schema):
        return "see below" if "properties" in schema else "entries by name, see below"
    if "discriminator" in schema:
        return f"one of {', '.join(f'`{kind}`' for kind in sorted(schema['discriminator']['mapping']))}"
    if schema.get("type") in ("number", "integer"):
        name = "whole number" if schema["type"] == "integer" else "number"
        return f"{name} {bounds(schema)}".strip()
    return {"string": "path" if schema.get("format") == "path" else "text", "boolean": "`true`, `false`"}.get(
        str(schema.get("type")), wanted(schema, root)
    )


def _list(schema: Schema, root: Schema) -> str:
    items = resolved(schema.get("items") or (schema.get("prefixItems") or [{}])[0], root)
    if "prefixItems" in items:
        return "list of points `[x, y]`"
    if "properties" in items or "discriminator" in items:
        return "list, see below"
    return f"list of {_value(items, root)}" if "items" in schema else f"list of two: {_value(items, root)}"


def named(schema: Schema) -> Schema | None:
    """What the entries of a group are whose keys are names; None where it is no such group."""
    inner = schema.get("additionalProperties") or next(iter(schema.get("patternProperties", {}).values()), None)
    return inner if isinstance(inner, dict) else None


def _default(about: Schema) -> str:
    value: Any = about.get("default")
    if value in (None, "", []) or isinstance(value, dict):
        return ""
    return f"`{json.dumps(value, ensure_ascii=False)}`" if isinstance(value, list | bool) else f"`{value}`"


def main(folder: Path) -> None:
    """Write both files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.md").write_text(reference_text(), encoding="utf-8")
    (folder / "config.schema.json").write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs"))
