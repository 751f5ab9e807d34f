"""The algorithms that come with edged: one file each."""
