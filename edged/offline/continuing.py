"""Whether an analysis that was interrupted in the middle of a video can go on there."""

from __future__ import annotations

from pathlib import Path

from edged.algorithm import Catalogue
from edged.model.analyzing import AnalysisRequest, VideoFile
from edged.model.messages import JobSpec
from edged.offline.engine.beginning import links_without_state


def can_go_on(video: VideoFile, request: AnalysisRequest) -> bool:
    """No: where results hang on those before, or where a film is made, which cannot be gone on with."""
    catalogue = Catalogue([Path(folder) for folder in request.library.algorithms])
    jobs = (job for job in request.jobs if job.name in video.jobs)
    return not video.record and not any(_keeps_state(job, catalogue) for job in jobs)


def _keeps_state(job: JobSpec, catalogue: Catalogue) -> bool:
    if job.gate is not None or job.publish_when == "change":
        return True
    return links_without_state(job, catalogue) < len(job.chain)
