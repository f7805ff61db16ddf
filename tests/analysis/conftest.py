from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.synthetic import read_rows, write_study, write_table


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return write_study(tmp_path / "study")


@pytest.fixture
def rewrite() -> Callable[..., None]:
    """Changes a study's table on disk, row by row."""

    def change(folder: Path, table: str, rule: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        write_table(folder, table, [row | rule(row) for row in read_rows(folder, table)])

    return change
