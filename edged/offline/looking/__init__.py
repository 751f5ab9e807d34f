"""Looks at a model: what it is for, what it finds, what it costs here."""
