"""Cutting an ONNX network where its inner feature maps are, so that nothing behind them is kept or computed.

The field numbers are those of onnx.proto: ModelProto.ir_version = 1, .graph = 7; GraphProto.node = 1, .initializer = 5,
.input = 11, .output = 12, .value_info = 13; NodeProto.input = 1, .output = 2, .attribute = 5; AttributeProto.g = 6,
.graphs = 11; TensorProto.name = 8; ValueInfoProto.name = 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vision.detect.protobuf import bodies, edited, fields, nested, whole_number

_NAMED_INITIALIZERS = 4  # from this version of the format on, constants need not be declared as inputs too


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: the tensors it reads, those of its inner graphs among them, and those it writes."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def nodes(model: bytes) -> list[Node]:
    """The operations of a network in the order of the file, which is one in which they can run.

    Raises:
        ValueError: these bytes are no ONNX model.

    """
    return [_node(body) for body in bodies(_graph(model), 1)]


def cut(model: bytes, outputs: Sequence[str]) -> bytes:
    """The network that computes just these tensors: operations and constants that they do not need are gone."""
    graph = _graph(model)
    needed = _needed([_node(body) for body in bodies(graph, 1)], outputs)
    constants = {name for body in bodies(graph, 5) for name in _names(body, 8)}

    def node(body: bytes) -> bytes | None:
        return body if needed.intersection(_node(body).outputs) else None

    def constant(body: bytes) -> bytes | None:
        return body if needed.intersection(_names(body, 8)) else None

    def declared(body: bytes) -> bytes | None:
        return None if constants.intersection(_names(body, 1)) else body

    kept = edited(graph, {1: node, 5: constant, 11: declared, 12: lambda _: None, 13: lambda _: None})
    kept += b"".join(nested(12, nested(1, name.encode())) for name in outputs)
    whole = b"".join(field for number, _, field, _ in fields(edited(model, {7: lambda _: kept})) if number != 1)
    return whole_number(1, max(_version(model), _NAMED_INITIALIZERS)) + whole


def _needed(operations: Sequence[Node], outputs: Iterable[str]) -> set[str]:
    """The tensors that have to exist for these to be computed."""
    needed = set(outputs)
    for operation in reversed(operations):
        if needed.intersection(operation.outputs):
            needed.update(operation.inputs)
    return needed


def _graph(model: bytes) -> bytes:
    found = bodies(model, 7)
    if len(found) != 1:
        raise ValueError("no ONNX graph inside")
    return found[0]


def _version(model: bytes) -> int:
    """The format's version; 0 where none is given. It is below 128, so that it is the field's second and last byte."""
    return next((field[-1] for number, wire, field, _ in fields(model) if number == 1 and wire == 0), 0)


def _node(body: bytes) -> Node:
    reads = _names(body, 1)
    for attribute in bodies(body, 5):
        for inner in (*bodies(attribute, 6), *bodies(attribute, 11)):
            reads += [name for node in bodies(inner, 1) for name in _node(node).inputs]
    return Node(tuple(reads), tuple(_names(body, 2)))


def _names(body: bytes, number: int) -> list[str]:
    return [name.decode() for name in bodies(body, number)]
