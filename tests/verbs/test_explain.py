"""`tumorboard explain` from end to end on simulated patients whose lesions are known."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tumorboard.cli import app
from tumorboard.errors import InputError
from tumorboard.evaluation.explanation_table import read_explanations
from tumorboard.prediction.kept_maps import read_map
from tumorboard.report.heat_maps import as_png, side_by_side
from tumorboard.simulators.image_table import ImageTable
from tumorboard.verbs.explain import explain
from tumorboard.verbs.fit import fit

EVIL = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explain")
    cohort = folder / "cohort"
    cohort.mkdir()
    ImageTable().write(cohort, n_patients=100, seed=3)
    for arm in ("fused", "logistic"):
        fit(cohort / "study.toml", out=folder / arm, arm=arm, overrides=["training.epochs=12"])
    return folder


def test_pages_tables_and_pictures(simulated: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    wanted = ["P00001", "P00002", "P00004"]
    options = [word for patient in wanted for word in ("--patients", patient)]
    arguments = ["explain", str(simulated / "fused"), "--out", str(out), *options]
    arguments += ["--cohort", str(simulated / "cohort" / "patients.csv")]
    arguments += ["--explainer", "grad_cam", "--explainer", "modality_contribution"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    pages = sorted(path.name for path in (out / "patients").iterdir())
    assert pages == ["0001-P00001.html", "0002-P00002.html", "0003-P00004.html"]
    text = (out / "patients" / pages[0]).read_text(encoding="utf-8")
    assert "data:image/png;base64," in text
    assert "<svg" in text
    assert "http://" not in text
    assert "https://" not in text
    found = read_explanations(out / "explanations")
    assert found is not None
    assert {row.patient_id for row in found.heat_maps} == set(wanted)
    row = next(row for row in found.heat_maps if not np.isnan(row.share_inside))
    kept = read_map(out / "explanations", row)
    assert kept.mask is not None
    assert row.mask_share == pytest.approx(kept.mask.mean())
    assert row.share_inside == pytest.approx(kept.map[kept.mask].sum() / kept.map.sum(), abs=0.01)
    assert as_png(side_by_side(kept)).startswith(b"\x89PNG")
    totals: dict[str, float] = {}
    for entry in found.attributions:
        totals[entry.unit_id] = totals.get(entry.unit_id, entry.base) + entry.value
    assert totals == pytest.approx({e.unit_id: e.output for e in found.attributions}, abs=1e-4)
    # the same folder again is replaced as a whole
    explain(
        simulated / "fused", cohort=simulated / "cohort" / "patients.csv", out=out,
        patients=["P00002"], explainers=["grad_cam"],
    )  # fmt: skip
    assert [path.name for path in (out / "patients").iterdir()] == ["0001-P00002.html"]


def test_text_of_the_table_is_escaped(simulated: Path, tmp_path: Path) -> None:
    with (simulated / "cohort" / "patients.csv").open(newline="") as handle:
        rows = list(csv.DictReader(handle))[:12]
    rows[0]["patient_id"] = EVIL
    rows[0]["tumour_location"] = "<b>here</b>"
    with (tmp_path / "patients.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    report = explain(
        simulated / "logistic", cohort=tmp_path / "patients.csv", out=tmp_path / "out",
        data=simulated / "cohort", patients=[EVIL],
    )  # fmt: skip
    (page,) = (report.folder / "patients").iterdir()
    for path in (page, report.folder / "index.html"):
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text
        assert "<b>here" not in text
        assert "&lt;script&gt;" in text


def test_refusals_say_why_and_write_nothing(simulated: Path, tmp_path: Path) -> None:
    table, model = simulated / "cohort" / "patients.csv", simulated / "logistic"
    out = tmp_path / "out"
    with pytest.raises(InputError, match="--explainer grad_cam: logistic is a baseline"):
        explain(model, cohort=table, out=out, explainers=["grad_cam"])
    with pytest.raises(InputError, match="--patients P0000I: not among the patients"):
        explain(model, cohort=table, out=out, patients=["P0000I"])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="holds an input"):
        explain(model, cohort=table, out=table.parent)
    with pytest.raises(InputError, match="holds an input"):
        explain(model, cohort=table, out=model / "out")
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="no folder of explanations"):
        explain(model, cohort=table, out=out)
    assert (out / "thesis.txt").read_text() == "mine"
    shutil.rmtree(out)


def test_maps_find_the_simulated_lesion(simulated: Path, tmp_path: Path) -> None:
    report = explain(
        simulated / "fused", cohort=simulated / "cohort" / "patients.csv", out=tmp_path / "out",
        explainers=["grad_cam_plus_plus"],
        patients=[f"P{i:05d}" for i in range(1, 16)],
    )  # fmt: skip
    rows = [r for r in report.explanations.heat_maps if not np.isnan(r.share_inside)]
    gain = np.mean([row.share_inside - row.mask_share for row in rows])
    assert len(rows) >= 10
    assert gain > 0.05


def test_genes_are_not_called_missing_and_how_their_table_was_read_is_no_warning(
    tmp_path: Path,
) -> None:
    draw = np.random.default_rng(0)
    counts = draw.integers(50, 900, (24, 6))
    genes = [f"ENSG{i:011d}" for i in range(6)]
    lines = [f"P{i}," + ",".join(map(str, own)) for i, own in enumerate(counts.tolist())]
    (tmp_path / "rna.csv").write_text("\n".join([",".join(["id", *genes]), *lines]))
    rows = [f"P{i},{'ab'[i % 2]},{40 + i if i else ''},{i}" for i in range(24)]
    (tmp_path / "patients.csv").write_text("\n".join(["patient_id,y,age,size", *rows]))
    (tmp_path / "study.toml").write_text(
        '[study]\nname = "s"\nquestion = "?"\n[cohort]\nsource = "folder"\ntable = "patients.csv"\n'
        '[task]\ntarget = "y"\n[modalities.rna]\nkind = "expression"\ntable = "rna.csv"\n'
        'scale = "counts"\nids = "ensembl"\nencoder = {name = "mlp", widths = [4]}\n'
        '[modalities.record]\nkind = "table"\nnumeric = ["age", "size"]\n'
        'encoder = {name = "mlp", widths = [4]}\n[arms]\n'
        'fused = {modalities = ["rna", "record"], fusion = "concatenation"}\n'
        "[training]\nepochs = 1\n[evaluation]\nfolds = 2\n"
    )
    fit(tmp_path / "study.toml", out=tmp_path / "model", arm="fused")
    report = explain(
        tmp_path / "model", cohort=tmp_path / "patients.csv", out=tmp_path / "out",
        patients=["P0", "P1"], explainers=["integrated_gradients"],
    )  # fmt: skip
    assert any("rna.csv" in line for line in report.lines)
    for page in (tmp_path / "out" / "patients").iterdir():
        assert "rna.csv" not in page.read_text(encoding="utf-8")
    shown = {(row.patient_id, row.feature): row.shown for row in report.explanations.attributions}
    assert shown["P0", "age"] == "missing"
    assert shown["P1", "age"] == "41"
    assert {text for (_, feature), text in shown.items() if feature not in ("age", "size")} == {""}
