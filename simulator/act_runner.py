"""Carries out what a scenario does besides speaking: on the connection, and to the session. Sans I/O."""

from __future__ import annotations

from ..liveapi import Blob, Content, Part, ServerContent, ServerMessage, encode_server
from .actions import ACTIONS
from .closings import Closing
from .dialogue import Dialogue
from .faults import Half, HangUp, RawBytes, RawMessage, Stall
from .scenario import Act, CancelCalls, Close, Cut, ForgetSession, GoAway, Interrupt, RefuseResume
from .scenario_player import ScenarioPlayer
from .server_output import ServerOutput
from .shared_state import SharedState
from .timers import Timers

__all__ = ["ActRunner"]


class ActRunner:
    """The scenario's hand on one connection."""

    def __init__(
        self, output: ServerOutput, player: ScenarioPlayer, timers: Timers, shared: SharedState
    ) -> None:
        self.dialogue: Dialogue | None = None
        """The conversation, once there is one."""
        self._out = output
        self._player = player
        self._timers = timers
        self._shared = shared
        self.playing = False
        """Whether a scene is being carried out right now."""

    def play(self, now_ns: int) -> None:
        """Do what is to be done now."""
        if self.playing:
            return
        self.playing = True
        try:
            while (acts := self._player.acts(now_ns)) and self._out.closing is None:
                for act in acts:
                    if self._out.closing is None:
                        self._do(act, now_ns)
        finally:
            self.playing = False

    def _do(self, act: Act, now_ns: int) -> None:
        if isinstance(act, ACTIONS):
            if self.dialogue is not None:
                self.dialogue.perform([act])
            return
        match act:
            case Close(code=code, reason=reason, half=half):
                if half:
                    self._out.messages.append(Half(_half_a_message()))
                self._out.closing = Closing(code, reason)
            case Cut(reset=reset):
                self._out.messages += [Half(_half_a_message()), HangUp(reset)]
            case GoAway(left_ns=left_ns, close=close):
                self._out.go_away(left_ns)
                if close:
                    self._timers.at(now_ns + left_ns, _deadline)
            case Interrupt():
                if self.dialogue is not None:
                    self.dialogue.interrupt(now_ns)
            case CancelCalls():
                if self.dialogue is not None:
                    self.dialogue.replies.cancel_calls()
            case RefuseResume(times=times, code=code, reason=reason):
                self._player.state.refused_resumes += [Closing(code, reason) for _ in range(times)]
            case ForgetSession():
                if self.dialogue is not None:
                    self._shared.store.forget(self.dialogue.memory)
            case RawMessage() | RawBytes() | HangUp() | Stall():
                self._out.messages.append(act)
            case _:
                # Waits and changes are the director's; a refusal came before the connection.
                pass


def _deadline(now_ns: int) -> None:
    raise Closing.deadline()


def _half_a_message() -> bytes:
    """The first half of a message such as the service sends most: 320 ms of sound."""
    part = Part(inline_data=Blob(bytes(15_360), "audio/pcm;rate=24000"))
    data = encode_server(ServerMessage(server_content=ServerContent(model_turn=Content([part], "model"))))
    return data[: len(data) // 2]
