"""Labels, parts and groups from a table and from file names; and what each mistake in a table is told as."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import workbench as wb
from workbench.datasets.tables import read_table
from workbench.errors import BadData

WHICH = "which column of labels.csv holds each picture's"
OUT = "relative to that folder"


@pytest.fixture
def shots(tmp_path):
    """Forty products of two kinds, three shots each."""
    draw = np.random.default_rng(0)
    (tmp_path / "shots").mkdir()
    for product in range(40):
        for shot in range(3):
            pixels = draw.integers(0, 256, (24, 24, 3)).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / "shots" / f"p{product:02}_{shot}.png")
    return tmp_path / "shots"


@pytest.fixture
def table(shots):
    names = sorted(path.name for path in shots.iterdir())
    kind = [["mug", "NA"][int(name[1:3]) % 2] for name in names]
    found = pd.DataFrame({"file": names, "label": kind, "product": [name[:3] for name in names]})
    found.to_csv(shots / "labels.csv", index=False)
    return found


def of(shots, **knobs):
    return wb.Images(table=str(shots / "labels.csv"), size=32, **knobs).load()


def together(data):
    """Whether every product's shots are in one part."""
    where = {data.keys[at][:3]: set() for at in range(len(data.keys))}
    for name in ("train", "valid", "test"):
        for at in getattr(data, name).tolist():
            where[data.keys[at][:3]].add(name)
    return all(len(parts) == 1 for parts in where.values())


@pytest.mark.usefixtures("table")
def test_a_table_names_pictures_and_labels_even_the_class_na(shots):
    data = of(shots)
    assert data.classes == ("NA", "mug") and len(data.keys) == 120
    assert all(
        (data.classes[label] == "NA") == bool(int(key[1:3]) % 2)
        for key, label in zip(data.keys, data.labels, strict=True)
    )


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("group", ["product", r"(p\d+)_\d"])
def test_a_group_stays_in_one_part(shots, group):
    assert not together(of(shots)) and together(of(shots, group=group))
    before = of(shots, group=group)
    for shot in range(3):  # one more product
        Image.new("RGB", (24, 24), (shot, 9, 9)).save(shots / f"p40_{shot}.png")
    with open(shots / "labels.csv", "a") as file:
        file.writelines(f"p40_{shot}.png,mug,p40\n" for shot in range(3))
    after = of(shots, group=group)
    for name in ("train", "valid", "test"):
        old, new = ({data.keys[at] for at in getattr(data, name).tolist()} for data in (before, after))
        assert old <= new


def test_copies_in_two_groups_bring_both_into_one_part(shots, table):
    for product in range(1, 20):
        (shots / f"p{product:02}_0.png").write_bytes((shots / "p00_0.png").read_bytes())
    data = of(shots, group="product")
    where = {name: {data.keys[at][:3] for at in getattr(data, name).tolist()} for name in ("train", "valid", "test")}
    assert together(data) and sum(bool({f"p{at:02}" for at in range(20)} & held) for held in where.values()) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_usual_encodings_and_delimiters_are_read(tmp_path, encoding, delimiter):
    pd.DataFrame({"path": ["a.png"], "label": ["чашка"]}).to_csv(
        tmp_path / "t.csv", index=False, sep=delimiter, encoding=encoding
    )
    assert read_table(tmp_path / "t.csv").to_dict("records") == [{"path": "a.png", "label": "чашка"}]


def test_parquet_is_read_and_an_empty_cell_is_no_label(shots, table):
    table.loc[3, "label"] = None
    table.to_parquet(shots / "labels.parquet")
    with pytest.raises(BadData, match=r"(?s)1 of 120 files .*line 5 of labels.parquet: no label for p01_0.png"):
        wb.Images(table=str(shots / "labels.parquet"), size=32).load()
    data = wb.Images(table=str(shots / "labels.parquet"), size=32, broken="leave out").load()
    assert len(data.keys) == 119 and data.classes == ("NA", "mug")
    assert "Left out: line 5 of labels.parquet: no label for p01_0.png." in data.notes


def test_whole_numbers_in_parquet_stay_whole_beside_an_empty_cell(tmp_path):
    big = 2**60 + 1
    found = pd.DataFrame(
        {"path": ["a", "b"], "label": [1, None], "id": pd.array([big, None], "Int64"), "x": [1.5, 2.0]}
    )
    found.to_parquet(tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet")
    assert read.to_dict("list") == {"path": ["a", "b"], "label": ["1", ""], "id": [str(big), ""], "x": ["1.5", "2.0"]}


def test_blanks_around_a_label_make_no_class(shots, table):
    table["label"] = [f" {label}" if at % 3 else f"{label} " for at, label in enumerate(table["label"])]
    table.to_csv(shots / "labels.csv", index=False)
    assert of(shots).classes == ("NA", "mug")


@pytest.mark.parametrize(("file", "written"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_table_from_another_system_finds_its_files(shots, table, file, written):
    import unicodedata

    (shots / "p00_0.png").rename(shots / unicodedata.normalize(file, "café.png"))
    table.loc[0, ["file", "label"]] = [unicodedata.normalize(written, "café.png"), unicodedata.normalize(written, "é")]
    table.loc[1:20, "label"] = "é"
    table.to_csv(shots / "labels.csv", index=False)
    data = of(shots)
    assert data.classes == ("NA", "mug", "é") and len(data.keys) == 120


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "holdout", "dev"), r"line 3 holds 'holdout'\. So it is with 40 lines \(holdout\)"),
        (("trn", "Test ", "dev"), r"line 2 holds 'trn'\. Did you mean 'train'\? So it is with 40 lines \(trn\)"),
        (("left", "right", ""), r"column 'split' .*lines \(left, right\): mend them, or give the column another name"),
    ],
)
def test_a_part_that_nobody_knows_is_told(shots, words, message):
    lines = (shots / "labels.csv").read_text().splitlines()
    parted = [f"{lines[0]},split", *(f"{line},{words[at % 3]}" for at, line in enumerate(lines[1:]))]
    (shots / "labels.csv").write_text("\n".join(parted) + "\n")
    with pytest.raises(BadData, match=message):
        of(shots)


