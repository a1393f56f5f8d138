"""Schemas of answers: a flat object of bounded fields, checked here, and as a grammar that llama.cpp holds the model to.

What is allowed in a schema (a part of JSON Schema): `type: object` with `properties`; a property is an `enum` of strings,
or of `type` string (with `maxLength`), integer or number (with `minimum`, `maximum`) or boolean. Every key is required and
no other may stand in the answer, whether the schema says so or not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from vision.language.model import JsonSchema, NoAnswer

MAX_TEXT = 400  # characters of a text field without a bound of its own
MAX_ANSWER = 65536  # characters; an answer of bounded fields is far shorter
_LISTED = 100  # integer ranges up to this size are written out in the grammar


def read_answer(text: str, schema: JsonSchema) -> dict[str, Any]:
    """The values of an answer, in the schema's order. Raises `NoAnswer("invalid")` for anything that is not valid."""
    if len(text) > MAX_ANSWER:
        raise NoAnswer("invalid", f"an answer of {len(text)} characters")
    try:
        raw = json.loads(_bare(text), parse_constant=_no_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise NoAnswer("invalid", f"not JSON: {_short(text)}") from error
    return check(raw, schema)


def check(raw: object, schema: JsonSchema) -> dict[str, Any]:
    """These values, in the schema's order. Raises `NoAnswer("invalid")`."""
    if not isinstance(raw, dict):
        raise NoAnswer("invalid", f"not an object: {_short(raw)}")
    fields: Mapping[str, Mapping[str, Any]] = schema["properties"]
    for key in raw:
        if key not in fields:
            raise NoAnswer("invalid", f"a field that was not asked for: {_short(key)}")
    values: dict[str, Any] = {}
    for key, field in fields.items():
        if key not in raw:
            raise NoAnswer("invalid", f"{key} is missing")
        values[key] = _value(key, raw[key], field)
    return values


def whole_schema(schema: JsonSchema) -> dict[str, Any]:
    """The schema with everything said that is meant anyway: every key required, no other key."""
    fields = {key: dict(field) for key, field in schema["properties"].items()}
    for field in fields.values():
        if "enum" in field:
            field.setdefault("type", "string")
        elif field["type"] == "string":
            field.setdefault("maxLength", MAX_TEXT)
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def grammar(schema: JsonSchema) -> str:
    """The schema as a GBNF grammar: one line of JSON, keys in the schema's order, single spaces or none.

    Tighter than what a binding makes of a JSON schema, and the same in both: no white space to get lost in, numbers and
    texts of bounded length. Form: llama.cpp, grammars/README.md.
    """
    fields: Mapping[str, Mapping[str, Any]] = schema["properties"]
    parts = [f"{_literal(json.dumps(key))} col f{number}" for number, key in enumerate(fields)]
    lines = ['root ::= "{" ' + " com ".join(parts) + ' "}"', 'col ::= ":" " "?', 'com ::= "," " "?']
    lines += [f"f{number} ::= {_rule(field)}" for number, field in enumerate(fields.values())]
    lines.append(r'char ::= [^"\\\x00-\x1F\x7F<>] | "\\" ["\\/nt]')
    return "\n".join(lines)


def _value(key: str, value: object, field: Mapping[str, Any]) -> Any:
    if "enum" in field:
        # True == 1 in Python: the kinds must be the same too
        if not any(type(value) is type(one) and value == one for one in field["enum"]):
            raise NoAnswer("invalid", f"{key}: {_short(value)} is none of its values")
        return value
    kind = field["type"]
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "string" and isinstance(value, str):
        return _text(key, value, int(field.get("maxLength", MAX_TEXT)))
    if kind in {"integer", "number"} and isinstance(value, int | float) and not isinstance(value, bool):
        return _number(key, value, field)
    raise NoAnswer("invalid", f"{key}: {_short(value)} is no {kind}")


def _text(key: str, value: str, longest: int) -> str:
    if len(value) > longest:
        raise NoAnswer("invalid", f"{key}: longer than {longest} characters")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise NoAnswer("invalid", f"{key}: a broken character") from error
    return "".join(c if c.isprintable() else " " for c in value).strip()


def _number(key: str, value: float, field: Mapping[str, Any]) -> float:
    if not math.isfinite(value) or (field["type"] == "integer" and not float(value).is_integer()):
        raise NoAnswer("invalid", f"{key}: {_short(value)} is no {field['type']}")
    if not field.get("minimum", -math.inf) <= value <= field.get("maximum", math.inf):
        raise NoAnswer("invalid", f"{key}: {_short(value)} is outside its range")
    return int(value) if field["type"] == "integer" else float(value)


def _rule(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return " | ".join(_literal(json.dumps(one, ensure_ascii=False)) for one in field["enum"])
    kind = field["type"]
    if kind == "boolean":
        return '"true" | "false"'
    if kind == "string":
        return f'"\\"" char{{0,{int(field.get("maxLength", MAX_TEXT))}}} "\\""'
    low, high = field.get("minimum", -math.inf), field.get("maximum", math.inf)
    sign = '"-"? ' if low < 0 else ""
    if kind == "integer" and high - low < _LISTED:
        return " | ".join(_literal(str(number)) for number in range(math.ceil(low), math.floor(high) + 1))
    whole = f'{sign}("0" | [1-9] [0-9]{{0,8}})'
    return whole if kind == "integer" else whole + ' ("." [0-9]{1,4})?'


def _literal(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _bare(text: str) -> str:
    """Without the fence of a code block, which servers without a grammar like to put around JSON."""
    bare = text.strip()
    if bare.startswith("```") and bare.endswith("```") and len(bare) > 6:
        bare = bare[3:-3].removeprefix("json").strip()
    return bare


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key twice")
    return values


def _short(value: object) -> str:
    """What a model said, fit for a log: short, on one line."""
    text = value if isinstance(value, str) else repr(value)
    return "".join(c if c.isprintable() else " " for c in text[:60]) + ("…" if len(text) > 60 else "")
