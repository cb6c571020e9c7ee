"""The parts that a study names, found and filled in: source, modalities, encoders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from tumorboard import registry
from tumorboard.errors import StudyError
from tumorboard.study_faults import Faults, show
from tumorboard.study_keys import CohortTable
from tumorboard.study_lookup import keys_at

#: Encoder of a modality that names none, by layout.
DEFAULT_ENCODERS: Mapping[str, str] = {
    "vector": "mlp",
    "image": "resnet",
    "bag": "attention_mil",
    "volume": "resnet3d",
    "tokens": "gru",
    "text": "language_model",
}
#: Segmenter of a segmented modality that names none.
DEFAULT_SEGMENTER = "unet"
#: What reads a modality: folders of components.
ENCODERS, SEGMENTERS = "models.encoders", "models.segmenters"


@dataclass(frozen=True)
class ModalityPart:
    """One modality of a study.

    Args:
        settings: Kind, settings and encoder, every default filled in; None where they are at fault.
        layout: What it hands to its encoder; None where its kind is not known.
        columns: Columns of the cohort table that it takes as predictors.
        reader: Folder of the components that read it: encoders, or segmenters where it is
            segmented.
    """

    settings: Mapping[str, Any] | None = None
    layout: str | None = None
    columns: tuple[str, ...] = ()
    reader: str = ENCODERS


def with_source_defaults(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The study's tables with the keys that its source sets where the author did not."""
    cohort = tables.get("cohort")
    name = cohort.get("source", "folder") if isinstance(cohort, Mapping) else "folder"
    if not isinstance(name, str) or name not in registry.names("cohorts"):
        return dict(tables)  # a source that is not known is reported with the rest
    filled = dict(tables)
    for table, keys in registry.load("cohorts", name).defaults.items():
        own = filled.get(table, {})
        if isinstance(own, Mapping):
            given = cast("Mapping[str, Any]", own)
            is_other = given.get("target", keys.get("target")) != keys.get("target")
            # the positive label is one of the source's own target
            fitting = {k: v for k, v in keys.items() if not (is_other and k == "positive")}
            filled[table] = {**fitting, **given}
    return filled


def read_source(cohort: CohortTable) -> dict[str, Any]:
    """Settings of the study's source with every default.

    Raises:
        StudyError: No such source, or its settings are at fault.
    """
    source = _load("cohorts", cohort.source, where="cohort.source")
    extra = cohort.model_extra or {}
    settings = {**extra, "patient_id": cohort.patient_id, "missing": cohort.missing}
    if cohort.records != "none":
        read_records(cohort.records)
    resolved = registry.resolve(source, settings, where="cohort", also=keys_at(("cohort",)))
    source(**registry.arguments(source, resolved))
    return resolved


