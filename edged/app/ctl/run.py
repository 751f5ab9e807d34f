"""`edged ctl`, from the command line to the exit code."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edged.app.ctl import applying, asking, watching
from edged.app.ctl.address import Address, Given, Target, find_broker, find_target
from edged.app.ctl.applying import FOLLOW_S, Following, Standing, Wanted
from edged.app.ctl.arguments import parse_arguments, read_spec
from edged.app.ctl.asking import Conversation, Question
from edged.app.ctl.operations import APPLY, WAIT, WATCH, timeout_for
from edged.app.ctl.printing import Printer
from edged.app.ctl.session import Session
from edged.errors import EdgedError

EXIT_FINE = 0
EXIT_FAILED = 1
_ENVELOPE = {"gate", "keep_local"}
_FILTERS = {"job", "source"}


@dataclass(frozen=True, slots=True)
class Order:
    """What the command line asks for, besides the connection."""

    device: str
    op: str
    words: tuple[str, ...] = field(default=(), repr=False)
    id: str | None = None
    timeout_s: float | None = None
    output: Path | None = None
    revision: int | None = None
    as_json: bool = False


def prepare(given: Given, order: Order) -> Coroutine[Any, Any, int]:
    """What `run` does, once its files are read. Raises ValueError for what is wrong with the command line,
    and for its files what `read_file` raises.
    """
    address = find_broker(given)
    target = find_target(address, order.device)
    _check(target, order)
    return _task(address, target, order, Printer(sys.stdout, sys.stderr, as_json=order.as_json))


def run(task: Coroutine[Any, Any, int]) -> int:
    """The exit code. Raises `EdgedError`."""
    logging.basicConfig(level=logging.CRITICAL)  # what is wrong with the connection is said once, at the end
    return asyncio.run(task)


def _check(target: Target, order: Order) -> None:
    """What does not go together."""
    if order.output is not None and (order.op != "snapshot" or target.is_many):
        raise ValueError("-o is for the snapshot of one device")
    if order.output is not None and not order.output.absolute().parent.is_dir():
        raise ValueError(f"there is no folder {order.output.parent} for -o")
    if order.revision is not None and order.op != APPLY:
        raise ValueError("--revision is for apply")
    if target.is_many and order.op in (APPLY, WAIT):
        raise ValueError(f"{order.op} is for one device")
    if target.is_many and order.op == WATCH and target.name != "@all":
        raise ValueError("watch one device, or @all")


def _task(address: Address, target: Target, order: Order, printer: Printer) -> Coroutine[Any, Any, int]:
    if order.op == APPLY:
        if not order.words:
            raise ValueError("apply which file? edged ctl DEVICE apply spec.yaml")
        wanted = Wanted(
            read_spec(Path(order.words[0])), order.revision, _known(order.words[1:], _ENVELOPE, APPLY)
        )
        return _apply(address, target, order, printer, wanted)
    if order.op == WAIT:
        revision = _known(order.words, {"revision"}, WAIT).get("revision")
        if not isinstance(revision, int):
            raise ValueError("wait for which? edged ctl DEVICE wait revision=8")
        return _wait(address, target, order, printer, revision)
    if order.op == WATCH:
        filters = {key: _level(key, name) for key, name in _known(order.words, _FILTERS, WATCH).items()}
        return _watch(address, target, order, printer, filters)
    question = Question(order.op, parse_arguments(order.words), **({"id": order.id} if order.id else {}))
    if target.is_many:
        return _ask_many(address, target, order, printer, question)
    return _ask_one(address, target, order, printer, question)


async def _ask_one(
    address: Address, target: Target, order: Order, printer: Printer, question: Question
) -> int:
    timeout_s = order.timeout_s or timeout_for(order.op)
    async with Session(address, asking.topics_for(target, question)) as session:
        conversation, reply = await asking.ask_one(
            session,
            target,
            question,
            timeout_s,
            lambda state: printer.say(f"{target.name} is {state}: waiting for it, {timeout_s:g} s at most"),
        )
        printer.answer(reply)
        if order.output is not None and reply.ok:
            await _keep_picture(conversation, reply.data, order.output, printer)
    return EXIT_FINE if reply.ok else EXIT_FAILED


async def _ask_many(
    address: Address, target: Target, order: Order, printer: Printer, question: Question
) -> int:
    timeout_s = order.timeout_s or timeout_for(order.op)
    all_well, number = True, 0
    async with Session(address, asking.topics_for(target, question)) as session:
        conversation = Conversation(session, target, question)
        async for reply in conversation.replies(timeout_s):
            printer.one_of_many(reply)
            all_well, number = all_well and reply.ok, number + 1
        if not number:
            raise EdgedError(asking.silence(target, session, {}, timeout_s), code="timeout")
    return EXIT_FINE if all_well else EXIT_FAILED


async def _keep_picture(conversation: Conversation, data: Any, output: Path, printer: Printer) -> None:
    size = data.get("bytes") if isinstance(data, dict) else None
    picture = await conversation.picture(size)
    output.write_bytes(picture)
    printer.say(f"wrote {output}, {len(picture)} bytes")


async def _apply(address: Address, target: Target, order: Order, printer: Printer, wanted: Wanted) -> int:
    async with Session(address, applying.topics_for(target)) as session:
        following = Following(session, target, lambda standing: _tell(printer, target, standing))
        return printer.standing(target.name, await following.apply(wanted, order.timeout_s or FOLLOW_S))


async def _wait(address: Address, target: Target, order: Order, printer: Printer, revision: int) -> int:
    async with Session(address, applying.topics_for(target)) as session:
        following = Following(session, target, lambda standing: _tell(printer, target, standing))
        return printer.standing(target.name, await following.wait(revision, order.timeout_s or FOLLOW_S))


async def _watch(
    address: Address, target: Target, order: Order, printer: Printer, filters: dict[str, str]
) -> int:
    topics = watching.topics_for(target, **filters)
    if not order.as_json:  # what came, as it came: results and events
        topics += watching.topics_of_changes(target, **filters)
    async with Session(address, topics) as session:
        show = printer.news(with_device=target.is_many)
        tell = printer.changes(with_device=target.is_many)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(order.timeout_s):
                await watching.watch(session, target, show, printer.say, tell)
    return EXIT_FINE


def _tell(printer: Printer, target: Target, standing: Standing) -> None:
    printer.say(f"{target.name}: revision {standing.desired_revision} {standing.phase}")


def _known(words: tuple[str, ...], keys: set[str], op: str) -> dict[str, Any]:
    arguments = parse_arguments(words)
    for key in arguments:
        if key not in keys:
            raise ValueError(f"{op} takes {', '.join(sorted(keys))}, not {key}")
    return arguments


def _level(kind: str, name: Any) -> str:
    """One level of a topic."""
    level = str(name)
    if not level or set(level) & set("+#/\x00"):
        raise ValueError(f"{kind}={level} is no name")
    return level
