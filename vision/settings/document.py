"""A YAML file as plain values, with the line of every key and value.

YAML is read by the rules of version 1.2: only `true` and `false` are booleans, so that `on:` is a key like any other and
`18:00` or `2024-01-01` stay texts. `${NAME}` may stand without quotes between braces and brackets too. A key that is
given twice, an alias that grows without bound, a tag that asks for a Python object and the like are problems, not
surprises.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vision.errors import ConfigError
from vision.settings.problems import Loc, Problem, Problems, clean

MAX_BYTES = 512 * 1024  # a hundred cameras with all their zones take less than a tenth of it
MAX_DEPTH = 24
MAX_VALUES = 50_000
MAX_DIGITS = 300

_TAG = "tag:yaml.org,2002:"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"


# Between { } a plain text cannot hold braces: variables pass the parser with signs of private use in their place,
# one for one, so that columns stay right.
_VARIABLE = re.compile(r"\$\{([^{}\n\"']*)\}")
_HIDDEN = re.compile("\ue000\ue000([^\ue001]*)\ue001")


class _Stop(Exception):  # never leaves this file
    """Reading ends here, for this reason, at this line."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.text, self.line = text, line


class _Loader(yaml.SafeLoader):
    """YAML 1.2 core schema; nesting is bounded, so that no file can exhaust the stack."""

    depth = 0
    count = 0
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  # as in the parent

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """One node; counts how deep it lies and how many there are."""
        self.count += 1
        if self.count > MAX_VALUES:
            raise _Stop(f"more than {MAX_VALUES} values; that is no config of this program", _mark(self))
        if self.depth >= MAX_DEPTH:
            raise _Stop(f"more than {MAX_DEPTH} levels of nesting", _mark(self))
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _mark(loader: _Loader) -> int:
    """The line on which the loader stands."""
    return int(loader.peek_event().start_mark.line) + 1  # type: ignore[no-untyped-call]  # PyYAML's own


