"""What each command does, given arguments that are right. None of them knows of topics, ids or deadlines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

from edged.control.commands.arguments import (
    MOST_LOG_LINES,
    Get,
    Nothing,
    Patch,
    Pause,
    Probe,
    Record,
    Restart,
    Resume,
    Snapshot,
    Validate,
)
from edged.control.commands.context import Context
from edged.control.commands.request import CommandFailed
from edged.settings import did_you_mean, json_schema
from edged.settings.showing import shown

Data = Mapping[str, Any]
_LISTED = 100
"""Recordings, unless more are asked for."""


async def ping(_arguments: Nothing, _context: Context) -> Data:
    return {}


async def get(arguments: Get, context: Context) -> Data:
    match arguments.what:
        case "spec":
            return _spec(context)
        case "schema":
            return {"schema": _schema()}
        case "info":
            return context.facts.info()
        case "stats":
            return context.facts.stats()
        case "logs":
            return {"lines": list(context.facts.logs(arguments.lines or MOST_LOG_LINES))}
        case "recordings":
            return await context.recordings.listing(arguments.source, arguments.limit or _LISTED)


async def validate(arguments: Validate, context: Context) -> Data:
    return await context.twin.validate(arguments.spec)


async def patch(arguments: Patch, context: Context) -> Data:
    return await context.twin.patch(
        merge=arguments.spec, ops=arguments.ops, expect_local=arguments.expect_local
    )


async def pause(arguments: Pause, context: Context) -> Data:
    return await _enable(arguments, context, enabled=not arguments.paused)


async def resume(arguments: Resume, context: Context) -> Data:
    return await _enable(arguments, context, enabled=True)


async def snapshot(arguments: Snapshot, context: Context) -> Data:
    return await context.snapshots.take(
        arguments.source, arguments.job, arguments.quality, arguments.max_width
    )


async def record(arguments: Record, context: Context) -> Data:
    return await context.clips.record(arguments.source, arguments.before, arguments.after)


async def probe(arguments: Probe, context: Context) -> Data:
    report = await context.prober.probe(arguments.url, arguments.timeout)
    if report.error:
        raise CommandFailed("source_failed", report.error, {"url": report.url})
    return {key: value for key, value in asdict(report).items() if value not in ("", None)}


async def restart(arguments: Restart, context: Context) -> Data:
    """That of the daemon follows its answer; here is nothing to do for it."""
    if arguments.source is not None:
        context.device.restart_source(arguments.source)
    elif arguments.job is not None:
        context.device.restart_job(arguments.job)
    elif arguments.worker is not None:
        context.device.restart_worker(arguments.worker)
    return {}


def ends_daemon(arguments: Restart) -> bool:
    return arguments.daemon is True


async def rebirth(_arguments: Nothing, context: Context) -> Data:
    context.rebirth()
    return {}


@cache
def _schema() -> Mapping[str, Any]:
    """Made once: it takes long, and anybody may ask over and over."""
    return json_schema("spec")


def _spec(context: Context) -> Data:
    twin = context.twin
    return {
        "spec": shown(twin.effective()),
        "revision": twin.revision,
        "local": twin.local,
        "source": twin.origin,
    }


async def _enable(arguments: Resume, context: Context, *, enabled: bool) -> Data:
    """A patch of one key. What is so already is left alone, so that a switch may say it again and again."""
    section, name = ("sources", arguments.source) if arguments.source else ("jobs", arguments.job)
    existing = context.twin.effective().get(section) or {}
    if name not in existing:
        message = f"there is no {section[:-1]} {name}{did_you_mean(str(name), existing)}"
        raise CommandFailed("not_found", message)
    if existing[name].get("enabled", True) is enabled:
        return {}
    return await context.twin.patch(merge={section: {name: {"enabled": enabled}}})
