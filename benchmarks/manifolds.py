"""Learns manifolds and prints how good they are.

    python benchmarks/manifolds.py --data-root DIR [--datasets fonts fashion mnist] [--gammas 0 1] [--out FOLDER]

Every row is one manifold at the laptop scale (or that of --scale), for each class or for all as one:
reconstruction L2 (mean over the test images), what a reference classifier errs more on reconstructions than on images,
how many of the on-manifold adversarial examples of a Normal classifier it still takes for their label, at eta, and
seconds. A manifold of each class is given the label, so that its reconstructions are easier to classify than images
are: L2 and agreement do not depend on that. The images are those of `paper_points.py`, which finds these manifolds
where --manifolds is the same. --out is given a picture of each: images, reconstructions, samples.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from hardware import describe
from paper_points import data_config

from analysis.pictures import draw_pictures
from study.scales import SCALES
from trainables.appraisal import judged
from trainables.config import DataConfig, Dataset, LearnedConfig, ThreatModel, VaeGanConfig
from trainables.manifolds.store import ManifoldStore
from trainables.provision import Data, learned, load_data, name_of

DATASETS: tuple[Dataset, ...] = ("fonts", "fashion", "mnist")


def row(model: VaeGanConfig, of: DataConfig, data: Data, options: argparse.Namespace) -> str:
    """Learns a manifold unless it is there, measures it and formats a line of the table."""
    store, threat_model = ManifoldStore(options.manifolds), ThreatModel(eta=options.eta)
    manifold = learned(LearnedConfig(model=model), of, data, options.manifolds)
    name = name_of(model, of, data)
    seconds = next(entry.description["seconds"] for entry in store.entries() if entry.name == name)
    quality, found = judged(manifold, of, data, threat_model, store, attacked=options.attacked)
    models = "all classes" if model.agnostic else "each class"
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        pictures = {what: images.numpy() for what, images in found.items()}
        file = f"{of.dataset}-{models.replace(' ', '-')}-gamma-{model.gamma:g}.png"
        (options.out / file).write_bytes(draw_pictures(pictures))
    extra = quality.reconstruction_error - quality.error
    agreement, success = ("–" if value is None else f"{value:.3f}" for value in (quality.agreement, quality.success))
    return (
        f"| {of.dataset} | {models} | {model.gamma:g} | {quality.l2:.2f} | {quality.error:.3f} | {extra:+.3f} "
        f"| {success} | {agreement} | {seconds:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True, help="as of study.launch")
    parser.add_argument("--datasets", choices=DATASETS, nargs="+", default=DATASETS)
    parser.add_argument("--gammas", type=float, nargs="+", default=[0.0, 1.0])
    parser.add_argument("--manifolds", default="runs/manifolds", help="where they are kept")
    parser.add_argument("--scale", choices=list(SCALES), default="laptop", help="of the models")
    parser.add_argument("--eta", type=float, default=0.3)
    parser.add_argument("--attacked", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for pictures")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = SCALES[options.scale].manifold
    print(
        f"{describe()}; width {model.width:g}, {model.updates} updates of every class with {model.batch_size} images, "
        f"eta {options.eta:g}"
    )
    print("| dataset | a model for | gamma | L2 | error | on reconstructions | success | agreement | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for dataset in options.datasets:
        of = data_config(dataset, options.data_root, SCALES[options.scale].n_train)
        data = load_data(of)
        for gamma in options.gammas:
            for agnostic in (False, True):
                model = replace(SCALES[options.scale].manifold, agnostic=agnostic, gamma=gamma)
                print(row(model, of, data, options), flush=True)


if __name__ == "__main__":
    main()
