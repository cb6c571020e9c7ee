"""Fitted models of survival and regression on worse inputs of their test patients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tumorboard import registry
from tumorboard.evaluation.outcome_files import read_outcomes
from tumorboard.evaluation.outcome_probes import (
    OutcomeProbes,
    join_outcome_probes,
    read_outcome_probes,
    write_outcome_probes,
)
from tumorboard.evaluation.outcome_table import OutcomeTable
from tumorboard.evaluation.pairing import pairing_column
from tumorboard.explain.probes import Probe, row_seeds
from tumorboard.records import Bools, Ints, Split
from tumorboard.study import Study
from tumorboard.training.fitted import FittedArm
from tumorboard.training.learned import has_learned
from tumorboard.training.plan import fit_folder
from tumorboard.training.prepare import Prepared
from tumorboard.training.signatures import with_signatures
from tumorboard.training.units import unit_table


def run_number_probes(
    study: Study,
    prepared: Prepared,
    splits: Sequence[Split],
    run: Path,
    *,
    device: str = "cpu",
    say: Callable[[str], None] | None = None,
) -> OutcomeProbes | None:
    """Try every fitted model of a run on worse inputs of its test patients.

    Each fit's table is kept as probes.csv beside its model, as `run_probes` does for classes.

    Args:
        study: The study; `evaluation.probes` names what is tried.
        prepared: Its patients.
        splits: Its splits, all fitted.
        run: The run folder; probes.csv is written there.
        device: Where the networks predict.
        say: Told about every split.

    Returns:
        The whole table; None where the study asks for no probe.
    """
    names = study.keys.evaluation.probes
    if not names:
        return None
    probes: dict[str, Probe] = {name: registry.load("explain.probes", name)() for name in names}
    seeds = row_seeds(study, prepared.cohort)
    tables: list[OutcomeProbes] = []
    for split in splits:
        own = with_signatures(study, prepared, split)
        if say is not None:
            say(f"trying worse inputs: repeat {split.repeat}, fold {split.fold}")
        for arm in study.arms:
            folder = fit_folder(run, arm, split)
            path = folder / "probes.csv"
            if not path.is_file():
                write_outcome_probes(path, _probe_fit(probes, folder, own, split, seeds, device))
            tables.append(read_outcome_probes(path))
    joined = join_outcome_probes(tables)
    paired = pairing_column(study.as_tables(), joined.predictions.n_rows)
    write_outcome_probes(run / "probes.csv", joined, paired=paired)
    return joined


def _probe_fit(
    probes: Mapping[str, Probe], folder: Path, prepared: Prepared, split: Split, seeds: Ints,
    device: str,
) -> OutcomeProbes:  # fmt: skip
    """One fitted model on worse inputs of its test patients, after the inputs as they were."""
    fitted = FittedArm.open(folder)
    if fitted.network is not None:
        fitted.network.to(device)
    rows = split.rows(prepared.cohort, "test")
    whole = read_outcomes(folder / "predictions.csv")
    whole = whole.take(whole.part == "test")
    tables = [OutcomeProbes.of(whole, _learned(fitted, whole))]
    for name, probe in probes.items():
        if probe.refuses(fitted):
            continue
        for trial in probe.trials(fitted, prepared.measured, rows, seeds):
            if len(trial.rows) == 0:
                continue
            worse = replace(prepared, measured=trial.measured)
            table = unit_table(fitted, worse, trial.rows, split, "test")
            if not isinstance(table, OutcomeTable):
                raise TypeError("classes are probed by run_probes")
            is_learned = _learned(fitted, table)
            tables.append(OutcomeProbes.of(table, is_learned, probe=name, strength=trial.strength))
    return join_outcome_probes(tables)


def _learned(fitted: FittedArm, table: OutcomeTable) -> Bools:
    known = {subset: has_learned(fitted, subset) for subset in set(table.modalities.tolist())}
    return np.asarray([known[subset] for subset in table.modalities.tolist()], dtype=np.bool_)
