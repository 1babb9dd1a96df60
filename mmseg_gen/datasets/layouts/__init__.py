"""Rendered scenes in the form in which each benchmark is distributed; one file per benchmark."""
