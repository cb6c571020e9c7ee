"""How often images are flagged, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tumorboard.evaluation.input_quality import quality_document
from tumorboard.evaluation.probe_table import ProbeTable, join_probes, untouched
from tumorboard.study_keys import Threshold


def made(make_table) -> ProbeTable:
    """Twenty patients, four without an image; one is flagged as it was, all with noise."""
    target = np.arange(20) % 2
    names = np.asarray(["image+record"] * 16 + ["record"] * 4)
    clean = replace(make_table(target, np.where(target, 0.8, 0.2)), modalities=names)
    worse = replace(make_table(target, np.where(target, 0.6, 0.4)), modalities=names)
    one = np.where(np.arange(20) == 3, "image", "")
    every = np.where(names == "record", "", "image")
    return join_probes(
        [
            untouched(clean, one),
            ProbeTable(worse, np.full(20, "noise"), np.full(20, 0.4), every),
            ProbeTable(clean, np.full(20, "missing_values"), np.full(20, 0.5), one),
        ]
    )


def test_shares_are_of_rows_with_an_image(make_table) -> None:
    probes = made(make_table)
    document = quality_document(
        probes, probes.predictions, images=("image",), threshold=Threshold(rule="fixed")
    )
    assert document is not None
    rates = {r["probe"]: r for r in document["arms"]["a"]["rates"]}
    assert set(rates) == {"none", "noise"}
    assert rates["none"]["flagged"]["value"] == pytest.approx(1 / 16)
    assert rates["noise"]["flagged"]["value"] == 1
    assert rates["noise"]["n_patients"] == 16


def test_flagged_images_are_compared_with_others(make_table) -> None:
    probes = made(make_table)
    document = quality_document(
        probes, probes.predictions, images=("image",), threshold=Threshold(rule="fixed")
    )
    assert document is not None
    harm = document["arms"]["a"]["harm"]
    assert (harm["n_flagged"], harm["n_other"]) == (16, 15)
    assert harm["brier"]["other"] == pytest.approx(0.04)
    assert harm["brier"]["flagged"] == pytest.approx((16 * 0.16 + 0.04) / 17)


def test_without_images_there_is_nothing(make_table) -> None:
    table = make_table([0, 1] * 6, np.linspace(0, 1, 12))
    probes = untouched(table, np.full(12, ""))
    assert quality_document(probes, table, images=(), threshold=Threshold()) is None
