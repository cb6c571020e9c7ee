"""The expression modality: what is fitted, on whom, and what another table must have."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.formats.expression_table import Scale
from tumorboard.formats.hgnc import nomenclature
from tumorboard.modalities.expression import Expression
from tumorboard.modalities.measured.expression import MeasuredExpression
from tumorboard.records import ArraySpec, Cohort, FittedState, Structure

DATA = Path(os.environ.get("TUMORBOARD_DATA", "absent"))
N, N_GENES, TRAIN = 40, 60, np.arange(30)
GENES = sorted(name for name in nomenclature().approved if name.startswith("KRT"))[:N_GENES]
ALL: frozenset[Structure] = frozenset({"graph", "groups", "projections"})


def log2_values(seed: int = 0) -> np.ndarray:
    """log2(TPM + 1) of genes in three modules of twenty."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(N, 3)).repeat(20, axis=1)
    values = 6 + factor + rng.normal(0, 0.5, (N, N_GENES))
    tpm = 2**values - 1
    return np.log2(1e6 * tpm / tpm.sum(axis=1, keepdims=True) + 1)


def write(
    folder: Path, values: np.ndarray, genes: list[str] = GENES, name: str = "rna.csv"
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["patient," + ",".join(genes)]
    for row, own in enumerate(values):
        cells = ("" if np.isnan(value) else repr(float(value)) for value in own)
        lines.append(f"P{row}," + ",".join(cells))
    (folder / name).write_text("\n".join(lines) + "\n")
    sets = [f"SET{k}\tx\t" + "\t".join(GENES[20 * k : 20 * k + 20]) for k in range(3)]
    (folder / "sets.gmt").write_text("\n".join([*sets, "SMALL\tx\tTP53\t" + GENES[0]]) + "\n")


def make_cohort(folder: Path, n: int = N) -> Cohort:
    ids = tuple(f"P{row}" for row in range(n))
    return Cohort("made", ids, ids, {}, {}, tuple(range(2, n + 2)), folder / "t.csv", folder)


def read(modality: Expression, folder: Path, n: int = N) -> MeasuredExpression:
    return modality.read(make_cohort(folder, n), name="rna", cache=Cache(folder / "cache"))


def fit(modality: Expression, measured: MeasuredExpression, rows: np.ndarray = TRAIN) -> ArraySpec:
    return modality.fit(measured, rows, weight=np.ones(len(rows)))


def make(scale: Scale = "log2_tpm", **settings: Any) -> Expression:
    return Expression(table="rna.csv", scale=scale, **settings)


def fitted(
    folder: Path, asked: frozenset[Structure] = frozenset(), **settings: Any
) -> tuple[Expression, MeasuredExpression, ArraySpec]:
    write(folder, log2_values())
    modality = make(**settings)
    modality.asked = asked
    measured = read(modality, folder)
    return modality, measured, fit(modality, measured)


@pytest.mark.parametrize("scale", ["tpm", "log2_tpm"])
def test_tpm_and_their_logarithm_are_one_input(scale: Scale, tmp_path: Path) -> None:
    values = log2_values()
    write(tmp_path, 2**values - 1 if scale == "tpm" else values)
    measured = read(make(scale), tmp_path)
    assert measured.genes == tuple(GENES)
    assert measured.values.dtype == np.float32
    np.testing.assert_allclose(measured.values, values, rtol=1e-5)


def test_genes_are_chosen_and_scaled_on_training_patients(tmp_path: Path) -> None:
    values = log2_values()
    values[30:36, 7] *= 0.3  # varies in the test patients alone
    write(tmp_path, values)
    modality = make(top_genes=10)
    measured = read(modality, tmp_path)
    spec = fit(modality, measured)
    order = np.argsort(-values[:30].std(axis=0))[:10]
    assert spec.names == tuple(GENES[i] for i in sorted(order))
    arrays = modality.arrays(measured, TRAIN)
    np.testing.assert_allclose(arrays.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(arrays.std(axis=0), 1, rtol=1e-4)
    assert arrays.dtype == np.float32


def test_values_of_other_patients_change_nothing(tmp_path: Path) -> None:
    states: list[FittedState] = []
    for factor in (1.0, 1.2):
        values = log2_values()
        values[30:] *= factor
        folder = tmp_path / str(factor)
        write(folder, values)
        modality = make(gene_sets="sets.gmt", n_modules=3)
        modality.asked = ALL
        fit(modality, read(modality, folder))
        states.append(modality.state())
    assert states[0].values == states[1].values
    for key, array in states[0].arrays.items():
        np.testing.assert_array_equal(array, states[1].arrays[key])


def test_a_patient_of_several_rows_counts_once(tmp_path: Path) -> None:
    modality, measured, _ = fitted(tmp_path)
    again = make()
    twice = np.concatenate([TRAIN, [0, 0, 0]])
    fit(again, measured, twice)
    np.testing.assert_array_equal(again.state().arrays["mean"], modality.state().arrays["mean"])


def test_missing_values_take_the_training_median(tmp_path: Path) -> None:
    values = log2_values() - 14
    values[:7, 0] = np.nan  # 23 % of the training patients
    values[:6, 1] = np.nan  # 20 %
    write(tmp_path, values)
    modality = make("z")
    measured = read(modality, tmp_path)
    spec = fit(modality, measured)
    assert spec.names == tuple(GENES[1:])
    state = modality.state()
    median = np.median(values[6:30, 1])
    assert state.arrays["fill"][0] == pytest.approx(median, rel=1e-6)
    expected = (median - state.arrays["mean"][0]) / state.arrays["deviation"][0]
    assert modality.arrays(measured, np.array([2]))[0, 0] == pytest.approx(expected, rel=1e-5)
    assert np.isnan(modality.unimputed(measured, np.array([2]))[0, 0])
    notes = " ".join(modality.notes(measured, TRAIN))
    assert "genes left out: 1, missing in more than 20 % of the training patients" in notes
    assert "6 missing values of training patients at the training median" in notes


def test_absent_patients_and_empty_samples(tmp_path: Path) -> None:  # R08
    values = np.round(1000 * 2 ** log2_values() / 40)
    values[:, 5] = 7
    values[3] = 0
    write(tmp_path, values)
    modality = make("counts")
    measured = read(modality, tmp_path, n=N + 1)
    assert np.flatnonzero(~measured.present).tolist() == [3, N]
    (rejection,) = measured.rejections
    assert rejection.patient_id == "P3"
    assert "every gene of this patient is zero" in rejection.reason
    assert np.isnan(measured.values[[3, N]]).all()
    fit(modality, measured, np.delete(TRAIN, 3))
    assert (modality.arrays(measured, np.array([N])) == 0).all()


def test_z_scores_have_no_variance_to_choose_genes_by(tmp_path: Path) -> None:
    values = log2_values()
    write(tmp_path, (values - values.mean(axis=0)) / values.std(axis=0))

    def notes(top_genes: int) -> str:
        own = Expression(table="rna.csv", scale="z", top_genes=top_genes)
        return " ".join(read(own, tmp_path).notes)

    assert "so the 20 of the largest variance (top_genes) are chosen by chance" in notes(20)
    assert "chosen by chance" not in notes(0) + notes(N_GENES)
    write(tmp_path, values - values.mean())  # z-scores by the deviation of somebody else
    assert "chosen by chance" not in notes(20)


def test_a_constant_gene_is_left_out_with_count(tmp_path: Path) -> None:  # R08
    values = log2_values()
    values[:30, 4] = 5.0
    write(tmp_path, values)
    modality = make()
    measured = read(modality, tmp_path)
    assert GENES[4] not in fit(modality, measured).names
    notes = " ".join(modality.notes(measured, TRAIN))
    assert "genes left out: 1, constant in the training patients" in notes


@pytest.mark.parametrize("declared", ["tpm", "counts", "z"])
def test_another_unit_than_declared_is_refused(declared: Scale, tmp_path: Path) -> None:  # R07
    write(tmp_path, log2_values())
    with pytest.raises(InputError, match=rf"rna.csv: the scale is declared '{declared}'.*log2"):
        read(make(declared), tmp_path)


def test_a_table_with_fewer_genes(tmp_path: Path) -> None:  # R09
    modality, measured, _ = fitted(tmp_path)
    for kept, folder in ((36, tmp_path / "few"), (54, tmp_path / "most")):
        write(folder, log2_values()[:, :kept], GENES[:kept])
    few, most = (read(modality, tmp_path / name) for name in ("few", "most"))
    with pytest.raises(InputError, match="60 % of the 60 genes that the model was trained on; exp"):
        modality.arrays(few, TRAIN)
    arrays = modality.arrays(most, TRAIN)
    state = modality.state()
    expected = (state.arrays["fill"] - state.arrays["mean"]) / state.arrays["deviation"]
    np.testing.assert_allclose(arrays[:, 54:], np.tile(expected[54:], (30, 1)), rtol=1e-4)
    np.testing.assert_array_equal(arrays[:, :54], modality.arrays(measured, TRAIN)[:, :54])
    assert "lacks 6 genes of the 60" in " ".join(modality.notes(most, TRAIN))


def test_another_cohort_has_its_genes_beside_its_table(tmp_path: Path) -> None:
    write(tmp_path / "other", log2_values())
    modality = Expression(table="own/rna.csv", scale="log2_tpm")
    cohort = make_cohort(tmp_path / "other")
    measured = modality.read(cohort, name="rna", cache=Cache(tmp_path / "cache"))
    assert measured.table == tmp_path / "other" / "rna.csv"
    (tmp_path / "other" / "rna.csv").unlink()
    with pytest.raises(InputError, match=r"own/rna.csv or .*other/rna.csv: no such table"):
        modality.read(cohort, name="rna", cache=Cache(tmp_path / "cache"))


def test_another_cohort_without_a_table_has_no_profiles(tmp_path: Path) -> None:
    modality, _, _ = fitted(tmp_path / "own")
    modality.fit(read(modality, tmp_path / "own"), TRAIN, weight=np.ones(len(TRAIN)))
    cohort = replace(make_cohort(tmp_path / "other"), is_other=True)
    absent = modality.read(cohort, name="rna", cache=Cache(tmp_path / "cache"))
    assert not absent.present.any()
    assert absent.records == ()
    assert modality.notes(absent, TRAIN) == ("no table rna.csv here: nobody has it",)
    assert modality.arrays(absent, TRAIN).shape == (30, N_GENES)
    assert np.isnan(modality.unimputed(absent, TRAIN)).all()
    assert absent.of_patients(TRAIN).size == 0
    assert absent.values.shape == (N, 0)


def test_every_file_that_is_read_is_recorded(tmp_path: Path) -> None:
    write(tmp_path, log2_values())
    (tmp_path / "edges.tsv").write_text(f"{GENES[0]}\t{GENES[1]}\t0.9\n")
    modality = make(gene_sets="sets.gmt", graph="edges.tsv")
    records = read(modality, tmp_path).records
    assert [r.path.name for r in records] == ["rna.csv", "sets.gmt", "edges.tsv"]
    assert {(r.state, r.modality) for r in records} == {("used", "rna")}


def test_what_the_encoder_asks_for(tmp_path: Path) -> None:
    _, _, spec = fitted(tmp_path, ALL, gene_sets="sets.gmt", neighbours=4, n_modules=3)
    assert spec.graph is not None
    assert spec.projections is not None
    assert spec.graph.shape == (2, 4 * N_GENES)
    module = spec.graph // 20
    assert (module[0] == module[1]).mean() > 0.95
    assert list(spec.groups) == ["SET0", "SET1", "SET2"]
    np.testing.assert_array_equal(spec.groups["SET1"], np.arange(20, 40))
    assert spec.projections.shape == (3, N_GENES)


def test_nothing_is_computed_unasked(tmp_path: Path) -> None:
    _, _, spec = fitted(tmp_path, gene_sets="sets.gmt")
    assert (spec.graph, spec.groups, spec.projections) == (None, {}, None)


def test_a_graph_of_a_file_and_of_sets(tmp_path: Path) -> None:
    tmp_path.joinpath("edges.tsv").write_text(f"{GENES[0]}\t{GENES[9]}\nTP53\t{GENES[1]}\n")
    asked: frozenset[Structure] = frozenset({"graph"})
    modality, measured, spec = fitted(tmp_path, asked, graph="edges.tsv")
    assert spec.graph is not None
    assert spec.graph.tolist() == [[9, 0], [0, 9]]
    assert "58 genes have none" in " ".join(modality.notes(measured, TRAIN))
    _, _, spec = fitted(tmp_path, asked, graph="sets", gene_sets="sets.gmt", neighbours=3)
    assert spec.graph is not None
    assert (spec.graph[0] // 20 == spec.graph[1] // 20).all()
    assert spec.graph.shape == (2, 3 * N_GENES)
    tmp_path.joinpath("none.tsv").write_text("TP53\tMDM2\n")
    with pytest.raises(InputError, match=r"none.tsv: no edge between two of the 60 genes"):
        fitted(tmp_path, asked, graph="none.tsv")


@pytest.mark.parametrize(
    "settings",
    [{"features": "gene_sets"}, {"features": "gene_sets", "set_score": "rank"},
     {"features": "eigengenes", "n_modules": 3}],
)  # fmt: skip
def test_scores_in_place_of_genes(settings: dict[str, Any], tmp_path: Path) -> None:
    modality, measured, spec = fitted(tmp_path, gene_sets="sets.gmt", **settings)
    arrays = modality.arrays(measured, np.arange(N))
    assert spec.sizes == (3,)
    np.testing.assert_allclose(arrays[TRAIN].std(axis=0), 1, rtol=1e-3)
    truth = np.stack([log2_values()[:, 20 * k : 20 * k + 20].mean(axis=1) for k in range(3)])
    strength = np.abs(np.corrcoef(truth, arrays.T)[:3, 3:])
    assert (strength.max(axis=1) > 0.9).all()
    kind = str(settings["features"])
    assert (
        spec.names == ("SET0", "SET1", "SET2") if kind == "gene_sets" else "module 1" in str(spec)
    )


@pytest.mark.parametrize(
    ("asked", "settings"),
    [(ALL, {"n_modules": 3}), (frozenset(), {"features": "gene_sets"}),
     (frozenset(), {"features": "gene_sets", "set_score": "rank"}),
     (frozenset(), {"features": "eigengenes", "n_modules": 3})],
)  # fmt: skip
def test_a_stored_state_gives_the_same_without_the_files(
    asked: frozenset[Structure], settings: dict[str, Any], tmp_path: Path
) -> None:
    modality, measured, spec = fitted(tmp_path, asked, gene_sets="sets.gmt", **settings)
    expected = modality.arrays(measured, np.arange(N))
    state = modality.state()
    buffer = io.BytesIO()
    np.savez(buffer, **dict(state.arrays))  # type: ignore[arg-type]
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as arrays:
        stored = FittedState(json.loads(json.dumps(dict(state.values))), dict(arrays))
    (tmp_path / "sets.gmt").unlink()
    again = make(gene_sets="sets.gmt", **settings)
    found = again.restore(stored)
    assert (found.names, found.sizes) == (spec.names, spec.sizes)
    for own, other in ((found.graph, spec.graph), (found.projections, spec.projections)):
        assert (own is None) == (other is None)
        np.testing.assert_array_equal(own, other)
    assert list(found.groups) == list(spec.groups)
    np.testing.assert_array_equal(again.arrays(measured, np.arange(N)), expected)


def test_settings_that_do_not_fit_together(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match='features = "gene_sets" needs a file of gene sets'):
        make(features="gene_sets")
    with pytest.raises(StudyError, match=r"the encoder works on gene sets\. Set gene_sets"):
        fitted(tmp_path, frozenset({"groups"}))
    with pytest.raises(StudyError, match=r'gives eigengenes\. Set features = "genes"'):
        fitted(tmp_path, frozenset({"graph"}), features="eigengenes")
    with pytest.raises(InputError, match="no set has 30 genes among the 60"):
        fitted(tmp_path, features="gene_sets", gene_sets="sets.gmt", min_set_genes=30)


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.is_dir(), reason="TUMORBOARD_DATA holds no patients")
@pytest.mark.parametrize(
    ("folder", "table", "patients", "key", "n", "said"),
    [
        ("nsclc-radiogenomics", "rna_z.csv.gz", "clinical.csv", "Case ID", 130, "3-Mar is MARCHF3"),
        ("tcga-omics", "luad_rna_z.csv.gz", "luad_patients.csv", "patient_id", 453, "one row per"),
        ("tcga-omics", "kirc_rna_z.csv.gz", "kirc_patients.csv", "patient_id", 345, "one row per"),
        ("brain-mri", "rna_z.csv", "patients.csv", "Patient", 41, "TDGF1 is CRIPTO"),
    ],
)
def test_real_tables(folder: str, table: str, patients: str, key: str, n: int, said: str) -> None:
    import polars

    ids = tuple(polars.read_csv(DATA / folder / patients, infer_schema_length=0)[key].to_list())
    lines = tuple(range(2, len(ids) + 2))
    cohort = Cohort("real", ids, ids, {}, {}, lines, DATA / folder / patients, DATA / folder)
    hallmark = "../gene-sets/h.all.v7.0.symbols.gmt"
    modality = Expression(table=table, scale="z", gene_sets=hallmark)
    modality.asked = ALL
    measured = modality.read(cohort, name="rna", cache=Cache(DATA))
    rows = np.flatnonzero(measured.present)
    assert len(rows) == n
    assert said in " ".join(measured.notes)
    spec = fit(modality, measured, rows[::2])
    assert spec.graph is not None
    assert spec.graph.shape == (2, 10 * spec.sizes[0])
    assert "HALLMARK_HYPOXIA" in spec.groups
    assert np.isfinite(modality.arrays(measured, rows)).all()


def test_a_file_of_sets_that_is_not_there_is_said_even_where_only_the_report_needs_it(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match=r"typo\.gmt: no such file of gene sets"):
        fitted(tmp_path, gene_sets="typo.gmt")
