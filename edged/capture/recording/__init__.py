"""What a source sends, kept as it came: the last seconds in memory, clips and segments on the disk."""
