"""What the device says of itself where the file says nothing: its name, and where its state lies."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

_STOCK = re.compile(
    r"localhost.*|raspberry(pi)?|raspbian|ubuntu|debian|linux|jetson.*|tegra.*|nvidia.*|orange-?pi.*|banana-?pi.*"
    r"|nano-?pi.*|rock-?(pi)?-?[0-9s]?[a-e]?\+?|rockchip.*|radxa.*|odroid.*|khadas.*|beaglebone.*|armbian|dietpi"
    r"|alarm|archlinux|fedora|buildroot|yocto|openwrt|alpine|unassigned.*|none|"
)
"""Names that images come with, so that many devices of a fleet share them."""
_NETWORKS = Path("/sys/class/net")


def default_device() -> str:
    """The host name as a device name, made unlike others where it is one that an image came with."""
    return device_name(socket.gethostname(), _mac())


def device_name(host: str, mac: str) -> str:
    """``gate-01`` for gate-01.example.com; ``raspberrypi-1a2b3c`` for a stock name and its MAC.

    Always matches the pattern of names. An empty ``mac`` adds nothing.
    """
    label = re.sub(r"[^A-Za-z0-9_-]+", "-", host.split(".", maxsplit=1)[0]).strip("-")[:57]
    end = re.sub(r"[^0-9a-f]", "", mac.lower())[-6:]
    if end and _STOCK.fullmatch(label.lower()):
        return f"{label or 'edged'}-{end}"
    return label or "edged"


def default_storage() -> Path:
    """The first of systemd's $STATE_DIRECTORY, else ``edged`` in the user's state folder."""
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    state = os.environ.get("XDG_STATE_HOME", "")
    # the XDG specification calls relative ones invalid
    return Path(state if state.startswith("/") else Path.home() / ".local" / "state") / "edged"


def _mac() -> str:
    """The MAC of the first network device that is a real one, else the machine id, else nothing."""
    try:
        for device in sorted(_NETWORKS.iterdir()):
            address = (device / "address").read_text().strip() if (device / "device").exists() else ""
            if address.strip("0:"):
                return address
    except OSError:
        pass
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return ""
