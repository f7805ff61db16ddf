"""The contract suites catch bugs: each of these is planted in a copy of the sources, and some test must fail there."""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SUITES = ("objectives", "threats", "climbing", "apgd", "square", "attacks", "search", "probes", "carlini_wagner")
FIRST = {  # the suite that is nearest to a file, lest a bug waits for the others
    "attacks/attack.py": "search",
    "attacks/gradient.py": "climbing",
    "attacks/noise.py": "probes",
    "attacks/proposals.py": "square",
    "evaluation/errors.py": "probes",
    "differentiation.py": "threats",
    "geometry.py": "threats",
    "manifolds/affine.py": "attacks",
    "threats/manifold.py": "threats",
    "threats/pixel.py": "threats",
    "threats/threat.py": "threats",
}
LEAVING = ("attacks", "who_leaves")
MEETS = {  # the suite, and the tests of it, that a bug meets first where it is not its file's suite
    "who has finished comes back in another place": LEAVING,
    "who has just succeeded leaves": LEAVING,
    "who goes on takes another's radius": LEAVING,
}
QUICK = "not colour and not learned"  # threats of fewer pixels, and without networks to decode

BUGS = {
    "PGD descends": ("attacks/gradient.py", "delta + length * threat.norm", "delta - length * threat.norm"),
    "Adam descends": ("attacks/gradient.py", "addcdiv(delta, length * first", "addcdiv(delta, -length * first"),
    "Adam forgets its correction": ("attacks/gradient.py", "(second / (1 - BETA_2**step))", "second"),
    "steps are not projected": ("attacks/attack.py", "delta=self.threat.project(moved)", "delta=moved"),
    "the start is overwritten": (
        "attacks/attack.py",
        "delta=self.threat.project(moved)",
        "delta=self.delta.copy_(self.threat.project(moved))",
    ),
    "who has finished comes back in another place": (
        "attacks/attack.py",
        "for part in parts]).argsort()",
        "for part in parts])",
    ),
    "who goes on takes another's radius": (
        "threats/threat.py",
        "return radius[rows] if",
        "return radius[: len(rows)] if",
    ),
    "who has just succeeded leaves": ("attacks/attack.py", "(self.since > slack)", "(self.since > 0)"),
    "the lowest loss is kept": ("attacks/attack.py", "seen.loss > self.loss", "seen.loss < self.loss"),
    "a later failure undoes success": ("attacks/attack.py", "self.success | (seen.wrong & live)", "seen.wrong & live"),
    "slack is one too short": ("attacks/attack.py", "self.since <= slack", "self.since < slack"),
    "masked steps are one too few": ("attacks/attack.py", "live = iteration <= steps", "live = iteration < steps"),
    "pixels leave their range": ("threats/pixel.py", "clamp_through(self.images + delta, 0, 1)", "self.images + delta"),
    "gradients die at a bound": ("differentiation.py", "values + (clamped - values).detach()", "clamped"),
    "codes leave their box": (
        "threats/manifold.py",
        "self.manifold.clamp(self.code.free + delta) - self.code.free",
        "delta",
    ),
    "starts come from a global generator": (
        "threats/threat.py",
        "self.norm.sample(gaussian,",
        "self.norm.sample(gaussian.normal_(),",
    ),
    "starts lie in twice the ball": ("geometry.py", "uniform * radius", "2 * uniform * radius"),
    "L2 measures the whole batch": ("geometry.py", "delta.flatten(1), dim=1)", "delta).expand(len(delta))"),
    "L-inf measures the mean": ("geometry.py", "delta.flatten(1).abs().amax(1)", "delta.flatten(1).abs().mean(1)"),
    "transformations leave their ranges": (
        "manifolds/affine.py",
        "return clamp_through(theta, self.low, self.high)",
        "return theta",
    ),
    "all images are moved alike": (
        "manifolds/affine.py",
        "return self.warp(code.fixed, code.free)",
        "return self.warp(code.fixed, code.free[:1].expand(len(code.free), 6))",
    ),
    "steepest directions are shared": (
        "geometry.py",
        "self.length(scaled).clamp_min(TINY)",
        "self.length(scaled).sum()",
    ),
    "APGD never halves its step": ("attacks/apgd.py", "torch.where(halved, self.scale / 2, self.scale)", "self.scale"),
    "APGD halves all steps when one loss stalls": (
        "attacks/apgd.py",
        "halved = rarely | stuck",
        "halved = (rarely | stuck).any().expand(len(rarely))",
    ),
    "APGD goes on from where it stands": ("attacks/apgd.py", "_either(halved, self.best, seen)", "seen"),
    "APGD forgets where it came from": ("attacks/apgd.py", "alpha = MOMENTUM if state.step else 1.0", "alpha = 1.0"),
    "APGD counts rises from its start": ("attacks/apgd.py", "rises=self.rises * 0", "rises=self.rises"),
    "APGD halves twice in a row": ("attacks/apgd.py", "stuck = ~self.halved & (", "stuck = ("),
    "Square goes on from its last proposal": (
        "attacks/square.py",
        "torch.where(per_example(better, seen.delta), seen.delta, state.delta)",
        "seen.delta",
    ),
    "Square's part does not shrink": ("attacks/square.py", "return sum(step * OF", "return 0 * sum(step * OF"),
    "noise is that of who is left": ("attacks/noise.py", "device)[self.rows]", "device)[: len(self.rows)]"),
    "noise comes from a global generator": (
        "attacks/noise.py",
        "torch.rand(self.everyone, *shape, generator=self.rng)",
        "torch.rand(self.everyone, *shape)",
    ),
    "windows waste what is unspent": ("attacks/proposals.py", " + unspent).sqrt()", ").sqrt()"),
    "codes leave the ball's surface": (
        "geometry.py",
        "(radius**2 - self.length(delta) ** 2)",
        "(radius - self.length(delta))",
    ),
    "the margin is that of all logits": (
        "attacks/objectives.py",
        "return others(logits, labels).amax(1)",
        "return logits.amax(1)",
    ),
    "the ratio is that to the second logit": ("attacks/objectives.py", "[:, 2 : 2 + count]", "[:, 1 : 1 + count]"),
    "constants are searched the wrong way": (
        "attacks/carlini_wagner.py",
        "low, high = torch.where(enough, low, constant), torch.where(enough, constant, high)",
        "low, high = torch.where(enough, constant, low), torch.where(enough, high, constant)",
    ),
    "the first success passes for the smallest": (
        "attacks/carlini_wagner.py",
        "found.distance.isinf() if settings.first_success else distance < found.distance",
        "found.distance.isinf()",
    ),
    "a black box is charged for gradients": (
        "evaluation/errors.py",
        "climbs = self.attack.climbs and step < self.steps",
        "climbs = step < self.steps",
    ),
    "steps are drawn for who is attacked alone": (
        "evaluation/errors.py",
        "rows = attempt * examples + example",
        "rows = torch.arange(len(delta))",
    ),
    "who goes on takes another's objective": (
        "evaluation/errors.py",
        "self.objective.at(rows), self.threat.at(rows), delta, state)",
        "self.objective.at(torch.arange(len(delta))), self.threat.at(rows), delta, state)",
    ),
}


