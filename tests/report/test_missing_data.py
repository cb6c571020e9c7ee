import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from tumorboard.report.class_facts import ClassFacts
from tumorboard.report.contents import read_classes
from tumorboard.report.limits import shares_missing
from tumorboard.report.missing_data import section


def test_counts_by_class_and_pattern(run: Any) -> None:
    contents = read_classes(run.folder)
    made = section(contents)
    assert made is not None
    table = contents.predictions.of_arm("fused")
    first = np.unique(table.unit_id, return_index=True)[1]
    without = np.asarray(["ultrasound" not in m for m in table.modalities[first].tolist()])
    counts = [int(without[table.outcome[first] == k].sum()) for k in range(2)]
    row = re.search(r'scope="row">ultrasound</th>(.*?)</tr>', made.html, re.DOTALL)
    assert row is not None
    shown = [int(n) for n in re.findall(r">(\d+) \(", row[1])]
    assert shown == [sum(counts), *counts]
    assert "ultrasound + record</th><td>" in made.html
    assert "Most often missing: Age" in made.lead


def test_nothing_missing_no_section(run: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    (folder / "table1.json").unlink()
    text = (folder / "predictions.csv").read_text("utf-8")
    rows = [line for line in text.splitlines() if ",late," not in line and ",fused," not in line]
    kept = [line for line in rows if ",ultrasound," not in line]
    (folder / "predictions.csv").write_text("\n".join(kept) + "\n", "utf-8")
    for name in ("metrics", "comparison"):
        document = json.loads((folder / f"{name}.json").read_text())
        if name == "metrics":
            document = {arm: document[arm] for arm in ("record", "logistic")}
        else:
            document = []
        (folder / f"{name}.json").write_text(json.dumps(document))
    assert section(read_classes(folder)) is None


def test_columns_are_counted_in_the_patients_of_table_1_and_never_in_all_rows(
    run: Any, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    contents = read_classes(folder)
    table = json.loads((folder / "table1.json").read_text())
    age = table["numeric"][0]["groups"]["all"]
    assert contents.cohort["rows"] != table["n_patients"]
    share = age["missing"] / table["n_patients"]
    made = section(contents)
    assert made is not None
    assert f"Age ({100 * share:.0f} %)" in made.lead
    assert f"of the {table['n_patients']} of Table 1" in made.html
    cohort = {"rows": 2 * table["n_patients"], "missing": {"Age": 2 * table["n_patients"]}}
    shares = shares_missing(cohort, table)
    assert shares["Age"] == share
    assert shares_missing(cohort, {}) == {"Age": 1.0}
    facts = ClassFacts(contents)
    assert f"Age {100 * share:.0f} %" in facts.missing()
    assert any(f"Age ({100 * share:.0f} %)" in sentence for sentence in facts.limits)
