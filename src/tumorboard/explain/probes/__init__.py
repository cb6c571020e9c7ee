"""One file per degradation that a trained model is tried on: what if the input were worse."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from tumorboard import registry
from tumorboard.evaluation.pairing import pairing_column
from tumorboard.evaluation.prediction_table import PredictionTable, Texts
from tumorboard.evaluation.probe_table import (
    ProbeTable,
    join_probes,
    read_probes,
    untouched,
    write_probes,
)
from tumorboard.evaluation.tables import read_predictions
from tumorboard.modalities import Measured, MeasuredPictures
from tumorboard.records import Cohort, Ints, Split
from tumorboard.study import Study
from tumorboard.training.batches import derive_seed
from tumorboard.training.fitted import FittedArm
from tumorboard.training.plan import fit_folder
from tumorboard.training.prepare import Prepared
from tumorboard.training.units import unit_table

__all__ = [
    "ImageProbe", "Probe", "Trial", "probe_units", "row_seeds", "run_probes", "signs",
    "with_images",
]  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """Rows made worse at one strength.

    Args:
        strength: How much worse, in the probe's unit; above 0.
        measured: The measurements of the cohort with these rows made worse; other rows are
            undefined.
        rows: Row numbers to predict; each still has one of the arm's modalities.
    """

    strength: float
    measured: Mapping[str, Measured]
    rows: Ints


class Probe(ABC):
    """One way to make inputs worse, at several strengths. Keyword arguments configure it."""

    #: What a strength counts, for the axis of the curve, such as "share of values removed".
    unit: ClassVar[str]

    @abstractmethod
    def refuses(self, fitted: FittedArm) -> str:
        """Why this probe does not apply to this arm; "" where it does."""

    @abstractmethod
    def trials(
        self, fitted: FittedArm, measured: Mapping[str, Measured], rows: Ints, seeds: Ints
    ) -> Iterator[Trial]:
        """The rows made worse, weakest first.

        Args:
            fitted: The arm that is tried.
            measured: Measurements of the cohort.
            rows: Test rows of the split, whether or not the arm can predict them, so that all arms
                see the same degradation.
            seeds: (cohort rows,) one random seed per row of the cohort. What is drawn for a row
                depends on its seed alone: equal in every arm, and growing with the strength.
        """


class ImageProbe(Probe):
    """What every probe of images shares; a component says only how an image gets worse.

    Args:
        strengths: Weakest first, in the probe's unit.
    """

    def __init__(self, *, strengths: tuple[float, ...]) -> None:
        self._strengths = strengths

    @abstractmethod
    def worse(
        self, images: torch.Tensor, generators: list[torch.Generator], strength: float
    ) -> torch.Tensor:
        """The same images (B, C, H, W) in 0..1 made worse, with a generator for each of them."""

    def refuses(self, fitted: FittedArm) -> str:
        """It needs an image."""
        layouts = {fitted.specs[name].layout for name in fitted.arm.modalities}
        return "" if layouts & {"image", "bag", "volume"} else "it reads no image"

    def trials(
        self, fitted: FittedArm, measured: Mapping[str, Measured], rows: Ints, seeds: Ints
    ) -> Iterator[Trial]:
        """One trial per strength."""
        for strength in self._strengths:

            def change(
                images: torch.Tensor, generators: list[torch.Generator], by: float = strength
            ) -> torch.Tensor:
                return self.worse(images, generators, by)

            yield with_images(fitted, measured, rows, seeds, strength=strength, change=change)


def with_images(
    fitted: FittedArm,
    measured: Mapping[str, Measured],
    rows: Ints,
    seeds: Ints,
    *,
    strength: float,
    change: Callable[[torch.Tensor, list[torch.Generator]], torch.Tensor],
) -> Trial:
    """A trial that changes the images of every image modality of the arm, one batch at a time.

    Args:
        fitted: The arm that is tried.
        measured: Measurements of the cohort.
        rows: Rows of the trial.
        seeds: (cohort rows,) seeds.
        strength: What the trial is called.
        change: (B, C, H, W) in 0..1 and a generator for each image to the same images made worse.
    """

    def changed(images: torch.Tensor, of_rows: Ints) -> torch.Tensor:
        generators = [torch.Generator().manual_seed(int(seeds[row])) for row in of_rows]
        return change(images, generators)

    worse = {
        name: replace(each, change=changed) if isinstance(each, MeasuredPictures) else each
        for name, each in measured.items()
    }
    present = fitted.present(measured)[rows].any(axis=1)
    return Trial(strength, worse, rows[present])


def signs(generators: list[torch.Generator]) -> torch.Tensor:
    """(B,) -1 or 1 for each image, from its own generator."""
    drawn = [torch.rand((), generator=generator).item() for generator in generators]
    return torch.as_tensor(np.where(np.asarray(drawn) < 0.5, -1.0, 1.0), dtype=torch.float32)


def run_probes(
    study: Study,
    prepared: Prepared,
    splits: Sequence[Split],
    run: Path,
    *,
    device: str = "cpu",
    say: Callable[[str], None] | None = None,
) -> ProbeTable | None:
    """Try every fitted model of a run on worse inputs of its test patients.

    Each fit's table is kept as probes.csv beside its model, so that an interrupted run goes on
    where it was. Inputs as they were are there too, under the probe "none".

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
    outcome = next(iter(prepared.outcomes.columns))
    tables: list[ProbeTable] = []
    for split in splits:
        for arm in study.arms:
            folder = fit_folder(run, arm, split)
            path = folder / "probes.csv"
            if not path.is_file():
                if say is not None and arm == next(iter(study.arms)):
                    say(f"trying worse inputs: repeat {split.repeat}, fold {split.fold}")
                write_probes(path, _probe_fit(probes, folder, prepared, split, seeds, device))
            positive = prepared.outcomes.classes[-1]
            tables.append(read_probes(path, outcome=outcome, positive=positive))
    joined = join_probes(tables)
    paired = pairing_column(study.as_tables(), joined.predictions.n_rows)
    write_probes(run / "probes.csv", joined, paired=paired)
    return joined


