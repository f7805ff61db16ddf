"""What a study costs beside training.

    python benchmarks/overhead.py --simulate [--samplers tpe nsga2 gp random] [--seeds 12] [--trials 900] [--newest 300]

--simulate asks every sampler for a trial after 100 to 10,000 finished ones and prints how long it takes; then it
searches analytic errors with TPE's capped history and with all of it, paired by seed, and prints the difference.
"""

import argparse

import torch
from hardware import describe
from suggestion import SIZES, capped, growth

from study.config import SAMPLERS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulate", action="store_true", required=True, help="time questions; trains nothing")
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="finished trials, at most")
    parser.add_argument("--seeds", type=int, default=12, help="of the comparison; below 2 leaves it out")
    parser.add_argument("--trials", type=int, default=900, help="of a search in the comparison")
    parser.add_argument("--newest", type=int, default=300, help="trials that the capped history holds beside the best")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{describe()}; {options.seeds} seeds")
    growth(options.samplers, tuple(size for size in SIZES if size <= options.largest))
    if options.seeds >= 2:
        capped(options.trials, options.newest, options.seeds)


if __name__ == "__main__":
    main()
