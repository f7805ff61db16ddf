"""A study's page without the figures for print, which take seconds to draw."""

from pathlib import Path
from typing import Any

import analysis
from analysis.load import Study
from analysis.page import sections, study_page


def contents(study: Study) -> dict[str, Any]:
    """Returns the contents of all sections; of a name that several have, that of the first."""
    return {key: value for section in reversed(sections(study)) for key, value in section.content.items()}


def html(folder: Path) -> str:
    """Returns the page of the study in a folder."""
    study = analysis.load(folder)
    return study_page(study, sections(study))
