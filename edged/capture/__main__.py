"""``python -m edged.capture``: the process that decodes one source; main starts it."""

from edged.capture.run import run
from edged.supervise.child import serve

serve(run)
