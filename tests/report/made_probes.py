"""Probes of a made run: predictions that lose what they knew, and modalities that are hidden."""

from __future__ import annotations

import numpy as np

from tumorboard.evaluation.prediction_table import PredictionTable
from tumorboard.evaluation.probe_table import ProbeTable, join_probes, untouched

STRENGTHS = {
    "missing_values": (0.1, 0.25, 0.5, 0.75), "noise": (0.02, 0.05, 0.1, 0.2, 0.4),
    "blur": (0.005, 0.01, 0.02, 0.04, 0.08), "rotation": (5.0, 15.0, 30.0, 60.0, 90.0),
    "motion": (0.01, 0.03, 0.06, 0.12),
}  # fmt: skip


def make_probes(table: PredictionTable, *, image: str = "ultrasound") -> ProbeTable:
    """Test rows as they were, with modalities hidden, and degraded by five probes."""
    rng = np.random.default_rng(3)
    test = table.take(table.part == "test")
    tables = [untouched(test, np.where(rng.random(test.n_rows) < 0.01, image, ""))]
    has_several = np.asarray(["+" in text for text in test.modalities.tolist()])
    both = test.take(has_several)
    for part in sorted({name for text in both.modalities.tolist() for name in text.split("+")}):
        shown = weakened(both, 0.4 if part == image else 0.7, rng)
        hidden = PredictionTable(
            **{**vars(shown), "modalities": np.full(both.n_rows, part)}  # type: ignore[arg-type]
        )
        tables.append(of_probe(hidden, "missing_modality", 1.0, share_flagged=0.0, rng=rng))
    for probe, strengths in STRENGTHS.items():
        needed = "record" if probe == "missing_values" else image
        reads = np.asarray(
            [any(needed in m for m in set(test.modalities[test.arm == a])) for a in test.arms]
        )
        affected = test.take(np.isin(test.arm, np.asarray(test.arms)[reads]))
        for i, strength in enumerate(strengths, start=1):
            worse = weakened(affected, i / (len(strengths) + 1), rng)
            flagged = 0.0 if probe in ("missing_values", "rotation") else i / len(strengths)
            tables.append(of_probe(worse, probe, strength, share_flagged=flagged, rng=rng))
    return join_probes(tables)


def weakened(table: PredictionTable, loss: float, rng: np.random.Generator) -> PredictionTable:
    """The same predictions with a share of what they knew replaced by noise."""
    logits = np.log(np.clip(table.probabilities, 1e-6, 1))
    logits -= logits.mean(axis=1, keepdims=True)
    logits = (1 - loss) * logits + loss * rng.normal(size=logits.shape)
    p = np.exp(logits)
    return PredictionTable(
        **{**vars(table), "probabilities": p / p.sum(axis=1, keepdims=True)}  # type: ignore[arg-type]
    )


def of_probe(
    table: PredictionTable, probe: str, strength: float, *, share_flagged: float,
    rng: np.random.Generator,
) -> ProbeTable:  # fmt: skip
    flagged = np.where(rng.random(table.n_rows) < share_flagged, "ultrasound", "")
    n = table.n_rows
    return ProbeTable(table, np.full(n, probe), np.full(n, strength), flagged)
