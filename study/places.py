"""The options for where a study lies and runs, and for one trial once more."""

import argparse

from study.choices import BACKENDS, MOST_SLOTS
from study.parsing import real, whole


def add_where(group: argparse._ArgumentGroup) -> None:
    """Adds the options that say where a study lies, and where and how it runs."""
    add = group.add_argument
    add("--name", help="of the study and its folder (default: space, dataset and time)")
    add(
        "--runs",
        metavar="DIR|URL",
        help="where studies lie: a folder, or an address such as s3://bucket/studies, which a copy in runs (or in "
        "$DISENTANGLE_CACHE) follows every ten seconds (default: runs)",
    )
    add("--resume", metavar="DIR|URL", help="continue the study in DIR or at URL, on any machine")
    add(
        "--accept-changes",
        action="store_true",
        help="with --resume: go on although the code, the data or the space is another; recorded in the journal",
    )
    add(
        "--address",
        metavar="A",
        help="auto or HOST:PORT of a Ray cluster (default: a local one, for this machine only)",
    )
    add("--concurrency", type=whole(least=1), metavar="N", help="trials at a time; 1 repeats a study to the last bit")
    add(
        "--backend",
        choices=BACKENDS,
        help="fused: models share steps, in an engine for every GPU (or for so many processors as a trial would have), "
        "and come and go in them; dedicated: every trial has processors of its own; auto: fused where there are GPUs "
        "(default: auto)",
    )
    add(
        "--slots",
        type=whole(least=1, most=MOST_SLOTS),
        metavar="K",
        help="models in a fused step; the same K repeats numbers to the last bit (default: measured)",
    )
    add("--cpus-per-trial", type=whole(least=1), metavar="N", help="processors, and threads (default: measured)")
    add("--gpus-per-trial", type=real(above=0), metavar="F", help="whole ones, or a fraction of one (default: none)")
    add("--memory-per-trial", type=real(above=0), metavar="GIB", help="kept free on its node (default: measured)")
    add("--dry-run", action="store_true", help="print the plan and what it would cost; start and write nothing")


def add_again(group: argparse._ArgumentGroup) -> None:
    """Adds the options of a trial that is trained once more."""
    add = group.add_argument
    add(
        "--reproduce",
        nargs=2,
        metavar=("DIR", "TRIAL"),
        help="train a trial of the study in DIR again, or with --seed S its confirmation with that seed, and say "
        "whether the numbers are equal (exit status 1 if not); writes nothing into the study",
    )
    add("--out", metavar="FOLDER", help="with --reproduce: keep the model there")
