"""Ray as the carrier of tasks: a cluster of this machine's own, or one that is there."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from typing import Any

from edged.errors import EdgedError
from edged.model.analyzing import ClusterOrder
from edged.offline.cluster.roster import WorkerDied

_OBJECT_STORE_BYTES = 300_000_000
_START_S = 120.0
_REACH_S = 5.0


def require_ray() -> Any:
    """Ray itself: an extra, and slow to load. Raises `EdgedError` where it is missing."""
    try:
        import ray
    except ImportError:
        raise EdgedError("--engine ray needs Ray: pip install 'edged[ray]'") from None
    return ray


class RayCluster:
    """``with RayCluster(order, make) as cluster:`` the connection, and the actors' class."""

    def __init__(self, order: ClusterOrder, actor: type, arguments: tuple[Any, ...]) -> None:
        """``actor`` is made with ``arguments``, which travel once."""
        self._order = order
        self._actor = actor
        self._arguments = arguments
        self.workers = 0
        """How many there is room for, from `__enter__` on."""

    def __enter__(self) -> RayCluster:
        """Raises `EdgedError` where Ray is missing, or the cluster is."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        os.environ.setdefault("RAY_DEDUP_LOGS", "0")
        self._ray = ray = require_ray()
        try:
            self._connect()
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            where = self._order.address or "this machine"
            raise EdgedError(
                f"there is no Ray cluster at {where}: {' '.join(str(error).split())[:300]}"
            ) from error
        self._remote: Any = ray.remote(self._actor)
        self._carried = [ray.put(argument) for argument in self._arguments]
        self.workers = self._order.workers or self._room()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):  # it is over either way
            self._ray.shutdown()

    def _connect(self) -> None:
        ray = self._ray
        quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if self._order.address:
            _check_reachable(self._order.address)
            ray.init(address=self._order.address, **quiet)
            return
        cores = len(os.sched_getaffinity(0))
        wanted = self._order.workers or max(1, int(cores / max(self._order.cpus, 0.01)))
        ray.init(
            num_cpus=max(cores, round(wanted * self._order.cpus + 0.5)),
            include_dashboard=False,
            object_store_memory=_OBJECT_STORE_BYTES,
            _node_ip_address="127.0.0.1",
            **quiet,
        )

    def _room(self) -> int:
        resources = self._ray.cluster_resources()
        room = int(resources.get("CPU", 1) / max(self._order.cpus, 0.01))
        if self._order.gpus:
            room = min(room, int(resources.get("GPU", 0) / self._order.gpus))
        if room < 1:
            raise EdgedError(
                f"the cluster has no worker with {self._order.cpus:g} cores and {self._order.gpus:g} GPUs"
            )
        return room

    # ---- for `Roster` ----

    def start_worker(self) -> Any:
        options = self._remote.options(num_cpus=self._order.cpus, num_gpus=self._order.gpus, max_restarts=0)
        return options.remote(*self._carried)

    def stop_worker(self, worker: Any) -> None:
        with contextlib.suppress(Exception):  # it is dead already, or its cluster is
            self._ray.kill(worker)

    def wait(self, references: list[Any], timeout_s: float) -> list[Any]:
        done, _ = self._ray.wait(references, num_returns=1, timeout=timeout_s)
        return list(done)

    def result(self, reference: Any) -> Any:
        failures = self._ray.exceptions
        gone = (failures.ActorDiedError, failures.ActorUnavailableError, failures.WorkerCrashedError)
        try:
            return self._ray.get(reference, timeout=_START_S)
        except gone as error:
            if "creation task" in str(error) or isinstance(error.__cause__, Exception):
                raise EdgedError(f"a worker cannot be made: {_last_line(error)}") from error
            raise WorkerDied(_last_line(error)) from error
        except failures.RayTaskError as error:
            raise EdgedError(f"a worker failed: {_last_line(error)}") from error


def _check_reachable(address: str) -> None:
    """Raises OSError: Ray itself would end this process, after minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _REACH_S).close()


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
