"""The entry of a worker process."""

from edged.supervise.child import serve
from edged.worker.process import run

serve(run)
