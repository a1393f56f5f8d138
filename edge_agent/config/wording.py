"""What pydantic found, in the words of a person: the value, what is allowed, the nearest right key."""

from __future__ import annotations

from typing import Any

from pydantic_core import ErrorDetails

from edge_agent.config.document import Document
from edge_agent.config.problems import Loc, Problem, choice, clean, shown
from edge_agent.config.schema import Schema, alternatives, keys, schema_at, wanted

_POINT = "a point is two numbers [x, y], each 0..1 of the picture"


def problems_of(errors: list[ErrorDetails], document: Document, root: Schema) -> list[Problem]:
    """One problem for each error that says something of its own."""
    located = [(_cleaned(error, document), error) for error in errors]
    found: list[Problem] = []
    for loc, error in located:
        if error["type"] in ("too_short", "too_long") and any(
            len(o) > len(loc) and o[: len(loc)] == loc for o, _ in located
        ):
            continue  # counted without the items that are wrong themselves
        if _is_repeated(loc, error, located):
            continue
        found.append(_problem(loc, error, document, root))
    return found


def _is_repeated(loc: Loc, error: ErrorDetails, located: list[tuple[Loc, ErrorDetails]]) -> bool:
    """Whether an earlier corner of the same polygon or line has the same fault: one line says it for all."""
    if len(loc) < 3 or loc[-3] not in ("polygon", "points") or error["type"] != "value_error":
        return False
    first = next(o for o, e in located if len(o) == len(loc) and o[:-2] == loc[:-2] and e["type"] == "value_error")
    return first != loc


def _cleaned(error: ErrorDetails, document: Document) -> Loc:
    """The error's place as a path into the file: without the names of union members that pydantic puts in."""
    loc: Loc = ()
    value = document.data
    steps = error["loc"]
    for i, step in enumerate(steps):
        last = i == len(steps) - 1
        names_key = error["type"] in ("extra_forbidden", "missing") and last
        if isinstance(value, dict) and not names_key and (value.get("type") == step or step not in value):
            continue
        if not isinstance(value, dict | list) and not names_key:
            break
        loc = (*loc, step)
        value = document.at(loc)
    return loc


def _problem(loc: Loc, error: ErrorDetails, document: Document, root: Schema) -> Problem:
    kind, value = error["type"], document.at(loc)
    if kind == "extra_forbidden":
        allowed = keys(schema_at(loc[:-1], document.data, root), root)
        return Problem(document.line(loc, key=True), loc, f"unknown key; {choice(str(loc[-1]), allowed)}")
    if kind == "missing":
        text = _POINT if isinstance(loc[-1], int) else _missing(loc, document, root)
        return Problem(document.line(loc[:-1]), loc[:-1] if isinstance(loc[-1], int) else loc, text)
    if kind == "union_tag_not_found":
        allowed = alternatives(schema_at(loc, document.data, root, choose=False))
        return Problem(
            document.line(loc), (*loc, "type"), f"missing; it says which kind this is (allowed: {', '.join(allowed)})"
        )
    if kind == "union_tag_invalid":
        loc = (*loc, "type")
        allowed = alternatives(schema_at(loc[:-1], document.data, root, choose=False))
        text = f"{shown(document.at(loc))} is no known type; {choice(str(document.at(loc)), allowed)}"
        return Problem(document.line(loc), loc, text)
    schema = schema_at(loc, document.data, root)
    if kind == "value_error":
        text = str(error["ctx"]["error"])
        text = f"{shown(value, loc)}: {text}" if isinstance(value, int | float) else text
        return Problem(document.line(loc), loc, text)
    if kind == "literal_error":
        allowed = [str(a) for a in schema.get("enum", [schema.get("const", "")])]
        return Problem(document.line(loc), loc, f"{shown(value, loc)} is not allowed; {choice(str(value), allowed)}")
    return Problem(document.line(loc), loc, _plain(kind, value, loc, schema, root))


def _missing(loc: Loc, document: Document, root: Schema) -> str:
    about = schema_at(loc, document.data, root).get("description", "")
    holder = document.at(loc[:-1])
    kind = holder.get("type") if isinstance(holder, dict) else None
    who = f"{clean(str(kind))} needs it" if kind else "it is required"
    return f"missing; {who}" + (f" ({about.rstrip('.')})" if about else "")


def _plain(kind: str, value: Any, loc: Loc, schema: Schema, root: Schema) -> str:
    """The value and what is wanted in its place."""
    if kind in ("too_short", "too_long") and isinstance(value, list):
        if len(loc) > 1 and loc[-2] in ("polygon", "points"):
            return _POINT
        limit = f"at least {schema.get('minItems')}" if kind == "too_short" else f"at most {schema.get('maxItems')}"
        return f"{limit} entries are needed, it has {len(value)}"
    if kind == "string_too_short":
        return "must not be empty"
    if kind == "string_pattern_mismatch":
        about = schema.get("description", "")
        return f"{shown(value, loc)} is not allowed" + (f"; allowed: {about}" if about else "")
    if kind == "string_type" and isinstance(value, int | float):
        return f'{shown(value, loc)} is a number, a text is wanted; put it in quotes: "{shown(value, loc)}"'
    if len(loc) > 1 and loc[-2] in ("polygon", "points"):
        return f"{shown(value, loc)} is no point; {_POINT}"
    if isinstance(value, str) and schema.get("type") == "array":
        return f"{shown(value, loc)} is one value, a list is wanted; write [{shown(value, loc)[1:-1]}]"
    if value is None:
        return f"the value is empty; {wanted(schema, root)} is wanted"
    return f"{shown(value, loc)} is not allowed; {wanted(schema, root)} is wanted"
