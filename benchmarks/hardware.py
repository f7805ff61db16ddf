"""One line that says on what a benchmark ran."""

import os
import platform
import subprocess
from pathlib import Path

import torch


def describe() -> str:
    """Names processor, cores, threads, torch and commit."""
    found = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    processor = found[0].partition(":")[2].strip() if found else platform.processor()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return (
        f"{processor}, {os.cpu_count()} cores, {torch.get_num_threads()} thread(s), "
        f"torch {torch.__version__}, commit {commit.stdout.strip() or 'unknown'}"
    )
