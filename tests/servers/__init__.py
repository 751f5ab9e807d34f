"""Real peers for tests, each a context manager with a bounded life; loopback and ephemeral ports only."""
