import json
import re
import shlex
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import jsonschema
import pytest
import yaml

from study.options import read_options

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
LAUNCHER = ["ray-onpremise.yaml", "ray-aws.yaml"]
COMMAND = re.compile(r"(?<=python -m study\.launch )[^'`\n]+")


def read(name):
    return yaml.safe_load((DEPLOY / name).read_text())


def commands():
    """Every command line of the project that a file shows or runs; SLURM's has variables and is tested beside it."""
    files = [path for path in sorted(DEPLOY.iterdir()) if path.suffix in (".yaml", ".md")]
    return [(path.name, found) for path in files for found in COMMAND.findall(path.read_text())]


@pytest.fixture
def rayjob():
    return read("kuberay-rayjob.yaml")


def check(rayjob):
    schema = json.loads((Path(__file__).parent / "rayjob_schema.json").read_text())
    jsonschema.validate(rayjob, schema, cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize("name", LAUNCHER)
def test_rays_own_launcher_accepts_the_cluster(name):
    from ray.autoscaler._private.util import prepare_config, validate_config  # takes seconds

    config = read(name)

    validate_config(prepare_config(deepcopy(config)))

    with pytest.raises(jsonschema.ValidationError, match="nodes"):
        validate_config(prepare_config(config | {"nodes": 3}))


@pytest.mark.parametrize("name", LAUNCHER)
def test_every_node_of_a_launched_cluster_asks_for_the_same_token(name):
    config = read(name)
    starts = [
        line
        for kind in ("head_start_ray_commands", "worker_start_ray_commands")
        for line in config[kind]
        if "ray start" in line
    ]

    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in line for line in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]
    assert [there for there, here in config["file_mounts"].items() if here == "~/.ray/auth_token"] in (
        ["~/.ray/auth_token"],
        ["/home/ray/.ray/auth_token"],
    )
    assert {"runs", "data", ".venv"} <= set(config["rsync_exclude"])


def test_the_rayjob_has_the_form_that_kuberay_documents(rayjob):
    check(rayjob)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda job: job.update(apiVersion="ray.io/v1alpha1"),
        lambda job: job["spec"].pop("entrypoint"),
        lambda job: job["spec"].update(entryPoint="python"),
        lambda job: job["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParams"].update({"num-cpus": 0}),
        lambda job: job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0].pop("maxReplicas"),
        lambda job: job["spec"]["rayClusterSpec"].update(authOptions={"mode": "yes"}),
    ],
)
def test_a_rayjob_that_kuberay_would_refuse_is_noticed(rayjob, spoil):
    spoil(rayjob)

    with pytest.raises(jsonschema.ValidationError):
        check(rayjob)


def test_what_a_pod_mounts_is_among_its_volumes_and_ports_have_one_name(rayjob):
    cluster = rayjob["spec"]["rayClusterSpec"]
    pods = [group["template"]["spec"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]

    for pod in pods:
        (container,) = pod["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
        assert container["resources"]["requests"] == container["resources"]["limits"]
    assert len({pod["containers"][0]["image"] for pod in pods}) == 1


def test_versions_are_those_that_the_project_is_tested_with(rayjob):
    pinned = re.search(r"^ray==(.+)$", (REPOSITORY / "constraints.txt").read_text(), re.MULTILINE).group(1)

    assert rayjob["spec"]["rayClusterSpec"]["rayVersion"] == pinned
    for name in ("ray-aws.yaml", "README.md"):
        assert f"rayproject/ray:{pinned}-py311" in (DEPLOY / name).read_text()


@pytest.mark.parametrize(("name", "line"), commands())
def test_every_command_has_options_that_exist(name, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line.replace("~/", ""))
    if "--resume" in words:
        words[words.index("--resume") : words.index("--resume") + 2] = []  # there is nothing to resume here

    request = read_options(words)

    assert request.address == "auto"
    assert "--resume" in line or (request.config.scale, request.config.space) == ("paper", "tradeoff")


def test_no_file_is_without_a_command():
    assert {name for name, _ in commands()} == {*LAUNCHER, "kuberay-rayjob.yaml", "README.md"}


def test_the_slurm_script_is_sound():
    shellcheck = Path(sys.executable).with_name("shellcheck")

    assert subprocess.run(["bash", "-n", str(DEPLOY / "slurm.sbatch")], check=False).returncode == 0
    assert subprocess.run([str(shellcheck), str(DEPLOY / "slurm.sbatch")], check=False).returncode == 0
