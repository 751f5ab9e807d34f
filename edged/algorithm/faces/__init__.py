"""Face detectors: what the numbers that they return mean. One small file each family."""

from edged.algorithm.faces.head import FaceCandidates, FaceHead
from edged.algorithm.faces.model import FaceModel, FoundFaces
from edged.algorithm.faces.registry import FACE_HEADS, recognise

__all__ = ["FACE_HEADS", "FaceCandidates", "FaceHead", "FaceModel", "FoundFaces", "recognise"]
