"""Reading ``feed``: what a test does to an agent, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from ..language.form_checks import Shape
from ..pipeline.convert import Steps, convert
from ..pipeline.frames import DtmfFrame, Frame, TextFrame
from ..pipeline.options import OptionSpec, Range
from ..pipeline.spelling import did_you_mean, sure
from ..pipeline.units import MS, SECOND
from .files import found_file
from .kinds import can_be_sent, fields_of, frame_types
from .model import Disconnect, Play, Press, Say, Send, Skip, Step, Trigger
from .patterns import PatternReader
from .scene import Scene

__all__ = ["STEP_KEYS", "StepReader"]

STEP_KEYS: Mapping[str, tuple[str, ...]] = {
    "say": ("to", "voice", "length"),
    "play": ("to", "length"),
    "text": ("to",),
    "frame": ("to",),
    "pressed": ("to",),
    "skip": (),
    "disconnect": (),
}
"""What a step can do, and the keys that go with it."""

_COMMON = ("name", "at", "after", "wait")
_TIME = Range(0, 3600 * SECOND)
_LENGTH = OptionSpec("length", int, unit="ns", range=Range(MS, 600 * SECOND))
_SKIP = OptionSpec("skip", int, unit="ns", range=Range(MS, 3600 * SECOND))
_VOICE = OptionSpec("voice", str)
_CODE = OptionSpec("code", int, range=Range(1000, 4999))


@dataclass(slots=True)
class StepReader:
    """Reads the steps of one test. ``names`` are those that its expectations can refer to."""

    shape: Shape
    scene: Scene
    folder: Callable[[Steps], Path]
    patterns: PatternReader
    names: dict[str, Steps] = field(default_factory=dict)

    def read(self, value: Any, path: Steps) -> tuple[Step, ...]:
        """The list of steps at ``path``."""
        if value is None:
            return ()
        items = self.shape.sequence(value, path, "`feed`", "write `- say: ...` for each step")
        steps = [self._step(item, (*path, index)) for index, item in enumerate(items or [])]
        return tuple(step for step in steps if step is not None)

    def _step(self, value: Any, path: Steps) -> Step | None:
        shape = self.shape
        given = shape.mapping(value, path, "a step of `feed`", "write `say: Hello.`")
        if given is None:
            return None
        known = [key for key in given if key in STEP_KEYS]
        if len(known) != 1:
            self._not_one(given, known, path)
            return None
        key = known[0]
        shape.unknown_keys(given, (key, *STEP_KEYS[key], *_COMMON), path, f"beside `{key}`")
        make: Mapping[str, Callable[[Any, Mapping[str, Any], Steps], Step | None]] = {
            "say": self._say,
            "play": self._play,
            "text": self._text,
            "frame": self._frame,
            "pressed": self._pressed,
            "skip": self._skip,
            "disconnect": self._disconnect,
        }
        step = make[key](given[key], given, path)
        trigger, name = self._trigger(given, path), self._name(given, path)
        return None if step is None else replace(step, path=path, trigger=trigger, name=name)

    def _not_one(self, given: Mapping[str, Any], known: list[str], path: Steps) -> None:
        if known:
            message = f"`{known[0]}` and `{known[1]}` in one step"
            self.shape.fault("LG503", message, (*path, known[1]), "write two steps", key=True)
            return
        beside = {*_COMMON, *(one for keys in STEP_KEYS.values() for one in keys)}
        unknown = [key for key in given if key not in beside]
        for key in unknown:
            hint = did_you_mean(key, STEP_KEYS, label="steps")
            message = f"`{key[:60]}` is nothing that can be fed"
            self.shape.fault("LG504", message, (*path, key), hint, key=True, fix=sure(key, STEP_KEYS))
        if not unknown:
            hint = f"write one of {', '.join(STEP_KEYS)}"
            self.shape.fault("LG503", "a step of `feed` feeds nothing", path, hint)

    def _name(self, given: Mapping[str, Any], path: Steps) -> str:
        if given.get("name") is None:
            return ""
        name = self.shape.text(given["name"], (*path, "name"), "`name`") or ""
        if name and not self.shape.node_name(name, (*path, "name")):
            return ""
        if name in self.names:
            self.shape.fault(
                "LG510", f"there is a step `{name}` already", (*path, "name"), "choose another name"
            )
        elif name:
            self.names[name] = path
        return name

    def _trigger(self, given: Mapping[str, Any], path: Steps) -> Trigger:
        at_ns = self._converted(OptionSpec("at", int, unit="ns", range=_TIME), given, path)
        wait_ns = self._converted(OptionSpec("wait", int, unit="ns", range=_TIME), given, path)
        after = None
        if given.get("after") is not None:
            after = self.patterns.inside(given["after"], (*path, "after"), "after")
        for key in ("after", "wait"):
            if given.get("at") is not None and given.get(key) is not None:
                hint = "`at` is a time of the call; say one or the other"
                self.shape.fault("LG509", f"`at` and `{key}` of one step", (*path, key), hint, key=True)
        return Trigger(at_ns, after, wait_ns or 0)

    # What is fed

    def _say(self, value: Any, given: Mapping[str, Any], path: Steps) -> Step | None:
        text = self.shape.text(value, (*path, "say"), "`say`", "write what the caller says")
        if text is not None and not any(character.isalnum() for character in text):
            self.shape.fault("LG506", "nothing of this can be said", (*path, "say"), "write words")
            return None
        voice = self._converted(_VOICE, given, path) or ""
        if voice and self.scene.voices and voice not in self.scene.voices:
            hint = did_you_mean(voice, self.scene.voices, label="voices", limit=8)
            fix = sure(voice, self.scene.voices)
            self.shape.fault("LG507", f"there is no voice `{voice[:60]}`", (*path, "voice"), hint, fix=fix)
        length_ns = self._converted(_LENGTH, given, path)
        to = self._microphone(given, path)
        return None if text is None else Say(to=to, text=text, voice=voice, length_ns=length_ns)

    def _play(self, value: Any, given: Mapping[str, Any], path: Steps) -> Step | None:
        text = self.shape.text(value, (*path, "play"), "`play`", "name an audio file")
        file = None if text is None else found_file(text, (*path, "play"), self.folder(path), self.shape)
        length_ns = self._converted(_LENGTH, given, path)
        to = self._microphone(given, path)
        return None if file is None else Play(to=to, file=file, length_ns=length_ns)

    def _text(self, value: Any, given: Mapping[str, Any], path: Steps) -> Step | None:
        text = self.shape.text(value, (*path, "text"), "`text`", "write what the caller types")
        to = self._input(given, TextFrame, path)
        return None if text is None else Send(to=to, frame=TextFrame(text))

    def _frame(self, value: Any, given: Mapping[str, Any], path: Steps) -> Step | None:
        where = (*path, "frame")
        body = {"type": value} if isinstance(value, str) else value
        fields = self.shape.mapping(body, where, "`frame`", "write `{type: text, text: Hello}`")
        if fields is None:
            return None
        kinds = {name: kind for name, kind in frame_types().items() if can_be_sent(kind)}
        name = self.shape.text(fields.get("type"), (*where, "type"), "`type`", f"one of {', '.join(kinds)}")
        if name is None:
            return None
        if name not in kinds:
            at = where if isinstance(value, str) else (*where, "type")
            hint = did_you_mean(name, kinds, label="frames")
            message = f"no frame `{name[:60]}` can be written here"
            self.shape.fault("LG504", message, at, hint, fix=sure(name, kinds))
            return None
        made = self._made(kinds[name], {key: one for key, one in fields.items() if key != "type"}, where)
        to = self._input(given, kinds[name], path)
        return None if made is None else Send(to=to, frame=made)

    def _made(self, kind: type[Frame], given: Mapping[str, Any], path: Steps) -> Frame | None:
        """A frame of what was written."""
        known = {name: one for name, one in fields_of(kind).items() if name != "time"}
        values: dict[str, Any] = {}
        before = len(self.shape.problems)
        for key, value in given.items():
            if key not in known:
                hint = did_you_mean(key, known, label="fields")
                message = f"`{kind.__name__}` has no field `{key[:60]}`"
                self.shape.fault("LG505", message, (*path, key), hint, key=True, fix=sure(key, known))
                continue
            made, problems = convert(known[key].spec, value, path=(*path, key), from_yaml=True)
            self.shape.problems += problems
            values[known[key].attribute] = made
        required = {one.name for one in msgspec.structs.fields(kind) if one.required}
        for name in sorted(required - values.keys()) if len(self.shape.problems) == before else ():
            self.shape.fault("LG103", f"`{kind.__name__}` needs the field `{name}`", path)
        if len(self.shape.problems) > before:
            return None
        try:
            return kind(**values)
        except (TypeError, ValueError) as error:
            self.shape.fault("LG506", f"`{kind.__name__}`: {error}", path)
            return None

    def _pressed(self, value: Any, given: Mapping[str, Any], path: Steps) -> Step | None:
        where = (*path, "pressed")
        # `5` is a number to YAML, and a key all the same.
        written = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        keys = self.shape.text(written, where, "`pressed`", 'write the keys in quotes: "12#"')
        if keys is None:
            return None
        keys = "".join(keys.split()).upper()
        if not keys or not set(keys) <= set("0123456789*#ABCD"):
            self.shape.fault(
                "LG506", f"`{keys[:20]}` are no keys of a telephone", where, "0 to 9, *, #, A to D"
            )
            return None
        # Where no box takes keys, the conversation does.
        quiet = Shape() if given.get("to") is None else self.shape
        to = self._to(given, path) or ""
        return Press(to=self.scene.input_for(to, DtmfFrame, path, quiet), keys=keys)

    def _skip(self, value: Any, given: Mapping[str, Any], path: Steps) -> Step | None:
        length_ns = self._converted(_SKIP, given, path)
        return None if length_ns is None else Skip(length_ns=length_ns)

    def _disconnect(self, value: Any, given: Mapping[str, Any], path: Steps) -> Step | None:
        where = (*path, "disconnect")
        if value is True or value is None:
            value = {}
        body = self.shape.mapping(value, where, "`disconnect`", "write `true`, or `{code: 1011}`")
        if body is None:
            return None
        self.shape.unknown_keys(body, ("code", "reason"), where, "below `disconnect`")
        if self.scene.graph is not None and not self.scene.services:
            self.shape.fault("LG508", "the agent has no connection to a model", where)
        code = self._converted(_CODE, body, where) or 0
        reason = self.shape.text(body.get("reason", ""), (*where, "reason"), "`reason`") or ""
        return Disconnect(code=code, reason=reason)

    # Places and values

    def _microphone(self, given: Mapping[str, Any], path: Steps) -> str:
        to = self._to(given, path)
        where = (*path, "to") if to else path
        return (
            "" if to is None else self.scene.only(self.scene.microphones, to, "microphone", where, self.shape)
        )

    def _input(self, given: Mapping[str, Any], kind: type[Frame], path: Steps) -> str:
        to = self._to(given, path)
        where = (*path, "to") if to else path
        return "" if to is None else self.scene.input_for(to, kind, where, self.shape)

    def _to(self, given: Mapping[str, Any], path: Steps) -> str | None:
        """Where the step feeds; empty when it does not say, ``None`` after a fault."""
        if given.get("to") is None:
            return ""
        return self.shape.text(given["to"], (*path, "to"), "`to`", "write `node` or `node.port`")

    def _converted(self, spec: OptionSpec, given: Mapping[str, Any], path: Steps) -> Any:
        value = given.get(spec.name)
        if value is None:
            return None
        made, problems = convert(spec, value, path=(*path, spec.name), from_yaml=True)
        self.shape.problems += problems
        return made
