"""Options, groups of options, unions and collections, down to the single values of ``leaves``."""

from __future__ import annotations

import collections.abc
import enum
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_origin

from ..errors import Fix, Problem
from ..options import FieldFault, OptionSpec, Secret, option_specs
from ..spelling import did_you_mean, nearest, sure
from .hints import (
    choices_of,
    clip,
    describe,
    group_fields,
    is_file_word,
    is_group,
    is_module_ref,
    spelling,
    strip,
    union_members,
)
from .leaves import (
    BAD,
    BaseDir,
    Context,
    Place,
    Steps,
    boolean,
    choice,
    file_path,
    file_word,
    module_ref,
    number,
    secret,
    text,
)
from .renames import current
from .scalars import EnvText

__all__ = ["convert", "convert_group", "convert_options"]

_SEQUENCES: dict[Any, type] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    collections.abc.Sequence: list,
    collections.abc.Collection: list,
    collections.abc.Iterable: list,
    collections.abc.Set: frozenset,
}
_MOST_KEYS = 12
"""Of a group, in a message."""
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def convert_options(
    cls: type,
    given: Mapping[str, Any],
    *,
    path: Steps = (),
    base_dir: BaseDir = None,
    from_yaml: bool = False,
    label: str = "",
) -> tuple[dict[str, Any], list[Problem]]:
    """The options ``given`` to a processor class, each as its declared type, and every fault.

    Only options that were given and are right are in the result; defaults stay with the constructor.
    ``base_dir`` is where relative files are looked for, or what gives that for a place in the document; ``None``
    leaves them as they are. ``label`` names the processor in messages.
    """
    specs = {name: (name, spec) for name, spec in option_specs(cls).items()}
    place = Place(Context(base_dir, from_yaml), path, label or cls.__name__)
    return _fields(specs, given, place, "option"), place.context.problems


def convert(
    spec: OptionSpec, value: Any, *, path: Steps = (), base_dir: BaseDir = None, from_yaml: bool = False
) -> tuple[Any, list[Problem]]:
    """``value`` as ``spec`` declares it, and every fault; ``None`` when one is more than a warning."""
    place = Place(Context(base_dir, from_yaml), path, spec.name, spec.range, spec.unit)
    made = _value(spec.type, value, place)
    return (None if made is BAD else made), place.context.problems


def convert_group(
    cls: type, given: Any, *, path: Steps = (), base_dir: BaseDir = None, label: str = ""
) -> tuple[Any, list[Problem]]:
    """A dataclass or struct made of a YAML mapping, and every fault; ``None`` when one is no mere warning.

    A field ``confirm_ns`` is written ``confirm: 400ms``.
    """
    place = Place(Context(base_dir, from_yaml=True), path, label)
    made = _group(cls, given, place)
    return (None if made is BAD else made), place.context.problems


def _fields(
    fields: Mapping[str, tuple[str, OptionSpec]], given: Mapping[str, Any], place: Place, noun: str
) -> dict[str, Any]:
    owner, problems = place.label, place.context.problems
    made: dict[str, Any] = {}
    named: set[str] = set()
    for written, name, value in current(fields, given, place, noun):
        named.add(name)
        inner = replace(place, path=(*place.path, written), label=str(written))
        if name not in fields:
            few = _MOST_KEYS if noun == "key" else 40
            hint = did_you_mean(str(name), fields, label=f"{noun}s", limit=few) or f"`{owner}` has no {noun}s"
            if value is None and str(name).isdigit() and given:
                hint = "a number is written with a point, as in 0.5: the comma begins another option"
            message = f"unknown {noun} `{clip(str(name))}` for `{owner}`"
            certain = sure(str(name), [field for field in fields if field not in given])
            fix = Fix(certain) if certain else None
            # What is only misspelt is not missing as well.
            named.add(certain or name)
            problems.append(Problem("LG201", message, inner.path, key=True, hint=hint, fix=fix))
            continue
        attribute, spec = fields[name]
        result = _value(spec.type, value, replace(inner, bounds=spec.range, unit=spec.unit))
        if result is not BAD:
            made[attribute] = result
    for name, (_, spec) in fields.items():
        if spec.required and name not in named:
            hint = f"it is {spec.doc}" if spec.doc else f"it takes {describe(spec.type, spec.unit)}"
            message = f"`{owner}` needs the {noun} `{name}`"
            problems.append(Problem("LG204", message, place.path, key=True, hint=hint))
    return made


