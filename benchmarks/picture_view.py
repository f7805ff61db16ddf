"""Draws the live view of a study as it was at some moment: the README's picture of the terminal.

python benchmarks/picture_view.py runs/NAME docs/live.svg --at 0.6
"""

import argparse
import io
import re
from pathlib import Path

from rich.console import Console

from study.config import StudyConfig
from study.monitoring.replay import Replay, TellingClock
from study.monitoring.view import View
from study.storage.follow import Follower
from study.storage.provenance import test_accesses
from study.watch import AT_WORK, HINT

WIDTH, HEIGHT = 100, 32


def main() -> None:
    options = _options()
    entries = list(Follower(options.run_dir / "journal").news())
    told = entries[: max(1, round(options.at * len(entries)))]
    now = told[-1].event["time"]
    config = StudyConfig.from_dict(entries[0].event["config"])
    clock, paper = (
        TellingClock(),
        Console(
            file=io.StringIO(), record=True, force_terminal=True, color_system="truecolor", width=WIDTH, height=HEIGHT
        ),
    )
    view = View(config, Console(file=io.StringIO(), width=WIDTH, height=HEIGHT - 1), clock, HINT)
    accesses = [access for access in test_accesses(options.run_dir) if access["time"] <= now]
    replay = Replay(config, lambda: accesses, Path("runs") / config.name, view, clock)
    replay.begin(told)
    view.notice(AT_WORK)
    clock.set(now)
    paper.print(view.picture())
    svg = paper.export_svg(title=f"python -m study.watch runs/{config.name}")
    # Rich has readers fetch its font from elsewhere; every system has one of fixed width.
    options.out.write_text(re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL))
    print(f"{options.out}: {len(told)} of {len(entries)} events, {options.out.stat().st_size:,} bytes")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir", type=Path, help="of a study")
    parser.add_argument("out", type=Path, help="an .svg file")
    parser.add_argument("--at", type=float, default=0.6, help="which fraction of the journal has happened")
    return parser.parse_args()


if __name__ == "__main__":
    main()
