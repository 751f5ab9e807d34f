"""The process table: every process that edged starts, on one page.

``edged run`` is main. It starts and ends all others through `edged.supervise.supervisor`, and they die
with it (PR_SET_PDEATHSIG). Ranks of the stop follow the data: what brings frames stops first, what
carries results out last.
"""

from __future__ import annotations

from edged.supervise.process import ProcessKind

CAPTURE = ProcessKind(
    name="capture",
    module="edged.capture",
    purpose="opens and decodes one source and writes its frame track",
    start_s=30.0,
    stop_s=0.5,
    stop_order=1,
)
WORKER = ProcessKind(
    name="worker",
    module="edged.worker",
    purpose="runs the algorithms of its jobs on the frame tracks and encodes their results",
    start_s=60.0,
    stop_s=0.9,
    stop_order=2,
)
LIVE = ProcessKind(
    name="live",
    module="edged.output",
    purpose="draws and encodes live pictures while somebody looks; serves them all, or pushes one",
    start_s=60.0,
    stop_s=0.9,
    stop_order=2,
)
PROVER = ProcessKind(
    name="prover",
    module="edged.worker.prover",
    purpose="loads and warms up algorithms before a worker does; lists what there is",
    start_s=60.0,
    stop_s=0.1,
    stop_order=0,
    restart=False,
)
PROBE = ProcessKind(
    name="probe",
    module="edged.capture.probe_child",
    purpose="opens one source once and tells what it is, for `edged probe` and the command probe",
    start_s=30.0,
    stop_s=0.1,
    stop_order=0,
    restart=False,
)
DECODERS = ProcessKind(
    name="decoders",
    module="edged.capture.decoders",
    purpose="tells what FFmpeg can decode here, for `edged doctor`",
    start_s=30.0,
    stop_s=0.1,
    stop_order=0,
    restart=False,
)
DECODE_ALONE = ProcessKind(
    name="decode-alone",
    module="edged.capture.decode_alone",
    purpose="decodes a film and does nothing else, for `edged bench` to compare with",
    start_s=30.0,
    stop_s=0.1,
    stop_order=0,
    restart=False,
)
BENCH_CLIP = ProcessKind(
    name="bench-clip",
    module="edged.capture.bench_clip",
    purpose="makes the film that `edged bench` plays where it is given none",
    start_s=30.0,
    stop_s=0.1,
    stop_order=0,
    restart=False,
)
BENCH_JPEG = ProcessKind(
    name="bench-jpeg",
    module="edged.offline.looking.bench_jpeg",
    purpose="encodes frames at each quality and runs models on them, for `edged bench jpeg`",
    start_s=60.0,
    stop_s=0.1,
    stop_order=0,
    restart=False,
)
FETCH = ProcessKind(
    name="fetch",
    module="edged.modelstore.fetch",
    purpose="brings one model file to this device: downloads, verifies, puts it in its place",
    start_s=30.0,
    stop_s=0.1,
    stop_order=0,
    restart=False,
)
TRYING = ProcessKind(
    name="trying",
    module="edged.offline.looking.trying",
    purpose="runs a model once, for `edged try`, `edged models info` and `edged doctor`",
    start_s=60.0,
    stop_s=0.1,
    stop_order=0,
    restart=False,
)
ANALYZING = ProcessKind(
    name="analyzing",
    module="edged.offline.analyzing",
    purpose="runs jobs over videos and writes what they find, for `edged analyze`",
    start_s=60.0,
    stop_s=2.0,
    stop_order=0,
    restart=False,
)
BROKER = ProcessKind(
    name="broker",
    module="edged.mqtt.embedded",
    purpose="the embedded MQTT broker of `embedded://`, on loopback",
    start_s=30.0,
    stop_s=0.5,
    stop_order=9,
)

TABLE: tuple[ProcessKind, ...] = (
    PROVER,
    PROBE,
    DECODERS,
    DECODE_ALONE,
    BENCH_CLIP,
    BENCH_JPEG,
    FETCH,
    TRYING,
    ANALYZING,
    CAPTURE,
    WORKER,
    LIVE,
    BROKER,
)
DATA_RANKS = 2
"""Up to this rank processes make results; above it they carry them out."""
