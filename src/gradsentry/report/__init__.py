"""A verdict as a page on which a person decides."""

from gradsentry.report.comparison import Comparison
from gradsentry.report.render import REPORT, write_report

__all__ = ["REPORT", "Comparison", "write_report"]
