from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_cohort import make_audited, patients
from seen_cohort import CATEGORICAL, NUMERIC, ids, make_cohort, record
from seen_cohort import make_audited as make_seen

from tumorboard.audit.duplicate_row import DuplicateRow
from tumorboard.audit.patient_overlap import PatientOverlap
from tumorboard.audit.simulated_pairing import SimulatedPairing
from tumorboard.cohorts.joining import RECORD_OF


@pytest.mark.parametrize("n", [20, 60, 200])
def test_paired_strangers_are_a_warning(n: int) -> None:
    columns, _ = patients(n)
    columns["age"] = list(range(n))
    files = [Path(f"/data/{i}.png") for i in range(n)]
    settings: dict[str, Any] = {"numeric": ["age"], "files": files}
    (finding,) = SimulatedPairing().find(
        make_audited(columns, **settings, evaluation={"pairing": "simulated"})
    )
    assert (finding.code, finding.severity) == ("simulated-pairing", "warning")
    assert f"of the {n} patients come from different people" in finding.message
    assert SimulatedPairing().find(make_audited(columns, **settings)) == []


def test_one_modality_has_nothing_to_pair() -> None:
    columns, _ = patients(30)
    audited = make_audited(
        {**columns, "age": list(range(30))}, numeric=["age"], evaluation={"pairing": "simulated"}
    )
    assert SimulatedPairing().find(audited) == []


def test_records_that_were_dealt_out_at_random_are_no_copies_of_a_person(tmp_path: Path) -> None:
    """The same record stands beside several patients, and that is no overlap of theirs."""
    dealt = np.random.default_rng(0).integers(0, 40, 200)
    columns = {name: [cells[i] for i in dealt] for name, cells in record(40).items()}

    def codes(**further: list[str]) -> set[str]:
        cohort = make_cohort(tmp_path, ids=ids(200), columns={**columns, **further})
        audited = make_seen(cohort, cache=tmp_path, numeric=NUMERIC, categorical=CATEGORICAL)
        return {f.code for f in [*DuplicateRow().find(audited), *PatientOverlap().find(audited)]}

    assert codes() == {"duplicate-row", "patient-overlap"}
    assert codes(**{RECORD_OF: [f"H{i}" for i in dealt]}) == set()
