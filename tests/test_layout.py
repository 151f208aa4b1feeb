"""Labels, parts and groups from a table and from file names; and what each mistake in a table is told as."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import workbench as wb
from workbench.datasets.layout import read_table
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


def changed(change):
    def apply(shots):
        lines = (shots / "labels.csv").read_text().splitlines()
        (shots / "labels.csv").write_text("\n".join(change(lines)) + "\n")

    return apply


@pytest.mark.parametrize(
    ("change", "knobs", "message"),
    [
        (lambda lines: ["image_name,label,product", *lines[1:]], {}, f"{WHICH} path. .*path_column .*image_name"),
        (lambda lines: ["path,file,product", *lines[1:]], {}, "several that may be"),
        (lambda lines: ["file,what,product", *lines[1:]], {}, "each picture's label"),
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
