"""Many videos on many machines, by Ray: the beginnings of jobs anywhere, the rest in order here."""
