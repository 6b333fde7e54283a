"""The figures: the only folder that imports matplotlib.

Each figure is rows (or small multiples) of modes: names at the left of their own row, numbers at
its right, so that eighteen modes stay readable and no legend is needed.
"""

from parrot_reports.figures.ablation import ablation
from parrot_reports.figures.canvas import Drawn
from parrot_reports.figures.concurrency import concurrency
from parrot_reports.figures.differences import differences
from parrot_reports.figures.forest import has_close_up, ratios
from parrot_reports.figures.growth import growth
from parrot_reports.figures.load import load
from parrot_reports.figures.over_time import over_time
from parrot_reports.figures.rounds import stability
from parrot_reports.figures.streaming import arrivals, chunk_cost
from parrot_reports.figures.times import cold, latency

__all__ = [
    "Drawn",
    "ablation",
    "arrivals",
    "chunk_cost",
    "cold",
    "concurrency",
    "differences",
    "growth",
    "has_close_up",
    "latency",
    "load",
    "over_time",
    "ratios",
    "stability",
]
