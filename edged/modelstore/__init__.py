"""Model files: fetched by a process of its own, verified, kept by what is in them; and a catalogue."""
