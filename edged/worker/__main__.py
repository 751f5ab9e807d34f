"""The entry of a worker process."""

import os

# Before numpy comes: frames are small for BLAS, and its idle threads spin on cores that captures need.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from edged.supervise.child import serve
from edged.worker.process import run

serve(run)
