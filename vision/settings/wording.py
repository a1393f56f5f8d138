"""What pydantic found, in the words of a person: the value, what is allowed, the nearest right key."""

from __future__ import annotations

from typing import Any

from pydantic_core import ErrorDetails

from vision.settings.document import Document
from vision.settings.problems import Loc, Problem, choice, clean, shown
from vision.settings.schema import Schema, alternatives, keys, schema_at, wanted

_POINT = "a point is two numbers [x, y], each 0..1 of the picture"
_SHAPES = ("polygon", "points")


def problems_of(errors: list[ErrorDetails], document: Document, root: Schema) -> list[Problem]:
    """One problem for each error that says something of its own."""
    located = [(_cleaned(error, document), error) for error in errors]
    return [_Teller(document, root).problem(loc, error) for loc, error in located if not _is_said(loc, error, located)]


def _is_said(loc: Loc, error: ErrorDetails, located: list[tuple[Loc, ErrorDetails]]) -> bool:
    """Whether another error says it better: a wrong item, or the first corner with the same fault."""
    if error["type"] in ("too_short", "too_long"):
        return any(len(other) > len(loc) and other[: len(loc)] == loc for other, _ in located)
    if len(loc) < 3 or loc[-3] not in _SHAPES or error["type"] != "value_error":
        return False
    same = (o for o, e in located if len(o) == len(loc) and o[:-2] == loc[:-2] and e["type"] == "value_error")
    return next(same) != loc


def _cleaned(error: ErrorDetails, document: Document) -> Loc:
    """The error's place as a path into the file: without the names of union members that pydantic puts in."""
    loc: Loc = ()
    value = document.data
    steps = error["loc"]
    for i, step in enumerate(steps):
        names_key = error["type"] in ("extra_forbidden", "missing") and i == len(steps) - 1
        if isinstance(value, dict) and not names_key and (value.get("type") == step or step not in value):
            continue
        if not isinstance(value, dict | list) and not names_key:
            break
        loc = (*loc, step)
        value = document.at(loc)
    return loc


class _Teller:
    """Says what an error is, with the file and its schema at hand."""

    def __init__(self, document: Document, root: Schema) -> None:
        self._document = document
        self._root = root

    def problem(self, loc: Loc, error: ErrorDetails) -> Problem:
        """The problem that an error at `loc` is."""
        kind, line = error["type"], self._document.line
        if kind == "extra_forbidden":
            allowed = keys(schema_at(loc[:-1], self._document.data, self._root))
            return Problem(line(loc, key=True), loc, f"unknown key; {choice(str(loc[-1]), allowed)}")
        if kind == "missing":
            return self._missing(loc)
        if kind.startswith("union_tag"):
            return self._type(loc, given=kind == "union_tag_invalid")
        if kind == "value_error":
            value = self._document.at(loc)
            prefix = f"{shown(value, loc)}: " if isinstance(value, int | float) else ""
            return Problem(line(loc), loc, prefix + str(error["ctx"]["error"]))
        return Problem(line(loc), loc, self._wrong(kind, loc))

    def _missing(self, loc: Loc) -> Problem:
        """A required key (or a coordinate) that is not there."""
        holder = self._document.at(loc[:-1])
        line = self._document.line(loc[:-1])
        if isinstance(loc[-1], int):
            return Problem(line, loc[:-1], self._list_of(loc[:-1]))
        about = schema_at(loc, self._document.data, self._root).get("description", "").rstrip(".")
        kind = holder.get("type") if isinstance(holder, dict) else None
        who = f"{clean(str(kind))} needs it" if kind else "it is required"
        return Problem(line, loc, f"missing; {who}" + (f" ({about})" if about else ""))

    def _list_of(self, loc: Loc) -> str:
        """A list of fixed length that has another."""
        if len(loc) > 1 and loc[-2] in _SHAPES:
            return _POINT
        schema = schema_at(loc, self._document.data, self._root)
        return f"{schema.get('minItems', 'other')} entries are needed, it has {len(self._document.at(loc) or ())}"

    def _type(self, loc: Loc, *, given: bool) -> Problem:
        """A rule or alert without a type, or of none that is known."""
        allowed = alternatives(schema_at(loc, self._document.data, self._root, choose=False))
        here = (*loc, "type")
        value = self._document.at(here)
        if not given:
            text = f"missing; it says which kind this is (allowed: {', '.join(allowed)})"
            return Problem(self._document.line(loc), here, text)
        return Problem(
            self._document.line(here), here, f"{shown(value)} is no known type; {choice(str(value), allowed)}"
        )

    def _wrong(self, kind: str, loc: Loc) -> str:
        """The value and what is wanted in its place."""
        value, schema = self._document.at(loc), schema_at(loc, self._document.data, self._root)
        given = shown(value, loc)
        want = wanted(schema, self._root)
        by_kind = {
            "string_too_short": "must not be empty",
            "literal_error": f"{given} is not allowed; "
            + choice(str(value), [str(word) for word in schema.get("enum", [schema.get("const", "")])]),
            "string_pattern_mismatch": f"{given} is not allowed; allowed: {schema.get('description', want)}",
        }
        if kind in by_kind and value is not None:
            return by_kind[kind]
        if kind in ("too_short", "too_long") and isinstance(value, list):
            return self._count(kind, loc, schema)
        if len(loc) > 1 and loc[-2] in _SHAPES:
            return f"{given} is no point; {_POINT}"
        return _replace(value, given, want, schema)

    def _count(self, kind: str, loc: Loc, schema: Schema) -> str:
        """A list with too few or too many entries."""
        if len(loc) > 1 and loc[-2] in _SHAPES:
            return _POINT
        limit = f"at least {schema.get('minItems')}" if kind == "too_short" else f"at most {schema.get('maxItems')}"
        return f"{limit} entries are needed, it has {len(self._document.at(loc))}"


def _replace(value: Any, given: str, want: str, schema: Schema) -> str:
    if value is None:
        return f"the value is empty; {want} is wanted"
    if isinstance(value, int | float) and schema.get("type") == "string":
        return f'{given} is a number, a text is wanted; put it in quotes: "{given}"'
    if isinstance(value, str) and schema.get("type") == "array":
        return f"{given} is one value, a list is wanted" + (f"; write [{given[1:-1]}]" if given.startswith("'") else "")
    return f"{given} is not allowed; {want} is wanted"
