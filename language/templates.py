"""``templates``: sub-graphs with parameters and exposed ports, used as boxes.

::

    templates:
      front:
        params: {threshold: {type: number, default: 0.5}}
        ports: {in: gate.audio, out: gate.out}
        nodes:
          gate: {use: vad_gate, threshold: "${params.threshold}"}

A template is checked on its own, with the defaults of its parameters, and wherever it is used. Codes: LG131 a
circle, LG132 a port that leads nowhere, LG133 a parameter that is declared or given wrongly, LG134 no such
parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..pipeline.convert import Steps, convert, convert_group
from ..pipeline.convert.hints import show
from ..pipeline.convert.scalars import EnvText
from ..pipeline.errors import Problem
from ..pipeline.options import MISSING, Duration, Hertz, OptionSpec, Range
from ..pipeline.spelling import did_you_mean
from .form_checks import Shape
from .interpolate import fill_in
from .named_files import IncludedText, NamedFiles
from .origins import Origin, Tree, Via
from .sections import BODIES, OF_TEMPLATE

__all__ = ["ParamSpec", "Template", "read_template"]

_WHOLE = re.compile(r"\$\{params\.([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TYPES: dict[str, Any] = {
    "text": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "duration": Duration,
    "rate": Hertz,
    "list": list[Any],
    "mapping": dict[str, Any],
}


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One parameter as a template declares it."""

    type: Literal["text", "integer", "number", "boolean", "duration", "rate", "list", "mapping"] = "text"
    default: Any = MISSING
    """Its value where the template is used without it; without one it must be given."""
    range: tuple[Any, Any] | None = None
    """The least and the greatest value of a number, a duration or a rate."""
    choices: tuple[str, ...] = ()
    """The only texts allowed."""
    doc: str = ""

    def faults(self, name: str, value: Any, path: Steps) -> list[Problem]:
        """What is wrong with a value for it."""
        if value is None:
            return [] if self.default is None else [Problem("LG202", f"`{name}` has no value", path)]
        _, problems = convert(OptionSpec(name, _TYPES[self.type]), value, path=path, from_yaml=True)
        if not problems and self.range is not None:
            low, high = (self._amount(bound) for bound in self.range)
            spec = OptionSpec(name, _TYPES[self.type], range=Range(low, high))
            _, problems = convert(spec, value, path=path, from_yaml=True)
        if not problems and self.choices and str(value) not in self.choices:
            hint = did_you_mean(str(value), self.choices, label="choices")
            problems = [Problem("LG206", f"`{name}` cannot be {show(value)}", path, hint=hint)]
        return problems

    def _amount(self, bound: Any) -> Any:
        return convert(OptionSpec("range", _TYPES[self.type]), bound, from_yaml=True)[0]

    def bad_range(self) -> bool:
        """Whether its bounds are not of its type."""
        ordered = self.type in ("integer", "number", "duration", "rate")
        return self.range is not None and not (
            ordered and all(isinstance(self._amount(bound), int | float) for bound in self.range)
        )


@dataclass(slots=True)
class Template:
    """One template as it is declared."""

    name: str
    section: Tree
    """The declaration, nothing filled in."""
    params: dict[str, ParamSpec] = field(default_factory=dict)
    defaults: dict[str, Tree] = field(default_factory=dict)
    ports: dict[str, list[tuple[str, Steps]]] = field(default_factory=dict)
    """For each exposed port, the ends inside that it stands for, and where they are written."""
    right: bool = True
    """Whether nothing was found to be wrong with it on its own."""

    def given(self, owner: str, values: Tree, path: Steps, problems: list[Problem]) -> dict[str, Tree]:
        """A tree for every parameter: what the use at ``path`` gives, else its default; faults to ``problems``."""
        found = dict(self.defaults)
        for name, value in (values.data or {}).items():
            if name not in self.params:
                hint = did_you_mean(name, self.params, label="params") or "it has no parameters"
                message = f"the template `{self.name}` has no parameter `{name[:60]}`"
                problems.append(Problem("LG133", message, (*path, name), key=True, hint=hint))
                continue
            faults = self.params[name].faults(name, value, (*path, name))
            problems += faults
            found[name] = values.subtree((name,)) if not faults else _lacking(values.origin((name,)))
        for name, spec in self.params.items():
            if name not in found:
                message = f"`{owner}` needs the parameter `{name}` of the template `{self.name}`"
                hint = spec.doc or f"it takes {spec.type}"
                problems.append(Problem("LG133", message, path, key=True, hint=hint))
                found[name] = _lacking(values.origin(()))
        return found

    def body(
        self, values: Mapping[str, Tree], via: tuple[Via, ...], environ: Mapping[str, str], files: NamedFiles
    ) -> tuple[Tree, list[Problem]]:
        """Its nodes and edges with these values, and what could not be filled in."""
        body = self.section.subtree(())
        for key in [key for key in body.data if key not in (*BODIES, "edges")]:
            body.remove((key,))
        places = _whole_references(body.data, ())
        known = {path: name for path, name in places.items() if name in values}
        for path in known:
            # Put in when the rest is filled: what a value holds is not read again.
            body.get(path[:-1])[path[-1]] = IncludedText("")
        problems = fill_in(body, environ, files, {name: tree.data for name, tree in values.items()})
        for one in via:
            body = body.brought_by(one)
        for path, name in known.items():
            origin = body.origins[path]
            put_in = Via(origin.value, f"put in here for `{name}`")
            body.put(path, values[name].brought_by(put_in).subtree(()), key=origin.key)
        return body, problems


