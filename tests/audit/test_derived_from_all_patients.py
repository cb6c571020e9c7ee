import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_cohort import make_audited, patients
from scipy.special import ndtri
from scipy.stats import rankdata

from tumorboard.audit.derived_from_all_patients import DerivedFromAllPatients
from tumorboard.cache import Cache
from tumorboard.modalities.expression import Expression
from tumorboard.modalities.measured.expression import MeasuredExpression
from tumorboard.records import Cohort, Finding
from tumorboard.transforms.cohort_wide import trace

DATA = Path(os.environ.get("TUMORBOARD_DATA", "absent"))
SEEDS = range(3)
N = 130


def find(values: dict, **settings: object) -> list[Finding]:
    columns, _ = patients(N)
    return DerivedFromAllPatients().find(
        make_audited({**columns, **values}, numeric=list(values), **settings)  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("how", ["z-scores", "0..1 scaling", "ranks", "normal scores"])
@pytest.mark.parametrize("digits", [4, 10])
def test_what_was_computed_over_everybody_shows(how: str, digits: int, seed: int) -> None:
    raw = np.exp(np.random.default_rng(seed).normal(size=N))
    values = {
        "z-scores": (raw - raw.mean()) / raw.std(ddof=seed % 2),
        "0..1 scaling": (raw - raw.min()) / (raw.max() - raw.min()),
        "ranks": rankdata(raw),
        "normal scores": ndtri((rankdata(raw) - 0.5) / N),
    }[how]
    (finding,) = find({"x": [f"{v:.{digits}f}" for v in values]})
    assert (finding.code, finding.severity) == ("derived-from-all-patients", "warning")
    assert finding.evidence == {"columns": ["x"], "how": how, "n_patients": N}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("how", ["standard", "share", "age", "percent", "score", "uniform"])
def test_what_was_measured_does_not(how: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = {
        "standard": np.round(rng.normal(size=N), 3),
        "share": np.round(np.clip(rng.normal(0.5, 0.4, N), 0, 1), 3),
        "age": np.round(rng.normal(60, 10, N)),
        "percent": np.round(rng.random(N), 2),
        "score": rng.integers(-2, 3, N),
        "uniform": np.round(rng.random(N), 4),
    }[how]
    assert find({"x": list(values)}) == []


def test_missing_values_and_left_out_patients_do_not_hide_it() -> None:
    rng = np.random.default_rng(3)
    raw = rng.normal(5, 2, N)
    raw[:9] = np.nan
    z = (raw - np.nanmean(raw)) / np.nanstd(raw)
    columns, _ = patients(N)
    columns |= {"x": [f"{v:.4f}" if v == v else None for v in z]}
    columns["diagnosis"] = [
        "normal" if i % 5 == 0 else c for i, c in enumerate(columns["diagnosis"])
    ]
    (finding,) = DerivedFromAllPatients().find(
        make_audited(columns, numeric=["x"], cohort={"exclude": {"diagnosis": ["normal"]}})
    )
    assert finding.evidence["how"] == "z-scores"


@pytest.mark.parametrize("seed", SEEDS)
def test_principal_components(seed: int) -> None:
    raw = np.random.default_rng(seed).normal(size=(N, 6)) * [5, 4, 3, 2, 1, 1]
    left, size, _ = np.linalg.svd(raw - raw.mean(0), full_matrices=False)
    parts = left * size
    (finding,) = find({f"f{k}": [f"{v:.6f}" for v in parts[:, k]] for k in range(3)})
    assert finding.evidence["how"] == "components"
    assert finding.evidence["columns"] == ["f0", "f1", "f2"]
    assert find({f"f{k}": [f"{v:.6f}" for v in raw[:, k]] for k in range(3)}) == []


@pytest.mark.parametrize(
    ("name", "how"),
    [("RNASeqCluster", "clusters"), ("cluster_3", "clusters"), ("miRNACluster", "clusters"),
     ("age_zscore", "z-scores"), ("PC1", "components"), ("bmi_percentile", "ranks")],
)  # fmt: skip
def test_names_that_say_so(name: str, how: str) -> None:
    rng = np.random.default_rng(0)
    (finding,) = find({name: list(rng.integers(1, 5, N))})
    assert finding.evidence["how"] == how


@pytest.mark.parametrize("name", ["coord_z", "n_clusters_seen", "PCR", "cluster", "rank_of_doctor"])
def test_names_that_do_not(name: str) -> None:
    assert find({name: list(np.random.default_rng(0).integers(0, 2, N))}) == []


def test_declared_columns() -> None:
    values = list(np.random.default_rng(0).normal(50, 9, N))
    (finding,) = find({"x": values}, audit={"derived": ["x"]})
    assert "declared so in audit.derived" in finding.message
    assert find({"x": values}) == []


@pytest.mark.parametrize("n_decimals", [3, 6])
def test_whole_numbers_scaled_to_0_and_1(n_decimals: int) -> None:
    age = np.random.default_rng(4).normal(60, 12, 150).round()
    scaled = (age - age.min()) / (age.max() - age.min())
    assert trace(scaled.round(n_decimals), n_decimals) == "0..1 scaling"


@pytest.mark.parametrize("steps", [10, 12, 40, 100])
def test_shares_in_few_or_round_steps_are_no_scaling(steps: int) -> None:
    share = np.random.default_rng(4).binomial(steps, 0.5, 150) / steps
    share[:2] = 0, 1
    assert trace(share.round(3), 3) == ""


def of_genes(values: np.ndarray, scale: str) -> list[Finding]:
    measured = MeasuredExpression(
        present=np.ones(N, dtype=bool), name="rna", names=tuple(f"G{j}" for j in range(30)),
        profiles=values.astype(np.float32), index=np.arange(N), scale=scale,
    )  # fmt: skip
    columns, _ = patients(N)
    audited = replace(make_audited({**columns, "age": [1] * N}), measured={"rna": measured})
    return DerivedFromAllPatients().find(audited)


def test_a_table_of_genes_that_was_standardised_over_everybody() -> None:
    raw = np.random.default_rng(0).normal(5, 2, (N, 30))
    z = np.round((raw - raw.mean(axis=0)) / raw.std(axis=0), 4)
    (finding,) = of_genes(z, "z")
    assert (finding.code, finding.severity) == ("derived-from-all-patients", "warning")
    assert "30 of 30 columns have mean 0" in finding.message
    assert "before any split" in finding.message
    assert "Test patients shaped what models are trained on" in finding.message
    assert finding.evidence["is_verified"] is True
    # declared or not: the numbers say so
    assert [f.evidence["n_standardised"] for f in of_genes(z, "log2_tpm")] == [30]
    assert of_genes(raw, "log2_tpm") == []


def test_declared_z_scores_of_part_of_the_patients_cannot_be_verified() -> None:
    raw = np.random.default_rng(0).normal(0.3, 1.2, (N, 30))
    (finding,) = of_genes(raw, "z")
    assert "could not be verified" in finding.message
    assert "Test patients may have shaped what models are trained on" in finding.message
    assert finding.evidence["is_verified"] is False


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.is_dir(), reason="TUMORBOARD_DATA holds no patients")
@pytest.mark.parametrize(
    ("table", "patient", "is_verified"),
    [
        ("nsclc-radiogenomics/rna_z.csv.gz", "R01-023", True),
        ("tcga-omics/luad_rna_z.csv.gz", "TCGA-05-4249", False),
        ("tcga-omics/kirc_rna_z.csv.gz", "TCGA-3Z-A93Z", False),
        ("brain-mri/rna_z.csv", "TCGA_CS_4942", False),
    ],
)
def test_real_z_scores(table: str, patient: str, is_verified: bool) -> None:
    """Of the TCGA tables only a part of the patients for whom they were made is there."""
    ids = (patient,)
    cohort = Cohort("real", ids, ids, {}, {}, (2,), DATA / "patients.csv", DATA)
    measured = Expression(table=table, scale="z").read(cohort, name="rna", cache=Cache(DATA))
    columns, _ = patients(N)
    audited = replace(make_audited({**columns, "age": [1] * N}), measured={"rna": measured})
    (finding,) = DerivedFromAllPatients().find(audited)
    assert finding.evidence["is_verified"] is is_verified
