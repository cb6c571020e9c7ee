from pathlib import Path

import numpy as np
import pytest
from seen_cohort import CATEGORICAL, copied, ids, make_audited, make_cohort, record

from tumorboard.audit import Audited
from tumorboard.audit.duplicate_row import DuplicateRow


def audited(tmp_path: Path, columns: dict, names: list[str] | None = None) -> Audited:
    n = len(next(iter(columns.values())))
    cohort = make_cohort(tmp_path, ids=names or ids(n), columns=columns)
    numeric = [name for name in columns if name not in CATEGORICAL]
    categorical = [name for name in columns if name in CATEGORICAL]
    return make_audited(cohort, cache=tmp_path, numeric=numeric, categorical=categorical)


@pytest.mark.parametrize("seed", range(4))
def test_a_copied_row_is_an_error(seed: int, tmp_path: Path) -> None:
    columns = record(100, seed) | {"weight": list(np.random.default_rng(seed).normal(70, 9, 100))}
    (finding,) = DuplicateRow().find(audited(tmp_path, copied(columns, 3, 50)))
    assert (finding.code, finding.severity) == ("duplicate-row", "error")
    assert finding.patients == ("P003", "P050")
    assert "P003 = P050" in finding.message
    (group,) = finding.evidence["groups"]  # type: ignore[misc]
    assert group["expected_by_chance"] < 0.001
    assert [row["line"] for row in group["rows"]] == [5, 52]


def test_three_ids_with_one_row_are_one_group(tmp_path: Path) -> None:
    columns = copied(copied(record(100), 3, 50), 3, 60)
    (finding,) = DuplicateRow().find(audited(tmp_path, columns))
    assert finding.patients == ("P003", "P050", "P060")


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_one_patient_agree_and_that_is_fine(seed: int, tmp_path: Path) -> None:
    columns = copied(record(100, seed), 3, 50)
    names = ids(100)
    names[50] = "P003"
    assert DuplicateRow().find(audited(tmp_path, columns, names)) == []


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [40, 400])
def test_few_coarse_columns_agree_by_chance(seed: int, n: int, tmp_path: Path) -> None:
    columns = {name: record(n, seed)[name] for name in ("age", "sex", "site")}
    assert DuplicateRow().find(audited(tmp_path, copied(columns, 0, 1))) == []


@pytest.mark.parametrize("seed", range(5))
def test_signs_that_go_together_agree_by_chance(seed: int, tmp_path: Path) -> None:
    """Twenty signs of one disease: each rare combination would look improbable by itself."""
    rng = np.random.default_rng(seed)
    severity = rng.standard_normal(300)
    signs = {f"s{j}": (2 * severity + rng.standard_normal(300) > 1.5) * 1 for j in range(20)}
    assert DuplicateRow().find(audited(tmp_path, signs)) == []


@pytest.mark.parametrize("seed", range(3))
def test_distinct_rows_are_clean(seed: int, tmp_path: Path) -> None:
    assert DuplicateRow().find(audited(tmp_path, record(200, seed))) == []
