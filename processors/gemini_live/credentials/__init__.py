"""Who we are to the service: asked anew at each connect, so that a call outlives its tokens."""

from .provider import Credentials, FromFunction, credential_of
from .sources import credentials_from

__all__ = ["Credentials", "FromFunction", "credential_of", "credentials_from"]
