"""The composition root: the command line, and the daemon that puts the parts together."""
