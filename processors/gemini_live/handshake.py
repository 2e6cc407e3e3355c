"""What a connection begins with: the setup as it is by now, and what a new session is told of the conversation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ...liveapi import (
    AudioTranscriptionConfig,
    ClientContent,
    ClientMessage,
    Content,
    GenerationConfig,
    Setup,
    Tool,
    encode_client,
)
from ...liveapi.models import ModelCapabilities
from ...liveapi.setup_check import refusals
from ...pipeline.errors import ServiceError
from ..tools.catalog import FunctionSpec, ToolCatalog
from .dialogue.calls import ToolRules
from .dialogue.history import HistoryEntry, seed_contents
from .endpoint import Endpoint
from .frames import UpdateFrame
from .options.setup import encode_setup, functions_of, tools_of
from .settings import Settings

__all__ = ["Handshake"]


class Handshake:
    """Instructions and functions as they are now, and the first messages of a connection.

    ``catalogs`` is ``None`` where boxes take calls without saying which; ``warn`` is told what is left out.
    """

    def __init__(
        self,
        settings: Settings,
        can: ModelCapabilities,
        catalogs: Sequence[ToolCatalog] | None,
        warn: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._can = can
        self._warn = warn
        self._setup = settings.setup
        self._functions: list[FunctionSpec] | None = None if catalogs is None else functions_of(catalogs)
        self._notes = [catalog.notes for catalog in catalogs or () if catalog.notes is not None]
        self._model = settings.setup.model
        self._vertex = False
        self.seed: list[str] = []
        """What follows the setup that was made last."""

    def address(self, endpoint: Endpoint) -> None:
        """It is ``endpoint`` that is spoken to. Raises ``ServiceError`` for functions that the model refuses."""
        self._model = endpoint.model(self._settings.setup.model)
        self._vertex = endpoint.kind == "vertex"
        behaviors = self._can.tool_behaviors
        for function in self._functions or ():
            asked = "" if function.blocking is None else ("BLOCKING" if function.blocking else "NON_BLOCKING")
            if asked and asked not in behaviors:
                only = next(iter(behaviors))
                self._warn(f"functions of {self._can.name} are {only}: {function.name} is declared so")
        whole = msgspec.structs.replace(self._setup, tools=self._tools())
        for refusal in refusals(whole, vertex=self._vertex):
            if "function_declarations" in refusal.path or refusal.path == "setup.tools":
                raise ServiceError(
                    f"the functions cannot be declared: {refusal.reason}", remedy="see the tools"
                )
        self.setup("", [], [])

    @property
    def rules(self) -> ToolRules:
        """Which functions there are and how their results travel."""
        functions = None if self._functions is None else {f.name: f.blocking for f in self._functions}
        only = next(iter(self._can.tool_behaviors)) if len(self._can.tool_behaviors) == 1 else ""
        if only and functions is not None:
            functions = dict.fromkeys(functions, only == "BLOCKING")
        return ToolRules(
            functions,
            {f.name: f.parameters for f in self._functions or ()},
            blocks=(only or self._can.default_tool_behavior) == "BLOCKING",
            scheduling=self._can.tool_scheduling,
            continuing=self._can.tool_scheduling and not self._vertex,
            most_characters=self._settings.most_result_characters,
        )

    def update(self, frame: UpdateFrame) -> tuple[Content | None, list[Tool] | None]:
        """Take new instructions or functions; gives what to tell a connection that is open."""
        instructions = None
        if frame.instructions is not None:
            plain = Content.of_text(frame.instructions) if frame.instructions else None
            self._setup = msgspec.structs.replace(self._setup, system_instruction=plain)
            instructions = self._noted().system_instruction or Content.of_text("")
        if frame.functions is None:
            return instructions, None
        self._functions = list(frame.functions)
        return instructions, self._tools()

    def setup(self, handle: str, told: Sequence[HistoryEntry], waiting: Sequence[str]) -> str:
        """The first message, with ``handle`` for a session that there is; else one that is ``told`` what was said.

        ``waiting`` are texts of the user that are sent afterwards.
        """
        can = self._can
        turns = seed_contents(told, waiting=waiting, end_with_user=can.history_ends_with_user)
        # Clients leave the field out on Vertex, except where nothing is taken without it.
        first = can.history_config and (not self._vertex or can.client_content == "initial_history")
        self.seed = [_history_message(turns, first=first)] if turns else []
        return encode_setup(
            self._noted(),
            self._settings.extra,
            model=self._model,
            tools=tools_of(self._functions or (), can.tool_behaviors),
            handle=handle,
            history_first=bool(turns) and first,
        )

    def line_setup(self, *, transcribed: bool = False) -> str:
        """The first message of a session that only speaks a line: the same voice, and nothing else.

        ``transcribed``: with its words beside the sound.
        """
        config = self._setup.generation_config
        setup = Setup(
            model=self._model,
            output_audio_transcription=AudioTranscriptionConfig() if transcribed else None,
            generation_config=GenerationConfig(
                response_modalities=["AUDIO"],
                speech_config=config.speech_config if config is not None else None,
            ),
        )
        return encode_client(ClientMessage(setup=setup)).decode()

    def _noted(self) -> Setup:
        """The setup with what boxes have to say beside the instructions, as of now."""
        notes = [text for note in self._notes if (text := note().strip())]
        if not notes:
            return self._setup
        given = self._setup.system_instruction
        text = "\n\n".join([*([given.plain_text] if given is not None else []), *notes])
        return msgspec.structs.replace(self._setup, system_instruction=Content.of_text(text))

    def _tools(self) -> list[Tool]:
        return [*tools_of(self._functions or (), self._can.tool_behaviors), *self._setup.tools]


def _history_message(turns: list[Content], *, first: bool) -> str:
    """Turns for a session that knows nothing; they are not answered. ``first``: ``historyConfig`` announced them."""
    return encode_client(ClientMessage(client_content=ClientContent(turns, first))).decode()
