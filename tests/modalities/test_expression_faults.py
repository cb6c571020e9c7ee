"""Faults of a table of expression from the command line: exit code 2, and the line that says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tumorboard.cli import app
from tumorboard.formats.hgnc import nomenclature

N, N_GENES = 24, 150
PATIENTS = [f"P{k:02}" for k in range(N)]
STUDY = """
[study]
name = "faults"
seed = 1
[cohort]
source = "folder"
table = "patients.csv"
patient_id = "patient_id"
institution = "hospital"
[task]
kind = "classification"
target = "outcome"
positive = "yes"
[modalities.rna]
kind = "expression"
table = "rna.csv"
scale = "tpm"
orientation = "genes_by_patients"
top_genes = 50
[evaluation]
folds = 2
"""


def symbols() -> list[str]:
    """Approved symbols of the genes, some of which have an Ensembl id."""
    return [g for g in sorted(nomenclature().ensembl.values()) if g.isalnum()][
        1000 : 1000 + N_GENES
    ]


def tpm() -> np.ndarray:
    rng = np.random.default_rng(0)
    log2 = np.clip(rng.normal(5, 2, N_GENES) + rng.normal(0, 0.8, (N, N_GENES)), 0, None)
    return 1e6 * 2**log2 / (2**log2).sum(axis=1, keepdims=True)


@dataclass
class Table:
    """What a fault changes before it is written."""

    genes: list[str] = field(default_factory=symbols)
    patients: list[str] = field(default_factory=lambda: list(PATIENTS))
    values: np.ndarray = field(default_factory=tpm)
    hospital: list[str] = field(default_factory=lambda: ["A", "B"] * (N // 2))
    text: Callable[[str], str] = str
    is_turned: bool = False


Fault = Callable[[Table], object]


def named(**genes: str) -> Fault:
    """Other names in some rows: row_7 = "1-Mar"."""

    def rename(table: Table) -> None:
        for row, name in genes.items():
            table.genes[int(row.removeprefix("row_")) - 2] = name

    return rename


def every(name: Callable[[int, str], str]) -> Fault:
    def rename(table: Table) -> None:
        table.genes = [name(k, gene) for k, gene in enumerate(table.genes)]

    return rename


def one(value: float) -> Fault:
    def change(table: Table) -> None:
        table.values[2, 3] = value

    return change


def scaled(change: Callable[[np.ndarray], np.ndarray], rows: slice = slice(None)) -> Fault:
    def apply(table: Table) -> None:
        table.values[rows] = change(table.values[rows])

    return apply


def versions(table: Table) -> None:
    ids = {symbol: number for number, symbol in nomenclature().ensembl.items()}
    table.genes = [f"ENSG{int(ids[g]):011}.{k % 9}" for k, g in enumerate(table.genes)]
    table.genes[-1] = table.genes[0].partition(".")[0] + ".3_PAR_Y"


def turned(table: Table) -> None:
    table.is_turned = True


def nothing_read(table: Table) -> None:
    table.values[4] = 0


def twice_in_another_name(table: Table) -> None:
    table.values[9] = table.values[4] * np.random.default_rng(1).normal(1, 1e-3, N_GENES)
    table.values[9] *= 1e6 / table.values[9].sum()


def by_place(table: Table) -> None:
    table.hospital = ["A" if k < N // 2 else "B" for k in range(N)]


def cut(table: Table) -> None:
    table.text = lambda text: text[: len(text) * 6 // 10]


#: Fault -> exit code of `check`, and what is said.
FAULTS: dict[str, tuple[Fault, int, str]] = {
    "sound": (str, 0, "declared tpm, and looks like it"),
    "R01": (
        named(row_7="1-Mar", row_9="43891", row_11="2.31E+13"), 2,
        "row 7 '1-Mar' (MARCHF1 or MTARC1), row 9 '43891' (MARCHF1 or MTARC1), row 11 '2.31E+13'",
    ),
    "R01_one_fits": (named(row_7="9-Sep"), 0, "9-Sep is SEPTIN9"),
    "R02_R03": (versions, 0, "1 copy on chromosome Y (_PAR_Y) left out"),
    "R04": (lambda t: named(row_3=t.genes[0])(t), 0, "1 gene stands more than once; added"),
    "R05": (named(row_2="FAM123B", row_3="SEPT9"), 0, "FAM123B is AMER1, SEPT9 is SEPTIN9"),
    "R06": (turned, 2, "Set orientation = 'patients_by_genes'"),
    "R07_counts": (scaled(lambda v: np.rint(20 * v)), 2, "look like counts"),
    "R07_log2": (scaled(lambda v: np.log2(v + 1)), 2, "look like log2 values"),
    "R07_fpkm": (scaled(lambda v: v * np.linspace(2, 5, N)[:, None]), 2, "FPKM"),
    "R07_one_patient": (
        scaled(lambda v: np.log2(v + 1), slice(2, 3)), 2, "1 patient is in another unit"),
    "R08_negative": (one(-4), 2, "1 value is negative, which tpm cannot be: "),
    "R08_missing": (one(np.nan), 2, "1 value is missing, which tpm cannot be: "),
    "R08_infinite": (one(np.inf), 2, "1 value is infinite"),
    "R08_zero": (nothing_read, 3, "rejected: patient P04: rna.csv: every gene of this patient"),
    "R10": (by_place, 0, "warning: institution-confounded"),
    "R11": (every(lambda _, gene: gene.capitalize()), 2, "written as mouse genes are"),
    "R11_ensembl": (every(lambda k, _: f"ENSMUSG{k:011}"), 2, "150 names are genes of mouse"),
    "R11_probes": (every(lambda k, _: f"{1000 + k}_at"), 2, "probes of an array"),
    "R12": (twice_in_another_name, 2, "error: duplicate-expression: rna: 1 pair of patients"),
    "cut": (cut, 2, "the file was cut off"),
}  # fmt: skip


def write(folder: Path, table: Table) -> None:
    outcome = ["yes" if k < N // 2 else "no" for k in range(N)]
    lines = [",".join(row) for row in zip(PATIENTS, table.hospital, outcome, strict=True)]
    patients = "\n".join(["patient_id,hospital,outcome", *lines])
    (folder / "patients.csv").write_text(patients + "\n")
    (folder / "study.toml").write_text(STUDY)
    header, names, values = table.patients, table.genes, table.values.T
    if table.is_turned:
        header, names, values = names, header, values.T
    rows = [
        ",".join([name, *("" if np.isnan(v) else f"{v:.6g}" for v in row)])
        for name, row in zip(names, values.tolist(), strict=True)
    ]
    text = "\n".join([",".join(["id", *header]), *rows]) + "\n"
    (folder / "rna.csv").write_text(table.text(text))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_table_is_refused_or_read_as_it_is_said(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUMORBOARD_CACHE", str(tmp_path / "cache"))
    change, code, said = FAULTS[fault]
    table = Table()
    change(table)
    write(tmp_path, table)
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["check", str(tmp_path / "study.toml"), "--out", str(out)])
    assert said in result.output
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    assert {"manifest.csv", "cohort.json", "audit.json"} <= {p.name for p in out.iterdir()}
