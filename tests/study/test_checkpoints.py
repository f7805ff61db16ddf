import pytest

from study.errors import DiskFull
from study.storage.checkpoints import Checkpoints
from study.storage.models import digest, is_whole


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "checkpoints")


def newest(checkpoints):
    return next(checkpoints._folder.glob("*.checkpoint"))


def test_the_newest_is_loaded_with_its_epoch(checkpoints):
    checkpoints.keep("conv-000", 1, b"one")
    checkpoints.keep("conv-000", 2.5, b"two\n\x00")

    assert checkpoints.load("conv-000") == b"two\n\x00"
    assert checkpoints.epoch("conv-000") == 2.5


def test_a_trial_that_kept_nothing_has_nothing(checkpoints):
    checkpoints.keep("conv-000", 1, b"one")

    assert (checkpoints.load("conv-001"), checkpoints.epoch("conv-001")) == (None, None)


def test_a_file_cut_or_changed_at_any_byte_is_set_aside_for_the_one_before(checkpoints):
    checkpoints.keep("conv-000", 1, b"one")
    checkpoints.keep("conv-000", 2, b"two")
    path, whole = newest(checkpoints), newest(checkpoints).read_bytes()
    cut = [whole[:length] for length in range(len(whole))]
    longer = [whole + b"x"]
    changed = [whole[:place] + b"~" + whole[place + 1 :] for place in range(whole.index(b"sha256"), len(whole))]

    for content in [*cut, *longer, *changed]:
        path.write_bytes(content)

        assert checkpoints.load("conv-000") == b"one"
        assert not path.exists()
    assert path.with_name("conv-000.checkpoint.damaged").exists()


def test_where_nothing_is_whole_a_trial_starts_anew(checkpoints):
    for epoch in (1, 2):
        checkpoints.keep("conv-000", epoch, b"content")
    for path in list(checkpoints._folder.iterdir()):
        path.write_bytes(path.read_bytes()[:-1])

    assert checkpoints.load("conv-000") is None
    assert sorted(path.suffix for path in checkpoints._folder.iterdir()) == [".damaged", ".damaged"]


def test_after_damage_a_trial_is_kept_as_before(checkpoints):
    checkpoints.keep("conv-000", 1, b"one")
    newest(checkpoints).write_bytes(b"")

    first = checkpoints.load("conv-000")
    checkpoints.keep("conv-000", 2, b"two")

    assert (first, checkpoints.load("conv-000")) == (None, b"two")


def test_a_trial_that_ended_is_forgotten_and_others_are_not(checkpoints):
    for trial in ("conv-000", "conv-0001"):
        for epoch in (1, 2):
            checkpoints.keep(trial, epoch, b"content")

    checkpoints.drop("conv-000")
    checkpoints.drop("mlp-000")

    assert checkpoints.load("conv-000") is None
    assert checkpoints.load("conv-0001") == b"content"


def test_a_full_disk_leaves_what_was_kept(checkpoints, monkeypatch):
    checkpoints.keep("conv-000", 1, b"one")
    monkeypatch.setattr("os.getpid", lambda: "full")
    (checkpoints._folder / "..conv-000.checkpoint.coming.full").symlink_to("/dev/full")

    with pytest.raises(DiskFull):
        checkpoints.keep("conv-000", 2, b"two")

    assert checkpoints.load("conv-000") == b"one"


@pytest.mark.parametrize("trial_id", ["", "..", "a/b"])
def test_an_id_that_is_no_files_name_is_no_ones(checkpoints, trial_id):
    with pytest.raises(ValueError, match="names a file"):
        checkpoints.load(trial_id)


def test_a_model_is_whole_or_not(tmp_path):
    path = tmp_path / "conv-000-7.safetensors"
    recorded = digest(b"weights")

    missing = is_whole(path, recorded)
    path.write_bytes(b"weights")
    whole = is_whole(path, recorded)
    path.write_bytes(b"weight")
    cut = is_whole(path, recorded)

    assert (missing, whole, cut) == (False, True, False)
