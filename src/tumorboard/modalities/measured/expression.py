"""Gene expression of a cohort as it was read, before anything is fitted."""

from __future__ import annotations

from dataclasses import dataclass

from tumorboard.modalities import MeasuredProfiles


@dataclass(frozen=True)
class MeasuredExpression(MeasuredProfiles):
    """Profiles of genes: log2(TPM + 1), log2(CPM + 1) or z-scores as they were read."""

    @property
    def genes(self) -> tuple[str, ...]:
        """Approved symbols, one per column."""
        return self.names
