"""A page to call from that is served in the place of ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .arguments import WrongArgument, an_instance

__all__ = ["PageFolder"]


@dataclass(frozen=True, slots=True)
class PageFolder:
    """A folder with an ``index.html``.

    Args:
        folder: where it is.
        policy: its ``Content-Security-Policy``; who may show it in a frame is added. By default that of our own page.
    """

    folder: Path
    policy: str = ""

    def __post_init__(self) -> None:
        an_instance("folder", self.folder, Path, "a Path")
        if not (self.folder / "index.html").is_file():
            raise WrongArgument(f"there is no {self.folder / 'index.html'}")

    def app(self, framed_by: str = "'none'") -> ASGIApp:
        """What serves it; ``framed_by`` are the origins that may show it in a frame, as the policy spells them."""
        files = StaticFiles(directory=self.folder, html=True)
        if not self.policy:
            return files
        policy = f"{self.policy}; frame-ancestors {framed_by}"

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            async def answer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message)["content-security-policy"] = policy
                await send(message)

            await files(scope, receive, answer)

        return serve
