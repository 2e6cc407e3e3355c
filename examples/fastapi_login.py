"""A FastAPI application with a login, and a voice agent below /voice that only its users can call.

Whoever logs in gets a join ticket, good for a minute and for one call. It says who calls, and sets an input that the
caller cannot change; the agent's tools see both as ``call.inputs`` and ``call.identity``.

    pip install fastapi uvicorn
    LOGIN_SECRET=$(openssl rand -base64 48) python examples/fastapi_login.py
"""

from __future__ import annotations

import hmac
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

from livegraph import load_agent
from livegraph.server import Tickets, by_tokens, make_app
from livegraph.server.wall_clock import unix_seconds

USERS = {"ada": ("correct horse", "17"), "bob": ("battery staple", "42")}
"""Name to password and customer number. Yours are in a database, as hashes."""

AGENT = """
version: 1
title: Front desk
inputs: {customer: {type: text, doc: number of the customer}}
pipeline: [webrtc_in, webrtc_out]
"""


class Login(BaseModel):
    """What the login form sends."""

    name: str
    password: str


def make(secret: bytes, agent_file: str | None = None) -> FastAPI:
    """The application; without a file its agent is an echo."""
    from livegraph.language import parse_agent

    tickets = Tickets(secret, unix_seconds)
    agent = load_agent(agent_file) if agent_file else parse_agent(AGENT, file="desk.yaml")
    voice = make_app([agent], authorize=by_tokens(lambda: None, tickets))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        # Lifespans of mounted applications are not run: their calls are ended here.
        await voice.state.desk.close()

    app = FastAPI(lifespan=lifespan)

    @app.post("/login")
    async def login(form: Login) -> dict[str, str]:
        password, customer = USERS.get(form.name, ("", ""))
        if not password or not hmac.compare_digest(password.encode(), form.password.encode()):
            raise HTTPException(401, "Wrong name or password.")
        ticket = tickets.make(form.name, inputs={"customer": customer})
        # What stands behind # stays in the browser: it comes into no log of a server.
        return {"page": f"/voice/#ticket={ticket}", "ticket": ticket}

    app.mount("/voice", voice)
    return app


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(make(os.environ["LOGIN_SECRET"].encode()), host="127.0.0.1", port=8000)
