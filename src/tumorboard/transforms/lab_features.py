"""Mean, minimum, maximum, last value and count of every lab item per admission, in one pass.

The events are streamed in batches. A batch is aggregated by admission and item, and merged into
one array per item and statistic: memory grows with the table that comes out, not with the events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tumorboard.errors import InputError
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.table_scan import HospitalTable, Kind, read, reading, scan
from tumorboard.records import Ints
from tumorboard.transforms.lab_units import STATISTICS, folded, folded_column
from tumorboard.transforms.running_item import NEVER, RunningItem

if TYPE_CHECKING:
    import polars

#: Events of one batch: large enough that its aggregation is worth its cost.
BATCH = 1_000_000
#: Item ids lie below; admission and item become one number, the fastest key to group by.
MAX_ITEM = 10_000_000

#: Most memory that the statistics of all items may take.
MOST_BYTES = 8_000_000_000
#: Sum, least, most, last, its time and count of an item in one admission, 8 bytes each.
_BYTES_PER_CELL = 48


@dataclass
class LabFeatures:
    """What `lab_features` found.

    Args:
        table: `stay` and the columns `lab_<itemid>_<statistic>`; null without a value, count 0.
        notes: Sentences for the report.
    """

    table: polars.DataFrame
    notes: list[str] = field(default_factory=list[str])


def lab_features(
    labs: HospitalTable,
    stays: polars.DataFrame,
    *,
    admissions: polars.Series,
    items: Sequence[int] = (),
    window_hours: Sequence[float] = (),
    units: Mapping[str, str],
    labels: HospitalTable | None = None,
    everybody: bool = False,
) -> LabFeatures:
    """Aggregate the lab events of admissions.

    Args:
        labs: The table labevents.
        stays: The admissions that are kept: `stay`, `subject_id`, `hadm_id`, `admittime`,
            `dischtime`.
        admissions: `hadm_id` of all admissions, kept or not.
        items: Item ids; empty for all.
        window_hours: (from, to) in hours from admission, both included: events of the patient in
            that time and not after discharge, whatever admission they name. Empty: events that
            name the admission.
        units: Item id -> the unit whose values are kept, for items that have several.
        labels: The table d_labitems, which names the items in messages.
        everybody: The stays are all that the tables hold, so that nothing needs to be filtered.

    Raises:
        InputError: Cells at fault, or values of one item in several units.
    """
    kinds = _kinds(window_hours)
    query = _events(labs, kinds, stays, items, window_hours, everybody=everybody)
    running = _Running(stays, admissions, {int(item): folded(unit) for item, unit in units.items()})
    with reading((labs, kinds)):
        for batch in query.collect_batches(
            chunk_size=BATCH, maintain_order=False, engine="streaming"
        ):
            running.add(batch, by_time=bool(window_hours))
    running.refuse_mixed_units(labs, labels)
    return LabFeatures(running.table(), running.notes(labs))


def _kinds(window_hours: Sequence[float]) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {
        "subject_id": "whole", "hadm_id": "whole", "itemid": "whole", "charttime": "moment",
        "valuenum": "number", "valueuom": "text",
    }  # fmt: skip
    if window_hours:
        del kinds["hadm_id"]
    return kinds


def _events(
    labs: HospitalTable, kinds: Mapping[str, Kind], stays: polars.DataFrame, items: Sequence[int],
    window_hours: Sequence[float], *, everybody: bool,
) -> polars.LazyFrame:  # fmt: skip
    import polars as pl

    query = scan(labs, kinds)
    if items:
        query = query.filter(pl.col("itemid").is_in(list(items)))
    if window_hours:
        first, last = (pl.duration(hours=hours) for hours in window_hours)
        came = pl.col("admittime")
        windows = stays.lazy().select(
            "subject_id",
            pl.col("stay").alias("place"),
            (came + first).alias("from"),
            pl.min_horizontal(came + last, "dischtime").alias("to"),
        )
        time = pl.col("charttime")
        query = query.join(windows, on="subject_id", how="inner").filter(
            (time >= pl.col("from")) & (time <= pl.col("to"))
        )
    elif not everybody:
        subjects = stays.lazy().select("subject_id").unique()
        query = query.join(subjects, on="subject_id", how="semi")
    place = pl.col("place" if window_hours else "hadm_id").fill_null(-1)
    return query.select(
        "itemid", "charttime", "valueuom",
        (place * MAX_ITEM + pl.col("itemid")).alias("key"),
        pl.when(pl.col("valuenum").is_finite()).then("valuenum").alias("value"),
    )  # fmt: skip


class _Running:
    """Statistics and counts while the batches come in."""

    def __init__(
        self, stays: polars.DataFrame, admissions: polars.Series, keep: Mapping[int, str]
    ) -> None:
        order = stays.select("hadm_id", "stay").sort("hadm_id")
        self._ids: Ints = order["hadm_id"].to_numpy()
        self._places: Ints = np.argsort(stays["hadm_id"].to_numpy(), kind="stable")
        self._stays = stays["stay"]
        self._known: Ints = admissions.unique().to_numpy()
        self._by_stay: Ints = np.full(int(self._stays.max() or 0) + 1, -1)  # pyright: ignore[reportArgumentType]
        self._by_stay[self._stays.to_numpy()] = np.arange(stays.height)
        self._keep = keep
        self._items: dict[int, RunningItem] = {}
        self._units: dict[int, dict[str, tuple[str, int]]] = {}
        self._n_textual = self._n_homeless = self._n_strange = self._n_other_unit = 0

    def add(self, batch: polars.DataFrame, *, by_time: bool) -> None:
        """Aggregate one batch and merge it."""
        import polars as pl

        counts = (
            batch.lazy()
            .group_by("itemid", "valueuom")
            .agg(pl.len().alias("n"), pl.col("value").count().alias("n_values"))
            .collect(engine="streaming")
        )
        self._count(counts)
        valued = batch.lazy().filter(pl.col("value").is_not_null())
        if self._keep:
            valued = valued.filter(self._in_kept_unit())
        value = pl.col("value")
        partial = (
            valued.group_by("key")
            .agg(
                value.sum().alias("total"), value.min().alias("low"), value.max().alias("high"),
                value.sort_by("charttime", "value").last().alias("last"),
                pl.col("charttime").max().alias("time"), value.count().alias("count"),
            )
            .collect(engine="streaming")
        )  # fmt: skip
        self._merge(partial, by_time=by_time)

    def _in_kept_unit(self) -> polars.Expr:
        import polars as pl

        unit = folded_column(pl.col("valueuom"))
        wanted = pl.col("itemid").replace_strict(
            list(self._keep), list(self._keep.values()), default=None, return_dtype=pl.String
        )
        return wanted.is_null() | (unit == wanted).fill_null(value=False)

    def _count(self, counts: polars.DataFrame) -> None:
        for item, unit, n, n_values in counts.iter_rows():
            if item is None or not 0 <= item < MAX_ITEM:
                raise InputError(f"labevents, column itemid: {item}; expected 1 to {MAX_ITEM - 1}.")
            self._n_textual += n - n_values
            alike = folded(unit)
            if item in self._keep and alike != self._keep[item]:
                self._n_other_unit += n_values
            elif alike and n_values:
                known = self._units.setdefault(item, {})
                written, before = known.get(alike, (str(unit).strip(), 0))
                known[alike] = (min(written, str(unit).strip()), before + n_values)

    def _merge(self, partial: polars.DataFrame, *, by_time: bool) -> None:
        keys: Ints = partial["key"].to_numpy()
        place, item = np.divmod(keys, MAX_ITEM)  # the admission -1 stays -1
        rows = self._by_stay[place] if by_time else self._find(place)
        counts = partial["count"].to_numpy()
        if not by_time:
            lost = rows < 0
            is_named, counts = place[lost] != -1, counts[lost]
            self._n_homeless += int(counts[~is_named].sum())
            is_strange = is_named & ~np.isin(place[lost], self._known)
            self._n_strange += int(counts[is_strange].sum())
        order = np.argsort(item, kind="stable")
        order = order[rows[order] >= 0]
        columns = {
            name: partial[name].to_numpy() for name in ("total", "low", "high", "last", "count")
        }
        columns["time"] = partial["time"].to_physical().fill_null(NEVER).to_numpy()
        kinds, starts = np.unique(item[order], return_index=True)
        for number, part in zip(kinds.tolist(), np.split(order, starts[1:]), strict=True):
            state = self._items.get(number) or self._new_item()
            self._items[number] = state
            state.add(rows[part], {name: cells[part] for name, cells in columns.items()})

    def _new_item(self) -> RunningItem:
        """Room for one more item.

        Raises:
            InputError: All items together would not fit into memory.
        """
        needed = (len(self._items) + 1) * len(self._ids) * _BYTES_PER_CELL
        if needed > MOST_BYTES:
            raise InputError(
                f"labevents: more than {len(self._items):,} items for {len(self._ids):,} "
                f"admissions need over {MOST_BYTES / 1e9:.0f} GB of memory. Name the items in "
                'cohort.labs, such as labs = [50912, 51006], or leave them out (labs = "none").'
            )
        return RunningItem.empty(len(self._ids))

    def _find(self, admissions: Ints) -> Ints:
        """Position of each admission among the stays; -1 where it is none of them."""
        if not self._ids.size:
            return np.full(admissions.size, -1)
        near = np.minimum(np.searchsorted(self._ids, admissions), self._ids.size - 1)
        return np.where(self._ids[near] == admissions, self._places[near], -1)

    def refuse_mixed_units(self, labs: HospitalTable, labels: HospitalTable | None) -> None:
        """One item in two units has no mean; letter case and spaces do not count."""
        mixed = {item: units for item, units in sorted(self._units.items()) if len(units) > 1}
        if not mixed:
            return
        names = _labels(labels)
        lines: list[str] = []
        for item, units in mixed.items():
            counts = ", ".join(f"{unit!r} {n:,}" for unit, n in sorted(units.values(), key=_most))
            label = f" ({names[item]})" if item in names else ""
            lines.append(f"item {item}{label}: {counts} values")
        item, units = next(iter(mixed.items()))
        unit = min(units.values(), key=_most)[0]
        raise InputError(
            f"{labs.path.name}: units differ within a lab item: {listed(lines)}. Convert them, "
            f"leave the item out (cohort.labs), or keep one unit, such as cohort.lab_units = "
            f'{{"{item}" = "{unit}"}}.'
        )

    def notes(self, labs: HospitalTable) -> list[str]:
        """What was left out."""
        name = labs.path.name
        notes = [
            (self._n_textual, "without a number (text results) left out"),
            (self._n_homeless, "without an admission left out"),
            (self._n_strange, "of an admission that the table admissions lacks left out"),
            (self._n_other_unit, "in another unit than cohort.lab_units left out"),
        ]
        return [f"{name}: {counted(n, 'lab event')} {text}" for n, text in notes if n]

    def table(self) -> polars.DataFrame:
        """The columns of every item, in the order of their ids; the arrays are given away."""
        import polars as pl

        columns: dict[str, polars.Series] = {"stay": self._stays}
        for item in sorted(self._items):
            state = self._items.pop(item)
            some = state.count > 0
            with np.errstate(invalid="ignore", divide="ignore"):
                np.divide(state.total, state.count, out=state.total)
            cells = (state.total, state.low, state.high, state.last)
            for name, values in zip(STATISTICS, cells, strict=False):
                values[~some] = np.nan
                columns[f"lab_{item}_{name}"] = pl.Series(values, nan_to_null=True)
            columns[f"lab_{item}_count"] = pl.Series(state.count)
        return pl.DataFrame(columns)


def _most(unit: tuple[str, int]) -> int:
    return -unit[1]


def _labels(table: HospitalTable | None) -> dict[int, str]:
    if table is None or "label" not in table.columns:
        return {}
    frame = read(table, {"itemid": "whole", "label": "text"})
    return dict(frame.select("itemid", "label").iter_rows())
