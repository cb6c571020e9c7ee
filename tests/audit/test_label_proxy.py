from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_cohort import make_audited, patients, severities
from PIL import Image

from tumorboard.audit.label_proxy import LabelProxy
from tumorboard.cache import Cache
from tumorboard.formats.ajcc_staging import stage_group
from tumorboard.modalities.longitudinal import Longitudinal
from tumorboard.records import Finding
from tumorboard.study import Study

SEEDS = range(3)


def find(columns: dict, **settings: object) -> list[Finding]:
    return LabelProxy().find(make_audited(columns, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "how", ["copy", "copy with typing slips", "number", "reversed number", "middle", "missing"]
)
def test_a_column_that_gives_the_outcome_is_an_error(how: str, seed: int) -> None:
    columns, malignant = patients(200, seed=seed)
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=200)
    slips = np.where(rng.random(200) < 0.005, ~malignant, malignant)
    proxy = {
        "copy": np.where(malignant, "yes", "no"),
        "copy with typing slips": np.where(slips, "C50.1", "D24"),
        "number": noise + 8 * malignant,
        "reversed number": noise - 8 * malignant,
        "middle": np.where(malignant, noise / 10, np.sign(noise) * (3 + abs(noise))),
        "missing": np.where(malignant, np.nan, np.round(noise, 1)),
    }[how]
    kind = "categorical" if how.startswith("copy") else "numeric"
    (finding,) = find({**columns, "x": list(proxy)}, **{kind: ["x"]})
    assert (finding.code, finding.severity) == ("label-proxy", "error")
    assert finding.evidence["column"] == "x"
    assert finding.evidence["n_patients"] == 200
    assert finding.message.startswith("Column 'x' alone")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("how", ["noise", "an id each", "many categories", "good marker", "gaps"])
def test_a_fair_predictor_is_no_finding(how: str, seed: int) -> None:
    columns, malignant = patients(200, seed=seed)
    rng = np.random.default_rng(seed + 50)
    fair = {
        "noise": rng.choice(["a", "b", "c"], 200),
        "an id each": [f"case {i} of {i}" for i in rng.permutation(200)],
        "many categories": rng.integers(0, 120, 200).astype(str),
        "good marker": [f"{v:.2f}" for v in rng.normal(size=200) + 1.3 * malignant],
        "gaps": np.where(rng.random(200) < 0.3, np.nan, np.round(rng.normal(size=200), 2)),
    }[how]
    kind = "numeric" if how in ("good marker", "gaps") else "categorical"
    assert find({**columns, "x": list(fair)}, **{kind: ["x"]}) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_between_090_and_098_is_a_warning(seed: int) -> None:
    columns, malignant = patients(400, seed=seed)
    marker = np.random.default_rng(seed).normal(size=400) + 2.3 * malignant  # AUROC about 0.948
    (finding,) = find({**columns, "x": list(marker)}, numeric=["x"])
    assert finding.severity == "warning"
    assert float(str(finding.evidence["auroc"])) == pytest.approx(0.948, abs=0.03)


def test_a_column_that_is_no_predictor_is_only_a_note() -> None:
    columns, malignant = patients(100)
    columns |= {"birads": list(np.where(malignant, 5, 2)), "age": list(range(100))}
    (note,) = find(columns, numeric=["age"])
    assert note.severity == "note"
    assert note.evidence["columns"] == {"birads": 1.0}


def test_a_few_patients_prove_nothing_where_many_columns_are_tried() -> None:
    columns, _ = patients(8, share=0.5)
    rng = np.random.default_rng(4)
    names = [f"g{i}" for i in range(400)]
    columns |= {name: list(rng.normal(size=8)) for name in names}
    found = find(columns, numeric=names)
    assert found
    assert severities(found) == set()
    assert "So few patients can do that by chance" in found[0].message


def test_a_patient_with_many_rows_counts_once() -> None:
    """One patient's 500 rows would make a column of two values look like the label."""
    columns, malignant = patients(60, seed=1)
    x = np.random.default_rng(1).choice(["a", "b"], 60)
    many = int(np.flatnonzero(malignant & (x == "a"))[0])
    rows = [*range(60), *[many] * 500]
    repeated = {name: [cells[row] for row in rows] for name, cells in columns.items()}
    assert find({**repeated, "x": list(x[rows])}, categorical=["x"]) == []


