"""The process that opens and decodes one source."""
