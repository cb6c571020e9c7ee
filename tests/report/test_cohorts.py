import shutil
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.evaluation.evidence import write_evidence
from tumorboard.evaluation.standardised_differences import cohort_differences
from tumorboard.report.cohorts import section
from tumorboard.report.contents import read_classes


def _columns(rng: np.random.Generator, n: int, shift: float) -> dict[str, list[str | None]]:
    return {
        "age": [f"{x:.1f}" for x in rng.normal(50 + shift, 10, n)],
        "<b>sex</b>": rng.choice(["f", "m"], n).tolist(),
    }


def _document(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    cohorts = {"internal": _columns(rng, n, 0), "A & B": _columns(rng, n, 15)}
    ids = {name: [f"{name}{i}" for i in range(n)] for name in cohorts}
    return cohort_differences(cohorts, ["age"], ["<b>sex</b>"], ids)


def test_section_names_the_largest_difference(run: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    assert section(read_classes(folder)) is None
    write_evidence(folder, "cohorts", _document(80))
    made = section(read_classes(folder))
    assert made is not None
    assert "A & B differs from internal in" in made.lead
    assert "most in age (1." in made.lead
    assert "a classifier tells them apart with an AUROC of 0." in made.lead
    assert "<b>" not in made.html
    assert "A &amp; B against internal: every column" in made.html
    assert (folder / "figures" / "cohorts.svg").is_file()


def test_small_cohort_is_not_compared(run: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    write_evidence(folder, "cohorts", _document(8))
    made = section(read_classes(folder))
    assert made is not None
    assert made.lead == "A & B or internal has fewer than 10 patients: not compared."
