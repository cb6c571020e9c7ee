from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorboard.evaluation.errors import errors_document
from tumorboard.evaluation.evidence import write_evidence
from tumorboard.report.contact_sheet import write_contact_sheets
from tumorboard.report.contents import read_classes
from tumorboard.report.errors import section
from tumorboard.study_keys import Threshold


def written(run, *, with_images: bool):
    ids = sorted(set(run.table.patient_id.tolist()))
    rng = np.random.default_rng(0)
    wrong = {
        e["patient_id"]
        for e in errors_document(
            run.table, "record", threshold=Threshold(), columns={}, numbers={}, rng=rng
        )["errors"]
    }
    document = errors_document(
        run.table, "record", threshold=Threshold(), rng=rng,
        columns={"scanner": {p: "old" if p in wrong else "new" for p in ids}},
        numbers={"size_mm": {p: float(rng.normal(15, 4)) for p in ids}},
    )  # fmt: skip
    if with_images:
        path = run.folder / "picture.png"
        Image.fromarray(rng.integers(0, 255, (24, 24), dtype=np.uint8)).save(path)
        document["sheets"] = write_contact_sheets(run.folder, document, dict.fromkeys(ids, path))
    write_evidence(run.folder, "errors", document)
    return document


@pytest.mark.parametrize("classes", [("benign", "malignant"), ("naevus", "melanoma", "keratosis")])
def test_what_errors_share_is_said_with_their_images(
    tmp_path: Path, make_run: Callable[..., object], classes
) -> None:
    run = make_run(tmp_path / "run", classes=classes, n_patients=120)
    document = written(run, with_images=True)
    found = section(read_classes(tmp_path / "run"))
    assert found is not None
    assert f"record is wrong about {document['n_wrong']} of 120" in found.lead
    assert "differ in scanner" in found.lead
    assert "size_mm" not in found.lead
    assert found.html.count("data:image/jpeg;base64,") == len(document["sheets"])
    assert "old " in found.html
    assert "Mann-Whitney" in found.html


def test_without_images_the_section_says_so(tmp_path: Path, make_run) -> None:
    run = make_run(tmp_path / "run", n_patients=120)
    written(run, with_images=False)
    found = section(read_classes(tmp_path / "run"))
    assert found is not None
    assert "No contact sheets" in found.html
    assert "data:image" not in found.html


def test_a_sheet_that_was_removed_is_said(tmp_path: Path, make_run) -> None:
    run = make_run(tmp_path / "run", n_patients=120)
    written(run, with_images=True)
    for path in (tmp_path / "run" / "figures").glob("errors_*.png"):
        path.unlink()
    found = section(read_classes(tmp_path / "run"))
    assert found is not None
    assert "is no longer in the run folder" in found.html


def test_a_run_without_the_evidence_has_no_section(tmp_path: Path, make_run) -> None:
    make_run(tmp_path / "run", n_patients=40)
    assert section(read_classes(tmp_path / "run")) is None
