"""Frames and models for tests of algorithms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edged.algorithm import Algorithm, Context, Frame, Sessions, parse_params
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat, FrameHeader
from edged.types import MonotonicNs, PtsUs, WallNs

MATRIX_WEIGHTS = {
    ColorMatrix.BT601: (0.299, 0.114),
    ColorMatrix.BT709: (0.2126, 0.0722),
    ColorMatrix.BT2020: (0.2627, 0.0593),
}


def header_of(layout: FrameFormat, index: int = 0, pts_us: int | None = None) -> FrameHeader:
    """Frame ``index`` of a source of 10 fps."""
    return FrameHeader(
        epoch=1,
        index=index,
        key_index=0,
        pts_us=PtsUs(index * 100_000 if pts_us is None else pts_us),
        t0_us=PtsUs(0),
        first_index=0,
        first_key_index=0,
        previous_us=None,
        previous_key_us=None,
        keyframe=index == 0,
        captured_ns=MonotonicNs(10**9),
        captured_wall_ns=WallNs(1_700_000_000_250_000_000),
        format=layout,
    )


def read_only(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As frames lie on the track."""
    pixels = np.ascontiguousarray(pixels).reshape(-1)
    pixels.flags.writeable = False
    return pixels


def gray_frame(luma: NDArray[np.uint8], index: int = 0, pts_us: int | None = None) -> Frame:
    """A frame without colour."""
    layout = FrameFormat(luma.shape[1], luma.shape[0])
    pixels = np.full(layout.frame_bytes, 128, dtype=np.uint8)
    pixels[: layout.y_bytes] = luma.reshape(-1)
    return Frame(header_of(layout, index, pts_us), read_only(pixels))


def flat_frame(layout: FrameFormat, y: int, u: int, v: int) -> Frame:
    """A frame of one colour."""
    pixels = np.empty(layout.frame_bytes, dtype=np.uint8)
    pixels[: layout.y_bytes] = y
    pixels[layout.y_bytes : layout.y_bytes + layout.chroma_bytes] = u
    pixels[layout.y_bytes + layout.chroma_bytes :] = v
    return Frame(header_of(layout), read_only(pixels))


def noise_frame(layout: FrameFormat, seed: int = 0) -> Frame:
    """A frame of random values within the format's range."""
    pixels = np.random.default_rng(seed).integers(16, 236, layout.frame_bytes, dtype=np.uint8)
    return Frame(header_of(layout), read_only(pixels))


def decoded_frames(path: Path, step: int, most: int) -> Iterator[tuple[Frame, av.VideoFrame]]:
    """Every ``step``-th frame of a video, as the track would hold it, beside the decoder's own."""
    with av.open(str(path)) as container:
        for index, picture in enumerate(container.decode(video=0)):
            if index >= step * most:
                return
            if index % step == 0:
                yield track_frame(picture, index), picture


def track_frame(picture: av.VideoFrame, index: int) -> Frame:
    """The planes of a decoded 4:2:0 picture, packed without padding."""
    full = picture.format.name == "yuvj420p" or int(picture.color_range) == ColorRange.FULL
    matrix = ColorMatrix.BT709 if int(picture.colorspace) == 1 else ColorMatrix.BT601
    layout = FrameFormat(
        picture.width, picture.height, ColorRange.FULL if full else ColorRange.LIMITED, matrix
    )
    packed = []
    for plane in picture.planes:
        rows = np.frombuffer(plane, dtype=np.uint8).reshape(-1, plane.line_size)
        packed.append(rows[: plane.height, : plane.width].reshape(-1))
    return Frame(header_of(layout, index), read_only(np.concatenate(packed)))


def opened(
    algorithm: type[Algorithm], params: dict[str, Any], folders: Sequence[Path] = (), **context: Any
) -> Algorithm:
    """An instance as a worker makes it."""
    settings = {
        "job": "people",
        "source": "gate",
        "sessions": Sessions(folders),
        "emit": lambda kind, fields: None,
    }
    made = algorithm(Context(**{**settings, **context}), parse_params(algorithm, params))
    made.open()
    return made


def constant_model(
    path: Path,
    output: NDArray[Any],
    *,
    input_shape: Sequence[int | str] = (1, 3, 64, 64),
    metadata: dict[str, str] | None = None,
    input_type: int = TensorProto.FLOAT,
) -> Path:
    """An ONNX model that takes a picture and returns ``output`` plus nothing of the picture."""
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["answer", "nothing"], ["output0"]),
    ]
    floats = output.astype(np.float32)
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info("images", input_type, list(input_shape))],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(floats.shape))],
        [numpy_helper.from_array(floats, "answer"), numpy_helper.from_array(np.float32(0), "zero")],
    )
    return save_model(path, graph, metadata)


def save_model(path: Path, graph: onnx.GraphProto, metadata: dict[str, str] | None = None) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, metadata or {})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path
