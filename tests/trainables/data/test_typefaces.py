import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from trainables.data.glyphs import matplotlib_fonts
from trainables.data.typefaces import (
    Typefaces,
    bundled,
    fingerprint,
    load_prototypes,
    main,
    render_folder,
    save_prototypes,
    typefaces,
)

BUNDLED = [
    *("Aileron", "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-BoldOblique", "DejaVuSans-Oblique"),
    *("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-BoldOblique", "DejaVuSansMono-Oblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-BoldItalic", "DejaVuSerif-Italic"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralBolIta", "STIXGeneralItalic"),
    *("cmb10", "cmmi10", "cmr10", "cmss10", "cmsy10", "cmti10", "cmtt10"),
]


@pytest.fixture
def fonts(tmp_path):
    """A folder with one usable face of each spelling of a suffix, one of them deeper down."""
    folder = tmp_path / "fonts"
    (folder / "ofl" / "cm").mkdir(parents=True)
    shutil.copy(matplotlib_fonts() / "cmr10.ttf", folder / "ofl" / "cm" / "cmr10.ttf")
    shutil.copy(matplotlib_fonts() / "DejaVuSans.ttf", folder / "Sans.TTF")
    return folder


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "prototypes.npz"
    save_prototypes(bundled(), path)
    return path


def test_exactly_24_faces_are_bundled():
    assert list(bundled().names) == BUNDLED
    assert bundled().prototypes.shape == (24, 10, 28, 28)


def test_prototypes_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        bundled().prototypes[0, 0, 0, 0] = 1


def test_faces_are_found_in_all_subfolders_and_sorted_by_name(fonts):
    faces = render_folder(fonts)

    assert faces.names == ("Sans", "cmr10")
    assert np.array_equal(faces.prototypes[1], bundled().prototypes[BUNDLED.index("cmr10")])


def test_the_same_fonts_give_the_same_faces(fonts):
    assert fingerprint(render_folder(fonts)) == fingerprint(render_folder(fonts))


def test_a_face_that_is_there_already_is_dropped(fonts):
    shutil.copy(matplotlib_fonts() / "cmr10.ttf", fonts / "zebra.ttf")

    faces = render_folder(fonts)

    assert faces.names == ("Sans", "cmr10")
    assert faces.dropped == (("zebra.ttf", "it is the same as ofl/cm/cmr10.ttf"),)


def test_different_faces_in_files_of_one_name_keep_their_paths_as_names(fonts):
    shutil.copy(matplotlib_fonts() / "cmb10.ttf", fonts / "cmr10.ttf")
    shutil.copy(matplotlib_fonts() / "cmss10.ttf", fonts / "grotesque.ttf")

    assert render_folder(fonts).names == ("Sans", "cmr10.ttf", "grotesque", "ofl/cm/cmr10.ttf")


def test_a_font_that_cannot_be_read_is_dropped_with_the_reason(fonts):
    (fonts / "broken.otf").write_bytes((fonts / "Sans.TTF").read_bytes()[:5000])

    ((name, reason),) = render_folder(fonts).dropped

    assert name == "broken.otf"
    assert reason.startswith("it cannot be read (")


def test_symbols_and_blanks_are_dropped(fonts):
    for symbols in ("cmex10", "STIXSizOneSymReg", "LastResortHE-Regular"):
        shutil.copy(matplotlib_fonts() / f"{symbols}.ttf", fonts)

    faces = render_folder(fonts)

    assert faces.names == ("Sans", "cmr10")
    assert len(faces.dropped) == 3


def test_a_folder_of_nothing_but_symbols_is_refused(tmp_path):
    shutil.copy(matplotlib_fonts() / "cmex10.ttf", tmp_path)

    with pytest.raises(ValueError, match=r"holds a usable one; got 1 unusable in .*cmex10\.ttf: it does not draw"):
        render_folder(tmp_path)


def test_a_prototypes_file_gives_back_what_was_saved(saved):
    assert fingerprint(load_prototypes(saved)) == fingerprint(bundled())
    assert load_prototypes(saved).names == bundled().names


def test_the_same_faces_are_the_same_bytes(saved, tmp_path):
    other = tmp_path / "other.npz"
    save_prototypes(bundled(), other)

    assert saved.read_bytes() == other.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.npz", "prototypes.npz"]


def test_whoever_is_reading_a_file_does_not_see_it_change(saved, fonts):
    before = saved.read_bytes()

    with saved.open("rb") as reader:
        save_prototypes(render_folder(fonts), saved)
        assert reader.read() == before


def test_a_fingerprint_sees_every_pixel_and_every_name():
    faces = bundled()
    pixels = faces.prototypes.copy()
    pixels[3, 2, 14, 14] ^= 1
    renamed = ("Aileroo", *faces.names[1:])

    changed = [Typefaces(prototypes=pixels, names=faces.names), Typefaces(prototypes=faces.prototypes, names=renamed)]

    assert len({fingerprint(faces), *map(fingerprint, changed)}) == 3


def arrays(**changes):
    return {"prototypes": bundled().prototypes, "names": np.array(bundled().names)} | changes


def blanked():
    images = bundled().prototypes.copy()
    images[1, 2] = 0
    return images


DAMAGES = {
    "uint8 of shape": arrays(prototypes=bundled().prototypes.astype(np.float32)),
    r"got uint8 of shape \(24, 9, 28, 28\)": arrays(prototypes=bundled().prototypes[:, :9]),
    r"got uint8 of shape \(0, 10, 28, 28\)": arrays(prototypes=bundled().prototypes[:0], names=np.array([], dtype=str)),
    r"got uint8 of shape \(\)": arrays(prototypes=np.uint8(3)),
    "got 23 names for 24 faces": arrays(names=np.array(BUNDLED[1:])),
    "names are one row of text; got float64": arrays(names=np.arange(24.0)),
    "sorted and distinct; got 'cmtt10' before": arrays(names=np.array(BUNDLED[::-1])),
    "sorted and distinct; got 'A' before 'A'": arrays(names=np.array(["A"] * 24)),
    "blank C in 'DejaVuSans'": arrays(prototypes=blanked()),
    "holds `prototypes` and `names`; got": {"prototypes": bundled().prototypes},
    r"plain arrays; got what numpy cannot read \(ValueError\)": arrays(names=np.array([{}], dtype=object)),
}


@pytest.mark.parametrize("message", DAMAGES)
def test_wrong_contents_are_named_with_the_way_out(message, tmp_path):
    path = tmp_path / "prototypes.npz"
    np.savez(path, **DAMAGES[message])

    with pytest.raises(ValueError, match=message) as caught:
        load_prototypes(path)

    assert str(caught.value).startswith(f"{path} must be")
    assert f"trainables.data.typefaces --fonts-dir DIR --out {path}" in str(caught.value)


def flipped(raw):
    return raw[:2000] + bytes([raw[2000] ^ 255]) + raw[2001:]


@pytest.mark.parametrize(
    "damage", [flipped, lambda raw: raw[: len(raw) // 2], lambda raw: b"", lambda raw: b"not an archive"]
)
def test_a_damaged_archive_is_refused(damage, saved):
    saved.write_bytes(damage(saved.read_bytes()))

    with pytest.raises(ValueError, match=r"it is a whole \.npz archive; got .*; make it again"):
        load_prototypes(saved)


def test_a_missing_file_is_told_with_how_to_make_it(tmp_path):
    with pytest.raises(ValueError, match=r"it can be read; got No such file.*; make it again with `python -m"):
        load_prototypes(tmp_path / "prototypes.npz")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="whoever may read everything sees no denial")
def test_a_file_without_rights_is_refused(saved):
    saved.chmod(0)

    with pytest.raises(ValueError, match="it can be read; got Permission denied"):
        load_prototypes(saved)


def test_a_source_is_a_file_a_data_root_or_a_folder_of_fonts(fonts, saved, tmp_path):
    (tmp_path / "root" / "FONTS").mkdir(parents=True)
    shutil.copy(saved, tmp_path / "root" / "FONTS" / "prototypes.npz")

    assert typefaces(None) is bundled()
    assert typefaces(str(fonts)).names == ("Sans", "cmr10")
    assert list(typefaces(str(saved)).names) == BUNDLED
    assert list(typefaces(str(tmp_path / "root")).names) == BUNDLED


def test_a_source_is_read_once_until_it_changes(saved, fonts):
    first = typefaces(str(saved))
    assert typefaces(str(saved)) is first

    save_prototypes(render_folder(fonts), saved)
    os.utime(saved, ns=(1, 1))

    assert typefaces(str(saved)).names == ("Sans", "cmr10")


@pytest.mark.parametrize("source", ["", "absent", "text.txt"])
def test_another_source_is_told_what_was_looked_for(source, tmp_path):
    (tmp_path / "text.txt").write_text("A to J")

    with pytest.raises(ValueError, match=r"an \.npz file, a folder with FONTS/prototypes\.npz, or one of \.ttf and"):
        typefaces(str(tmp_path / source))


@pytest.mark.data
def test_the_example_data_hold_a_thousand_faces(data_root):
    assert typefaces(str(data_root)).prototypes.shape == (1000, 10, 28, 28)


def test_the_command_writes_a_file_that_studies_read(fonts, tmp_path, capsys):
    shutil.copy(matplotlib_fonts() / "cmex10.ttf", fonts)
    out = tmp_path / "out.npz"

    assert main(["--fonts-dir", str(fonts), "--out", str(out)]) == 0

    assert typefaces(str(out)).names == ("Sans", "cmr10")
    assert capsys.readouterr().out.splitlines() == [
        f"2 typefaces kept, 1 dropped: {out}",
        "     1 dropped: it does not draw letters",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fonts-dir", "absent", "--out", "new.npz"], "--fonts-dir is a folder; got absent"),
        (["--fonts-dir", "empty", "--out", "new.npz"], "without any"),
        (["--fonts-dir", "fonts", "--out", "new.png"], "--out is an .npz file"),
        (["--fonts-dir", "fonts", "--out", "absent/new.npz"], "in a folder that exists"),
        (["--fonts-dir", "fonts", "--out", "prototypes.npz"], "or comes with --force"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(arguments, message, fonts, saved, tmp_path, monkeypatch, capsys):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    before = saved.read_bytes()

    assert main(arguments) == 2

    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert saved.read_bytes() == before


def test_force_overwrites(fonts, saved):
    assert main(["--fonts-dir", str(fonts), "--out", str(saved), "--force"]) == 0
    assert load_prototypes(saved).names == ("Sans", "cmr10")


def test_wrong_usage_is_one_line_and_status_2():
    process = subprocess.run(
        [sys.executable, "-m", "trainables.data.typefaces", "--font-dir", "x"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.returncode == 2
    assert process.stderr.count("\n") == 1
    assert "--fonts-dir" in process.stderr
