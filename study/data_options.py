"""Which examples a command line selects, and where they lie."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from study.arguments import DATA_ROOT, PROTOTYPES
from trainables.checks import must
from trainables.config import DATASETS, TEST_SIZES, DataConfig, Dataset


def read_data(options: Mapping[str, Any], counts: Mapping[str, Any], seed: int) -> DataConfig:
    """Returns which examples the options for data select.

    Raises:
        ValueError: if they do not go together.
    """
    dataset: Dataset = options.get("dataset", DATASETS[0])
    source, variant = _source(options, dataset), options.get("variant")
    data = DataConfig(dataset=dataset, source=source, variant=variant, seed=seed, **counts)
    official = TEST_SIZES.get((dataset, data.variant), data.n_test)
    return data if "n_test" in options else replace(data, n_test=min(data.n_test, official))


def _source(options: Mapping[str, Any], dataset: Dataset) -> str | None:
    """Returns where the images or the typefaces are, or None for the bundled ones."""
    if dataset != "fonts":
        must("fonts_dir" not in options, f"--fonts-dir is for --dataset fonts; got it beside {dataset}")
        fetching = "download" in options and "dry_run" in options
        must(not fetching, "--dry-run writes nothing; got it beside --download, which fetches data; leave one out")
        return str(Path(options.get("data_root", DATA_ROOT)).absolute())
    must("download" not in options, "fonts are made of typefaces; got --download, which fetches images; leave it out")
    if "data_root" in options:
        return str(Path(options["data_root"]).absolute() / PROTOTYPES)
    return str(Path(options["fonts_dir"]).absolute()) if "fonts_dir" in options else None