def read_template(
    name: str, section: Tree, environ: Mapping[str, str], files: NamedFiles, shape: Shape
) -> Template:
    """Read a declaration; faults go to ``shape``, with paths in ``section``."""
    template = Template(name, section)
    before = len(shape.problems)
    given = shape.mapping(section.data, (), f"the template `{name}`", "write `nodes:` and `ports:` below it")
    if given is not None:
        section.data = given
        shape.unknown_keys(given, OF_TEMPLATE, (), f"in the template `{name}`")
        bodies = [key for key in BODIES if key in given]
        if len(bodies) != 1:
            message = f"the template `{name}` needs `nodes` or `pipeline`" + (", not both" if bodies else "")
            shape.fault("LG104" if bodies else "LG103", message, (), key=True)
        head = section.subtree(())
        for key in (*BODIES, "edges"):
            if key in given:
                head.remove((key,))
        shape.problems += fill_in(head, environ, files)
        _read_params(template, head, shape)
        _read_ports(template, head, shape)
    template.right = len(shape.problems) == before
    return template


def _read_params(template: Template, head: Tree, shape: Shape) -> None:
    params = shape.mapping(head.data.get("params"), ("params",), "`params`", "write `rate: {type: rate}`")
    for name, value in (params or {}).items():
        path: Steps = ("params", name)
        if not _NAME.fullmatch(name):
            hint = "letters, digits and `_`, beginning with a letter"
            shape.fault("LG107", f"`{name[:60]}` cannot name a parameter", path, hint, key=True)
            continue
        spec, problems = convert_group(ParamSpec, {} if value is None else value, path=path, label=name)
        shape.problems += problems
        template.params[name] = spec if spec is not None else ParamSpec()
        if spec is None:
            continue
        if spec.bad_range():
            hint = f"two of {spec.type}, as in `range: [0, 1]`"
            shape.fault("LG133", f"the range of `{name}` does not fit its type", (*path, "range"), hint)
            template.params[name] = replace(spec, range=None)
        if isinstance(value, dict) and "default" in value:
            # As it is written: a duration stays one.
            default = head.subtree((*path, "default"))
            template.defaults[name] = default
            if default.data is not None:
                shape.problems += template.params[name].faults(name, default.data, (*path, "default"))


def _read_ports(template: Template, head: Tree, shape: Shape) -> None:
    ports = shape.mapping(head.data.get("ports"), ("ports",), "`ports`", "write `in: gate.audio`")
    for name, value in (ports or {}).items():
        path: Steps = ("ports", name)
        if not _NAME.fullmatch(name):
            hint = "letters, digits and `_`, beginning with a letter"
            shape.fault("LG107", f"`{name[:60]}` cannot name a port", path, hint, key=True)
            continue
        several = isinstance(value, list)
        ends = [((*path, n), end) for n, end in enumerate(value)] if several else [(path, value)]
        template.ports[name] = []
        for where, end in ends:
            text = shape.text(end, where, f"the port `{name}`", "write `node.port`, a port inside")
            if text is None:
                continue
            if "." not in text:
                hint = f"write `{text}.audio`, or what the port is called"
                shape.fault("LG132", f"`{text[:60]}` names no port of a node inside", where, hint)
                continue
            template.ports[name].append((text.strip(), where))


def _lacking(origin: Origin | None) -> Tree:
    """What stands for a value that was reported to be missing or wrong."""
    value = EnvText("", "", missing=True)
    return Tree(value, {} if origin is None else {(): replace(origin, collection=False, filled=value)})


def _whole_references(data: Any, path: Steps) -> dict[Steps, str]:
    """The scalars that are one ``${params.name}`` and nothing else: they take any value, as it is."""
    if isinstance(data, dict):
        pairs = [((*path, key), value) for key, value in data.items()]
    elif isinstance(data, list):
        pairs = [((*path, index), value) for index, value in enumerate(data)]
    else:
        match = _WHOLE.fullmatch(data) if isinstance(data, str) else None
        return {path: match[1]} if match else {}
    return {at: name for where, value in pairs for at, name in _whole_references(value, where).items()}
