"""YAML 1.2 as it is specified: text to a tree of nodes with exact places, and every fault named where it stands."""

from .core import CORE, Scalar, read_scalar
from .loading import load
from .places import Edit, Fault, FaultKind, Span, YamlError
from .stream import MAX_DEPTH, MAX_NODES, read_documents
from .tree import Document, Node
from .writing import write_flow

__all__ = [
    "CORE",
    "MAX_DEPTH",
    "MAX_NODES",
    "Document",
    "Edit",
    "Fault",
    "FaultKind",
    "Node",
    "Scalar",
    "Span",
    "YamlError",
    "load",
    "read_documents",
    "read_scalar",
    "write_flow",
]
