import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_study import make_cohort, make_prepared, make_split, make_study  # noqa: E402

from tumorboard.records import Split  # noqa: E402
from tumorboard.study import Study  # noqa: E402
from tumorboard.training.prepare import Prepared  # noqa: E402


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Prepared, Split]:
    folder = tmp_path_factory.mktemp("small")
    study, cohort = make_study(folder), make_cohort(folder)
    return study, make_prepared(study, cohort, folder), make_split(cohort)
