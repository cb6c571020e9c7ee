"""What each kind of modality read from a cohort, before anything is fitted: one file per kind."""
