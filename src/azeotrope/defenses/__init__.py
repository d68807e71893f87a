"""Defenses: one file, one method. `azeotrope list defenses` prints each file's first docstring line."""