def test_one_of_three_classes_can_be_given_away() -> None:
    rng = np.random.default_rng(2)
    label = rng.choice(["benign", "malignant", "normal"], 300)
    size = np.where(label == "normal", 0.0, 5 + rng.random(300))
    columns = {"patient_id": list(range(300)), "diagnosis": list(label), "size_mm": list(size)}
    (finding,) = find(columns, numeric=["size_mm"])
    assert (finding.severity, finding.evidence["class"]) == ("error", "normal")
    assert float(str(finding.evidence["macro_auroc"])) < 0.9


@pytest.mark.parametrize("pattern", ["{label}_{i:03d}.png", "{label}/{i}.png", "s{i}-{label}.png"])
def test_file_names_that_spell_the_class_are_a_warning(pattern: str) -> None:
    columns, _ = patients(60)
    files = [
        Path("/data") / pattern.format(label=label, i=i)
        for i, label in enumerate(columns["diagnosis"])
    ]
    (finding,) = find(columns, files=files)
    assert finding.severity == "warning"
    assert finding.evidence["of"] == "file name"


@pytest.mark.parametrize("pattern", ["case{i:03d}.png", "{i}.png", "site{h}/img_{i}_{h}.png"])
def test_plain_file_names_tell_nothing(pattern: str) -> None:
    columns, _ = patients(60)
    files = [Path("/data") / pattern.format(i=i, h="abc"[i % 3]) for i in range(60)]
    assert find(columns, files=files) == []


@pytest.mark.parametrize("how", ["format", "size", "program", "alike"])
def test_images_that_were_exported_apart_tell_the_class(how: str, tmp_path: Path) -> None:
    columns, malignant = patients(60)
    files = []
    for i, is_malignant in enumerate(malignant.tolist()):
        suffix = "jpg" if how == "format" and is_malignant else "png"
        suffix = "jpg" if how == "program" else suffix
        path = tmp_path / f"{i}.{suffix}"
        image = Image.new("L", (40 if how == "size" and is_malignant else 32, 32 + i % 3))
        exif = image.getexif()
        if how == "program" and is_malignant:
            exif[305] = "export 2.1"
        image.save(path, exif=exif)
        files.append(path)
    found = find(columns, files=files, root=tmp_path)
    if how == "alike":
        assert found == []
    else:
        assert {f.severity for f in found} == {"error"}
        names = {"program": "program that wrote them"}
        assert [f.evidence["of"] for f in found] == [names.get(how, how)]


def test_images_that_hold_nuclei_of_every_class_tell_none(tmp_path: Path) -> None:
    """Their sizes differ between patients; a common class averages all images, a rare one few."""
    rng = np.random.default_rng(0)
    paths = []
    for case in range(40):
        side = int(rng.integers(20, 60))
        paths.append([tmp_path / f"case{case}-{k}.png" for k in range(3)])
        for k, path in enumerate(paths[-1]):
            Image.new("L", (side + 9 * k, side)).save(path)
    rows = [(case, k, label) for case in range(40) for k in range(3) for label in ("t", "t", "m")]
    rows = [(c, k, label) for c, k, label in rows if label == "t" or k == 1]
    audited = make_audited(
        {"patient_id": [f"C{c}" for c, _, _ in rows], "diagnosis": [r[2] for r in rows]},
        files=[paths[c][k] for c, k, _ in rows],
        task={"unit": "row"},
    )
    assert LabelProxy().find(audited) == []


@pytest.mark.parametrize(("n_apart", "of"), [(20, ["format"]), (8, [])])
def test_images_of_one_class_are_judged_beside_those_that_hold_both(
    n_apart: int, of: list[str], tmp_path: Path
) -> None:
    """Most slides hold both classes; those that hold one alone were exported by class."""
    rows: list[tuple[str, Path, str]] = []
    for case in range(30):
        path = tmp_path / f"{case}.png"
        Image.new("L", (32, 32)).save(path)
        rows += [(f"C{case}", path, label) for label in ("t", "m")]
    for case in range(30, 30 + n_apart):
        label = "tm"[case % 2]
        path = tmp_path / f"{case}.{'jpg' if label == 'm' else 'png'}"
        Image.new("L", (32, 32)).save(path)
        rows.append((f"C{case}", path, label))
    audited = make_audited(
        {"patient_id": [r[0] for r in rows], "diagnosis": [r[2] for r in rows]},
        files=[r[1] for r in rows],
        task={"unit": "row"},
    )
    assert [finding.evidence["of"] for finding in LabelProxy().find(audited)] == of


