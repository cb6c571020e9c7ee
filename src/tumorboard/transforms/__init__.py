"""Operations on image batches, shared by augmentation, probes and simulators."""
