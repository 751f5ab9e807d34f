"""What the network may ask of a running device, one request and one answer at a time."""
