"""What can be done to a call by telephone beside speaking: pass it on, and hang up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from ...processors.tools.transfer import TransferDesk
from ...transports.socket.caller import SocketCaller
from ...transports.telephone.started import Started
from ...transports.webrtc.over import TRANSFERRED
from .accounts import TelephoneAccounts
from .rest import can_steer, hang_up, transfer

__all__ = ["TelephoneLine"]

logger = logging.getLogger("livegraph.telephone")

_LOOK_S = 0.1
_QUIET_S = 1.5
"""An agent that has been silent for so long has said what it had to say of it."""
_PATIENCE_S = 12.0


class TelephoneLine:
    """One call's; a ``TransferDesk`` for its agent.

    Args:
        dial_url: makes the address at which Plivo finds whom to connect to.
    """

    def __init__(
        self,
        accounts: TelephoneAccounts,
        started: Started,
        caller: SocketCaller,
        dial_url: Callable[[str], str] = lambda to: "",
    ) -> None:
        self._accounts, self._started, self._caller, self._dial_url = accounts, started, caller, dial_url
        self._passing: asyncio.Task[None] | None = None
        self._gone = False

    @property
    def resources(self) -> Mapping[type, Any]:
        """What its agent's tools find; nothing where nothing can be asked of the provider."""
        return {TransferDesk: self} if can_steer(self._accounts, self._started) else {}

    def transfer(self, to: str, summary: str, reason: str) -> None:
        """See ``TransferDesk``: once the agent has said so."""
        number = "".join(to.split()) if not to.startswith(("sip:", "sips:")) else to
        if not number.startswith(("sip:", "sips:")) and not number.lstrip("+").replace("-", "").isdecimal():
            logger.warning("%s is no number and no SIP address: the call is not passed on", to[:60])
            return
        if self._passing is None or self._passing.done():
            self._passing = asyncio.create_task(self._pass_on(number), name=f"transfer {self._caller.id[:6]}")

    async def finish(self) -> None:
        """The call is over here: hang up at the provider, unless the caller has, or is connected to somebody else."""
        if self._passing is not None and not self._gone:
            self._passing.cancel()
            await asyncio.gather(self._passing, return_exceptions=True)
        hung_up = self._caller.reason == "the caller hung up"
        if not self._gone and not hung_up and can_steer(self._accounts, self._started):
            await hang_up(self._accounts, self._started)

    async def _pass_on(self, to: str) -> None:
        quiet_s = waited_s = 0.0
        while quiet_s < _QUIET_S and waited_s < _PATIENCE_S and not self._caller.reason:
            await asyncio.sleep(_LOOK_S)
            waited_s += _LOOK_S
            quiet_s = quiet_s + _LOOK_S if self._caller.is_quiet else 0.0
        if self._caller.reason:
            return
        if await transfer(self._accounts, self._started, to, self._dial_url(to)):
            self._gone = True
            self._caller.end(TRANSFERRED)
        else:
            logger.warning("%s: the call could not be passed on", self._started.provider)
