"""Live outputs as MJPEG over HTTP."""

from edged.output.mjpeg.server import MjpegServer

__all__ = ["MjpegServer"]
