"""Draws what a job saw, for people: on snapshots, pictures, recordings and live outputs."""

from edged.algorithm.drawing.pen import color_of
from edged.algorithm.drawing.picture import draw_scene
from edged.algorithm.drawing.scenery import cover_masks, cover_planes

__all__ = ["color_of", "cover_masks", "cover_planes", "draw_scene"]
