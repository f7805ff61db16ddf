import json
import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from study.desk import Desk
from study.monitoring.metrics import METRICS, Rise, Sample, samples
from study.monitoring.watch import Watches
from study.storage.state import Model
from tests.conftest import REPOSITORY
from tests.study.conftest import MODEL, fail, said, tell, work

DASHBOARD = REPOSITORY / "deploy" / "grafana" / "disentangle.json"
SCRAPE = REPOSITORY / "deploy" / "prometheus" / "disentangle.yml"


def told(store):
    """Returns what the metrics say, by name, architecture, and state or objective."""
    return {
        (sample.name.removeprefix("disentangle_"), *sample.tags.values()): sample.value
        for sample in samples(store.state, store.config)
    }


def play(store):
    """Two trials of conv on a front, one of mlp that failed, one of mlp that runs; a confirmation."""
    desk = Desk(store)
    work(desk, 0.2, 0.6)
    failed = desk.next()
    fail(desk, failed, "OSError: disk full")
    work(desk, 0.5, 0.5)
    running = desk.next()
    tell(desk, running, 1, 0.9, None)
    store.confirmed("conv-000", 7, said(2, 0.3, 0.6), None, Model(**MODEL), None)


def test_metrics_say_where_a_study_stands(store):
    play(store)

    said_now = told(store)

    assert said_now["front_trials", "conv"] == 2
    assert said_now["hypervolume", "conv"] == pytest.approx(0.8 * 0.4 + 0.5 * 0.1)
    assert (said_now["best", "conv", "error"], said_now["best", "conv", "robust_error"]) == (0.2, 0.5)
    assert (said_now["front_trials", "mlp"], said_now["hypervolume", "mlp"]) == (0, 0.0)
    assert ("best", "mlp", "error") not in said_now
    assert (said_now["trials", "mlp", "FAILED"], said_now["trials", "mlp", "RUNNING"]) == (1, 1)
    assert (said_now["trials", "conv", "COMPLETE"], said_now["trials", "conv", "STOPPED"]) == (2, 0)
    assert said_now["trials_planned", "conv"] == 3
    assert (said_now["confirmations", "conv"], said_now["confirmations", "mlp"]) == (1, 0)


def test_metrics_say_what_was_computed_and_how_fast_it_goes(store):
    play(store)

    said_now = told(store)

    assert said_now["gradient_evaluations", "conv"] == 200 + 200 + 200  # two trials and a confirmation
    assert said_now["gradient_evaluations", "mlp"] == 100
    assert said_now["gradient_evaluations_per_second",] == 100 / 0.5
    assert said_now["examples_per_second",] == 20 / 0.5


def test_every_metric_is_said_once_the_study_has_something_to_say(store):
    play(store)

    said_now = {sample.name for sample in samples(store.state, store.config)}

    assert said_now == set(METRICS) - {"disentangle_confirmations_planned"}  # said when the confirmation begins
    for sample in samples(store.state, store.config):
        assert {"study", *sample.tags} == set(METRICS[sample.name].tags)


def test_a_counter_never_falls_and_counts_nothing_twice():
    rise = Rise()

    def risen(architecture, *values):
        return [rise.of(Sample(name="spent", value=value, tags={"architecture": architecture})) for value in values]

    assert risen("conv", 100, 250, 250, 50, 200, 300) == [100, 150, 0, 0, 0, 50]
    assert risen("mlp", 10) == [10]


class Broken:
    """A watch that cannot even be told of anything."""

    def __getattr__(self, name):
        raise OSError("[metrics] are\ngone")


class Told:
    """A watch that remembers what it was told."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *about: self.calls.append((name, *about))


def test_a_watch_that_fails_is_left_out_and_the_user_is_told_once():
    first, last = Told(), Told()
    watch = Watches(first, Broken(), last)

    watch.notice("a driver is at work")
    watch.tick()
    watch.tick()

    reason = "Broken is left out from here on: OSError: [metrics] are gone"
    notices = [call[1] for call in first.calls if call[0] == "notice"]
    assert notices == ["a driver is at work", f"a driver is at work\n{reason}"]
    assert last.calls == [("tick",), ("tick",)]


def test_the_users_own_watch_is_not_left_out():
    with pytest.raises(OSError, match="gone"):
        Watches(Broken()).tick()


@pytest.fixture(scope="module")
def dashboard():
    return json.loads(DASHBOARD.read_text())


def queries(dashboard):
    targets = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return targets + [
        variable["query"]["query"] for variable in dashboard["templating"]["list"] if variable["type"] == "query"
    ]


def test_the_dashboard_asks_for_metrics_that_there_are_and_for_all_of_them(dashboard):
    asked = {name for query in queries(dashboard) for name in re.findall(r"ray_\w+", query)}

    assert asked == {metric.exported(name) for name, metric in METRICS.items()}


def test_the_dashboard_asks_by_labels_that_the_metrics_have(dashboard):
    known = {metric.exported(name): set(metric.tags) for name, metric in METRICS.items()}
    for query in queries(dashboard):
        for name, selector in re.findall(r"(ray_\w+)\{([^}]*)\}", query):
            assert set(re.findall(r"(\w+)=", selector)) | set(re.findall(r"(\w+)!=", selector)) <= known[name], query


def test_every_panel_has_a_title_a_unit_a_place_and_a_legend(dashboard):
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(set(places)) == len({panel["id"] for panel in dashboard["panels"]}) == len(places)
    for panel in dashboard["panels"]:
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(target["legendFormat"] for target in panel["targets"])


def test_the_dashboard_can_be_turned_to_any_study_and_architecture(dashboard):
    assert [variable["name"] for variable in dashboard["templating"]["list"]] == [
        "datasource",
        "study",
        "architecture",
    ]
    assert all("$study" in target for target in queries(dashboard) if "label_values" not in target)


def test_the_scrape_file_reads_where_ray_lists_its_agents():
    jobs = yaml.safe_load(SCRAPE.read_text())["scrape_configs"]

    (found,) = [entry["files"] for entry in jobs[0]["file_sd_configs"]]
    assert [Path(path).name for path in found] == ["prom_metrics_service_discovery.json"]


@pytest.mark.ray
@pytest.mark.slow
def test_what_metrics_say_arrives_where_prometheus_reads(store):
    play(store)
    names = {metric.exported(name) for name, metric in METRICS.items()}

    with TemporaryDirectory() as short:  # the names of Ray's sockets have at most 107 characters
        found = subprocess.run(
            [sys.executable, "-m", "tests.study.scraped", store.run_dir, str(len(names))],
            env={**os.environ, "RAY_TMPDIR": short},
            capture_output=True,
            text=True,
        )

    assert (found.returncode, found.stderr) == (0, "")

    lines = found.stdout.splitlines()
    assert {re.match(r"\w+", line)[0] for line in lines} == names
    (spent,) = [line for line in lines if "gradient_evaluations_total" in line and 'architecture="conv"' in line]
    assert float(spent.split()[-1]) == 600
