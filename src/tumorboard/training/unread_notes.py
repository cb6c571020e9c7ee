"""How much of long notes an arm's encoders leave unread: counted, so that nobody is misled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tumorboard.formats.messages import counted
from tumorboard.modalities import Measured
from tumorboard.modalities.measured.notes import MeasuredNotes
from tumorboard.models.encoders import Encoder
from tumorboard.records import Ints
from tumorboard.training.fitted import FittedArm


def unread_notes(
    fitted: FittedArm, measured: Mapping[str, Measured], rows: Ints
) -> tuple[str, ...]:
    """A sentence for each notes modality of which something was not read; none for a baseline.

    Args:
        fitted: The arm, whose encoders know where they stop.
        measured: Measurements of its modalities.
        rows: Rows whose notes are counted.
    """
    networks = [n for n in (fitted.network, *fitted.segmenters) if n is not None]
    if not networks:
        return ()
    sentences: list[str] = []
    # a fusion of the inputs themselves has no encoder
    for name, encoder in zip(networks[0].encoder_names, networks[0].encoders, strict=False):
        own = measured[name]
        if isinstance(own, MeasuredNotes):
            texts = [own.texts[row] for row in rows.tolist() if own.present[row]]
            sentences += _said(name, cast("Encoder", encoder), texts)
    return tuple(sentences)


def _said(name: str, encoder: Encoder, texts: list[str]) -> list[str]:
    left = encoder.left_out(texts)
    n_long = sum(n > 0 for n in left)
    if not n_long:
        return []
    unit, setting = encoder.reads
    return [
        f"{name}: {n_long:,} of {counted(len(texts), 'note')}: {sum(left):,} {unit} behind the "
        f"last that the encoder reads were not read ({setting})."
    ]
