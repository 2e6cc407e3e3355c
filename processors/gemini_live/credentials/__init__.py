"""Who we are to the service: asked anew at each connect, so that a call outlives its tokens."""

from .provider import Credentials, Fixed, FromFunction

__all__ = ["Credentials", "Fixed", "FromFunction"]
