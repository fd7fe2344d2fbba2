"""Where each item begins to warn, and where the number comes from. Data.

"Real scans" are the 49 heads and "made worse" the corrupted and rendered images of
docs/quality.md, whose tables ``benchmarks/check.py`` prints.
"""

__all__ = [
    "BRIGHT_SHARE",
    "CORE_DARK_SHARE",
    "CORE_SPREAD",
    "DARK_TO_BRIGHT_TAIL",
    "DARK_TO_BRIGHT_TAIL_SURE",
    "DEEP_TO_CORTEX",
    "DEEP_TO_CORTEX_SURE",
    "DEEP_TO_CORTEX_UNSURE",
    "FACE_CUT_MM2",
    "HEAD_ML_STRIPPED",
    "HEAD_RADIUS_MM",
    "LONGEST_SIDE_MM",
    "LOWEST_SNR",
    "MASKED_AIR_SHARE",
    "OUTLIER_RATIO",
    "SHEAR_DEGREES",
    "SHORTEST_HEAD_MM",
    "SIZE_DIFFERENCE",
    "SKULL_DIP",
    "TILT_DEGREES",
    "TOUCHING_MM2",
    "VALUES_OF_LABELS",
]

# Grid

#: Longest voxel side. Slices of 3 mm cost .022 of Dice at most, 4 mm .04, 6 mm .07
#: (docs/accuracy.md); fMRIPrep too leaves images out that need more than threefold up-sampling.
LONGEST_SIDE_MM = 3.05
#: Relative difference between the voxel sizes of header and affine: more than rounding.
SIZE_DIFFERENCE = 0.01
#: Angle between an axis and the nearest world axis. Prescriptions follow the head and are seldom
#: tilted by more; at 45 degrees which axis is called which is chance.
TILT_DEGREES = 35.0
#: Deviation of the axes from right angles: more than rounding of a header.
SHEAR_DEGREES = 1.0

# Intensities

#: Fewer different values than this are a label image. 8-bit scans have 200 and more.
VALUES_OF_LABELS = 60
#: Largest intensity over the 99.9th percentile. Real scans: 5 at most.
OUTLIER_RATIO = 30.0

# Is it a head

#: Smallest and largest radius of the largest ball inside. Real heads: 59 to 85, brains 43 to 57.
HEAD_RADIUS_MM = (36.0, 105.0)
#: Share of dark voxels in the ball's core. Real heads: 0.12 at most; a fruit: 0.71.
CORE_DARK_SHARE = 0.45
#: Standard deviation over mean in the ball's core: below, it is one material. Real heads: > 0.12.
CORE_SPREAD = 0.04

# Field of view

#: Area of the cranium on one side of the field of view. A cap cut off by d mm of a head of 85 mm
#: radius has 2 pi 85 d mm2: this is 6 mm, about what the scalp takes. Real heads that are not cut:
#: 800, but for one whose ears touch both sides: 2560.
TOUCHING_MM2 = 3200.0
#: From the vertex to the lower end of the field of view; brain and scalp take 125 to 150 mm.
SHORTEST_HEAD_MM = 110.0

# Noise

#: Mean signal over standard deviation of noise. Noise of 10 % of white matter costs .012 of Dice,
#: 20 % .05 (docs/accuracy.md); this is 12.5 %.
LOWEST_SNR = 8.0

# Contrast

#: (median - 10th percentile) / (90th percentile - median) in the core: whether what is extreme is
#: dark (fluid in T1w) or bright (fluid in T2w).
DARK_TO_BRIGHT_TAIL = 0.8
#: Below this also where white matter is brighter than grey; a strong receive field gave 0.68.
DARK_TO_BRIGHT_TAIL_SURE = 0.6
#: Tissue 8 mm and more below the brain's surface over tissue at 3 to 4 mm: white over grey matter.
DEEP_TO_CORTEX = 1.05
#: Between the two it is not said.
DEEP_TO_CORTEX_UNSURE = 1.08
#: From here on white matter is brighter without doubt.
DEEP_TO_CORTEX_SURE = 1.1

# Skull and face

#: Share of voxels outside the head that have one value: the air was masked.
MASKED_AIR_SHARE = 0.95
#: Largest volume of what can be a brain without its skull.
HEAD_ML_STRIPPED = 2300.0
#: Largest fall of the median intensity, relative to the core's, from a depth to a deeper one, on
#: the way from the surface to 20 mm below: the skull is a dark shell, a brain has none.
SKULL_DIP = 0.08
#: Share of the core's median from which tissue is called bright where it was cut.
BRIGHT_SHARE = 0.5
#: Area before and below the brain where bright tissue lies beside masked air.
FACE_CUT_MM2 = 1500.0
