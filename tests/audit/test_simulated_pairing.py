from pathlib import Path
from typing import Any

import pytest
from made_cohort import make_audited, patients

from tumorboard.audit.simulated_pairing import SimulatedPairing


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