def _group(cls: Any, value: Any, place: Place) -> Any:
    if isinstance(value, cls):
        return value
    if not isinstance(value, Mapping):
        return place.wrong_type(cls, value)
    owner = replace(place, label=place.label or cls.__name__, context=replace(place.context, problems=[]))
    made = _fields(group_fields(cls), value, owner, "key")
    faults = owner.context.problems
    place.context.problems.extend(faults)
    if len(made) < len(value) or not all(fault.warning for fault in faults):
        return BAD
    try:
        return cls(**made)
    except FieldFault as error:
        return replace(place, path=(*place.path, *error.path)).fault("LG202", str(error), error.hint)
    except (TypeError, ValueError) as error:
        return place.fault("LG202", f"`{owner.label}`: {error}")


def _value(hint: Any, value: Any, place: Place) -> Any:
    if isinstance(value, EnvText) and value.missing:
        return BAD
    if is_module_ref(hint):
        return module_ref(value, place)
    hint, bounds, unit = strip(hint)
    if bounds is not None or unit:
        place = replace(place, bounds=bounds or place.bounds, unit=unit or place.unit)
    if is_module_ref(hint):
        return module_ref(value, place)
    if is_file_word(hint):
        return file_word(_value(str, value, place), place)
    members = union_members(hint)
    if len(members) > 1:
        return _union(members, hint, value, place)
    if hint is Any or hint is object:
        return _plain(value)
    if hint is None or hint is type(None):
        return None if value is None else place.wrong_type(hint, value)
    if hint is Secret:
        return secret(value, place)
    if hint is bool:
        return boolean(value, place)
    if hint is int or hint is float:
        return number(hint, value, place)
    if hint is str:
        return text(value, place)
    if hint is Path:
        return file_path(value, place)
    if choices := choices_of(hint):
        return choice(choices, hint, value, place)
    base = get_origin(hint) or hint
    if base in _SEQUENCES:
        return _sequence(_SEQUENCES[base], hint, value, place)
    if base in _MAPPINGS:
        return _mapping(hint, value, place)
    if is_group(base):
        return _group(base, value, place)
    return _python_object(base, hint, value, place)


def _union(members: tuple[Any, ...], hint: Any, value: Any, place: Place) -> Any:
    if isinstance(value, EnvText) and not value and type(None) in members:
        return None  # `${PORT:-}`: an empty variable is how the environment says nothing
    if str in members and Path in members and isinstance(value, str):
        # An address is text, and everything else of the two a file.
        members = tuple(one for one in members if one is not (Path if "://" in value else str))
    meant = _groups_meant(members, value)
    if meant is not None:
        if not meant:
            return _no_group(members, value, place)
        members = meant
    fitting: list[tuple[Any, list[Problem]]] = []
    failed: list[list[Problem]] = []
    for member in members:
        attempt = replace(place, context=replace(place.context, problems=[]))
        result = _value(member, value, attempt)
        if result is BAD:
            failed.append(attempt.context.problems)
        else:
            fitting.append((result, attempt.context.problems))
    if fitting:
        if isinstance(value, EnvText):
            # The environment knows only text: whatever else fits says more.
            fitting.sort(key=lambda found: type(found[0]) is str)
        else:
            # A value that need not change is what was meant (1 in `float | int`).
            fitting.sort(key=lambda found: type(found[0]) is not type(value))
        result, problems = fitting[0]
        place.context.problems.extend(problems)
        return result
    if not all(failed):
        return BAD  # reported before
    # The one member that the value was meant for says best what is wrong with it: a fault inside of it, or
    # of its amount rather than of its type.
    inside = [faults for faults in failed if any(len(fault.path) > len(place.path) for fault in faults)]
    closer = [faults for faults in failed if faults[0].code not in ("LG202", "LG206")]
    others = [faults for member, faults in zip(members, failed, strict=True) if member is not type(None)]
    mapped = [
        faults
        for member, faults in zip(members, failed, strict=True)
        if isinstance(value, Mapping) and is_group(strip(member)[0])
    ]
    for telling in (inside, closer, mapped, others):
        if len(telling) == 1:
            place.context.problems.extend(telling[0])
            return BAD
    named = isinstance(value, str) and not isinstance(value, EnvText)
    choices = [spelling(one) for member in members for one in choices_of(strip(member)[0])]
    guess, certain = (nearest(value, choices), sure(value, choices)) if named else (None, None)
    fix = Fix(certain) if certain else None
    return place.wrong_type(hint, value, f"did you mean `{guess}`?" if guess else "", fix)


