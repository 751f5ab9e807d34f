"""Draws what a job saw, for people: on snapshots, pictures, recordings and live outputs."""

from edged.algorithm.drawing.canvas import Canvas
from edged.algorithm.drawing.decal import Decal
from edged.algorithm.drawing.pen import color_of
from edged.algorithm.drawing.picture import draw_scene
from edged.algorithm.drawing.scenery import cover_masks
from edged.algorithm.drawing.sketchbook import Sketchbook

__all__ = ["Canvas", "Decal", "Sketchbook", "color_of", "cover_masks", "draw_scene"]
