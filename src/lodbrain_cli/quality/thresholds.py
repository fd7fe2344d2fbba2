"""Between which values an item of a result goes from well to worthless. Data.

``benchmarks/quality.py`` prints the tables of docs/quality.md that these numbers come from: of
100 people's reference labels (59 label maps of the SynthSeg repository, 40 of IXI by DLMUSE,
AOMIC), and of scans that were made worse on purpose, whose true Dice is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = [
    "AGE_MARK",
    "ANATOMY",
    "BRAIN_ML",
    "CUT_MARK",
    "FAIL_BELOW",
    "NOTHING_MARK",
    "WARN_BELOW",
    "Range",
    "Slope",
    "measures_of",
]


@dataclass(frozen=True)
class Slope:
    """A value that is well from `well` on, and worthless from `worthless` on.

    Parameters
    ----------
    well, worthless : float
        Which of the two is larger says which way is better.
    """

    well: float
    worthless: float

    def mark(self, value: float) -> float:
        """100 at `well` and beyond, 0 at `worthless` and beyond, linear between."""
        share = (value - self.worthless) / (self.well - self.worthless)
        return 100.0 * min(max(share, 0.0), 1.0)


@dataclass(frozen=True)
class Range:
    """A value that is well between two others, and worthless far below or above.

    Parameters
    ----------
    low, high : Slope
    """

    low: Slope
    high: Slope

    def mark(self, value: float) -> float:
        """Lower of both marks."""
        return min(self.low.mark(value), self.high.mark(value))


#: A score below is no result to work with; exit code 4.
FAIL_BELOW = 20.0
#: A score below is to be looked at.
WARN_BELOW = 53.0

#: Items that rest on the network: mean probability of the label inside structures, mean entropy
#: at their borders, Dice of the brain by the coarse and the fine level, share of the brain that was
#: struck out as stray pieces, left against right, area of brain at an end of the scan in mm2, mean
#: Dice with a second answer.
_MEASURES: Mapping[str, Slope] = MappingProxyType(
    {
        "confidence": Slope(0.96, 0.87),
        "borders": Slope(0.30, 0.45),
        "coarse level": Slope(0.88, 0.80),
        "stray pieces": Slope(0.02, 0.20),
        "symmetry": Slope(0.10, 0.40),
        "field of view": Slope(100.0, 6000.0),
        "agreement": Slope(0.92, 0.70),
    }
)
# What differs for networks whose probabilities are on a scale of their own, or whose coarse level
# is another network; to be looked at again with new weights (chosen for step 600 of level1-rims;
# docs/quality.md has what they do for step 560 of level1-taught).
_OF_PRESET: Mapping[str, Mapping[str, Slope]] = MappingProxyType(
    {"lod-brain-synth": {"borders": Slope(0.25, 0.345), "coarse level": Slope(0.88, 0.70)}}
)

#: Where the scan ends inside the cranium: labels may be right, but volumes are not.
CUT_MARK = 50.0
#: Ages that the network was not trained on: not wrong by itself, but nobody measured it.
AGE_MARK = 50.0
#: Nothing found by a network whose structures need not be there: to be looked at.
NOTHING_MARK = 50.0

#: Volume of all structures together, in ml: 871 to 1,709 in the references.
BRAIN_ML = Range(Slope(800.0, 300.0), Slope(1800.0, 2600.0))

#: Share of the brain that each structure of ``lod-brain-7`` has, in per cent; well is what the
#: references have, and some more.
ANATOMY: Mapping[int, Range] = MappingProxyType(
    {
        1: Range(Slope(35.0, 15.0), Slope(50.0, 70.0)),  # 36.1 to 47.0
        2: Range(Slope(2.6, 1.0), Slope(5.5, 9.0)),  # 2.9 to 4.3
        3: Range(Slope(28.0, 12.0), Slope(46.0, 62.0)),  # 33.5 to 43.3
        4: Range(Slope(0.3, 0.02), Slope(11.0, 20.0)),  # 0.6 to 9.3
        5: Range(Slope(8.5, 3.0), Slope(15.5, 25.0)),  # 10.1 to 13.6
        6: Range(Slope(1.1, 0.3), Slope(2.8, 5.0)),  # 1.4 to 2.4
    }
)


def measures_of(preset: str) -> Mapping[str, Slope]:
    """Slopes of the items that rest on a network.

    Parameters
    ----------
    preset : str
        Its name; one of one's own is judged as the released network is.

    Returns
    -------
    mapping of str to Slope
    """
    return {**_MEASURES, **_OF_PRESET.get(preset, {})}
