"""Those who speak in one conversation: a controller for each, and the rules by which all of them judge."""

from __future__ import annotations

from dataclasses import replace

from .controller import TurnController, TurnPolicy, TurnState
from .conversation_policy import Interruptions

__all__ = ["Sources"]

_PERCEIVED_FIRST = (
    TurnState.PAUSED,
    TurnState.SPEAKING,
    TurnState.INTERRUPTED,
    TurnState.THINKING,
    TurnState.LISTENING,
)
"""Of several sources, the state of the one that is heard counts."""


class Sources:
    """The nodes that speak, by name."""

    def __init__(self, policy: TurnPolicy) -> None:
        self._policy = policy
        # Before anybody speaks there is one of no name; the first source takes it over.
        self._controllers: dict[str, TurnController] = {"": TurnController(policy)}
        self._interruptions = Interruptions()
        self._uninterruptible = self._hears = False

    # What is so ------------------------------------------------------------------------------------

    @property
    def state(self) -> TurnState:
        """What the user perceives of them together."""
        if len(self._controllers) == 1:
            return next(iter(self._controllers.values())).state
        states = {controller.state for controller in self._controllers.values()}
        return next((state for state in _PERCEIVED_FIRST if state in states), TurnState.LISTENING)

    @property
    def user_speaking(self) -> bool:
        """Whether the user's voice is heard now."""
        return any(controller.user_speaking for controller in self._controllers.values())

    @property
    def give_way(self) -> bool:
        """Whether the user's voice may stop every one of them."""
        return all(controller.gives_way for controller in self._controllers.values())

    @property
    def deadline_ns(self) -> int | None:
        """When time decides something for one of them."""
        deadlines = [one.deadline_ns for one in self._controllers.values() if one.deadline_ns is not None]
        return min(deadlines, default=None)

    def others_pause(self, controller: TurnController) -> bool:
        """Whether somebody besides ``controller`` is being judged."""
        return any(
            other.state is TurnState.PAUSED for other in self._controllers.values() if other is not controller
        )

    # Who they are ----------------------------------------------------------------------------------

    def everybody(self) -> list[TurnController]:
        """All of them: there is at least one."""
        return list(self._controllers.values())

    def some(self, source: str) -> list[TurnController]:
        """``source``, or everybody where it is empty."""
        return [self.of(source)] if source else self.everybody()

    def known(self, source: str) -> TurnController | None:
        """The controller of ``source``, if it has one."""
        return self._controllers.get(source)

    def of(self, source: str) -> TurnController:
        """The controller of ``source``; where only one source speaks, turns of no source are taken for its own."""
        found = self._controllers.get(source)
        if found is not None:
            return found
        if not source and len(self._controllers) == 1:
            return self.everybody()[0]
        first = self._controllers.get("")
        if first is not None and first.unused:
            # What the user did before anybody had spoken is known to it.
            del self._controllers[""]
            first.source = source
            made = first
        else:
            made = self._made(source)
            made.join(self.everybody()[0])
        self._controllers[source] = made
        return made

    def that_opens(self, source: str) -> TurnController:
        """The same of a source that opens a turn: one of no name is somebody of its own then."""
        if source or "" in self._controllers:
            return self.of(source)
        made = self._controllers[""] = self._made("")
        return made

    # How they judge --------------------------------------------------------------------------------

    def judge_by(self, policy: TurnPolicy | None = None, interruptions: Interruptions | None = None) -> None:
        """Judge speech over the agent by these from now on; a judgement under way keeps its deadline."""
        self._policy = policy or self._policy
        self._interruptions = interruptions or self._interruptions
        self._instruct_all()

    def hear(self) -> None:
        """A detector of ours tells when the user speaks: the service's word is judged by it."""
        self._hears = True
        self._instruct_all()

    def keep_the_floor(self) -> None:
        """No policy makes the user's voice stop anybody any more."""
        self._uninterruptible = True
        self._instruct_all()

    def _made(self, source: str) -> TurnController:
        made = TurnController(self._policy, source)
        self._instruct(made)
        return made

    def _instruct_all(self) -> None:
        for controller in self._controllers.values():
            self._instruct(controller)

    def _instruct(self, controller: TurnController) -> None:
        policy = self._policy
        controller.policy = replace(policy, barge_in=False) if self._uninterruptible else policy
        controller.interruptions, controller.hears = self._interruptions, self._hears
