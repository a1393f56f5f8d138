"""What the cloud adapter has done, on one page."""

from cloud_adapter.report.page import Line, Report, write_report

__all__ = ["Line", "Report", "write_report"]
