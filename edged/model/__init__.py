"""Frozen values that travel between the parts of edged; no I/O, no third-party imports."""
