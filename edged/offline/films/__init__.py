"""Films of what was analysed: drawn on, encoded, with their sound."""
