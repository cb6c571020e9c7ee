"""A model folder opened and used on new patients."""
