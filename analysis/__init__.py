"""Reads a study's tables and says what they show: the front, its uncertainty, two figures and a page."""

from analysis.load import Study, StudyUnreadable, load

__all__ = ["Study", "StudyUnreadable", "load"]
