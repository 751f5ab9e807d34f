"""What the classes of the best-known segmentation data sets are called, as they are numbered there."""

VOC_LABELS = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
    "tvmonitor",
)  # fmt: skip
"""PASCAL VOC 2012 (host.robots.ox.ac.uk/pascal/VOC): 20 and the background."""

CITYSCAPES_LABELS = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation",
    "terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)  # fmt: skip
"""Cityscapes (cityscapes-dataset.com): the 19 that are trained on."""

SEGMENT_LABELS = {len(names): names for names in (VOC_LABELS, CITYSCAPES_LABELS)}
"""By the number of classes."""
