"""One page on one model: what it was trained on, what it does to signals, whether it pays."""

from narrows.evaluation.report.contents import Contents, measure
from narrows.evaluation.report.page import page
from narrows.evaluation.report.verdict import verdict
from narrows.evaluation.verdict import Sentence

__all__ = ["Contents", "Sentence", "measure", "page", "verdict"]
