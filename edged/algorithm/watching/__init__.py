"""Zones and lines: geometry, who is inside, who crosses, how fast. `algos/zones.py` puts it together."""
