"""``python -m edged.capture``: the process that decodes one source; main starts it."""

import gc
import os

# Before numpy comes: its linear algebra is not used, and each of its threads costs memory and spins.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from edged.capture.run import run
from edged.supervise.child import serve

gc.freeze()  # what is loaded now stays: not to be looked through again and again
serve(run)
