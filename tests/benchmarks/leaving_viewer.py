"""A viewer: ``leaving_viewer.py URL`` reads what comes, and decodes none of it, until it is killed."""

from __future__ import annotations

import sys
import time

import av
import av.error


def main() -> None:
    while True:
        try:
            with av.open(sys.argv[1], options={"rtsp_transport": "tcp"}, timeout=(10.0, 10.0)) as stream:
                for _ in stream.demux(video=0):
                    pass
        except (av.error.FFmpegError, OSError):
            time.sleep(0.5)  # it is not there yet


if __name__ == "__main__":
    main()
