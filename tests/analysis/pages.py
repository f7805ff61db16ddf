"""What the sections of a study's page hold, together."""

from typing import Any

from analysis.load import Study
from analysis.page import sections


def contents(study: Study) -> dict[str, Any]:
    """Returns the contents of all sections; of a name that several have, that of the first."""
    return {key: value for section in reversed(sections(study)) for key, value in section.content.items()}
