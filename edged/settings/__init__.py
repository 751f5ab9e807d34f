"""The file on the device: its schema, its references, and errors with their line and column."""

from edged.settings.brought import BroughtModel
from edged.settings.document import Document, Place
from edged.settings.editor import SchemaName, json_schema
from edged.settings.job_section import Job, Link, Publish, Sampling
from edged.settings.load import Loaded, load_settings, parse_settings
from edged.settings.nearest import did_you_mean, nearest
from edged.settings.output_section import Output
from edged.settings.references import References
from edged.settings.schema import MqttSettings, SecretRule, Settings, Storage
from edged.settings.source_section import Source
from edged.settings.spec import Spec

__all__ = [
    "BroughtModel",
    "Document",
    "Job",
    "Link",
    "Loaded",
    "MqttSettings",
    "Output",
    "Place",
    "Publish",
    "References",
    "Sampling",
    "SchemaName",
    "SecretRule",
    "Settings",
    "Source",
    "Spec",
    "Storage",
    "did_you_mean",
    "json_schema",
    "load_settings",
    "nearest",
    "parse_settings",
]
