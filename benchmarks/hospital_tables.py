"""The admission table of millions of lab events against a bare polars scan of the same file.

Run: `.venv/bin/python benchmarks/hospital_tables.py 20 --folder DIR` (millions of events). Writes
tables in the shape of MIMIC-IV once (labevents as CSV.gz), then measures, each in a process of its
own, `MimicIv(...).tabulate(DIR)` and one polars query that reads the same file and computes the
same mean, min, max, last and count per admission and item, without a check. Prints one line of
JSON.
"""

import argparse
import gzip
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

N_ITEMS = 30
EVENTS_PER_ADMISSION = 250
CHUNK = 1_000_000
UNITS = ("mg/dL", "mEq/L", "g/dL", "%", "K/uL")
TIME = "%Y-%m-%d %H:%M:%S"


def write_tables(folder, n_events):
    """patients, admissions, diagnoses and labevents; nothing is written twice."""
    if (folder / "complete").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    n_admissions = n_events // EVENTS_PER_ADMISSION
    rng = np.random.default_rng(0)
    admission = np.arange(n_admissions)
    start = np.datetime64("2150-01-01T00:00:00", "us")
    gap = np.where(admission % 2, 400, 0) * 1440  # the second admission of a patient is later
    admitted = start + (rng.integers(0, 300 * 1440, n_admissions) + gap).astype("timedelta64[m]")
    pl.DataFrame(
        {
            "subject_id": 10_000_000 + admission[::2] // 2,
            "gender": rng.choice(["F", "M"], len(admission[::2])),
            "anchor_age": rng.integers(18, 91, len(admission[::2])),
            "anchor_year": 2150,
            "anchor_year_group": "2008 - 2010",
            "dod": None,
        }
    ).write_csv(folder / "patients.csv")
    pl.DataFrame(
        {
            "subject_id": 10_000_000 + admission // 2,
            "hadm_id": 20_000_000 + admission,
            "admittime": admitted,
            "dischtime": admitted + np.timedelta64(5, "D"),
            "deathtime": None,
            "admission_type": "EW EMER.",
            "admission_location": "EMERGENCY ROOM",
            "discharge_location": "HOME",
            "insurance": "Other",
            "language": "ENGLISH",
            "marital_status": "MARRIED",
            "race": "WHITE",
            "hospital_expire_flag": (rng.random(n_admissions) < 0.1).astype(int),
        }
    ).write_csv(folder / "admissions.csv", datetime_format=TIME)
    pl.DataFrame(
        {
            "subject_id": 10_000_000 + admission // 2,
            "hadm_id": 20_000_000 + admission,
            "seq_num": 1,
            "icd_code": rng.choice(["4280", "I509", "C50911", "25000"], n_admissions),
        }
    ).with_columns(
        icd_version=pl.col("icd_code").str.contains("^[A-Z]").replace_strict({True: 10, False: 9})
    ).write_csv(folder / "diagnoses_icd.csv")
    with gzip.open(folder / "labevents.csv.gz", "wb", compresslevel=1) as handle:
        for first in range(0, n_events, CHUNK):
            rows = np.arange(first, min(first + CHUNK, n_events))
            handle.write(_events(rows, admitted, rng, include_header=first == 0))
    (folder / "complete").touch()


def _events(rows, admitted, rng, *, include_header):
    """Lab events in the columns of MIMIC-IV 2.2; one in five names no admission."""
    admission = np.minimum(rows // EVENTS_PER_ADMISSION, len(admitted) - 1)
    item = rng.integers(0, N_ITEMS, len(rows))
    value = np.round(rng.gamma(4, 3, len(rows)), 1)
    minutes = rng.integers(0, 5 * 1440, len(rows)).astype("timedelta64[m]")
    charted = admitted[admission] + minutes
    nothing = pl.repeat(None, len(rows), dtype=pl.String, eager=True)
    frame = pl.DataFrame(
        {
            "labevent_id": rows,
            "subject_id": 10_000_000 + admission // 2,
            "hadm_id": 20_000_000 + admission,
            "specimen_id": rng.integers(10**7, 10**8, len(rows)),
            "itemid": 50801 + item,
            "order_provider_id": nothing,
            "charttime": charted,
            "storetime": charted + np.timedelta64(1800, "s"),
            "value": value,
            "valuenum": value,
            "valueuom": np.array(UNITS)[item % len(UNITS)],
            "ref_range_lower": (item % 7).astype(float),
            "ref_range_upper": (item % 7 + 10).astype(float),
            "flag": np.where(value > 25, "abnormal", ""),
            "priority": rng.choice(["STAT", "ROUTINE"], len(rows)),
            "comments": nothing,
        }
    ).with_columns(
        hadm_id=pl.when(pl.Series(rng.random(len(rows)) < 0.2)).then(None).otherwise("hadm_id")
    )
    text = frame.write_csv(include_header=include_header, datetime_format=TIME)
    return text.encode()


def bare(folder):
    """The same numbers by one query: nothing is checked, nothing joined."""
    types = {"hadm_id": pl.Int64, "itemid": pl.Int64, "valuenum": pl.Float64}
    value = pl.col("valuenum")
    frame = (
        pl.scan_csv(folder / "labevents.csv.gz", infer_schema=False, schema_overrides=types)
        .filter(pl.col("hadm_id").is_not_null())
        .group_by("hadm_id", "itemid")
        .agg(
            value.mean().alias("mean"),
            value.min().alias("min"),
            value.max().alias("max"),
            value.sort_by("charttime").last().alias("last"),
            value.count().alias("count"),
        )
        .collect(engine="streaming")
    )
    return {"rows": frame.height}


def ours(folder):
    """The admission table of the source."""
    from tumorboard.cohorts.mimic_iv import MimicIv

    frame = MimicIv(rows="admission").tabulate(folder).frame
    return {"rows": frame.height, "columns": frame.width}


def measured(side, folder):
    """Seconds and peak memory of one side in a process of its own."""
    command = [sys.executable, __file__, "0", "--folder", str(folder), "--side", side]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main():
    """Measure both sides, alternately, and print the ratio of their medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("millions", type=float)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=["bare", "ours"])
    options = parser.parse_args()
    if options.side:
        start = time.perf_counter()
        result = {"bare": bare, "ours": ours}[options.side](options.folder)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # kilobytes on Linux
        print(json.dumps({**result, "seconds": round(seconds, 2), "peak_gb": round(peak, 3)}))
        return
    folder = options.folder / f"{options.millions:g}-million"
    write_tables(folder, int(options.millions * 1e6))
    rounds = [
        {side: measured(side, folder) for side in ("bare", "ours")} for _ in range(options.rounds)
    ]
    seconds = {
        side: float(np.median([r[side]["seconds"] for r in rounds])) for side in ("bare", "ours")
    }
    result = {
        "benchmark": "hospital_tables",
        "million_events": options.millions,
        "gz_mb": round((folder / "labevents.csv.gz").stat().st_size / 1e6),
        "bare_s": seconds["bare"],
        "ours_s": seconds["ours"],
        "ratio": round(seconds["ours"] / seconds["bare"], 2),
        "bare_peak_gb": max(r["bare"]["peak_gb"] for r in rounds),
        "ours_peak_gb": max(r["ours"]["peak_gb"] for r in rounds),
        "table": {key: rounds[0]["ours"][key] for key in ("rows", "columns")},
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "polars": pl.__version__,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
