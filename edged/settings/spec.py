"""The lower part of the file, and what MQTT replaces later: what to run. References stay as written."""

from __future__ import annotations

from pydantic import Field

from edged.settings.brought import BroughtModel, ModelName
from edged.settings.fields import Name, Section
from edged.settings.job_section import Job
from edged.settings.output_section import Output
from edged.settings.source_section import Source


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

    outputs: dict[Name, Output] = Field(
        default_factory=dict,
        description="Live pictures that leave the device, by name.",
        examples=[{"gate": {"source": "gate"}}],
    )

    def sources_of(self, job: str) -> tuple[str, ...]:
        """The names of the sources that a job looks at, with "*" written out."""
        names = self.jobs[job].sources
        return tuple(self.sources) if names == "*" else names
