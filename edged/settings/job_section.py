"""A job, as the file has it: algorithms, what they look at and how often, what becomes of their results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from edged.model import sampling as model
from edged.model.messages import ClipOrder, ImageOrder, MotionGate
from edged.model.redact import redact_value
from edged.settings.applies import Applies, applies
from edged.settings.fields import MAX_SIDE_PX, Flag, Name, Number, Seconds, Section, Text, Whole, refuse
from edged.settings.source_section import MOST_BUFFERED_S

MAX_REACH = 1024
MOST_AFTER_S = 300.0


class Link(Section):
    """One more algorithm of a job's chain."""

    algorithm: Text = Field(
        json_schema_extra=applies(Applies.JOB),
        description="A name that `edged algos` lists, or module:Class from an allowed folder.",
        examples=["detector"],
    )
    params: dict[str, Any] = Field(
        json_schema_extra=applies(Applies.JOB),
        default_factory=dict,
        description="The algorithm's own parameters; `edged algos NAME` lists them.",
        examples=[{"model": "yolox_nano_416.onnx", "score": 0.4}],
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Without the passwords that params may hold."""
        for name, value in super().__repr_args__():
            yield name, redact_value(value) if name == "params" else value


class Sampling(Section):
    """Which frames a job gets: every `interval` seconds `count` of them, every `step`-th one back."""

    interval: Annotated[Number, Field(ge=0, le=31_536_000)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=1.0,
        description="Seconds between two runs; 0: every frame.",
        examples=[0.2],
    )
    count: Annotated[Whole, Field(ge=1, le=256)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=1,
        description="How many frames one run gets, oldest first.",
        examples=[1],
    )
    step: Annotated[Whole, Field(ge=0, le=MAX_REACH)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=0,
        description="Distance between these frames, in frames of the source; 0 is 1.",
        examples=[5],
    )
    on: Literal["frames", "keyframes"] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default="frames",
        description="keyframes: sample among keyframes only, so that nothing else need be decoded.",
        examples=["keyframes"],
    )

    @model_validator(mode="after")
    def _reach(self) -> Sampling:
        reach = self.to_sampling().reach
        if reach > MAX_REACH:
            raise refuse(
                f"a window of (count-1)*step+1 = {reach} frames is too long; the most is {MAX_REACH}:"
                " use a smaller count or step, or cap the source's fps"
            )
        return self

    def to_sampling(self) -> model.Sampling:
        """The same in whole microseconds, as the schedule wants it."""
        interval_us = max(round(self.interval * 1_000_000), 1) if self.interval > 0 else 0
        return model.Sampling(interval_us, self.count, self.step, model.SampleOn(self.on))


class Image(Section):
    """Pictures beside results."""

    of: Literal["full", "crops"] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default="full",
        description="full: the whole frame, boxes drawn; crops: what is in the box of each detection.",
        examples=["crops"],
    )
    quality: Annotated[Whole, Field(ge=1, le=100)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=80,
        description="Of the JPEG, 1-100; docs/bandwidth.md says what each costs.",
        examples=[80],
    )
    max_width: Annotated[Whole, Field(ge=16, le=MAX_SIDE_PX)] | None = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=None,
        description="Pixels; a wider picture is scaled down. Default: as wide as it is.",
        examples=[1280],
    )

    def to_order(self) -> ImageOrder:
        return ImageOrder(self.of, self.quality, self.max_width)


class RecordOn(Section):
    """A clip of the source for each event of some types."""

    on: Annotated[tuple[Name, ...], Field(min_length=1, max_length=64)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        description="Types of events that its algorithms send, as `edged algos NAME` lists them.",
        examples=[["zone_enter"]],
    )
    before: Annotated[Number, Field(ge=0, le=MOST_BUFFERED_S)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=5.0,
        description="Seconds before the event; it begins with the keyframe before that.",
        examples=[5],
    )
    after: Annotated[Number, Field(ge=0, le=MOST_AFTER_S)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=10.0,
        description="Seconds after the last such event; one that comes meanwhile prolongs the clip.",
        examples=[10],
    )

    def to_order(self) -> ClipOrder:
        return ClipOrder(self.on, self.before, self.after)


def _shape_of_image(value: Any) -> str:
    return "mapping" if isinstance(value, (dict, Image)) else "word"


ImageChoice = Annotated[
    Annotated[Literal["none", "full", "crops"], Tag("word")] | Annotated[Image, Tag("mapping")],
    Discriminator(_shape_of_image),
]


class Publish(Section):
    """Which results are published, and how surely."""

    when: Literal["always", "change", "detections", "events", "never"] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default="always",
        description="always; change: when other objects are seen than in the result before, or in other "
        "zones; detections: results with at least one; events: no results, only events and counts; "
        "never: only counts and status.",
        examples=["detections"],
    )
    qos: Annotated[Whole, Field(ge=0, le=1)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=0,
        description="0: at most once, fresh; 1: at least once.",
        examples=[1],
    )
    image: ImageChoice = Field(
        json_schema_extra=applies(Applies.LIVE),
        default="none",
        description="full or crops: JPEGs of what a published result is about; a mapping says more.",
        examples=["full", {"of": "crops", "quality": 70}],
    )

    def to_image_order(self) -> ImageOrder | None:
        """None: no pictures."""
        if isinstance(self.image, Image):
            return self.image.to_order()
        return None if self.image == "none" else ImageOrder(self.image)


class Movement(Section):
    """A job that runs only where something moves, and now and then anyway."""

    on: Literal["motion"] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default="motion",
        description="What it waits for.",
        examples=["motion"],
    )
    every: Seconds = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=60.0,
        description="Seconds after which it runs anyway.",
        examples=[60],
    )
    hold: Annotated[Number, Field(ge=0, le=3600)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=5.0,
        description="Seconds that it goes on after the last movement.",
        examples=[5],
    )
    min_area: Annotated[Number, Field(ge=0, le=1)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=0.001,
        description="Share of the frame that must have changed.",
        examples=[0.001],
    )
    threshold: Annotated[Number, Field(gt=0, le=255)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=12.0,
        description="Gray levels by which it must have changed.",
        examples=[12],
    )

    def to_gate(self) -> MotionGate:
        return MotionGate(self.every, self.hold, self.min_area, self.threshold)


def _shape_of_when(value: Any) -> str:
    return "mapping" if isinstance(value, (dict, Movement)) else "word"


When = Annotated[
    Annotated[Literal["always", "motion"], Tag("word")] | Annotated[Movement, Tag("mapping")],
    Discriminator(_shape_of_when),
]


def _shape_of_sources(value: Any) -> str | None:
    if isinstance(value, (list, tuple)):
        return "list"
    return "all" if value == "*" else None


Sources = Annotated[
    Annotated[Literal["*"], Tag("all")]
    | Annotated[tuple[Name, ...], Field(min_length=1, max_length=1024), Tag("list")],
    Discriminator(
        _shape_of_sources,
        custom_error_type="refused",
        custom_error_message="{message}",
        custom_error_context={
            "message": 'should be "*" for all sources, or a list of their names such as [gate]'
        },
    ),
]


class Job(Link):
    """An algorithm, the sources it looks at, and how often."""

    sources: Sources = Field(
        json_schema_extra=applies(Applies.LIVE),
        default="*",
        description='The names of the sources it looks at, or "*" for all.',
        examples=[["gate"]],
    )
    enabled: Flag = Field(
        json_schema_extra=applies(Applies.JOB),
        default=True,
        description="false: it does not run.",
        examples=[False],
    )
    sampling: Sampling = Field(
        json_schema_extra=applies(Applies.LIVE),
        default_factory=Sampling,
        description="Which frames it gets.",
        examples=[{"interval": 0.2}],
    )
    when: When = Field(
        json_schema_extra=applies(Applies.LIVE),
        default="always",
        description="motion: it runs only on frames where something moves, and every 60 s anyway; a "
        "mapping says more.",
        examples=["motion", {"on": "motion", "every": 30, "hold": 5}],
    )
    then: Annotated[tuple[Link, ...], Field(max_length=32)] = Field(
        json_schema_extra=applies(Applies.JOB),
        default=(),
        description="A chain: each algorithm sees the frames and what came before it.",
        examples=[[{"algorithm": "tracker"}]],
    )
    publish: Publish = Field(
        json_schema_extra=applies(Applies.LIVE),
        default_factory=Publish,
        description="Which results are published.",
        examples=[{"when": "detections"}],
    )
    record: RecordOn | None = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=None,
        description="Clips of the source at events of this job; default: none.",
        examples=[{"on": ["zone_enter"], "before": 5, "after": 10}],
    )
    deadline: Seconds = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=10.0,
        description="Seconds that one run may take.",
        examples=[10],
    )
    worker: Name = Field(
        json_schema_extra=applies(Applies.JOB),
        default="main",
        description="Jobs with the same name share a process; give a slow or doubtful one its own.",
        examples=["main"],
    )

    def to_gate(self) -> MotionGate | None:
        """None: it runs whether anything moves or not."""
        if isinstance(self.when, Movement):
            return self.when.to_gate()
        return MotionGate() if self.when == "motion" else None
