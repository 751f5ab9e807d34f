"""Settings in, what should run out: as the processes that run it want it. Pure."""
