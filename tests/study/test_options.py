from pathlib import Path

import pytest

from search_spaces.tradeoff import tradeoff
from study.launch import main
from study.options import read_options
from study.scales import SCALES
from study.storage.provenance import describe
from study.storage.store import create
from tests.study.conftest import begin, tiny
from trainables.pipeline import data_fingerprint


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_without_options_it_is_the_demo_of_the_tradeoff_on_fonts():
    request = read_options([])

    assert (request.config.space, request.config.scale, request.config.data.dataset) == ("tradeoff", "demo", "fonts")
    assert request.config.architectures == SCALES["demo"].architectures
    assert request.run_dir.parent == Path.cwd() / "runs"
    assert request.run_dir.name.startswith("tradeoff-fonts-2")


@pytest.mark.parametrize("scale", SCALES)
def test_a_scale_sets_all_numbers(scale):
    config, numbers = read_options(["--scale", scale]).config, SCALES[scale]

    assert (config.trials, config.seeds, config.epochs, config.steps) == (
        numbers.trials, numbers.seeds, numbers.epochs, numbers.steps
    )  # fmt: skip
    assert (config.data.n_train, config.data.n_validation, config.data.n_test, config.n_attacked) == (
        numbers.n_train, numbers.n_validation, numbers.n_test, numbers.n_attacked
    )  # fmt: skip


def test_options_change_the_scales_numbers():
    config = read_options(
        ["--scale", "smoke", "--trials", "7", "--seeds", "3", "--n-train", "50", "--epochs", "4", "--seed", "5"]
    ).config

    assert (config.trials, config.seeds, config.data.n_train, config.epochs) == (7, 3, 50, 4)
    assert (config.seed, config.data.seed) == (5, 5)


def test_small_scales_narrow_the_large_networks_and_say_so():
    config = read_options(["--scale", "laptop"]).config

    assert [config.base(name, 0).width for name in config.architectures] == [1, 1, 1 / 8, 1 / 8]
    assert describe(config, command="", data_fingerprint="")["widths"]["vgg"] == 1 / 8
    assert read_options(["--scale", "paper"]).config.base("resnet", 0).width == 1


def test_no_more_is_tested_than_the_official_files_have():
    large = ["--scale", "paper", "--dataset"]

    assert read_options([*large, "fonts"]).config.data.n_test == 40_000
    assert read_options([*large, "fashion"]).config.data.n_test == 10_000
    assert read_options([*large, "emnist", "--variant", "letters"]).config.data.n_test == 20_800
    assert read_options(["--scale", "smoke", "--dataset", "celeba"]).config.data.n_test == 1000


def test_images_lie_in_a_folder_called_data_unless_one_says_otherwise(tmp_path):
    assert read_options(["--dataset", "mnist"]).config.data.source == str(tmp_path / "data")
    assert read_options(["--dataset", "mnist", "--data-root", "d"]).config.data.source == str(tmp_path / "d")


@pytest.mark.parametrize(("dataset", "second"), [("fonts", "known"), ("fashion", "affine"), ("celeba", "affine")])
def test_the_second_adversary_moves_on_the_manifold_where_it_is_known(dataset, second):
    assert read_options(["--dataset", dataset]).config.search_space() == tradeoff(10, second)


def test_of_several_kinds_the_first_is_measured_on_and_the_learned_ones_share_their_settings():
    line = ["--dataset", "mnist", "--manifold", "learned-agnostic", "affine", "learned", "--gamma", "2"]
    config = read_options(line).config

    assert config.kinds == ("learned-agnostic", "affine", "learned")
    assert (config.measured_on.model.agnostic, config.learned.model.gamma) == (True, 2)
    assert config.threat_model.eta == 0.1
    assert config.search_space() == tradeoff(10, *config.kinds)
    assert read_options([*line, "--latent-box", "2.0"]).config.measured_on.box == "2.0"


def test_the_radius_is_the_usual_one_unless_the_first_kind_is_learned_for_all_classes():
    kinds = ["--dataset", "mnist", "--manifold"]

    assert read_options([*kinds, "affine", "learned-agnostic"]).config.threat_model.eta == 0.3
    assert read_options([*kinds, "learned-agnostic", "affine", "--eta", "0.2"]).config.threat_model.eta == 0.2


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (["known"], {"kind": "known"}),
        (["known", "affine"], {"kind": "known", "kinds": ["known", "affine"]}),
    ],
)
def test_study_json_names_kinds_where_there_are_several(kinds, told):
    config = read_options(["--manifold", *kinds]).config

    assert describe(config, command="", data_fingerprint="")["manifold"] == told


def test_study_json_tells_how_a_manifold_was_learned_and_of_the_measured_one_what_it_is():
    def told(*kinds):
        config = read_options(["--dataset", "mnist", "--manifold", *kinds]).config
        return describe(config, command="", data_fingerprint="")["manifold"]

    assert (told("learned-agnostic", "learned")["agnostic"], told("learned", "affine")["agnostic"]) == (True, False)
    assert told("learned", "affine")["box"] == "minmax"
    assert told("affine", "learned")["latent"] == 10
    assert not {"agnostic", "box"} & told("affine", "learned").keys()


def test_the_l2_adversary_has_a_radius_of_its_own():
    assert read_options(["--norm", "l2"]).config.threat_model.epsilon == 1.5
    assert read_options(["--norm", "l2", "--epsilon", "2"]).config.threat_model.epsilon == 2


