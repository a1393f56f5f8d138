"""One self-contained HTML page about replayed footage: `write_report(out, ReportData(...))`."""

from edge_agent.report.model import ClipReport, NearMissRow, ReportData, Totals, TrackPath
from edge_agent.report.write import write_report

__all__ = ["ClipReport", "NearMissRow", "ReportData", "Totals", "TrackPath", "write_report"]