def row_seeds(study: Study, cohort: Cohort) -> Ints:
    """(rows,) seed of what is drawn for each row, whatever arm and fold."""
    rows = zip(cohort.patient_id, cohort.line, strict=True)
    return np.asarray([derive_seed(study.seed, "probe", p, line) for p, line in rows], np.int64)


def probe_units(names: Sequence[str]) -> dict[str, str]:
    """Probe -> what its strength counts, for the axes of its curves."""
    return {name: registry.find("explain.probes", name, Probe).unit for name in names}


def _probe_fit(
    probes: Mapping[str, Probe],
    folder: Path,
    prepared: Prepared,
    split: Split,
    seeds: Ints,
    device: str,
) -> ProbeTable:
    """One fitted model on worse inputs of its test patients, after the inputs as they were."""
    fitted = FittedArm.open(folder)
    if fitted.network is not None:
        fitted.network.to(device)
    rows = split.rows(prepared.cohort, "test")
    predictions = read_predictions(
        folder / "predictions.csv",
        outcome=next(iter(prepared.outcomes.columns)),
        positive=prepared.outcomes.classes[-1],
    )
    predictions = predictions.take(predictions.part == "test")
    has_any = rows[fitted.present(prepared.measured)[rows].any(axis=1)]
    flagged = _flagged(fitted, prepared, prepared.measured, has_any, predictions)
    tables = [untouched(predictions, flagged)]
    for name, probe in probes.items():
        if probe.refuses(fitted):
            continue
        for trial in probe.trials(fitted, prepared.measured, rows, seeds):
            if len(trial.rows) == 0:
                continue
            worse = replace(prepared, measured=trial.measured)
            table = unit_table(fitted, worse, trial.rows, split, "test")
            if not isinstance(table, PredictionTable):
                raise TypeError("numbers are probed by run_number_probes")
            flagged = _flagged(fitted, prepared, trial.measured, trial.rows, table)
            n = table.n_rows
            tables.append(ProbeTable(table, np.full(n, name), np.full(n, trial.strength), flagged))
    return join_probes(tables)


def _flagged(
    fitted: FittedArm,
    prepared: Prepared,
    measured: Mapping[str, Measured],
    rows: Ints,
    table: PredictionTable,
) -> Texts:
    """Modalities of each unit of the table that any of its rows has in too poor a quality."""
    found: dict[str, list[str]] = {}
    for name, modality in fitted.modalities.items():
        poor = rows[modality.poor(measured[name], rows)]
        for unit in {prepared.cohort.unit_id[int(row)] for row in poor}:
            found.setdefault(unit, []).append(name)
    return np.asarray(["+".join(found.get(u, [])) for u in table.unit_id.tolist()], dtype=np.str_)