def _resolve(kind: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(_TAG + kind, re.compile(f"^(?:{pattern})$"), list(first))


_resolve("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_resolve("int", "[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789")
_resolve("float", _FLOAT, "-+0123456789.")
_Loader.add_implicit_resolver(_TAG + "null", re.compile("^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(_TAG + "merge", re.compile("^<<$"), ["<"])


@dataclass(slots=True)
class Document:
    """The values of a file and where each stands.

    `key_line` holds the line (from 1) of every key and list item, `value_line` that on which its value begins; both by
    the way to it, for example `("cameras", 0, "name")`. `problems` are those that left the rest readable: a key given twice.
    """

    name: str
    folder: Path
    data: Any = None
    key_line: dict[Loc, int] = field(default_factory=dict)
    value_line: dict[Loc, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, loc: Loc, *, key: bool = False) -> int:
        """The line of a value (of its key, where asked or where the value spans lines); else that of what holds it."""
        value = self.at(loc)
        lines = self.key_line if key or isinstance(value, dict | list) else self.value_line
        while loc and loc not in lines:
            loc, lines = loc[:-1], self.key_line
        return lines.get(loc, 1)

    def at(self, loc: Loc) -> Any:
        """The value at `loc`; None where there is none."""
        value = self.data
        for step in loc:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def read(path: Path) -> Document:
    """Reads a config file. Raises `ConfigError` for everything that keeps it from being a mapping of YAML values."""
    document = Document(name=path.name, folder=path.parent)
    text = _text(path)
    try:
        document.data = _Builder(document).build(_top(text), (), ())
    except _Stop as stop:
        problems = Problems(document.name)
        problems.add(*document.problems, Problem(stop.line, (), stop.text))
        problems.raise_if_any()
    return document


def _text(path: Path) -> str:
    """The file's text; one clear line for whatever is no readable UTF-8 file of a sane size."""
    try:
        if path.is_dir():
            raise ConfigError(f"{path}: is a folder; give the config file itself")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        near = sorted([*path.parent.glob("*.yaml"), *path.parent.glob("*.yml")])[:3] if path.parent.is_dir() else []
        hint = f" (there is {', '.join(p.name for p in near)})" if near else ""
        raise ConfigError(f"{path}: no such file{hint}") from None
    except PermissionError:
        raise ConfigError(f"{path}: may not be read; check its permissions (chmod u+r)") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{path}: cannot be read: {reason}") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path.name}: is larger than {MAX_BYTES // 1024} KiB; that is no config of this program")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        kind = "UTF-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else f"not UTF-8 (byte 0x{raw[error.start]:02x})"
        raise ConfigError(f"{path.name}:{line}: the text is {kind}; save the file as UTF-8") from None


def _top(text: str) -> yaml.MappingNode:
    """The mapping that the file is."""
    node = _compose(text)
    if node is None:
        raise _Stop("the file is empty; a config begins with version: 1, model: and cameras:", 1)
    if not isinstance(node, yaml.MappingNode):
        kind = "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
        raise _Stop(f"the file holds {kind} at its top; wanted are keys: version:, model:, cameras:", _line(node))
    return node


def _compose(text: str) -> yaml.Node | None:
    """The tree of nodes; syntax errors in our own words."""
    try:
        loader = _Loader(_VARIABLE.sub("\ue000\ue000\\1\ue001", text))
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _Stop(f"the character U+{int(error.character):04X} is not allowed in YAML", line) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _Stop(f"column {column}: {_syntax(error, text, line)}", line) from None
    except (ValueError, OverflowError, RecursionError):  # escapes such as "\UFFFFFFFF"
        raise _Stop("is no readable YAML", 1) from None


def _syntax(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    """What is wrong with the YAML, and what to do."""
    problem = error.problem or ""
    lines = text.splitlines()
    indent = re.match(r"\s*", lines[line - 1])[0] if line <= len(lines) else ""  # type: ignore[index]  # always matches
    if "\\t" in problem or "\t" in indent:
        return "a tab is used for indentation; YAML wants spaces"
    opened = error.context_mark.line + 1 if error.context_mark else line
    known = {
        "mapping values are not allowed": "a ':' where none may stand; is the line indented rightly, or a text with "
        "': ' in it not in quotes?",
        "could not find expected ':'": f"a ':' is missing after the key that begins on line {opened}",
        "expected <block end>": "the indentation does not fit the lines above",
        "expected ',' or ']'": f"the list that begins with '[' on line {opened} lacks a ',' or its ']'",
        "expected ',' or '}'": f"the braces that open with '{{' on line {opened} lack a ',' or their '}}'",
        "found undefined alias": "an alias (*name) without its anchor (&name); put a text that begins with * in quotes",
        "found unexpected end of stream": f"the quotes that open on line {opened} are never closed",
        "but found another document": "a second document begins here (---); a config is one document",
        "found duplicate anchor": "an anchor (&name) is given twice",
        "cannot start any token": "a text that begins with this character needs quotes",
        "found unknown escape character": "a backslash in double quotes; use single quotes",
        "expected the node content": "a value is missing or misplaced here",
    }
    return next((words for sign, words in known.items() if sign in problem), "this is no valid YAML")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


class _Builder:
    """Turns nodes into values and notes their lines; finds keys given twice and other abuses."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._problems = document.problems
        self._values = 0

    def build(self, node: yaml.Node, loc: Loc, above: tuple[yaml.Node, ...]) -> Any:
        """The value of `node`, which stands at `loc` below the nodes `above`."""
        self._values += 1
        if self._values > MAX_VALUES:
            raise _Stop(f"more than {MAX_VALUES} values, each alias (*name) counted as what it stands for", _line(node))
        if any(node is parent for parent in above) or len(above) > MAX_DEPTH:
            raise _Stop("an alias (*name) that holds itself", _line(node))
        self._document.value_line[loc] = _line(node)
        self._document.key_line.setdefault(loc, _line(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, loc, (*above, node))
        if isinstance(node, yaml.SequenceNode):
            self._plain_tag(node, "seq", loc)
            return [self.build(item, (*loc, i), (*above, node)) for i, item in enumerate(node.value)]
        return self._scalar(node, loc)

    def _mapping(self, node: yaml.MappingNode, loc: Loc, above: tuple[yaml.Node, ...]) -> dict[str, Any]:
        self._plain_tag(node, "map", loc)
        values: dict[str, Any] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                merged = self._merged(value_node, above) | merged
                continue
            key = self._key(key_node, loc)
            if key is None:
                continue
            if key in first:
                text = f"the key is given twice; the first stands on line {first[key]}"
                self._problems.append(Problem(_line(key_node), (*loc, key), text))
                continue
            first[key] = _line(key_node)
            self._document.key_line[(*loc, key)] = _line(key_node)
            values[key] = self.build(value_node, (*loc, key), above)
        for key, (key_node, value_node) in merged.items():
            if key not in values:
                self._document.key_line[(*loc, key)] = _line(key_node)
                values[key] = self.build(value_node, (*loc, key), above)
        return values

    def _merged(self, node: yaml.Node, above: tuple[yaml.Node, ...]) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Keys that `<<: *name` brings in; the earlier of several wins."""
        self._values += 1
        if self._values > MAX_VALUES or len(above) > MAX_DEPTH or any(node is parent for parent in above):
            raise _Stop("'<<' brings in too much, or itself", _line(node))
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                found = self._merged(item, (*above, node)) | found
            return found
        if not isinstance(node, yaml.MappingNode):
            raise _Stop("'<<' wants an alias of a mapping, for example <<: *defaults", _line(node))
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                found = self._merged(value_node, (*above, node)) | found
            elif isinstance(key_node, yaml.ScalarNode):
                found[key_node.value] = (key_node, value_node)
        return found

    def _key(self, node: yaml.Node, loc: Loc) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag.startswith(_TAG):
            return _HIDDEN.sub(r"${\1}", str(node.value))
        text = "a key must be a plain word; put a value that begins with { or [ in quotes"
        self._problems.append(Problem(_line(node), loc, text))
        return None

    def _plain_tag(self, node: yaml.Node, kind: str, loc: Loc) -> None:
        if node.tag != _TAG + kind:
            self._problems.append(
                Problem(_line(node), loc, "tags (!name) are not used in a config; write plain values")
            )

    def _scalar(self, node: yaml.Node, loc: Loc) -> Any:
        text, kind = _HIDDEN.sub(r"${\1}", str(node.value)), node.tag.removeprefix(_TAG)
        if kind == "str":
            return text
        if kind not in _SCALARS:
            self._problems.append(
                Problem(_line(node), loc, "tags (!name) are not used in a config; write plain values")
            )
            return text
        try:
            return _SCALARS[kind](text[: MAX_DIGITS + 1])
        except (ValueError, OverflowError):
            self._problems.append(Problem(_line(node), loc, f"{clean(text)} is no {kind} that can be used"))
            return text


class Flag(str):
    """`true` or `false` of the file.

    A text of its own kind, for where a number is wanted `true` must not pass as 1.
    """

    __slots__ = ()


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise OverflowError
    return int(text, 0 if text[:2] in ("0x", "0o") else 10)


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_SCALARS: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: Flag(text.lower()),
    "int": _int,
    "float": _float,
}
