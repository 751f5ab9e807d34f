"""Main's domain: what should run, what does, and what the outside is told of it."""
