"""Whether a result is to be trusted, by what network and anatomy say of it."""

from .appraisal import Result, appraise
from .verdict import Item, Quality, Trust

__all__ = ["Item", "Quality", "Result", "Trust", "appraise"]
