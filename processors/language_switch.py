"""Language switch: the agent goes on in another language when the caller asks for it, or begins to speak it.

Ports: ``transcript`` in; ``context`` out, ``calls`` in and ``results`` out, joined to the model. A caller changes the
language by a phrase (``phrases``), or the model does by the function that ``tool`` names. The model is told to speak it
from then on, also after its connection was renewed; with ``to`` a colleague takes over, who may have another voice.

Example:
    language_switch: {languages: {de: {phrases: ['sprechen Sie Deutsch', auf Deutsch]}, en: {}}, tool: switch_language}
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from ..pipeline import (
    Doc,
    In,
    NameUsed,
    OptionFault,
    Out,
    Processor,
    ToolCallFrame,
    ToolCancelFrame,
    ToolResultFrame,
    TranscriptFrame,
)
from ..pipeline.events import Event, ToolCalled, ToolFinished
from .gemini_live.colleagues.persona import HUMAN
from .gemini_live.frames import ContextFrame, HandOverFrame
from .patterns import PatternError, Phrase, Slow
from .tools.answering import answer_call
from .tools.catalog import FunctionSpec, ToolCatalog
from .utterances import Utterances

__all__ = ["LanguageChanged", "LanguageChoice", "LanguageSwitch"]

_KNOWN = """
ar=Arabic bn=Bengali cs=Czech da=Danish de=German el=Greek en=English es=Spanish fi=Finnish
fr=French he=Hebrew hi=Hindi hu=Hungarian id=Indonesian it=Italian ja=Japanese ko=Korean
nl=Dutch no=Norwegian pl=Polish pt=Portuguese ro=Romanian ru=Russian sv=Swedish th=Thai
tr=Turkish uk=Ukrainian vi=Vietnamese zh=Chinese
"""
_NAMES = dict(pair.split("=") for pair in _KNOWN.split())


class LanguageChanged(Event, frozen=True, kw_only=True):
    """The agent speaks ``language`` from now on (a BCP-47 code, as the box has it)."""

    language: str
    node: str = ""


@dataclass(frozen=True, slots=True)
class LanguageChoice:
    """One language."""

    phrases: Annotated[Sequence[str], Doc("regular expressions of what callers say who want it")] = ()
    name: Annotated[str, Doc("what the model is to call it; left out, its English name")] = ""
    to: Annotated[str, Doc("one of `agents` who takes over")] = ""


class LanguageSwitch(Processor):
    """Go on in another language.

    Example:
        language_switch: {languages: {de: {phrases: [auf Deutsch]}, en: {}}, tool: switch_language}
    """

    emits = (LanguageChanged, ToolCalled, ToolFinished)

    transcript: In[TranscriptFrame] = In(required=False, doc="what was said, by both sides")
    calls: In[ToolCallFrame | ToolCancelFrame] = In(
        required=False, doc="calls of the function that tool names"
    )
    context: Out[ContextFrame | HandOverFrame] = Out(doc="what the model is told, or who takes over")
    results: Out[ToolResultFrame] = Out(doc="the function's answers")

    def __init__(
        self,
        *,
        languages: Annotated[
            Mapping[str, LanguageChoice | None],
            Doc("by their BCP-47 codes, such as de or pt-BR: phrases, name, to"),
        ],
        tool: Annotated[str, Doc("name of a function by which the model switches; empty for none")] = "",
    ) -> None:
        self._languages = {code: choice or LanguageChoice() for code, choice in languages.items()}
        self._phrases = [
            (code, Phrase(phrase)) for code, choice in self._languages.items() for phrase in choice.phrases
        ]
        self._tool = tool
        self._current = ""
        self._utterances = Utterances()

    @classmethod
    def check_options(cls, options: Mapping[str, Any]) -> Iterator[OptionFault]:
        languages: Mapping[str, LanguageChoice | None] = options.get("languages", {})
        if not languages:
            yield OptionFault("languages", "there is no language to switch to", "write `{de: {}, en: {}}`")
        for code, choice in languages.items():
            if not _name(code, choice or LanguageChoice()):
                hint = "give it a `name`, or use a code such as de or pt-BR"
                yield OptionFault(("languages", code), f"what `{code[:20]}` is called is not known", hint)
            for index, phrase in enumerate(choice.phrases if choice else ()):
                try:
                    Phrase(phrase)
                except PatternError as error:
                    yield OptionFault(("languages", code, "phrases", index), str(error), code="LG251")

    @classmethod
    def names_used(cls, options: Mapping[str, Any]) -> Iterator[NameUsed]:
        for code, choice in options.get("languages", {}).items():
            if choice is not None and choice.to:
                yield NameUsed("agents", choice.to, ("languages", code, "to"), (HUMAN,))

    @classmethod
    def names_given(cls, options: Mapping[str, Any]) -> Mapping[str, Collection[str]]:
        return {"functions": tuple(filter(None, [cls(**options)._tool]))}

    async def start(self) -> None:
        functions = (self._function(),) if self._tool else ()
        self.calls.advertised = ToolCatalog(functions, notes=self._note)

    def on_transcript(self, frame: TranscriptFrame) -> None:
        utterance = self._utterances.feed(frame)
        if frame.role != "user":
            return
        for code, phrase in self._phrases:
            try:
                found = code != self._current and phrase.found(utterance.text)
            except Slow:
                self.log.warning(
                    "%s: the pattern %r takes too long for what was said", self.name, phrase.pattern
                )
                continue
            if found:
                self._switch(code)
                choice = self._languages[code]
                if choice.to:
                    self.context.emit(
                        HandOverFrame(to=choice.to, reason=f"the caller wants {_name(code, choice)}")
                    )
                else:
                    self.context.emit(ContextFrame(text=f"[{self._note()}]", reply=frame.final))
                return

    async def on_calls(self, frame: ToolCallFrame | ToolCancelFrame) -> ToolResultFrame | None:
        if isinstance(frame, ToolCancelFrame) or not self._tool or frame.name != self._tool:
            return None
        return await answer_call(self.call, frame, self._asked)

    async def _asked(self, args: Mapping[str, Any]) -> dict[str, Any]:
        code = str(args.get("language") or "")
        if code not in self._languages:
            return {"error": f"there is no language {code!r}; there are: {', '.join(self._languages)}"}
        self._switch(code)
        choice = self._languages[code]
        if choice.to:
            self.context.emit(HandOverFrame(to=choice.to, reason=f"the caller wants {_name(code, choice)}"))
        return {"output": self._note()}

    def _switch(self, code: str) -> None:
        self._current = code
        if self.call.events.wants(LanguageChanged):
            event = LanguageChanged(time_ns=self.call.clock.now_ns(), language=code, node=self.name)
            self.call.events.publish(event)

    def _note(self) -> str:
        """What the model is told, now and at each renewal."""
        if not self._current:
            return ""
        name = _name(self._current, self._languages[self._current])
        return f"From now on speak {name} with the caller, whatever language your instructions are in."

    def _function(self) -> FunctionSpec:
        names = ", ".join(f"{code} ({_name(code, choice)})" for code, choice in self._languages.items())
        language = {"type": "string", "enum": list(self._languages), "description": names}
        return FunctionSpec(
            self._tool,
            "The caller speaks another language, or asks for it: go on in that one.",
            {"type": "object", "properties": {"language": language}, "required": ["language"]},
        )


def _name(code: str, choice: LanguageChoice) -> str:
    base, _, region = code.partition("-")
    known = _NAMES.get(base.lower(), "")
    return choice.name or (f"{known} ({region})" if known and region else known)
