"""Evidence of a finished plan: everything the report shows beyond the metrics of the arms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tumorboard.records import Split
from tumorboard.study import Study
from tumorboard.training.other_cohorts import OtherCohort
from tumorboard.training.prepare import Prepared


def gather_evidence(
    run: Path,
    study: Study,
    prepared: Prepared,
    splits: Sequence[Split],
    others: Sequence[OtherCohort],
    say: Callable[[str], None],
) -> None:
    """Probe and explain the fold models, and write evidence/<topic>.json of every topic."""
