"""Gene expression of a patient's tumour from one table of all patients."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tumorboard.cache import Cache
from tumorboard.formats.expression_table import (
    Orientation,
    Scale,
    read_expression,
)
from tumorboard.formats.gene_identifiers import Ids
from tumorboard.formats.messages import counted, listed
from tumorboard.formats.profile_files import find_profiles, no_profiles, used_files
from tumorboard.modalities import Measured, MeasuredProfiles, Modality
from tumorboard.modalities.measured.expression import MeasuredExpression
from tumorboard.records import ArraySpec, Cohort, FittedState, Floats, Ints, Rejection
from tumorboard.transforms.coexpression import Similarity
from tumorboard.transforms.expression_profiles import to_profiles
from tumorboard.transforms.expression_scale import n_standardised
from tumorboard.transforms.gene_structure import (
    Features,
    GeneStructure,
    SetScore,
    StructureSettings,
)
from tumorboard.transforms.profiles import (
    ProfileScaling,
    absent_names,
    aligned,
    bounded,
    refuse_small_overlap,
    scaling_notes,
)


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
        features: Features = "genes",
        gene_sets: str = "none",
        min_set_genes: Annotated[int, Field(ge=1)] = 5,
        set_score: SetScore = "mean_z",
        graph: str = "coexpression",
        neighbours: Annotated[int, Field(ge=1)] = 10,
        n_modules: Annotated[int, Field(ge=1)] = 20,
        similarity: Similarity = "correlation",
    ) -> None:
        self._file = table
        self._read_as: dict[str, Any] = {"orientation": orientation, "ids": ids, "scale": scale}
        self._scale: Scale = scale
        self._top = top_genes
        self._most_missing = drop_missing_above
        self._least_overlap = min_overlap
        self._features: Features = features
        self._set_score: SetScore = set_score
        self._making = StructureSettings(
            features, gene_sets, min_set_genes, graph, neighbours, n_modules, similarity
        )
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
        profiles = to_profiles(found, self._scale)
        index = np.asarray([profiles.number.get(p, -1) for p in cohort.patient_id], dtype=np.int64)
        here = frozenset(cohort.patient_id)
        return MeasuredExpression(
            present=index >= 0,
            rejections=tuple(
                Rejection(patient, path, why)
                for patient, why in profiles.without.items()
                if patient in here
            ),
            records=used_files(cohort.root, path, *self._making.files, modality=name),
            name=name,
            table=path,
            names=found.genes,
            profiles=profiles.log2,
            index=index,
            patient_id=cohort.patient_id,
            scale=self._scale,
            notes=(*profiles.notes, *self._by_chance(path.name, found.values)),
            root=cohort.root,
        )

    def _by_chance(self, table: str, values: Floats) -> tuple[str, ...]:
        """What it means to choose genes by a variance that somebody made 1 for all of them."""
        n = values.shape[1]
        is_chosen = 0 < self._top < n and self._features != "gene_sets"
        if self._scale != "z" or not is_chosen or n_standardised(values) <= 0.5 * n:
            return ()
        return (
            f"{table}: all genes vary alike in z-scores, so the {self._top:,} of the largest "
            f"variance (top_genes) are chosen by chance; top_genes = 0 takes all {n:,}",
        )

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
        groups = self._making.groups(
            scaling.names, self.asked, root=profiles.root, name=profiles.name
        )
        if by_sets and self._set_score == "mean_z":
            used = np.unique(np.concatenate(list(groups.values())))
            scaling = scaling.take(used)
            groups = {name: np.searchsorted(used, own) for name, own in groups.items()}
        own = aligned(values, profiles.names, scaling.names)
        scaling = replace(scaling, n_filled=int(np.isnan(own).sum()))
        standard = scaling.filled(own)
        self._scaling, self._outputs, self._last = scaling, None, None
        self._structure = self._making.make(
            standard, scaling.names, groups, self.asked, root=profiles.root
        )
        if self._features != "genes":
            self._outputs = ProfileScaling.fit(
                self._structure.scores(standard, scaling, self._set_score),
                self._structure.score_names(scaling.names), where=profiles.name, most_missing=0.0,
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
        found = scaling.scaled(aligned(own, profiles.names, scaling.names))
        return bounded(found).astype(np.float32)

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
        arrays = {**scaling.arrays(), **more.arrays}
        if self._outputs is not None:
            values["outputs"] = list(self._outputs.names)
            arrays |= {f"output_{key}": a for key, a in self._outputs.arrays().items()}
        return FittedState(values, arrays)

    def restore(self, state: FittedState) -> ArraySpec:
        """Take up a fitted state; see `state`."""
        values, arrays = state.values, state.arrays
        self._scaling = ProfileScaling.from_state(values["genes"], arrays, counts=values)
        self._structure = GeneStructure.from_state(state)
        self._outputs, self._last = None, None
        if "outputs" in values:
            self._outputs = ProfileScaling.from_state(values["outputs"], arrays, prefix="output_")
        return self._spec()

    def _fitted(self) -> ProfileScaling:
        if self._scaling is None:
            raise ValueError("expression is used before it is fitted")
        return self._scaling

    def _prepared(self, profiles: MeasuredProfiles) -> NDArray[np.float32]:
        """What a model sees of every profile of a table."""
        scaling = self._fitted()
        refuse_small_overlap(
            profiles.names, scaling.names, least=self._least_overlap, where=profiles.table.name,
            what="genes",
        )  # fmt: skip
        standard = scaling.filled(aligned(profiles.profiles, profiles.names, scaling.names))
        if self._outputs is not None:
            scores = self._structure.scores(standard, scaling, self._set_score)
            standard = self._outputs.scaled(scores)
        return bounded(standard).astype(np.float32)

    def _spec(self) -> ArraySpec:
        if self._outputs is not None:
            return ArraySpec("vector", (len(self._outputs.names),), self._outputs.names)
        names, own = self._fitted().names, self._structure
        return ArraySpec("vector", (len(names),), names, own.graph, own.groups, own.projections)


def _profiles(measured: Measured) -> MeasuredProfiles:
    if not isinstance(measured, MeasuredProfiles):
        raise TypeError(f"a modality of expression was given {type(measured).__name__}")
    return measured
