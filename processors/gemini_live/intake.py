"""What comes into a Live call: the user's voice, writing and camera, what functions answer, what the program tells."""

from __future__ import annotations

import asyncio
from typing import Any

from ...liveapi.models import ModelCapabilities
from ...pipeline.frames import AudioFrame, TextFrame, ToolResultFrame, VideoFrame
from ...pipeline.running.context import CallContext
from ...pipeline.units import SECOND
from .capture.muting import Muting
from .capture.video import PictureFeed
from .course import Course
from .dialogue.history import History, HistoryEntry
from .dialogue.protocol import LiveProtocol
from .dialogue.transcripts import UserTranscript
from .downlink import Downlink
from .frames import ContextFrame, UpdateFrame
from .handshake import Handshake
from .session_log import SessionLog
from .tool_media import as_parts, as_pictures
from .uplink import Uplink

__all__ = ["Intake"]


class Intake:
    """Of one call. Everything here returns at once.

    Args:
        finishes: set when the user will say no more.
    """

    def __init__(
        self,
        node: str,
        call: CallContext,
        can: ModelCapabilities,
        course: Course,
        protocol: LiveProtocol,
        uplink: Uplink,
        downlink: Downlink,
        user: UserTranscript,
        history: History,
        handshake: Handshake,
        pictures: PictureFeed,
        session_log: SessionLog,
        finishes: asyncio.Event,
    ) -> None:
        self._node = node
        self._call = call
        self._can = can
        self._course = course
        self._protocol = protocol
        self._uplink = uplink
        self._downlink = downlink
        self._user = user
        self._history = history
        self._handshake = handshake
        self._pictures = pictures
        self._session_log = session_log
        self._muting = Muting()
        self.ended = False
        """Whether the user will say no more."""
        self._finishes = finishes
        self.ended_ns = 0

    def audio(self, frame: AudioFrame) -> None:
        """The user's voice."""
        self._hear(frame)

    def text(self, frame: TextFrame) -> None:
        """What the user wrote."""
        text = frame.text.strip()
        host = self._call.host
        if text and host is not None and host.leaving:
            # Unheard, as the voice is: it would cut the goodbye off.
            self._session_log.info("the call ends: what the caller wrote is dropped")
        elif text and not frame.reply:
            self._user.wrote(text)
            self._tell(text, reply=False)
        elif text:
            # What the agent was saying is cut by it, and so was said before.
            self._call.conversation.user_wrote(self._node)
            # First to the model: whoever reads the transcript may have something to say to it about these words.
            self._uplink.text(text)
            self._user.wrote(text)
            self._course.asked("text")

    def speech(self, frame: Any) -> None:
        """What a detector of ours hears."""
        self._hear(frame)

    def video(self, frame: VideoFrame) -> None:
        """What the user's camera shows."""
        self._pictures.offer(frame)

    def context(self, frame: ContextFrame | UpdateFrame) -> None:
        """What the model is to know from now on."""
        if isinstance(frame, UpdateFrame):
            self._update(frame)
            return
        text = frame.text.strip()
        if not text:
            return
        self._history.add(HistoryEntry("context", text, time_s=self._now_s()))
        self._tell(text, reply=frame.reply)

    def say(self, text: str) -> None:
        """Have the model say ``text``. The user has not said that, and does not see it."""
        self._history.add(HistoryEntry("context", f'to be said: "{text}"', time_s=self._now_s()))
        self._uplink.say(text)
        self._course.asked("greeting")

    def result(self, frame: ToolResultFrame) -> None:
        """A function's answer; sent once, and only if somebody still waits for it."""
        body = frame.result
        if frame.failed and "error" not in body:
            body = {"error": body}
        now_ns = self._call.clock.now_ns()
        args = self._protocol.calls.arguments(frame.id)
        given = self._protocol.result(
            frame.id,
            body,
            frame.scheduling,
            continues=frame.will_continue,
            undone=frame.undone,
            now_ns=now_ns,
        )
        if given is None:
            self._session_log.info(f"nobody waits for the result {frame.id} of {frame.name}: dropped")
            return
        if frame.will_continue:
            entry = HistoryEntry("tool", name=frame.name, args=args, result=body, time_s=self._now_s())
            self._history.add(entry)
        else:
            self._history.answered(frame.name, args, body)
        for picture in as_pictures(frame.media, self._can):
            self._uplink.show(picture.data, picture.mime_type)
        if isinstance(given, list):
            given = as_parts(given, frame.media, self._can)
        self._uplink.respond(given)
        self._course.moved()

    def void(self, turn: int) -> None:
        """Turns up to ``turn`` are not to be heard."""
        self._protocol.void(turn, self._call.clock.now_ns())
        self._downlink.void(turn)
        if self._uplink.interrupted():
            self._course.asked("turn")
        self._course.moved()

    def end(self) -> None:
        """No more input follows."""
        self.ended_ns = self._call.clock.now_ns()
        if self._uplink.end():
            self._course.asked("turn")
        self.ended = True
        self._finishes.set()
        self._course.moved()

    # Inside ------------------------------------------------------------------------------------

    def _hear(self, frame: Any) -> None:
        """Let it be heard, unless the user is muted."""
        conversation, ended = self._call.conversation, False
        for one in self._muting.take(frame, muted=conversation.muted, keeps=conversation.keeps_muted):
            up = self._uplink.audio(one) if isinstance(one, AudioFrame) else self._uplink.speech(one)
            ended = up or ended
        if ended:
            self._course.asked("turn")

    def _tell(self, text: str, *, reply: bool) -> None:
        """Let the model know ``text``, and answer it if it is to."""
        if not self._uplink.context(text, reply=reply):
            self._session_log.warn(
                f"{self._can.name} takes no text without answering it: it will know of it after a reconnect"
            )
        elif reply:
            self._course.asked("context")

    def _update(self, frame: UpdateFrame) -> None:
        instructions, tools = self._handshake.update(frame)
        self._protocol.calls.rules = self._handshake.rules
        if not self._uplink.update(instructions, tools):
            # A new connection brings a new setup.
            self._course.renew()

    def _now_s(self) -> float:
        return round(self._call.clock.now_ns() / SECOND, 3)
