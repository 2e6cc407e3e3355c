"""What ``check`` says of the box before any call: options that do not go together, or that will be refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...liveapi.models import DEFAULT_MODEL, capabilities
from ...pipeline import ConfigError, OptionFault
from .assembly import settings_as, settings_from
from .colleagues.persona import persona_faults
from .credentials import credentials_from
from .endpoint import ONLY_VERTEX
from .options.faults import option_faults

__all__ = ["box_faults", "credentials_fault", "silence_needed", "turns_told_at"]

_OF_THE_SERVICE = ("vad", "explicit_vad_signal")
"""Options that mean something to the service's own detector only."""
_DETECTION = frozenset({"realtimeInputConfig", "realtime_input_config"})
"""What of the setup message says how the service listens."""


def credentials_fault(given: Any) -> OptionFault | None:
    """Why ``credentials`` is no source of any; nothing can be made of the options then."""
    try:
        credentials_from(given)
    except (ConfigError, ValueError) as error:
        told = error.problems[0].message if isinstance(error, ConfigError) else str(error)
        return OptionFault("credentials", told, "write adc, a JSON key file, or module:function")
    return None


def box_faults(given: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[OptionFault]:
    """What does not go together or will be refused. ``given``: those of all ``options`` that somebody wrote."""
    settings, agents = settings_from(options), options["agents"]
    access = settings.access
    if access.endpoint == "google" and access.credentials is not None and access.credentials.bearer:
        yield OptionFault("credentials", ONLY_VERTEX, "use `endpoint: vertex`")
    yield from option_faults(settings.setup, settings.extra, given, vertex=access.vertex)
    yield from persona_faults(agents, options["first_agent"])
    for name, persona in agents.items():
        if persona.transfer is not None:
            continue
        own, settings = persona.overrides(), settings_as(persona, options)
        for fault in option_faults(settings.setup, settings.extra, {**given, **own}, vertex=access.vertex):
            if fault.path[0] in own:
                fault.path = ("agents", name, *fault.path)
                yield fault


def silence_needed(options: Mapping[str, Any]) -> str:
    """Why the model needs to hear silence; empty where it does not."""
    vertex = options.get("endpoint") == "vertex"
    can = capabilities(options.get("model", DEFAULT_MODEL), vertex=vertex)
    if not can.needs_trailing_sound or options.get("activity") == "manual":
        return ""
    return f"{can.name} hears the end of what is said only in silence: its answer may come a second late"


def turns_told_at(options: Mapping[str, Any]) -> str:
    """The input at which a detector may mark the turns; empty where the service's own does, by ``options`` or model."""
    given = options.get("activity")
    if given is not None:
        return "speech" if given == "manual" else ""
    personas = options.get("agents") or {}
    models = {options.get("model"), *(_model_of(each) for each in personas.values())}
    converse = all(capabilities(model or DEFAULT_MODEL).answers for model in models)
    asked = any(options.get(name) is not None for name in _OF_THE_SERVICE)
    written = not _DETECTION.isdisjoint(options.get("extra") or ())
    return "" if asked or written or not converse else "speech"


def _model_of(persona: Any) -> str:
    """A ``Persona``, or what one is made of in a graph that is not checked yet."""
    return str((persona.get("model") if isinstance(persona, Mapping) else persona.model) or "")
