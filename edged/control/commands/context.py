"""What commands may ask of the rest of the daemon: the seams, put together by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from edged.model.probe import ProbeReport


class SpecControl(Protocol):
    """The twin, as commands see it."""

    @property
    def revision(self) -> int:
        """What runs now; 0: the file's spec."""

    @property
    def local(self) -> int:
        """Patches on top of it."""

    @property
    def origin(self) -> Literal["file", "mqtt"]:
        """Where what runs came from, patches aside."""

    def effective(self) -> Mapping[str, Any]:
        """The spec that runs, patches included, as it is written: references unresolved."""

    async def validate(self, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """The whole way of a desired without its effect. Raises `SpecRejected` or `CommandFailed`."""

    async def patch(
        self,
        *,
        merge: Mapping[str, Any] | None = None,
        ops: Sequence[Any] | None = None,
        expect_local: int | None = None,
    ) -> Mapping[str, Any]:
        """Change what runs by an RFC 7396 merge patch or RFC 6902 operations; returns when it is final.

        Raises `SpecRejected`, or `CommandFailed`: `conflict` when ``expect_local`` is not what is, `busy`.
        """

    def resumed(self) -> Awaitable[Mapping[str, Any]] | None:
        """What the patch comes to that an earlier daemon had in trial, and that is tried once more now.

        None: there is none. Raises as `patch` does.
        """


class Restarter(Protocol):
    """The device, as commands see it. Each raises `CommandFailed` (`not_found`)."""

    def restart_source(self, name: str) -> None: ...

    def restart_job(self, name: str) -> None: ...

    def restart_worker(self, name: str) -> None: ...


class SnapshotTaker(Protocol):
    async def take(
        self, source: str, job: str | None, quality: int, max_width: int | None
    ) -> Mapping[str, Any]:
        """Publish a picture; what to say of it. Raises `CommandFailed`."""


class ClipRecorder(Protocol):
    async def record(self, source: str, before_s: float, after_s: float) -> Mapping[str, Any]:
        """A clip; what to say of it, once it is on the disk. Raises `CommandFailed`."""


class RecordingList(Protocol):
    async def listing(self, source: str | None, limit: int) -> Mapping[str, Any]:
        """What was recorded, the newest first. Raises `CommandFailed`."""


class Prober(Protocol):
    async def probe(self, url: str, timeout_s: float) -> ProbeReport:
        """Open a source once, under the rules of a spec from the network.

        Raises `SpecRejected` for a URL that those do not allow, `CommandFailed` when the look at it failed.
        """


class Facts(Protocol):
    """What the daemon tells about itself: plain JSON values."""

    def info(self) -> Mapping[str, Any]: ...

    def stats(self) -> Mapping[str, Any]: ...

    def logs(self, lines: int) -> Sequence[str]:
        """The newest lines, oldest first, without passwords."""


@dataclass(frozen=True, slots=True)
class Context:
    """All that the operations stand on."""

    twin: SpecControl
    device: Restarter
    snapshots: SnapshotTaker
    prober: Prober
    facts: Facts
    rebirth: Callable[[], None]
    """Publish all retained states again."""
    order_restart: Callable[[], None]
    """End the daemon in order, and start it anew; called after the answer was handed to the outbox."""
    clips: ClipRecorder
    recordings: RecordingList
