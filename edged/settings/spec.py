"""The lower part of the file, and what MQTT replaces later: what to run. References stay as written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from edged.model import sampling as model
from edged.model.messages import MotionGate
from edged.model.plane import quadrangle_fault
from edged.model.redact import redact_url, redact_value
from edged.settings.applies import Applies, applies
from edged.settings.brought import BroughtModel, ModelName
from edged.settings.fields import (
    CheckedLine,
    Flag,
    Name,
    Number,
    Pixels,
    Point,
    Polygon,
    Seconds,
    Section,
    Text,
    Whole,
    refuse,
)

MAX_REACH = 1024


class Calibration(Section):
    """Points of the picture, and where they lie on flat ground."""

    image: Annotated[tuple[Point, ...], Field(min_length=4, max_length=64)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        description="At least four points, in fractions of the frame; no three of four on one line.",
        examples=[[[0.1, 0.9], [0.9, 0.9], [0.7, 0.3], [0.3, 0.3]]],
    )
    ground: Annotated[tuple[tuple[Number, Number], ...], Field(min_length=4, max_length=64)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        description="The same points in metres on the ground, from any origin.",
        examples=[[[0, 0], [6, 0], [6, 20], [0, 20]]],
    )

    @model_validator(mode="after")
    def _pairs(self) -> Calibration:
        if len(self.image) != len(self.ground):
            raise refuse(
                f"image has {len(self.image)} points and ground {len(self.ground)}: give each point in both"
            )
        if len(self.image) == 4 and (fault := quadrangle_fault(self.image, self.ground)):
            raise refuse(fault)
        return self


class Source(Section):
    """What to open, and how."""

    url: Text = Field(
        json_schema_extra=applies(Applies.SOURCE),
        description="rtsp(s)://, rtmp://, http(s):// (MJPEG, HLS), srt://, udp://, a path or file://, "
        "/dev/video0, or pattern://testsrc2?size=1280x720&rate=30. "
        "References such as ${secret:NAME} may stand in it.",
        examples=["rtsp://admin:${secret:cam}@192.168.1.20/stream1", "video.mp4", "/dev/video0"],
    )
    enabled: Flag = Field(
        json_schema_extra=applies(Applies.SOURCE),
        default=True,
        description="false: it is not opened.",
        examples=[False],
    )
    size: tuple[Pixels, Pixels] | None = Field(
        json_schema_extra=applies(Applies.SOURCE),
        default=None,
        description="Width and height in pixels of the frames that jobs see; default: as they come.",
        examples=[[1280, 720]],
    )
    fps: Annotated[Number, Field(gt=0, le=1000)] | None = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=None,
        description="The most frames per second that are used; default: as they come.",
        examples=[15],
    )
    transport: Literal["tcp", "udp"] = Field(
        json_schema_extra=applies(Applies.SOURCE),
        default="tcp",
        description="How RTSP brings its media.",
        examples=["udp"],
    )
    loop: Flag = Field(
        json_schema_extra=applies(Applies.SOURCE),
        default=False,
        description="Files: start again at the end.",
        examples=[True],
    )
    timeout: Seconds = Field(
        json_schema_extra=applies(Applies.SOURCE),
        default=10.0,
        description="Seconds without a frame before the source is opened again.",
        examples=[10],
    )
    hwaccel: Literal["auto", "none", "cuda", "vaapi", "qsv", "drm"] = Field(
        json_schema_extra=applies(Applies.SOURCE),
        default="auto",
        description="Decoding in hardware, by the name of the device; where there is no such device the log "
        "says so and software does it. auto is software in this version.",
        examples=["vaapi"],
    )
    zones: dict[Name, Polygon] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default_factory=dict,
        description="Polygons by name; corners in fractions of the frame, from its upper left.",
        examples=[{"door": [[0.1, 0.2], [0.4, 0.2], [0.4, 0.9], [0.1, 0.9]]}],
    )
    lines: dict[Name, CheckedLine] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default_factory=dict,
        description="Lines by name, two points each; `in` is from left to right, looking from the "
        "first to the second.",
        examples=[{"entry": [[0.7, 0.0], [0.7, 1.0]]}],
    )
    masks: dict[Name, Polygon] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default_factory=dict,
        description="Polygons by name that are never looked at and never shown.",
        examples=[{"neighbour": [[0, 0], [0.2, 0], [0.2, 1], [0, 1]]}],
    )

    calibration: Calibration | None = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=None,
        description="Where points of the picture lie on the ground: for speeds. Default: not known.",
        examples=[
            {
                "image": [[0.1, 0.9], [0.9, 0.9], [0.7, 0.3], [0.3, 0.3]],
                "ground": [[0, 0], [6, 0], [6, 20], [0, 20]],
            }
        ],
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Without the passwords that a URL may hold."""
        for name, value in super().__repr_args__():
            yield name, redact_url(value) if name == "url" else value


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


class Spec(Section):
    """What to run: sources, and the jobs that look at them."""

    models: dict[ModelName, BroughtModel] = Field(
        default_factory=dict,
        description="Models that are brought to the device before jobs need them, by the names that jobs "
        "use. Such a name always means this very file: files in model folders are not looked at for it.",
        examples=[
            {
                "people.onnx": {
                    "url": "https://models.example/people.onnx",
                    "sha256": "695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14",
                }
            }
        ],
    )
    sources: dict[Name, Source] = Field(
        default_factory=dict, description="Sources by name.", examples=[{"gate": {"url": "video.mp4"}}]
    )
    jobs: dict[Name, Job] = Field(
        default_factory=dict, description="Jobs by name.", examples=[{"people": {"algorithm": "motion"}}]
    )

    def sources_of(self, job: str) -> tuple[str, ...]:
        """The names of the sources that a job looks at, with "*" written out."""
        names = self.jobs[job].sources
        return tuple(self.sources) if names == "*" else names
