"""Labels and parts from the folders that pictures lie in, and what is said of files that are none."""

from __future__ import annotations

import pytest

from workbench.datasets import files
from workbench.datasets.layout import by_folders


def test_a_hundred_thousand_paths_are_listed_in_little_memory(tmp_path, monkeypatch):
    """The names come from a stand-in for the disk, on which so many files take a while."""
    import tracemalloc

    def walked(path, onerror):
        kinds = [str(kind) for kind in range(20)]
        yield str(path), kinds, []
        for kind in kinds:
            yield f"{path}/{kind}", [], [f"product-{at:06}.jpg" for at in range(5_000)]

    monkeypatch.setattr(files.os, "walk", walked)
    monkeypatch.setattr(files.os.path, "isfile", lambda _: True)

    tracemalloc.start()
    found = by_folders(files.Folder(tmp_path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found.names) == 100_000 and len({*found.labels}) == 20 and peak < 40e6


def test_other_files_are_counted_and_a_jpeg_may_have_other_endings(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for at, ending in enumerate((".jfif", ".jpe", ".JPG", ".jpeg")):
            (tmp_path / name / f"{at}{ending}").touch()
        for other in ("x.heic", "y.heic", "z.AVIF", "old.JPG2", "scan", ".hidden.xyz"):
            (tmp_path / name / other).touch()
    found = by_folders(files.Folder(tmp_path))
    assert len(found.names) == 8 and found.left_out == []
    said = "Files that are not read, by their endings: 4 .heic, 2 .jpg2, 2 without an ending, 2 .avif. Pictures are "
    assert found.said[0].startswith(said)


def test_names_in_two_forms_of_unicode_are_one_class(tmp_path):
    import unicodedata

    for part, form in (("train", "NFC"), ("valid", "NFD")):
        (tmp_path / part / unicodedata.normalize(form, "café")).mkdir(parents=True)
        (tmp_path / part / unicodedata.normalize(form, "café") / "1.png").touch()
    found = by_folders(files.Folder(tmp_path))
    assert found.labels == ["café", "café"] and found.parts == ["train", "valid"]


@pytest.mark.parametrize(("top", "labels"), [("dev", ["cats"]), ("photos/eval", ["cats"]), ("train", ["cats"])])
def test_a_folder_above_may_be_called_as_a_part(tmp_path, top, labels):
    (tmp_path / top / "cats").mkdir(parents=True)
    (tmp_path / top / "cats" / "1.png").touch()
    assert by_folders(files.Folder(tmp_path)).labels == labels


def test_usual_names_of_parts_count_and_others_are_left_out(tmp_path):
    for part in ("Train", "dev", "testing", "holdout"):
        (tmp_path / part / "cats").mkdir(parents=True)
        (tmp_path / part / "cats" / "1.png").touch()
    found = by_folders(files.Folder(tmp_path))
    assert found.parts == ["train", "valid", "test"]
    assert found.left_out == ["holdout/cats/1.png: it lies in no class's folder"]
