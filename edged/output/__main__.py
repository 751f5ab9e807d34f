"""The entry of a process of live pictures."""

import os

# Before numpy comes: frames are small for BLAS, and its idle threads spin on cores that captures need.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from edged.output.process import run
from edged.supervise.child import serve

os.nice(5)  # where cores are short, captures and workers go first
serve(run)
