"""Child processes in general: it knows no video."""
