"""`tumorboard list`: every component that a study file can name, with one line about each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tumorboard import registry

#: Folder of components -> heading, and where a study (or the command line) names one of them.
GROUPS: Mapping[str, tuple[str, str]] = {
    "tasks": ("Tasks", "[task] kind"),
    "cohorts": ("Sources", "[cohort] source"),
    "modalities": ("Modalities", "[modalities.NAME] kind"),
    "models.encoders": ("Encoders", "[modalities.NAME] encoder"),
    "models.segmenters": ("Segmenters", "[modalities.NAME] encoder, of a segmented image"),
    "models.fusion": ("Fusions", "[arms] fusion"),
    "models.baselines": ("Baselines", "[arms] baseline"),
    "audit": ("Checks of the audit", "always run"),
    "explain": ("Questions asked of trained models", "[evaluation] explain"),
    "explain.probes": ("Ways to make inputs worse", "[evaluation] probes"),
    "simulators": ("Simulators", "tumorboard simulate KIND"),
}


@dataclass(frozen=True)
class Group:
    """Components of one kind.

    Args:
        folder: Dotted folder below `tumorboard`.
        heading: What they are called.
        named_by: Where a study names one of them.
        components: Name -> what it is.
    """

    folder: str
    heading: str
    named_by: str
    components: Mapping[str, str]


def list_components() -> tuple[Group, ...]:
    """Every component, grouped by kind, read from the files without importing them."""
    return tuple(
        Group(folder, heading, named_by, registry.describe(folder))
        for folder, (heading, named_by) in GROUPS.items()
    )


def lines(groups: Sequence[Group]) -> list[str]:
    """The groups as text: a heading, then one line per component."""
    width = max((len(name) for group in groups for name in group.components), default=0)
    text: list[str] = []
    for group in groups:
        text += ["", f"{group.heading} ({group.named_by})"]
        text += [f"  {name:<{width}}  {what}" for name, what in group.components.items()]
    return text[1:]
