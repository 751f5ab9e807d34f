"""Algorithms over files instead of cameras: the child of `edged try` and `edged models info`."""
