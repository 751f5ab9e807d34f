"""Names for plain numbers and strings that must not be mistaken for one another."""

from typing import NewType

SourceId = NewType("SourceId", str)
"""Name of a source in the spec, ``[A-Za-z0-9_-]{1,64}``."""

JobId = NewType("JobId", str)
"""Name of a job in the spec, ``[A-Za-z0-9_-]{1,64}``."""

MonotonicNs = NewType("MonotonicNs", int)
"""``time.monotonic_ns()``: comparable between processes of one boot; for every duration."""

WallNs = NewType("WallNs", int)
"""``time.time_ns()``: for output only, because it jumps on devices without a battery clock."""

PtsUs = NewType("PtsUs", int)
"""A frame's presentation time in microseconds on its source's own, ever rising clock."""
