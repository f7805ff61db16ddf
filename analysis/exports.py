"""The confirmed fronts as tables for other programs: front.csv with all there is, front.tex to stand in a paper."""

import csv
import io
from collections.abc import Mapping
from typing import Any, Final

from analysis.formats import DASH, norm_name, number, spelt

SPECIAL: Final = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "–": "--",
    "∞": r"$\infty$",
    "ε": r"$\epsilon$",
    "η": r"$\eta$",
}
TEX: Final = """\
% {caption}
% \\usepackage{{booktabs}}
\\begin{{tabular}}{{ll{columns}}}
\\toprule
{head} \\\\
{body}
\\bottomrule
\\end{{tabular}}
"""


def front_csv(found: Mapping[str, Any]) -> str:
    """Returns what front.csv holds: one row a member of a front, every metric with its interval.

    Args:
        found: what `analysis.summary.summary` returns.
    """
    rows = []
    for name, part in found["architectures"].items():
        for member in part["front"]:
            row = {"architecture": name}
            row |= {key: member[key] for key in ("trial_id", "label", "width", "parameters")}
            row |= {"seeds": " ".join(map(str, member["seeds"]))}
            for metric, ends in (member["intervals"] | {"nondominated": member["nondominated"]}).items():
                row |= {metric: ends["mean"]}
                row |= {f"{metric}_{end}": ends[end] for end in ("low", "high", "n", "method")}
            rows.append(row | {f"config.{key}": value for key, value in member["config"].items()})
    leading = ["architecture", "trial_id", "label", "width", "parameters", "seeds", *found["objectives"]]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys([*leading, *(key for row in rows for key in row)])))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def front_tex(found: Mapping[str, Any]) -> str:
    r"""Returns what front.tex holds: a tabular for booktabs of the members' objectives with intervals, and chances.

    Where nothing is confirmed it has no row. Text of the study is escaped.

    Args:
        found: what `analysis.summary.summary` returns.
    """
    names = [spelt(objective.removeprefix("test_")) for objective in found["objectives"]]
    groups = [
        "\n".join(_row(name, member, found["objectives"]) for member in part["front"])
        for name, part in found["architectures"].items()
        if part["front"]
    ]
    return TEX.format(
        caption=_caption(found),
        columns="r" * (len(names) + 1),
        head=" & ".join(map(_escaped, ["network", "configuration", *names, "chance"])),
        body="\n".join(f"\\midrule\n{group}" for group in groups) or "\\midrule",
    )


def _row(architecture: str, member: Mapping[str, Any], objectives: list[str]) -> str:
    name = member["label"] or member["trial_id"]
    cells = [_interval(member["intervals"][objective], ".3f") for objective in objectives]
    cells.append(_interval(member["nondominated"], ".2f"))
    return f"{' & '.join([_escaped(architecture), _escaped(name), *cells])} \\\\"


def _interval(ends: Mapping[str, Any], digits: str) -> str:
    if ends["low"] is None or ends["high"] is None:
        return _escaped(number(ends["mean"], digits))
    return f"{ends['mean']:{digits}} {{\\scriptsize [{ends['low']:{digits}}, {ends['high']:{digits}}]}}"


def _caption(found: Mapping[str, Any]) -> str:
    threat = found["threat_model"]
    numbers = sorted({len(m["seeds"]) for part in found["architectures"].values() for m in part["front"]})
    seeds = " to ".join(map(str, dict.fromkeys([numbers[0], numbers[-1]]))) if numbers else DASH
    text = (
        f"{found['name']}: means over {seeds} fresh seeds on test, in brackets 95 % Student's t intervals in Wilson's "
        f"form; {norm_name(threat['norm'])}, epsilon = {threat['epsilon']:g}, eta = {threat['eta']:g}; chance: that of "
        "being on the front when all candidates are trained with one more seed"
    )
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return " ".join("".join(SPECIAL.get(letter, letter) for letter in text).split())