def read_records(records: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and settings of the second source, whose columns are joined by patient id.

    Raises:
        StudyError: No such source, or its settings are at fault.
    """
    where = "cohort.records"
    name = records.get("source", "folder")
    if not isinstance(name, str):
        raise StudyError(f'{where}.source: found {show(name)}, expected a name such as "folder".')
    source = _load("cohorts", name, where=f"{where}.source")
    own = {key: value for key, value in records.items() if key != "source"}
    settings = registry.resolve(source, own, where=where, also=("source",))
    source(**registry.arguments(source, settings))
    return name, settings


def read_modality(
    name: str, table: Mapping[str, Any], faults: Faults, *, reader: str = ENCODERS
) -> ModalityPart:
    """One modality with its encoder, as far as it is not at fault, which `faults` remembers.

    Args:
        name: Its name.
        table: Its table in the study file.
        faults: Remembers what is at fault.
        reader: Folder of the components that may read it.
    """
    where = f"modalities.{name}"
    kind = table.get("kind")
    if not isinstance(kind, str):
        known = ", ".join(registry.names("modalities"))
        faults.extend([f"{where}.kind: missing. Known: {known}."])
        return ModalityPart(reader=reader)
    modality = faults.attempt(lambda: _load("modalities", kind, where=f"{where}.kind"))
    own = {key: item for key, item in table.items() if key not in ("kind", "encoder")}
    layout = _layout(modality, own) if modality is not None else None
    default = DEFAULT_ENCODERS.get(layout or "", "none")
    value = table.get("encoder", DEFAULT_SEGMENTER if reader == SEGMENTERS else default)
    encoder = None
    if modality is not None or "encoder" in table:
        encoder = faults.attempt(
            lambda: read_encoder(value, layout, where=f"{where}.encoder", reader=reader)
        )
    if modality is None:
        return ModalityPart(reader=reader)

    def settle() -> tuple[dict[str, Any], tuple[str, ...]]:
        also = ("kind", "encoder")
        settings = registry.resolve(modality, own, where=where, also=also)
        built = modality(**registry.arguments(modality, settings))
        return settings, tuple(built.columns)

    settled = faults.attempt(settle)
    if settled is None or encoder is None:
        return ModalityPart(None, layout, reader=reader)
    faults.attempt(lambda: refuse_normalised_twice(settled[0], encoder, where))
    settings = {"kind": kind, **settled[0], "encoder": encoder}
    return ModalityPart(settings, layout, settled[1], reader)


def _layout(modality: type[Any], own: Mapping[str, Any]) -> str:
    """What a modality gives with these settings; with faulty ones what its class says."""
    try:
        settings = registry.resolve(modality, own, where="")
        return str(modality(**registry.arguments(modality, settings)).layout)
    except StudyError:
        return str(modality.layout)


def refuse_normalised_twice(
    settings: Mapping[str, Any], encoder: Mapping[str, Any], where: str
) -> None:
    """Refuse pictures normalised to ImageNet before an encoder that does so itself."""
    inner = [value for value in encoder.values() if isinstance(value, Mapping)]
    tables = [encoder, *cast("list[Mapping[str, Any]]", inner)]
    if settings.get("normalise") == "imagenet" and any(
        table.get("weights", "none") != "none" for table in tables
    ):
        raise StudyError(
            f"{where}: {encoder['name']} with pretrained weights normalises its input itself; "
            'after normalise = "imagenet" that would happen twice. Set normalise = "none".'
        )


def read_encoder(
    value: object, layout: str | None, *, where: str, reader: str = ENCODERS
) -> dict[str, Any]:
    """Name and settings of an encoder, or a segmenter, that reads `layout` (None: not known).

    Raises:
        StudyError: None of that name, its settings are at fault, or it reads another layout.
    """
    resolved = read_component(value, reader, where=where)
    encoder = registry.load(reader, str(resolved["name"]))
    if layout is not None and layout not in encoder.layouts:
        raise StudyError(
            f"{where}: {resolved['name']} reads {' or '.join(sorted(encoder.layouts))}, but this "
            f"modality gives {layout}. Choose another encoder (see `tumorboard list`)."
        )
    return resolved


def read_component(value: object, folder: str, *, where: str) -> dict[str, Any]:
    """Name and settings of a component, given as a name or as a table with a name.

    Raises:
        StudyError: Neither, no such component, or its settings are at fault.
    """
    given: object = {"name": value} if isinstance(value, str) else value
    table = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    name = table.get("name")
    if not isinstance(name, str):
        raise StudyError(
            f'{where}: found {show(value)}, expected a name or a table {{name = "..."}}.'
        )
    component = _load(folder, name, where=where)
    settings = {key: item for key, item in table.items() if key != "name"}
    return {"name": name, **registry.resolve(component, settings, where=where, also=("name",))}


def _load(folder: str, name: str, *, where: str) -> type[Any]:
    try:
        return registry.load(folder, name)
    except StudyError as error:
        raise StudyError([f"{where}: {sentence}" for sentence in error.problems]) from error
