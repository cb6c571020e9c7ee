"""Modalities that read the same notes: what one takes out of them, the others must as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Settings that say where notes come from.
_SOURCES = ("files", "column")


def identifier_faults(modalities: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Sentences for notes that are read twice, with other `known_identifiers` each time.

    A surname that one modality removes would stand in the cache of the other. A modality that says
    `deidentify = false` keeps no text and is left aside.

    Args:
        modalities: Name -> kind and settings, every default filled in.
    """
    first: dict[tuple[str, str], str] = {}
    sentences: list[str] = []
    for name, settings in modalities.items():
        if "known_identifiers" not in settings or settings.get("deidentify") is False:
            continue
        for key in _SOURCES:
            source = settings.get(key, "none")
            if source == "none":
                continue
            other = first.setdefault((key, source), name)
            own, others = (_columns(modalities[one]) for one in (name, other))
            if own != others:
                wanted = ", ".join(f'"{column}"' for column in sorted(own | others))
                sentences.append(
                    f"modalities.{name}.known_identifiers: reads the {key} {source!r} as "
                    f"modalities.{other} does, but other identifiers are removed there. Write "
                    f"known_identifiers = [{wanted}] in both."
                )
    return sentences


def _columns(settings: Mapping[str, Any]) -> set[str]:
    return set(settings["known_identifiers"])