def stages(n: int, seed: int = 0) -> dict:
    """Patients with T, N and M, and the stage that they spell (AJCC 7)."""
    rng = np.random.default_rng(seed)
    t = rng.choice(
        ["T1a", "T1b", "T2a", "T2b", "T3", "T4"], n, p=[0.25, 0.2, 0.25, 0.1, 0.15, 0.05]
    )
    nodes = rng.choice(["N0", "N1", "N2", "N3"], n, p=[0.6, 0.2, 0.15, 0.05])
    m = rng.choice(["M0", "M1a", "M1b"], n, p=[0.9, 0.05, 0.05])
    group = [stage_group(*own) for own in zip(t, nodes, m, strict=True)]
    merged = [
        "I" if g in ("IA", "IB") else "II" if g in ("IIA", "IIB") else "III or IV" for g in group
    ]
    return {
        "patient_id": [f"P{i}" for i in range(n)],
        "pT": list(t), "pN": list(nodes), "pM": list(m), "diagnosis": merged,
        "size_mm": list(np.round(rng.normal(30, 10, n), 1)),
    }  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_t_n_and_m_together_spell_the_stage(seed: int) -> None:
    found = find(stages(150, seed), categorical=["pT", "pN", "pM"], numeric=["size_mm"])
    (error,) = [f for f in found if f.severity == "error"]
    assert error.evidence["columns"] == ["pT", "pN", "pM"]
    assert error.evidence["auroc"] == pytest.approx(1.0)
    assert error.message.startswith("Columns 'pT', 'pN', 'pM' together spell the stage (AJCC)")
    assert error.message.endswith("Remove them from modalities.record.")


@pytest.mark.parametrize("seed", SEEDS)
def test_t_n_and_m_beside_another_outcome_are_fair(seed: int) -> None:
    columns = stages(150, seed)
    rng = np.random.default_rng(seed + 9)
    columns["diagnosis"] = list(rng.choice(["adenocarcinoma", "squamous"], 150))
    assert find(columns, categorical=["pT", "pN", "pM"]) == []


def test_a_stage_is_told_by_the_size_as_well_but_not_spelled() -> None:
    columns = stages(150)
    assert find(columns, categorical=["pT"], numeric=["size_mm"]) == []


def test_the_latest_visit_of_every_patient_is_looked_at(tmp_path: Path) -> None:
    columns, malignant = patients(80, seed=1)
    audited = make_audited(columns, numeric=[])
    rng = np.random.default_rng(1)
    lines = ["id,day,crp,marker"]
    for patient, value in zip(audited.cohort.patient_id, malignant, strict=True):
        lines += [
            f"{patient},-9,{rng.normal():.3f},0",
            f"{patient},-1,{rng.normal():.3f},{value:d}",
        ]
    (tmp_path / "visits.csv").write_text("\n".join(lines) + "\n")
    visits = Longitudinal(
        table="visits.csv", patient_id="id", time="day", numeric=("crp", "marker")
    )
    with Cache(tmp_path / "cache") as cache:
        measured = visits.read(replace(audited.cohort, root=tmp_path), name="labs", cache=cache)
    found = LabelProxy().find(replace(audited, measured={"labs": measured}))
    assert [(f.severity, f.evidence["column"], f.evidence["modality"]) for f in found] == [
        ("error", "marker", "labs")
    ]


@pytest.mark.parametrize(("primary", "severity"), [("record", "warning"), ("both", "error")])
def test_arms_that_read_the_genes_of_their_targets(primary: str, severity: str) -> None:
    columns, _ = patients(60, seed=1)
    audited = make_audited(columns, numeric=["age"])
    genes = {"kind": "expression", "table": "rna.csv", "scale": "tpm"}
    study = Study.from_tables(
        {
            "study": {"name": "scores"},
            "cohort": {"table": "patients.csv"},
            "task": {"kind": "regression", "target": "gene_set:HYPOXIA", "gene_sets": "sets.gmt",
                     "expression": "rna"},
            "modalities": {"rna": genes, "again": dict(genes),
                           "record": {"kind": "table", "numeric": ["age"]}},
            "arms": {"record": {"modalities": ["record"]}, "rna": {"modalities": ["again"]},
                     "both": {"modalities": ["record", "rna"], "fusion": "concatenation"}},
            "evaluation": {"primary": {"arm": primary, "reference": "rna"}},
        },
        path=Path("study.toml"),
    )  # fmt: skip
    found = LabelProxy().find(replace(audited, study=study))
    (finding,) = [each for each in found if "targets" in each.evidence]
    assert finding.severity == severity
    assert finding.evidence["arms"] == ["rna", "both"]
    assert "with it at hand they repeat the target" in finding.message
