"""Metrics, intervals, thresholds and comparisons of prediction tables, never a model."""
