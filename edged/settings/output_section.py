"""A live picture that leaves the device, as the file has it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from edged.model.redact import redact_url
from edged.settings.applies import Applies, applies
from edged.settings.fields import Flag, Name, Number, Pixels, Section, Text, Whole, refuse

SERVED = ("rtsp", "mjpeg")
PUSHED = ("rtsp", "rtsps", "rtmp", "rtmps", "srt")


def _check_to(to: str) -> str:
    scheme, separator, _ = to.partition("://")
    if to in SERVED or (separator and scheme in PUSHED):
        return to
    raise refuse(
        "should be rtsp or mjpeg, served by this device, or where it is pushed to: "
        f"{'://, '.join(PUSHED[:-1])}:// or srt://"
    )


def _shape_of_draw(value: Any) -> str | None:
    if isinstance(value, (list, tuple)):
        return "list"
    return "all" if value == "*" else None


Drawn = Annotated[
    Annotated[Literal["*"], Tag("all")] | Annotated[tuple[Name, ...], Field(max_length=64), Tag("list")],
    Discriminator(
        _shape_of_draw,
        custom_error_type="refused",
        custom_error_message="{message}",
        custom_error_context={
            "message": 'should be "*" for all jobs of the source, a list of some, or [] for the plain picture'
        },
    ),
]


class Output(Section):
    """A source's picture, with what jobs see drawn on it, encoded while somebody looks."""

    source: Name = Field(
        json_schema_extra=applies(Applies.LIVE), description="The name of the source.", examples=["gate"]
    )
    enabled: Flag = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=True,
        description="false: it is not there.",
        examples=[False],
    )
    to: Annotated[Text, AfterValidator(_check_to)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default="rtsp",
        description="rtsp: served at rtsp://device:8554/NAME; mjpeg: at http://device:8555/NAME; or "
        "pushed to rtsp(s)://, rtmp(s):// or srt://. References such as ${secret:NAME} may stand in it.",
        examples=["rtsp", "mjpeg", "rtmp://live.example/app/${secret:key}"],
    )
    draw: Drawn = Field(
        json_schema_extra=applies(Applies.LIVE),
        default="*",
        description='The jobs whose findings are drawn; "*": all of the source; []: the plain picture.',
        examples=[["people"]],
    )
    size: tuple[Pixels, Pixels] | None = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=None,
        description="The most pixels in width and height; the picture keeps its shape. Default: as it comes.",
        examples=[[1280, 720]],
    )
    fps: Annotated[Number, Field(gt=0, le=120)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=15.0,
        description="The most pictures per second.",
        examples=[15],
    )
    bitrate: Annotated[Whole, Field(ge=50, le=100_000)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=2000,
        description="The most kilobits per second; MJPEG has none.",
        examples=[2000],
    )
    quality: Annotated[Whole, Field(ge=1, le=100)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=75,
        description="Of the pictures of MJPEG, 1-100.",
        examples=[75],
    )
    encoder: Literal["auto", "software", "nvenc", "qsv", "vaapi", "v4l2m2m"] = Field(
        json_schema_extra=applies(Applies.LIVE),
        default="auto",
        description="What encodes H.264; auto: hardware where it works, said in the log.",
        examples=["software"],
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Without the passwords that a URL may hold."""
        for name, value in super().__repr_args__():
            yield name, redact_url(value) if name == "to" else value
