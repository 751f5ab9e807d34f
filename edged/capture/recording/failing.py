"""What to say when the disk refuses."""

from __future__ import annotations

import errno
import os

_MENDS = {
    errno.ENOSPC: "the disk is full: make room, or lower recordings.max_mb",
    errno.EDQUOT: "the disk quota is used up: make room, or lower recordings.max_mb",
    errno.EROFS: "the disk is read-only: remount it, or set recordings.path to another",
    errno.EACCES: "no permission: let edged's user write there, or set recordings.path to another folder",
    errno.EFBIG: "the file is as large as files may be here: raise the limit, or record in shorter segments",
    errno.ENOENT: "the folder was taken away while it was written to; it is made anew",
    errno.ENOTDIR: "a part of the path is no folder: set recordings.path to another",
}


def why(error: OSError) -> str:
    """For people, with the mend."""
    number = error.errno or 0
    return _MENDS.get(number) or error.strerror or os.strerror(number)
