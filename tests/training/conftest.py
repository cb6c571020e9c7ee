import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_study import make_cohort, make_prepared, make_split, make_study

from tumorboard.records import Split
from tumorboard.study import Study
from tumorboard.training.prepare import Prepared


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Prepared, Split]:
    folder = tmp_path_factory.mktemp("small")
    study, cohort = make_study(folder), make_cohort(folder)
    return study, make_prepared(study, cohort, folder), make_split(cohort)
