"""Looking things up in the JSON Schema of the config: which keys, which values, which range at a place of the file."""

from __future__ import annotations

from typing import Any

from vision.settings.problems import Loc

Schema = dict[str, Any]


def resolved(schema: Schema, root: Schema) -> Schema:
    """`schema` without reference and without the alternative "nothing"; what stands beside a reference is kept."""
    while True:
        if "$ref" in schema:
            target = root["$defs"][schema["$ref"].rpartition("/")[2]]
            schema = target | {key: value for key, value in schema.items() if key != "$ref"}
        elif "anyOf" in schema:
            options = [option for option in schema["anyOf"] if option.get("type") != "null"]
            if len(options) != 1:
                return schema
            schema = options[0] | {key: value for key, value in schema.items() if key != "anyOf"}
        else:
            return schema


def schema_at(loc: Loc, data: Any, root: Schema, *, choose: bool = True) -> Schema:
    """The schema at `loc`; unions are chosen by the `type` that stands in the data. Empty where there is none."""
    schema, value = resolved(root, root), data
    for step in loc:
        schema = _chosen(schema, value, root)
        if isinstance(step, int):
            prefix = schema.get("prefixItems", [])
            schema = prefix[step] if step < len(prefix) else schema.get("items", {})
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            schema = schema.get("properties", {}).get(step, {})
            value = value.get(step) if isinstance(value, dict) else None
        schema = resolved(schema, root) if isinstance(schema, dict) else {}
    return _chosen(schema, value, root) if choose else schema


def _chosen(schema: Schema, value: Any, root: Schema) -> Schema:
    mapping = schema.get("discriminator", {}).get("mapping")
    if mapping is None:
        return schema
    kind = value.get("type") if isinstance(value, dict) else None
    return resolved({"$ref": mapping[kind]}, root) if isinstance(kind, str) and kind in mapping else schema


def keys(schema: Schema) -> list[str]:
    """The keys that may stand there."""
    return list(schema.get("properties", {}))


def alternatives(schema: Schema) -> list[str]:
    """The values of `type` that a union knows."""
    mapping: dict[str, str] = schema.get("discriminator", {}).get("mapping", {})
    return sorted(mapping)


def bounds(schema: Schema) -> str:
    """The range of a number in words; empty where there is none."""
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    parts = [
        f"at least {low:g}" if low is not None else "",
        f"above {above:g}" if above is not None else "",
        f"at most {high:g}" if high is not None else "",
        f"below {below:g}" if below is not None else "",
    ]
    return " and ".join(part for part in parts if part)


def wanted(schema: Schema, root: Schema) -> str:
    """What a value must be, in words: `a number above 0 and at most 60`."""
    schema = resolved(schema, root)
    if "anyOf" in schema:
        return " or ".join(wanted(option, root) for option in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return "one of " + ", ".join(str(value) for value in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type")
    if kind in ("number", "integer"):
        return f"{'a whole number' if kind == 'integer' else 'a number'} {bounds(schema)}".strip()
    if kind == "array":
        items = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
        inner = wanted(items, root) if isinstance(items, dict) and items else "values"
        return f"a list [{inner}, …]"
    if "discriminator" in schema:
        return f"a group of keys with type: {' | '.join(alternatives(schema))}"
    group = f"a group of keys ({', '.join(keys(schema))})" if keys(schema) else "a group of keys"
    return {"boolean": "true or false", "string": "a text", "object": group}.get(str(kind), "another value")
