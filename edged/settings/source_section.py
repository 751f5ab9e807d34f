"""A source, as the file has it: what to open, what of it is watched, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from edged.model.capturing import Recording
from edged.model.homography import calibration_fault
from edged.model.plane import quadrangle_fault
from edged.model.redact import redact_url
from edged.settings.applies import Applies, applies
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

MOST_BUFFERED_S = 120.0


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
        fault = quadrangle_fault(self.image, self.ground) if len(self.image) == 4 else ""
        if fault := fault or calibration_fault(self.image, self.ground):
            raise refuse(fault)
        return self


class Record(Section):
    """What a source sends is recorded, without being decoded or encoded."""

    segment: Annotated[Number, Field(ge=5, le=3600)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=300.0,
        description="Seconds of one file; it ends with the first keyframe after.",
        examples=[300],
    )
    max_mb: Annotated[Whole, Field(ge=1)] | None = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=None,
        description="The most megabytes that are kept of this source; the oldest files go first. Default: "
        "what recordings.max_mb leaves.",
        examples=[2000],
    )
    max_days: Annotated[Number, Field(gt=0, le=3650)] | None = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=None,
        description="Days after which a file goes; default: recordings.max_days.",
        examples=[7],
    )

    def to_recording(self) -> Recording:
        """As a capture wants it."""
        return Recording(self.segment)


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

    buffer: Annotated[Number, Field(ge=0, le=MOST_BUFFERED_S)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=0.0,
        description="The last seconds that are kept in memory as they came, so that `record` can begin "
        "before it was asked; jobs with record: keep what they need by themselves.",
        examples=[10],
    )
    record: Record | None = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=None,
        description="Everything is recorded, as it came, in files of some minutes; default: nothing.",
        examples=[{"segment": 300, "max_days": 7}],
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Without the passwords that a URL may hold."""
        for name, value in super().__repr_args__():
            yield name, redact_url(value) if name == "url" else value