def test_the_search_is_an_ordinary_tpe_unless_one_says_otherwise(tmp_path):
    plain = read_options([]).config
    asked = read_options(["--sampler", "nsga2", "--replicates", "2", "--warm-start", "earlier"]).config

    assert (plain.sampler, plain.constraints, plain.replicates, plain.warm_start) == ("tpe", (), 0, None)
    assert (asked.sampler, asked.replicates, asked.warm_start) == ("nsga2", 2, str(tmp_path / "earlier"))
    assert read_options(["--sampler", "gp", "--trials", "300"]).config.trials == 300


def test_paths_are_absolute(tmp_path):
    assert read_options(["--data-root", "d"]).config.data.source == str(tmp_path / "d" / "FONTS" / "prototypes.npz")
    assert read_options(["--fonts-dir", "f"]).config.data.source == str(tmp_path / "f")
    assert read_options(["--runs", "r", "--name", "n"]).run_dir == tmp_path / "r" / "n"


def test_a_study_at_an_address_has_a_folder_here(tmp_path, monkeypatch):
    line = ["--runs", "s3://key:secret@bucket/studies?region=r", "--name", "n"]

    request = read_options(line)
    monkeypatch.setenv("DISENTANGLE_CACHE", str(tmp_path / "cache"))
    cached = read_options(line)

    assert (request.run_dir, request.remote) == (tmp_path / "runs" / "n", "s3://key:secret@bucket/studies/n?region=r")
    assert cached.run_dir == tmp_path / "cache" / "n"
    assert request.place == "s3://bucket/studies/n?region=r"
    assert "secret" not in request.command
    assert read_options(["--name", "n"]).remote is None


def test_a_study_is_recalled_from_an_address(tmp_path):
    with begin(tmp_path / "away"):
        pass

    request = read_options(["--resume", f"file://{tmp_path}/away/tiny"])

    assert (request.config, request.resume) == (tiny(), True)
    assert (request.run_dir, request.place) == (tmp_path / "runs" / "tiny", f"file://{tmp_path}/away/tiny")
    assert not request.run_dir.exists()


def test_two_drivers_that_race_for_a_name_do_each_other_no_harm(tmp_path, capfd, monkeypatch):
    rival = read_options(["--scale", "smoke", "--name", "race"])
    with begin(tmp_path / "runs", name="race"):  # while the rival was still reading its data
        monkeypatch.setattr("study.launch.read_options", lambda _: rival)

        status = main([])

        assert (status, "exists" in capfd.readouterr().err) == (2, True)
        assert (tmp_path / "runs" / "race" / "study.json").is_file()


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--help"])

    said = capsys.readouterr().out
    assert left.value.code == 0
    assert all(word in said for word in ("examples:", "exit status:", "130", "--resume", "--dry-run"))


@pytest.mark.parametrize(("changed", "name"), [("data_fingerprint", "data"), ("space_fingerprint", "search space")])
def test_a_study_does_not_go_on_with_something_else(tmp_path, capfd, changed, name):
    config = tiny()
    truth = describe(config, command="", data_fingerprint=data_fingerprint(config.data))
    with create(tmp_path / "tiny", truth | {changed: "0" * 64}):
        pass

    status = main(["--resume", str(tmp_path / "tiny")])

    said = capfd.readouterr().err
    assert (status, said.count("\n")) == (2, 1)
    assert f"goes on with the {name} that it began with" in said


def test_an_address_that_is_the_folder_here_is_a_folder(tmp_path):
    request = read_options(["--runs", f"file://{tmp_path}/runs", "--name", "n"])

    assert (request.run_dir, request.remote) == (tmp_path / "runs" / "n", None)
    with begin(tmp_path / "runs"):
        pass
    assert read_options(["--resume", f"file://{tmp_path}/runs/tiny"]).remote is None


def test_of_a_study_at_an_address_only_the_beginning_is_known(tmp_path):
    with begin(tmp_path / "away"):
        pass

    request = read_options(["--resume", f"file://{tmp_path}/away/tiny", "--strong-images", "5"])

    assert request.strong == {"images": 5}  # another driver may have asked for attacks


def test_a_grids_judges_may_lie_anywhere(tmp_path):
    request = read_options(["--space", "claims", "--dataset", "mnist", "--manifolds", "elsewhere"])

    assert request.manifolds == str(tmp_path / "elsewhere")


def test_no_more_is_attacked_strongly_in_a_grid_than_at_all():
    config = read_options(["--space", "claims", "--scale", "laptop", "--n-attacked", "100"]).config

    assert config.attacked_strongly == 100


def test_ctrl_c_before_a_trial_is_no_traceback(monkeypatch, capfd):
    def interrupted(_request):
        raise KeyboardInterrupt

    monkeypatch.setattr("study.launch.data_fingerprint", interrupted)

    assert main(["--dry-run"]) == 130
    assert capfd.readouterr() == ("\nstopped\n", "")


def test_a_refused_resume_leaves_one_story_here_and_there(tmp_path, capfd):
    with begin(tmp_path / "away"):
        pass

    assert main(["--resume", f"file://{tmp_path}/away/tiny"]) == 2  # its data have another fingerprint

    assert "data" in capfd.readouterr().err
    here, there = (tmp_path / runs / "tiny" / "journal" for runs in ("runs", "away"))
    stories = [{path.name: path.read_bytes() for path in folder.glob("*.jsonl")} for folder in (here, there)]
    assert stories[0] == stories[1]
    assert b'"driver"' in b"".join(stories[0].values())
