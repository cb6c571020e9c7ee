"""Fit one model; the plan of arms x repeats x folds; tuning; where it runs."""
