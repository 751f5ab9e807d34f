"""How the daemon ends when the system refuses what it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import resource, sys
from pathlib import Path
from edged.app.daemon import run_daemon
from edged.settings import load_settings

load_settings(Path(sys.argv[1]))  # what reading needs is imported
resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))  # enough to read a file, not for an event loop
sys.exit(run_daemon(Path(sys.argv[1])))
"""


def test_what_the_system_refuses_once_the_file_was_read_is_no_mistake_in_it(tmp_path: Path) -> None:
    config = tmp_path / "box.yaml"
    config.write_text("device: box\n")
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(config)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 70, done.stderr
    assert "Too many open files" in done.stderr
