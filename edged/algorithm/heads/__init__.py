"""Heads: what the numbers that a detector's model returns mean. One small file each."""

from edged.algorithm.heads.head import Candidates, Head, ModelInput
from edged.algorithm.heads.registry import HEADS, recognise

__all__ = ["HEADS", "Candidates", "Head", "ModelInput", "recognise"]
