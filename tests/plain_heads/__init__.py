"""Each family of detectors as its authors' demos read it, in plain loops, sharing no code with edged.

A module has ``tensor(bgr, width, height)``, what the model is given of a whole picture, and
``found(outputs, width, height, least)``, what its outputs (by name) say, before suppression.
"""
