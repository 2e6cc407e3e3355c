"""What an agent is made of, put together: files with their includes, overlays, a profile, single settings.

Each counts more than the one before. Codes: LG181 no such profile; those of ``includes``, ``merging`` and
``settings``; those of ``source`` for each file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..pipeline.convert.hints import show
from ..pipeline.errors import Problem
from ..pipeline.spelling import did_you_mean
from .diagnostics import Diagnostic, Span
from .includes import Includer
from .merging import merge
from .named_files import NamedFiles
from .origins import Origin, Place, Tree
from .settings import apply_settings, argument
from .source import Document

__all__ = ["Composition", "Layers", "put_together"]


@dataclass(frozen=True, slots=True)
class Layers:
    """What is laid over an agent file."""

    overlays: Sequence[Path | str] = ()
    """More files: mappings are joined, lists replaced, ``null`` takes away."""
    settings: Sequence[str] = ()
    """Single values, as ``agent.voice=Puck``."""
    profile: str | None = None
    """One of the profiles that the files declare."""


@dataclass(slots=True)
class Composition:
    """The tree that all layers make, before anything is filled in for ``${...}``."""

    tree: Tree
    documents: list[Document]
    """Everything that was read, the agent file first."""
    found: list[Diagnostic] = field(default_factory=list)
    whole: bool = True
    """Whether everything that was named could be read."""
    profiles: tuple[str, ...] = ()
    """Those that the files declare."""
    profile_places: dict[str, Place] = field(default_factory=dict)
    """Where each of them stands."""
    files: NamedFiles = field(default_factory=NamedFiles)


def put_together(documents: Sequence[Document], layers: Layers) -> Composition:
    """Lay the later of ``documents`` over the first, then the profile, then the settings."""
    first = documents[0]
    includer = Includer(NamedFiles())
    made = Composition(Tree(), list(documents), files=includer.files)
    for number, document in enumerate(documents):
        made.found += document.faults
        if document.data is None:
            made.whole = made.whole and not document.faults
            if number == 0:
                # A document that says nothing: what is missing is missing there.
                made.tree = Tree(None, {(): Origin(Place(document, document.span_of(())))})
            continue
        tree = includer.expand(Tree.of(document, layer="overlay" if number else ""), (document,))
        if number == 0 or made.tree.data is None:
            made.tree = tree
        else:
            made.found += merge(made.tree, tree)
    made.found += includer.found
    made.whole = made.whole and not includer.lost
    if isinstance(made.tree.data, dict):
        _choose_profile(made, layers.profile, first.folder)
    if layers.settings:
        made.found += apply_settings(made.tree, layers.settings, Path.cwd())
    known = {id(document) for document in made.documents}
    made.documents += [document for document in includer.files.seen.values() if id(document) not in known]
    return made


def _choose_profile(made: Composition, name: str | None, folder: Path) -> None:
    tree = made.tree
    profiles = tree.get(("profiles",))
    if profiles is not None and not isinstance(profiles, dict):
        message, hint = f"`profiles` must be a mapping, not {show(profiles)}", "write `dev: {...}` below it"
        made.found.append(tree.locate(Problem("LG102", message, ("profiles",), hint=hint)))
        profiles = {}
    profiles = profiles or {}
    made.profiles = tuple(profiles)
    made.profile_places = {each: tree.origins["profiles", each].value for each in profiles}
    for each, value in profiles.items():
        if value is not None and not isinstance(value, dict):
            message = f"the profile `{each[:60]}` must be a mapping, not {show(value)}"
            hint = "write what it changes, as it would stand in the file"
            made.found.append(tree.locate(Problem("LG102", message, ("profiles", each), hint=hint)))
    chosen = tree.subtree(("profiles", name)) if name is not None and name in profiles else None
    if name is not None and chosen is None:
        document = argument("--profile", [name], folder)
        hint = did_you_mean(name, profiles, label="profiles") or "the file declares no profiles"
        problem = Problem("LG181", f"there is no profile `{name[:60]}`", hint=hint)
        made.found.append(document.at(Span(1, 1, 1, len(name) + 1), problem))
    if "profiles" in tree.data:
        tree.remove(("profiles",))
    if chosen is not None and isinstance(chosen.data, dict):
        made.found += merge(tree, chosen.in_layer(f"profile {name}"))
