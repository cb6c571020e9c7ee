"""Encoders, fusions, baselines, and their assembly into one network per arm."""
