"""A Django site with a voice agent below /voice, in one ASGI application.

Django has no mounts: whatever begins with /voice goes to livegraph, all else to Django. The session of the site says
who calls; here it is a signed cookie that /enter sets.

    pip install django uvicorn
    python examples/django_voice.py
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import django
from django.conf import settings
from django.core import signing
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from starlette.requests import Request

from livegraph.language import parse_agent
from livegraph.server import Grant, make_app

AGENT = "version: 1\ntitle: Front desk\npipeline: [webrtc_in, webrtc_out]\n"
Scope, Receive, Send = dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]


def enter(request: HttpRequest) -> HttpResponse:
    """The site's login, without its form."""
    response = HttpResponse("welcome")
    response.set_cookie("member", signing.dumps("ada"), httponly=True, samesite="Strict")
    return response


urlpatterns = [path("enter", enter)]


async def member(request: Request) -> Grant | None:
    """Who calls, by the cookie that Django signed."""
    try:
        name = signing.loads(request.cookies.get("member", ""), max_age=3600)
    except signing.BadSignature:
        return None
    return Grant(identity=name)


def make(secret: str) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Both applications as one."""
    if not settings.configured:
        settings.configure(SECRET_KEY=secret, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1", "localhost"])
        django.setup()
    site = get_asgi_application()
    voice = make_app([parse_agent(AGENT, file="desk.yaml")], authorize=member)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            # Django has none; livegraph's ends its calls in an orderly way.
            await voice(scope, receive, send)
        elif scope["path"] == "/voice" or scope["path"].startswith("/voice/"):
            root = scope.get("root_path", "") + "/voice"
            await voice({**scope, "root_path": root}, receive, send)
        else:
            await site(scope, receive, send)

    return app


if __name__ == "__main__":
    import secrets

    import uvicorn

    uvicorn.run(make(secrets.token_urlsafe(48)), host="127.0.0.1", port=8000)
