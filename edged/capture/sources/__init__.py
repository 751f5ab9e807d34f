"""How each scheme of a source's URL is opened: one small file and one line of registration each.

Pure, and without av or numpy, because main checks URLs with it before a capture is started.
"""

from edged.capture.sources.plan import OpenPlan
from edged.capture.sources.registry import SCHEMES, check_url, device_of, file_of, plan_open, plan_whole

__all__ = ["SCHEMES", "OpenPlan", "check_url", "device_of", "file_of", "plan_open", "plan_whole"]
