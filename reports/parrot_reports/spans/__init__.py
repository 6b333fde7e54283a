"""Spans alone, of any application, into a report: files, the span table, statistics, the page."""
