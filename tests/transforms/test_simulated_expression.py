"""Simulated transcriptomes: real symbols, sums of a million, genes that follow their programme."""

from __future__ import annotations

import numpy as np
import pytest

from tumorboard.formats.hgnc import nomenclature
from tumorboard.records import Floats
from tumorboard.transforms.simulated_expression import (
    PROGRAMMES,
    ExpressionModel,
    background_symbols,
    gene_sets_text,
    rows_of,
)

MODEL = ExpressionModel(n_genes=1200, noise=0.5)
N = 250


@pytest.fixture(scope="module")
def signals() -> Floats:
    """What programmes show: a standard normal signal with noise."""
    spread = np.sqrt(1 + MODEL.noise**2)
    return spread * np.random.default_rng(1).standard_normal((N, len(PROGRAMMES)))


@pytest.fixture(scope="module")
def tpm(signals: Floats) -> Floats:
    rows = [
        MODEL.draw(signals[i], institution=0.0, rng=np.random.default_rng([2, i])) for i in range(N)
    ]
    return np.stack(rows)


def test_symbols_are_approved_and_each_stands_once() -> None:
    genes = ExpressionModel(n_genes=3500, noise=0.5).genes
    assert len(genes) == len(set(genes)) == 3500
    assert set(genes) <= nomenclature().approved
    assert genes[:1200] == MODEL.genes
    assert len(background_symbols()) > 3300


def test_columns_are_transcripts_per_million(tpm: Floats) -> None:
    assert tpm.min() >= 0
    assert tpm.sum(axis=1) == pytest.approx(np.full(N, 1e6))
    rows = rows_of(MODEL.genes, tpm[:2])
    assert [row[0] for row in rows] == list(MODEL.genes)
    assert sum(float(row[1]) for row in rows) == pytest.approx(1e6, abs=1)


def test_genes_follow_their_programme_and_no_other(signals: Floats, tpm: Floats) -> None:
    log2 = np.log2(tpm + 1)
    found = np.corrcoef(log2.T, signals.T)[: log2.shape[1], log2.shape[1] :]
    own = np.flatnonzero(MODEL.programme >= 0)
    assert found[own, MODEL.programme[own]].mean() > 0.6
    assert found[own, MODEL.programme[own]].min() > 0.3
    rest = np.flatnonzero(MODEL.programme < 0)
    assert np.abs(found[rest]).mean() < 0.08  # 1 / sqrt(N) = 0.063 by chance


def test_reliability_of_scores_is_as_stated(signals: Floats, tpm: Floats) -> None:
    """A score's squared correlation with the signal that the programme shows with noise."""
    rng = np.random.default_rng(5)
    name = "HALLMARK_HYPOXIA"
    k = list(PROGRAMMES).index(name)
    score = np.log2(tpm[:, MODEL.programme == k]).mean(axis=1)
    # of a signal z, z + noise e is shown: given what is shown, z is normal as well
    total = 1 + MODEL.noise**2
    spread = np.sqrt(MODEL.noise**2 / total)
    signal = signals[:, k] / total + spread * rng.standard_normal(N)
    r2 = float(np.corrcoef(score, signal)[0, 1] ** 2)
    assert r2 == pytest.approx(MODEL.score_reliability(name), abs=0.07)


def test_laboratories_and_histology_shift_genes() -> None:
    still = ExpressionModel(n_genes=300, noise=0.0)
    shown = {name: np.zeros(2) for name in PROGRAMMES if not name.endswith("_MARKERS")}
    signals = still.signals(shown, np.asarray([0.0, 1.0]))
    adeno, squamous = (
        still.draw(row, institution=0.0, rng=np.random.default_rng(7)) for row in signals
    )
    ratio = dict(zip(still.genes, np.log2((squamous + 1) / (adeno + 1)), strict=True))
    assert min(ratio[gene] for gene in ("KRT5", "TP63", "DSG3")) > 2
    assert max(ratio[gene] for gene in ("NAPSA", "SFTPB", "NKX2-1")) < -2
    away = still.draw(signals[0], institution=2.0, rng=np.random.default_rng(7))
    assert float(np.std(np.log2((away + 1) / (adeno + 1)))) > 0.15


def test_gene_sets_stand_one_a_line() -> None:
    lines = [line.split("\t") for line in gene_sets_text().splitlines()]
    assert {line[0]: tuple(line[2:]) for line in lines} == dict(PROGRAMMES)
