"""Deterministic and random operations on image batches, shared by augmentation, probes and simulators."""
