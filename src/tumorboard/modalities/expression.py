"""Gene expression of a patient's tumour from one table of all patients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tumorboard.cache import Cache
from tumorboard.errors import InputError, StudyError
from tumorboard.formats.expression_table import (
    ExpressionTable,
    Orientation,
    Scale,
    read_expression,
)
from tumorboard.formats.gene_identifiers import Ids
from tumorboard.formats.gene_sets import read_gene_sets
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.profile_files import find_profiles, no_profiles, used_files
from tumorboard.modalities import Measured, MeasuredProfiles, Modality
from tumorboard.records import ArraySpec, Bools, Cohort, FittedState, Floats, Ints, Rejection
from tumorboard.transforms.coexpression import Similarity, eigengenes, modules
from tumorboard.transforms.expression_scale import disagreement, stated, to_log2, unlike_patients
from tumorboard.transforms.gene_set_scores import mean_scores, members, rank_scores
from tumorboard.transforms.gene_structure import GeneStructure, make_graph
from tumorboard.transforms.profiles import (
    ProfileScaling,
    absent_names,
    aligned,
    refuse_small_overlap,
    scaling_notes,
)

#: Correlations of more genes than this do not fit into ordinary memory when modules are sought.
_MOST_IN_MODULES = 8_000


@dataclass(frozen=True)
class MeasuredExpression(MeasuredProfiles):
    """Profiles of genes: log2(TPM + 1), log2(CPM + 1) or z-scores as they were read."""

    @property
    def genes(self) -> tuple[str, ...]:
        """Approved symbols, one per column."""
        return self.names


class Expression(Modality):
    """Gene expression from one table: unit and names checked, genes chosen and scaled in the fold.

    TPM become log2(TPM + 1); counts become log2(counts per million + 1), each patient by its own
    total; z-scores stay. Genes that are constant in the training patients are left out; missing
    values take the gene's training median; then every gene has mean 0 and deviation 1 in them.

    Args:
        table: CSV or TSV (also .gz), relative to the data folder; the first column names the rows.
            Another cohort's is the one of this name beside that cohort's own table.
        scale: Unit of the numbers: `tpm`, `counts`, `log2_tpm` (log2(TPM + 1)) or `z`. Numbers
            that look like another unit are refused.
        orientation: Whether rows are genes or patients; by the ids of the cohort where `auto`.
        ids: Whether genes have symbols or Ensembl ids; seen where `auto`.
        top_genes: Genes of the largest variance in the training patients; 0 takes all.
        drop_missing_above: Genes that a larger share of the training patients lacks are left out.
        min_overlap: A table with a smaller share of the model's genes is refused.
        features: What a model sees: `genes`, scores of `gene_sets` (of all genes, not of the top
            ones alone) or `eigengenes` of modules.
        gene_sets: File of gene sets (GMT), relative to the data folder.
        min_set_genes: Sets of which fewer genes are in the table are left out.
        set_score: Score of a set: the mean of its genes' z-scores, or the `rank` score of
            single-sample GSEA, which takes no other patient.
        graph: Edges for encoders that need a graph: `coexpression` of the training patients,
            `sets` (genes that share one) or a file of edges (STRING, BioGRID, two columns).
        neighbours: So many edges reach a gene at most.
        n_modules: Modules of genes that rise and fall together, for eigengenes.
        similarity: What modules are made by: |correlation|, or topological overlap (WGCNA).
    """

    layout = "vector"

    def __init__(
        self,
        *,
        table: str,
        scale: Scale,
        orientation: Orientation = "auto",
        ids: Ids = "auto",
        top_genes: Annotated[int, Field(ge=0)] = 2000,
        drop_missing_above: Annotated[float, Field(ge=0, lt=1)] = 0.2,
        min_overlap: Annotated[float, Field(gt=0, le=1)] = 0.8,
        features: Literal["genes", "gene_sets", "eigengenes"] = "genes",
        gene_sets: str = "none",
        min_set_genes: Annotated[int, Field(ge=1)] = 5,
        set_score: Literal["mean_z", "rank"] = "mean_z",
        graph: str = "coexpression",
        neighbours: Annotated[int, Field(ge=1)] = 10,
        n_modules: Annotated[int, Field(ge=1)] = 20,
        similarity: Similarity = "correlation",
    ) -> None:
        if gene_sets == "none" and (features == "gene_sets" or graph == "sets"):
            key = 'features = "gene_sets"' if features == "gene_sets" else 'graph = "sets"'
            raise StudyError(f"{key} needs a file of gene sets. Set gene_sets, such as 'h.gmt'.")
        self._file = table
        self._read_as: dict[str, Any] = {"orientation": orientation, "ids": ids, "scale": scale}
        self._scale: Scale = scale
        self._top = top_genes
        self._most_missing = drop_missing_above
        self._least_overlap = min_overlap
        self._features = features
        self._gene_sets = gene_sets
        self._least_genes = min_set_genes
        self._set_score = set_score
        self._graph = graph
        self._neighbours = neighbours
        self._n_modules = n_modules
        self._similarity: Similarity = similarity
        self._scaling: ProfileScaling | None = None
        self._structure = GeneStructure()
        self._outputs: ProfileScaling | None = None
        self._last: tuple[Measured, NDArray[np.float32]] | None = None

    def read(self, cohort: Cohort, *, name: str, cache: Cache) -> MeasuredExpression:
        """Read the table and find each row's patient in it.

        Raises:
            InputError: The table cannot be read without guessing, or is not in the unit declared.
        """
        path = find_profiles(self._file, cohort)
        if path is None:
            return MeasuredExpression.nobody(cohort, name=name, note=no_profiles(self._file))
        found = read_expression(path, cohort.patients, **self._read_as)
        problem = disagreement(found.values, self._scale)
        if problem:
            raise InputError(f"{path.name}: {problem}. Set scale to what the table holds.")
        unlike = unlike_patients(found.values, self._scale)
        if unlike:
            listing = listed([f"{found.patients[i]} ({why})" for i, why in unlike.items()])
            raise InputError(
                f"{path.name}: {counted(len(unlike), 'patient is', 'patients are')} in another "
                f"unit than the others, which are {self._scale}: {listing}. Bring every patient "
                "to one unit, or leave these out of the table."
            )
        is_empty, rejections = _without_reads(found, set(cohort.patient_id), self._scale)
        number = {p: i for i, p in enumerate(found.patients) if not is_empty[i]}
        index = np.asarray([number.get(p, -1) for p in cohort.patient_id], dtype=np.int64)
        log2 = to_log2(np.where(is_empty[:, None], np.nan, found.values), self._scale)
        return MeasuredExpression(
            present=index >= 0,
            rejections=rejections,
            records=used_files(cohort.root, path, *self._further_files(), modality=name),
            name=name,
            table=path,
            names=found.genes,
            profiles=log2.astype(np.float32),
            index=index,
            patient_id=cohort.patient_id,
            scale=self._scale,
            notes=(*found.notes, f"{path.name}: {stated(found.values, self._scale)}"),
            root=cohort.root,
        )

    def _further_files(self) -> list[str]:
        """Files of sets and edges, as the study names them."""
        sets = [self._gene_sets] if self._gene_sets != "none" else []
        edges = [self._graph] if self._graph not in ("coexpression", "sets") else []
        return [*sets, *edges]

    def fit(self, measured: Measured, rows: Ints, *, weight: Floats) -> ArraySpec:
        """Choose and scale genes on the training patients, each of whom has one profile.

        Raises:
            InputError: No gene varies, or a file of sets or edges does not fit the genes.
            StudyError: The encoder needs what these settings do not give.
        """
        profiles = _profiles(measured)
        values = profiles.of_patients(rows)
        by_sets = self._features == "gene_sets"
        scaling = ProfileScaling.fit(
            values, profiles.names, where=profiles.name, most_missing=self._most_missing,
            top=0 if by_sets else self._top,
        )  # fmt: skip
        groups = self._groups(scaling, profiles)
        if by_sets and self._set_score == "mean_z":
            used = np.unique(np.concatenate(list(groups.values())))
            scaling = scaling.take(used)
            groups = {name: np.searchsorted(used, own) for name, own in groups.items()}
        own = aligned(values, profiles.names, scaling.names)
        scaling = replace(scaling, n_filled=int(np.isnan(own).sum()))
        standard = scaling.filled(own)
        self._scaling, self._outputs, self._last = scaling, None, None
        self._structure = self._structured(standard, groups, profiles.root)
        if self._features != "genes":
            self._outputs = ProfileScaling.fit(
                self._derived(scaling, standard), self._derived_names(), where=profiles.name,
                most_missing=0.0,
            )  # fmt: skip
        return self._spec()

    def arrays(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """(rows, features) float32 in the order of the specification's names.

        Raises:
            InputError: The table lacks too many of the genes that the model was trained on.
        """
        if _profiles(measured).is_nobodys:
            return np.zeros((len(rows), *self._spec().sizes), dtype=np.float32)
        if self._last is None or self._last[0] is not measured:
            self._last = (measured, self._prepared(_profiles(measured)))
        index = _profiles(measured).index[rows]
        found = self._last[1][index]
        found[index < 0] = 0.0
        return found

    def unimputed(self, measured: Measured, rows: Ints) -> NDArray[Any]:
        """The same with NaN where a gene's value is missing; scores of many genes have none."""
        if self._features != "genes":
            return self.arrays(measured, rows)
        profiles, scaling = _profiles(measured), self._fitted()
        own = profiles.values[rows]
        return scaling.scaled(aligned(own, profiles.names, scaling.names)).astype(np.float32)

    def notes(self, measured: Measured, rows: Ints) -> tuple[str, ...]:
        """What was read, what fitting left out, and what these rows lack of the model's genes."""
        profiles = _profiles(measured)
        sentences = list(profiles.notes)
        if self._scaling is None or profiles.is_nobodys:
            return tuple(sentences)
        fitted = scaling_notes(self._scaling, what="genes", most_missing=self._most_missing)
        sentences += [f"{profiles.name}: {s}" for s in (*fitted, *self._structure.notes)]
        absent = absent_names(profiles.names, self._scaling.names)
        if absent:
            sentences.append(
                f"{profiles.table.name}: lacks {counted(len(absent), 'gene')} of the "
                f"{len(self._scaling.names):,} that the model was trained on, filled with their "
                f"training medians: {listed(absent)}"
            )
        own = aligned(profiles.values[rows], profiles.names, self._scaling.names)
        share = np.isnan(own[profiles.present[rows]]).mean(axis=1)
        n_poor = int((share > 1 - self._least_overlap).sum())
        if n_poor:
            sentences.append(
                f"{profiles.name}: {counted(n_poor, 'row lacks', 'rows lack')} more than "
                f"{100 * (1 - self._least_overlap):.0f} % of the genes; these are at their "
                "training medians"
            )
        return tuple(sentences)

    def state(self) -> FittedState:
        """Genes with their fill values and scales, the structure, and the scale of scores."""
        scaling, more = self._fitted(), self._structure.state()
        values: dict[str, Any] = {"genes": list(scaling.names), **scaling.counts(), **more.values}
        arrays = {**_arrays(scaling), **more.arrays}
        if self._outputs is not None:
            values["outputs"] = list(self._outputs.names)
            arrays |= {f"output_{key}": a for key, a in _arrays(self._outputs).items()}
        return FittedState(values, arrays)

    def restore(self, state: FittedState) -> ArraySpec:
        """Take up a fitted state; see `state`."""
        values, arrays = state.values, state.arrays
        counts = {key: int(values[key]) for key in ("n_sparse", "n_flat", "n_filled")}
        fitted = (arrays["fill"], arrays["mean"], arrays["deviation"])
        self._scaling = ProfileScaling(tuple(values["genes"]), *fitted, **counts)
        self._structure = GeneStructure.from_state(state)
        self._outputs, self._last = None, None
        if "outputs" in values:
            own = [arrays[f"output_{key}"] for key in ("fill", "mean", "deviation")]
            self._outputs = ProfileScaling(tuple(values["outputs"]), own[0], own[1], own[2])
        return self._spec()

    def _fitted(self) -> ProfileScaling:
        if self._scaling is None:
            raise ValueError("expression is used before it is fitted")
        return self._scaling

    def _groups(self, scaling: ProfileScaling, profiles: MeasuredProfiles) -> dict[str, Ints]:
        """Gene sets among the chosen genes, where anything needs them."""
        is_asked = "groups" in self.asked
        by_graph = "graph" in self.asked and self._graph == "sets"
        if not (is_asked or by_graph or self._features == "gene_sets"):
            return {}
        if self._gene_sets == "none":
            raise StudyError(
                f"modalities.{profiles.name}: the encoder works on gene sets. Set gene_sets to a "
                "file of them (GMT)."
            )
        path = profiles.root / self._gene_sets
        groups = members(read_gene_sets(path), scaling.names, least=self._least_genes)
        if not groups:
            raise InputError(
                f"{path.name}: no set has {counted(self._least_genes, 'gene')} among the "
                f"{len(scaling.names):,} of {profiles.name} (min_set_genes)."
            )
        return groups

    def _structured(self, standard: Floats, groups: dict[str, Ints], root: Path) -> GeneStructure:
        """Graph, sets and modules of the chosen genes, as far as they are needed."""
        genes, notes = self._fitted().names, list[str]()
        if self.asked and self._features != "genes":
            raise StudyError(
                f"the encoder needs the genes' {', '.join(sorted(self.asked))}, but the modality "
                f'gives {self._features}. Set features = "genes".'
            )
        graph = projections = None
        if "graph" in self.asked:
            graph, said = make_graph(
                self._graph, standard, genes, groups, neighbours=self._neighbours, root=root
            )
            notes.append(said)
        if "projections" in self.asked or self._features == "eigengenes":
            projections = self._modules(standard)
            notes.append(f"{counted(len(projections), 'module')} of {len(genes):,} genes")
        if groups:
            n_genes = len(np.unique(np.concatenate(list(groups.values()))))
            notes.append(f"{counted(len(groups), 'gene set')} with {n_genes:,} of the genes")
        return GeneStructure(graph, groups, projections, tuple(notes))

    def _modules(self, standard: Floats) -> Floats:
        if standard.shape[1] > _MOST_IN_MODULES:
            raise StudyError(
                f"modules of {standard.shape[1]:,} genes need too much memory. Set top_genes to "
                f"{_MOST_IN_MODULES:,} or fewer."
            )
        module = modules(standard, n_modules=self._n_modules, similarity=self._similarity)
        return eigengenes(standard, module)

    def _derived(self, scaling: ProfileScaling, standard: Floats) -> Floats:
        """(patients, features) scores of sets or eigengenes, of filled profiles."""
        if self._structure.projections is not None:
            return standard @ self._structure.projections.T
        if self._set_score == "mean_z":
            return mean_scores(standard, self._structure.groups)
        return rank_scores(standard * scaling.deviation + scaling.mean, self._structure.groups)

    def _derived_names(self) -> tuple[str, ...]:
        """Names of the sets, or modules called after the gene nearest to their eigengene."""
        projections = self._structure.projections
        if projections is None:
            return tuple(self._structure.groups)
        genes = self._fitted().names
        hubs = np.abs(projections).argmax(axis=1).tolist()
        return tuple(f"module {k} ({genes[hub]})" for k, hub in enumerate(hubs, start=1))

    def _prepared(self, profiles: MeasuredProfiles) -> NDArray[np.float32]:
        """What a model sees of every profile of a table."""
        scaling = self._fitted()
        refuse_small_overlap(
            profiles.names, scaling.names, least=self._least_overlap, where=profiles.table.name,
            what="genes",
        )  # fmt: skip
        standard = scaling.filled(aligned(profiles.profiles, profiles.names, scaling.names))
        if self._outputs is not None:
            standard = self._outputs.scaled(self._derived(scaling, standard))
        return standard.astype(np.float32)

    def _spec(self) -> ArraySpec:
        if self._outputs is not None:
            return ArraySpec("vector", (len(self._outputs.names),), self._outputs.names)
        names, own = self._fitted().names, self._structure
        return ArraySpec("vector", (len(names),), names, own.graph, own.groups, own.projections)


def _without_reads(
    found: ExpressionTable, patients: set[str], scale: Scale
) -> tuple[Bools, tuple[Rejection, ...]]:
    """Patients without a single read or value, and why they have no profile."""
    has_value = np.asarray(np.isfinite(found.values).any(axis=1))
    is_empty: Bools = ~has_value
    if scale != "z":
        is_empty = is_empty | ~np.asarray((found.values > 0).any(axis=1))
    return is_empty, tuple(
        Rejection(
            patient, found.path,
            f"{found.path.name}: every gene of this patient is "
            f"{'zero' if has_value[i] else 'missing'}; no library has that.",
        )
        for i, patient in enumerate(found.patients)
        if is_empty[i] and patient in patients
    )  # fmt: skip


def _arrays(scaling: ProfileScaling) -> dict[str, NDArray[Any]]:
    return {"fill": scaling.fill, "mean": scaling.mean, "deviation": scaling.deviation}


def _profiles(measured: Measured) -> MeasuredProfiles:
    if not isinstance(measured, MeasuredProfiles):
        raise TypeError(f"a modality of expression was given {type(measured).__name__}")
    return measured
