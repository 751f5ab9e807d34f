"""What is decoded of a video: enough for what is wanted, and nothing else, whatever its groups look like."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edged.capture.clock import SourceClock
from edged.model.frame import FrameFormat
from edged.model.sampling import SampleOn, Sampling
from edged.offline.reading.agenda import Agenda, Span
from edged.offline.reading.coded import Coded, Entry
from edged.offline.reading.foresight import Foresight, Planned, Sent
from edged.offline.reading.presenting import Disorder, Presenting
from edged.offline.reading.sieve import Step

FRAME_US = 40_000


@dataclass(frozen=True)
class Fake:
    """A picture of a made-up video: its place in the order shown, and what it says of itself."""

    shown_at: int
    coded: Coded
    leading: bool = False


@st.composite
def videos(draw: st.DrawFn) -> list[Fake]:
    """In the order they are sent. A group: an entry, some shown before it (if open), then mini-groups of
    one reference and pictures before it.
    """
    pictures: list[Fake] = []
    for number in range(draw(st.integers(1, 5))):
        is_open = number > 0 and draw(st.booleans())
        leading = draw(st.integers(0, 3)) if is_open else 0
        first = len(pictures)
        entry = Coded(entry=Entry.OPEN if is_open else Entry.CLOSED, keyframe=True)
        pictures.append(Fake(first + leading, entry))
        pictures += [
            Fake(first + at, Coded(reference=draw(st.booleans())), leading=True) for at in range(leading)
        ]
        for _ in range(draw(st.integers(0, 4))):
            between, base = draw(st.integers(0, 3)), len(pictures)
            pictures.append(Fake(base + between, Coded(reference=draw(st.booleans()) or between > 0)))
            pictures += [Fake(base + at, Coded(reference=draw(st.booleans()))) for at in range(between)]
    return pictures


samplings = st.lists(
    st.builds(
        Sampling,
        st.sampled_from([0, 100_000, 200_000, 530_000, 2_000_000]),
        st.integers(1, 3),
        st.integers(0, 3),
        st.sampled_from(SampleOn),
    ),
    min_size=1,
    max_size=2,
)
spans = st.builds(
    Span,
    st.integers(0, 30).map(lambda at: at * FRAME_US),
    st.none() | st.integers(1, 40).map(lambda at: at * FRAME_US),
)


def agenda_of(chosen: list[Sampling], span: Span) -> Agenda:
    clock = SourceClock()
    clock.open(live=False, frame_us=FRAME_US)
    return Agenda(clock, chosen, span, every_frame=False)


def foresee(
    video: list[Fake], chosen: list[Sampling], span: Span
) -> tuple[list[Step[Planned[Fake]]], Foresight[Fake], Agenda]:
    agenda = agenda_of(chosen, span)
    kinds = {number: fake.coded for number, fake in enumerate(video)}

    def inspect(data: memoryview, *, keyframe: bool) -> Coded | None:
        return kinds[int.from_bytes(data, "big")]

    foresight: Foresight[Fake] = Foresight(agenda, inspect, lambda pts: pts * FRAME_US)
    steps: list[Step[Planned[Fake]]] = []
    depth = max(number - fake.shown_at for number, fake in enumerate(video))
    for number, fake in enumerate(video):
        data = memoryview(number.to_bytes(4, "big"))
        sent = Sent(fake, number, data, fake.shown_at, number - depth, fake.coded.keyframe)
        steps += foresight.add(sent)
    steps += foresight.finish()
    return steps, foresight, agenda


def wanted_of(video: list[Fake], chosen: list[Sampling], span: Span) -> set[int]:
    """What a plain loop over all frames wants, by the order shown."""
    agenda = agenda_of(chosen, span)
    wanted: set[int] = set()
    key_frames: list[int] = []
    for fake in sorted(video, key=lambda fake: fake.shown_at):
        keyframe = fake.coded.keyframe
        if keyframe:
            key_frames.append(fake.shown_at)
        moment = agenda.note(fake.shown_at * FRAME_US, 0, FrameFormat(2, 2), 0, keyframe=keyframe)
        agenda.settled()
        for sampling, due in zip(chosen, moment.due, strict=False):
            line = key_frames if sampling.on is SampleOn.KEYFRAMES else list(range(fake.shown_at + 1))
            if due:
                wanted |= {line[-1 - max(sampling.step, 1) * back] for back in range(sampling.count)}
    return wanted


def right_pictures(video: list[Fake], steps: list[Step[Planned[Fake]]]) -> set[int]:
    """Those that come out of a decoder as they should: all that they may need was decoded, too."""
    decoded = {id(step.packet.packet): step.anew for step in steps}
    right: set[int] = set()
    groups: list[list[Fake]] = []
    for fake in video:
        if fake.coded.entry is not Entry.NONE:
            groups.append([])
        groups[-1].append(fake)
        earlier = [one for one in groups[-1][:-1] if one.coded.reference]
        if not fake.leading:
            earlier = [one for one in earlier if not one.leading]
        elif len(groups) > 1:
            earlier += [one for one in groups[-2] if one.coded.reference and not one.leading]
            if decoded.get(id(groups[-1][0])):
                continue
        if id(fake) in decoded and all(one.shown_at in right for one in earlier):
            right.add(fake.shown_at)
    return right


@given(videos(), samplings, spans)
def test_all_that_is_wanted_is_right(video: list[Fake], chosen: list[Sampling], span: Span) -> None:
    steps, _, _ = foresee(video, chosen, span)
    assert wanted_of(video, chosen, span) <= right_pictures(video, steps)


@given(videos(), samplings, spans)
def test_nothing_is_decoded_in_vain(video: list[Fake], chosen: list[Sampling], span: Span) -> None:
    """No picture that nobody wants and nobody needs, nothing after the last that is wanted of a group."""
    steps, _, _ = foresee(video, chosen, span)
    wanted = {
        step.packet.packet.shown_at for step in steps if step.packet.moment and step.packet.moment.wanted
    }
    decoded = [step.packet.packet for step in steps]
    assert [one for one in video if any(one is other for other in decoded)] == decoded, "in the order sent"
    anew = [step.packet.packet for step in steps if step.anew]
    starts = [at for at, fake in enumerate(video) if fake.coded.entry is not Entry.NONE] + [len(video)]
    for begin, end in pairwise(starts):
        group = video[begin:end]
        after = video[end : min((start for start in starts if start > end), default=end)]
        leads = any(fake.leading and fake.shown_at in wanted for fake in after)
        lacks = any(group[0] is one for one in anew)
        last = max((at for at, fake in enumerate(group) if fake.shown_at in wanted), default=-1)
        for at, fake in enumerate(group):
            if any(fake is other for other in decoded):
                assert fake.shown_at in wanted or fake.coded.reference
                assert at <= last or leads
                assert not (lacks and fake.leading), "what it needs was left out"


@given(videos(), samplings)
def test_giving_up_decodes_what_comes_after(video: list[Fake], chosen: list[Sampling]) -> None:
    """Where stamps stop to tell the order, all references that were still held are given."""
    steps, _, _ = foresee(video, chosen, Span())
    agenda = agenda_of(chosen, Span())
    foresight: Foresight[Fake] = Foresight(
        agenda, lambda data, *, keyframe: video[data[0]].coded, lambda pts: pts * FRAME_US
    )
    depth = max(number - fake.shown_at for number, fake in enumerate(video))
    given_up: list[Step[Planned[Fake]]] = []
    for number, fake in enumerate(video):
        sent = Sent(
            fake, number, memoryview(bytes([number])), fake.shown_at, number - depth, fake.coded.keyframe
        )
        given_up += foresight.add(sent)
    given_up += foresight.give_up()
    whole = {step.packet.packet.shown_at for step in steps}
    assert whole <= {step.packet.packet.shown_at for step in given_up}


def test_order_is_told_as_early_as_it_is_certain() -> None:
    presenting: Presenting[str] = Presenting()
    shown = []
    for pts, dts, name in ((0, -2, "I"), (3, -1, "P"), (1, 0, "b1"), (2, 1, "b2"), (6, 2, "P2")):
        presenting.send(pts, dts)
        presenting.add(pts, name)
        shown.append(presenting.shown())
    assert shown == [[], [], ["I"], ["b1"], ["b2"]]
    assert presenting.rest() == ["P", "P2"]


def disorder(*stamps: tuple[int | None, int | None]) -> str:
    presenting: Presenting[None] = Presenting()
    try:
        for pts, dts in stamps:
            presenting.send(pts, dts)
            presenting.add(pts, None)
            presenting.shown()
    except Disorder as reason:
        return str(reason)
    return ""


def test_stamps_that_tell_no_order_are_said_to() -> None:
    assert disorder((0, 0), (1, 1), (2, 2)) == ""
    assert disorder((None, 0)) == "a picture has no stamp"
    assert disorder((0, 0), (1, -1)) == "decoding times go back"
    assert disorder((0, 1)) == "a picture is shown before it is decoded"
    assert disorder((5, 0), (5, 1)) == "two pictures have the same stamp"
    assert disorder((5, None), *((n + 10, None) for n in range(40)), (6, None)) == "stamps go back"


def test_an_endless_group_is_not_kept_in_memory() -> None:
    """One picture in an hour is wanted, and there is one keyframe."""
    agenda = agenda_of([Sampling(3_600_000_000)], Span())
    foresight: Foresight[None] = Foresight(
        agenda,
        lambda data, *, keyframe: Coded(entry=Entry.CLOSED if keyframe else Entry.NONE, keyframe=keyframe),
        lambda pts: pts * FRAME_US,
    )
    decoded = 0
    for number in range(5000):
        decoded += len(list(foresight.add(Sent(None, number, memoryview(b"x"), number, number, number == 0))))
        foresight.expected.clear()
        assert number + 1 - decoded < 1100
    assert len(list(foresight.finish())) == 0