def _groups_meant(members: tuple[Any, ...], value: Any) -> tuple[Any, ...] | None:
    """Of several groups those that a mapping can mean: each is told by the keys that it must have.

    ``None`` where the members are not told apart like that.
    """
    if not isinstance(value, Mapping):
        return None
    keys = {member: _must(member) for member in members if is_group(strip(member)[0])}
    if len(keys) < 2 or not all(keys.values()):
        return None
    return tuple(member for member, needed in keys.items() if not needed.isdisjoint(value))


def _must(group: Any) -> set[str]:
    fields = group_fields(strip(group)[0])
    return {shown for shown, (_, spec) in fields.items() if spec.required}


def _no_group(members: tuple[Any, ...], value: Mapping[str, Any], place: Place) -> Any:
    """None of the keys by which groups are told is there."""
    keys = [key for member in members if is_group(strip(member)[0]) for key in sorted(_must(member))]
    wrong = next((str(key) for key in value if sure(str(key), keys)), None)
    certain = sure(wrong, keys) if wrong else None
    if wrong and certain:
        inner = replace(place, path=(*place.path, wrong))
        message = f"unknown key `{clip(wrong)}` for `{place.label}`"
        hint = did_you_mean(wrong, keys)
        problem = Problem("LG201", message, inner.path, key=True, hint=hint, fix=Fix(certain))
        place.context.problems.append(problem)
        return BAD
    choices = ", ".join(f"`{key}`" for key in keys)
    return place.fault("LG204", f"`{place.label}` does not say what it is", f"it needs one of {choices}")


def _sequence(kind: type, hint: Any, value: Any, place: Place) -> Any:
    if not isinstance(value, list | tuple | set | frozenset):
        single = isinstance(value, str | int | float) and not isinstance(value, EnvText | enum.Enum)
        if not single:
            return place.wrong_type(hint, value)
        return place.wrong_type(hint, value, f"write `[{clip(spelling(value))}]`", Fix(how="list"))
    args = get_args(hint)
    fixed = kind is tuple and bool(args) and Ellipsis not in args
    if fixed and len(value) != len(args):
        return place.fault("LG202", f"`{place.label}` takes {len(args)} values, not {len(value)}")
    made = [
        _value(args[index] if fixed else (args[0] if args else Any), element, place.inside(index))
        for index, element in enumerate(value)
    ]
    if any(element is BAD for element in made):
        return BAD
    if isinstance(value, kind) and all(new is old for new, old in zip(made, value, strict=True)):
        return value
    try:
        return kind(made)
    except TypeError:
        return place.fault("LG202", f"`{place.label}` takes a list of plain values")


def _mapping(hint: Any, value: Any, place: Place) -> Any:
    if not isinstance(value, Mapping):
        return place.wrong_type(hint, value)
    key_hint, value_hint = get_args(hint) or (Any, Any)
    made: dict[Any, Any] = {}
    good = True
    for key, element in value.items():
        inner = place.inside(key if isinstance(key, str | int) else str(key))
        # YAML's keys arrive as text, and become what the type asks for as text of the environment does.
        raw = EnvText(key, key) if place.context.from_yaml and type(key) is str else key
        new_key = _value(key_hint, raw, replace(inner, label=f"key of {place.label}", bounds=None, unit=""))
        new_value = _value(value_hint, element, inner)
        if new_key is BAD or new_value is BAD:
            good = False
        else:
            made[new_key] = new_value
    if not good:
        return BAD
    same = len(made) == len(value) and all(new is value.get(key, BAD) for key, new in made.items())
    return value if same else made


def _python_object(base: Any, hint: Any, value: Any, place: Place) -> Any:
    """A type that YAML cannot write; programs may give it."""
    from_yaml = place.context.from_yaml
    if base is collections.abc.Callable:
        fits = callable(value)
    else:
        try:
            fits = isinstance(value, base)
        except TypeError:  # a protocol, or another type that cannot be asked: whoever takes it will know
            fits = not from_yaml
    return value if fits else place.wrong_type(hint, value, "only a program can give it" if from_yaml else "")


def _plain(value: Any) -> Any:
    """A value without a declared type: what the environment gave becomes plain text."""
    if isinstance(value, EnvText):
        return str(value)
    if type(value) is dict:
        return {key: _plain(element) for key, element in value.items()}
    if type(value) is list:
        return [_plain(element) for element in value]
    return value
