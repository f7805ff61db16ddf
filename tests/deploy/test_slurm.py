"""The SLURM script, run with commands in place of SLURM's and Ray's that write down how they were called."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from study.options import read_options
from tests.study.processes import wait_for

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "deploy" / "slurm.sbatch"
NODES = {"alpha": 16, "beta": 4, "gamma": 64}

RECORD = """#!{python}
import json, os, stat, sys, time
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
token = os.environ.get("RAY_AUTH_TOKEN_PATH", "")
held = os.path.isfile(token)
entry = dict(
    name=name, words=words, node=os.environ.get("ON_NODE"), cpus=os.environ.get("SLURM_CPUS_ON_NODE"),
    mode=os.environ.get("RAY_AUTH_MODE"), token=open(token).read() if held else None,
    rights=stat.S_IMODE(os.stat(token).st_mode) if held else None,
)
with open(os.environ["CALLS"], "a") as file:
    file.write(json.dumps(entry) + "\\n")
"""
COMMANDS = {
    "scontrol": 'if words[0] == "show": print("\\n".join(json.loads(os.environ["NODES"])))',
    "srun": """
node = next(word.partition("=")[2] for word in words if word.startswith("--nodelist="))
rest = [word for word in words if not word.startswith("--")]
rest = words[words.index(rest[0]):]
cpus = str(json.loads(os.environ["NODES"])[node])
os.execvpe(rest[0], rest, os.environ | {"ON_NODE": node, "SLURM_CPUS_ON_NODE": cpus})""",
    "hostname": 'print("fe80::1 192.0.2.7 192.0.2.8")',
    "ray": """
if words[0] == "start": time.sleep(60)
if words[0] == "health-check": sys.exit(int('["start", ' not in open(os.environ["CALLS"]).read()))""",
    "python": """
if words[:2] == ["-m", "study.launch"]:
    import signal
    def end(*_): sys.exit(130)
    signal.signal(signal.SIGTERM, end)
    while open(os.environ["CALLS"]).read().count('["start", ') < len(json.loads(os.environ["NODES"])):
        time.sleep(0.05)
    if os.environ.get("LONG"):
        print("study runs", flush=True)
        time.sleep(60)
else:
    os.execv(sys.executable, [sys.executable, *words])""",
}


@pytest.fixture
def slurm(tmp_path):
    return prepared(tmp_path)


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """The folder of a job that has run, for those who only look."""
    folder = tmp_path_factory.mktemp("job")
    done = run(prepared(folder), folder)
    assert done.returncode == 0, done.stderr
    return folder


def prepared(folder):
    """Puts the commands into a folder and returns the environment of a job that calls them."""
    (folder / "bin").mkdir()
    for name, does in COMMANDS.items():
        command = folder / "bin" / name
        command.write_text(RECORD.replace("{python}", sys.executable) + does)
        command.chmod(0o755)
    own = {"BIN": folder / "bin", "CALLS": folder / "calls", "SHARED": folder / "home", "PAUSE": "0.05"}
    job = {"SLURM_JOB_ID": "123456", "SLURM_JOB_NODELIST": "alpha,beta,gamma", "NODES": json.dumps(NODES)}
    return {**os.environ, **{name: str(value) for name, value in {**own, **job}.items()}}


def run(slurm, folder):
    return subprocess.run(
        ["bash", str(SCRIPT)], cwd=folder, env=slurm, capture_output=True, text=True, timeout=150, check=False
    )


def calls(folder, name, *words):
    """Returns how a command was called, among those calls that begin with these words."""
    entries = [json.loads(line) for line in (folder / "calls").read_text().splitlines()]
    return [entry for entry in entries if entry["name"] == name and entry["words"][: len(words)] == list(words)]


def test_the_head_comes_first_and_every_node_offers_its_own_processors(job):
    starts = calls(job, "ray", "start")

    assert starts[0]["node"] == "alpha"
    assert "--head" in starts[0]["words"]
    assert {(entry["node"], f"--num-cpus={NODES[entry['node']]}" in entry["words"]) for entry in starts} == {
        (node, True) for node in NODES
    }
    assert {"--node-ip-address=192.0.2.7", "--port=23456", "--dashboard-host=127.0.0.1"} <= set(starts[0]["words"])
    assert all("--address=192.0.2.7:23456" in entry["words"] for entry in starts[1:])


def test_workers_wait_for_the_head(job):
    order = [json.loads(line) for line in (job / "calls").read_text().splitlines()]
    kinds = [(entry["name"], *entry["words"][:1]) for entry in order]
    head = kinds.index(("ray", "start"))
    healthy = max(place for place, kind in enumerate(kinds) if kind == ("ray", "health-check"))
    workers = [place for place, kind in enumerate(kinds) if kind == ("ray", "start")][1:]
    assert head < healthy < min(workers)


def test_one_new_token_for_all_that_only_its_owner_reads_and_that_goes_with_the_job(job, slurm, tmp_path):
    run(slurm, tmp_path)
    first = calls(job, "ray", "start") + calls(job, "python", "-m", "study.launch")
    second = calls(tmp_path, "ray", "start")

    assert {(entry["mode"], entry["rights"]) for entry in first} == {("token", stat.S_IRUSR | stat.S_IWUSR)}
    assert len({entry["token"] for entry in first}) == 1
    assert len(first[0]["token"]) == 64
    assert first[0]["token"] != second[0]["token"]
    assert list((job / "home").iterdir()) == []


def test_the_study_is_one_that_the_command_line_knows(slurm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(slurm | {"NAME": "mine"}, tmp_path)

    (launch,) = calls(tmp_path, "python", "-m", "study.launch")
    request = read_options(launch["words"][2:])

    assert (request.config.scale, request.config.name, request.address) == ("paper", "mine", "192.0.2.7:23456")
    assert request.run_dir == tmp_path / "runs" / "mine"


def test_a_study_that_has_begun_goes_on(slurm, tmp_path):
    (tmp_path / "runs" / "paper" / "journal").mkdir(parents=True)

    run(slurm, tmp_path)

    (launch,) = calls(tmp_path, "python", "-m", "study.launch")
    assert launch["words"][2:] == ["--resume", str(tmp_path / "runs" / "paper"), "--address", "192.0.2.7:23456"]


def test_when_time_is_up_the_study_stops_and_the_job_queues_again(slurm, tmp_path):
    long = subprocess.Popen(
        ["bash", str(SCRIPT)], cwd=tmp_path, env=slurm | {"LONG": "1"}, stdout=subprocess.PIPE, text=True
    )
    with long:
        assert long.stdout.readline() == "study runs\n"
        long.send_signal(signal.SIGTERM)  # to the shell alone, as SLURM does with B:
        assert wait_for(lambda: long.poll() is not None, 20)

    assert long.returncode == 130
    assert [entry["words"] for entry in calls(tmp_path, "scontrol", "requeue")] == [["requeue", "123456"]]


def test_a_job_that_is_done_does_not_queue_again(job):
    assert calls(job, "scontrol", "requeue") == []