@pytest.mark.usefixtures("table")
def test_other_usual_words_for_parts_count(shots):
    lines = (shots / "labels.csv").read_text().splitlines()
    words = ["Training", " dev", "eval", "TESTING", ""]
    parted = [f"{lines[0]},split", *(f"{line},{words[at % 5]}" for at, line in enumerate(lines[1:]))]
    (shots / "labels.csv").write_text("\n".join(parted) + "\n")
    data = of(shots)
    assert (len(data.train), len(data.valid), len(data.test)) == (48, 24, 48)


def test_the_last_picture_of_a_class_is_not_left_out_in_silence(shots, table):
    extra = pd.DataFrame({"file": ["gone.png"], "label": ["vase"], "product": ["x"]})
    pd.concat([table, extra]).to_csv(shots / "labels.csv", index=False)
    with pytest.raises(
        BadData, match=r"(?s)no file of vase can be read, .*line 122 of labels.csv: gone.png is not there"
    ):
        of(shots, broken="leave out")


def changed(change):
    def apply(shots):
        lines = (shots / "labels.csv").read_text().splitlines()
        (shots / "labels.csv").write_text("\n".join(change(lines)) + "\n")

    return apply


@pytest.mark.parametrize(
    ("change", "knobs", "message"),
    [
        (lambda lines: ["image_name,label,product", *lines[1:]], {}, f"{WHICH} path. .*path_column .*image_name"),
        (lambda lines: ["path,file,product", *lines[1:]], {}, "several that may be it: set"),
        (lambda lines: ["file,what,product", *lines[1:]], {}, "picture's label. None is called label, class, category"),
        (lambda lines: ["file,label,label", *lines[1:]], {}, "has the column 'label' twice"),
        (lambda lines: lines, {"label_column": "lable"}, "no column 'lable'. Did you mean 'label'. There are: file"),
        (lambda lines: lines, {"path_column": "fil"}, r"no column 'fil'\. Did you mean 'file'\?"),
        (lambda lines: [*lines, "gone.png,mug,x"], {}, "1 of 121 .*line 122 of labels.csv: gone.png is not there"),
        (lambda lines: [*lines, "p00_0.png,NA,x"], {}, "line 122 of labels.csv: p00_0.png stands in line 2 already"),
        (lambda lines: [*lines, ",mug,x"], {}, "line 122 of labels.csv: no path"),
        (lambda lines: [*lines, "labels.csv,mug,x"], {}, "labels.csv is no picture file"),
        (lambda lines: [lines[0], *("no/" + line for line in lines[1:])], {}, f"{OUT}.*no/p00_0.png"),
        (lambda lines: lines[:1], {}, "names no picture of"),
        (lambda lines: lines, {"group": "prodct"}, r"must hold one group in brackets.*Columns: file, label, product"),
        (lambda lines: lines, {"group": "(p"}, "must be a pattern"),
        (lambda lines: lines, {"group": "(zzz)"}, "is found in no file's name; the first is 'p00_0.png'"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("table")
def test_a_mistake_in_a_table_is_told_with_its_line_and_the_way_out(shots, change, knobs, message):
    changed(change)(shots)
    with pytest.raises(BadData, match=f"(?s){message}"):
        of(shots, **knobs)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "path,label\nа.png,чашка\n".encode("cp1251"), "is not UTF-8 .line 2.; save it as UTF-8"),
        ("t.csv", b"", "cannot be read as a table"),
        ("t.xlsx", b"PK\x03\x04 and so on", "t.xlsx is a workbook of a spreadsheet: save its sheet as CSV"),
        ("t.csv", b"\xd0\xcf\x11\xe0 and so on", "t.csv is a workbook of a spreadsheet"),
        ("t.parquet", b"PAR1 and no footer", "cannot be read as a table"),
        ("none.csv", None, "is not there"),
    ],
)
def test_a_damaged_table_is_said(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadData, match=message):
        wb.Images(str(tmp_path), table=str(tmp_path / name)).load()


@pytest.mark.usefixtures("table")
def test_a_tables_own_parts_count_and_pictures_beside_it_are_told(shots):
    lines = (shots / "labels.csv").read_text().splitlines()
    parts = ["split", *(["train", "train", "val", "test"][at % 4] for at in range(len(lines) - 1))]
    (shots / "labels.csv").write_text("\n".join(f"{a},{b}" for a, b in zip(lines[:-6], parts[:-6], strict=True)) + "\n")
    data = of(shots)
    assert (len(data.train), len(data.valid), len(data.test)) == (58, 28, 28)
    assert any("6 pictures of" in note and "are not in labels.csv" in note for note in data.notes)