def copied(folder: Path, *bug: str) -> Path:
    """Copies the sources and plants a bug (file, right, wrong) in them."""
    for part in ("trainables", "tests/contracts", "tests/__init__.py", "pyproject.toml"):
        copy = shutil.copytree if (REPOSITORY / part).is_dir() else shutil.copy
        (folder / part).parent.mkdir(exist_ok=True)
        copy(REPOSITORY / part, folder / part)
    if bug:
        file, right, wrong = bug
        source = folder / "trainables" / file
        assert source.read_text().count(right) == 1, f"{file} no longer says {right!r} once: plant this bug anew"
        source.write_text(source.read_text().replace(right, wrong))
    return folder


def run(folder: Path, suites: Iterable[str], only: str = "") -> subprocess.CompletedProcess[str]:
    """Runs contract suites on a copy, up to the first failure; shapes unchecked, which takes half as long."""
    files = [f"tests/contracts/test_{suite}.py" for suite in suites]
    wanted = ["-k", f"{QUICK} and {only}" if only else QUICK]
    command = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", "-o", "addopts=", *wanted, *files]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_suite_passes_on_an_unchanged_copy(tmp_path: Path) -> None:
    """They all pass where they lie; that they do in a copy is shown by one that most of the bugs meet first."""
    done = run(copied(tmp_path), ["search"])

    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("name", list(BUGS))
def test_the_suites_catch(name: str, tmp_path: Path) -> None:
    """The nearest suite is asked alone first: to collect the others takes longer than most of them to fail."""
    folder, file = copied(tmp_path, *BUGS[name]), BUGS[name][0]
    nearest, only = MEETS.get(name, (FIRST.get(file, Path(file).stem), ""))
    done = run(folder, [nearest] if nearest in SUITES else SUITES, only)
    if done.returncode == 0:
        done = run(folder, (suite for suite in SUITES if only or suite != nearest))

    assert done.returncode == 1, f"{name} went unnoticed:\n{done.stdout[-2000:]}"
    assert " failed" in done.stdout
