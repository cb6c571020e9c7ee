"""The section of worse inputs says what the evidence says."""

from __future__ import annotations

import sys
from pathlib import Path

from tumorboard.evaluation.degradation import degradation_document
from tumorboard.evaluation.evidence import write_evidence
from tumorboard.report.contents import read_contents
from tumorboard.report.degradation import section
from tumorboard.study_keys import Primary, Threshold

sys.path.insert(0, str(Path(__file__).parent))

from made_probes import make_probes


def test_curves_table_and_lead(tmp_path, make_run) -> None:
    run = make_run(
        tmp_path, n_patients=80, n_repeats=1, n_folds=2,
        arms=("record", "ultrasound", "fused"),
    )  # fmt: skip
    assert section(read_contents(run.folder)) is None
    document = degradation_document(
        make_probes(run.table), run.table, threshold=Threshold(),
        primary=Primary(arm="fused", reference="record"), units={"rotation": "degrees"},
    )  # fmt: skip
    write_evidence(run.folder, "degradation", document)
    made = section(read_contents(run.folder))
    assert made is not None
    worst = max(
        document["probes"].items(),
        key=lambda item: max(item[1]["arms"]["fused"]["metrics"]["auroc"]["drop"]),
    )
    fall = max(worst[1]["arms"]["fused"]["metrics"]["auroc"]["drop"])
    assert made.lead.startswith(
        f"Of 5 ways to make inputs worse, {worst[0].replace('_', ' ')} costs fused the most: "
        f"AUROC falls by {fall:.3f} (95 % interval "
    )
    for text in ("missing values", "degrees, up to 90", "noise spares", "figure-degradation_auroc"):
        assert text in made.html
    assert (run.folder / "figures" / "degradation_auroc.png").is_file()
    assert "None" not in made.html
    assert "nan" not in made.html.split("</svg>")[-1]
