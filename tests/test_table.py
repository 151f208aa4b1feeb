"""A person's own texts from any usual table: what is read, what is guessed, and what each mistake is told as."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.baseline import baseline
from workbench.datasets.layout import composed
from workbench.datasets.texts import LETTERS
from workbench.errors import BadData

DRAW = np.random.default_rng(0)
WORDS = ["sun", "moon", "star", "sea", "tree", "stone", "wind", "rain"]


def lines(many=60, classes=("good", "bad")):
    """(text, label), no two texts alike."""
    return [(f"{WORDS[at % 8]} number {at} {classes[at % len(classes)]}", classes[at % len(classes)])
            for at in range(many)]  # fmt: skip


def written(path, rows, header=("text", "label"), delimiter=",", encoding="utf-8"):
    with open(path, "w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows] if header else rows)
    return path


def of(path, **knobs):
    return wb.Table(path=str(path), **knobs).load()


def labels_of(data):
    return [data.classes[at] for at in data.true_labels.tolist()]


def parts_of(data):
    """The part of each key."""
    return {data.keys[at]: name for name in ("train", "valid", "test") for at in getattr(data, name).tolist()}


# -- formats -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", list(",;\t|"))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_any_delimiter_and_any_marked_encoding(delimiter, encoding, tmp_path):
    rows = [(f"{text}, wörter; Привет", label) for text, label in lines()]
    data = of(written(tmp_path / "a.csv", rows, delimiter=delimiter, encoding=encoding))
    assert data.inputs.first == tuple(text for text, _ in rows) and labels_of(data) == [label for _, label in rows]
    assert data.side == data.inputs.longest == 128 and data.keys[:2] == ("2", "3") and len(data.labels) == 60


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "json"])
def test_parquet_and_json_say_the_same_as_csv(kind, tmp_path):
    rows = lines()
    frame = pd.DataFrame(rows, columns=["text", "label"])
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        frame.assign(tags=[[1]] * 60).astype({"label": "category"}).to_parquet(path, row_group_size=7)
    else:
        frame.to_json(path, orient="records", lines=kind == "jsonl")
    data, same = of(path), of(written(tmp_path / "a.csv", rows))
    assert data.inputs.first == same.inputs.first and labels_of(data) == labels_of(same)
    assert torch.equal(data.train, same.train) and data.content == same.content
    assert any("not read: tags" in note for note in data.notes) == (kind == "parquet")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("classes", [("NA", "None"), ("007", "7"), ("null", "nan"), ("true", "1.0"), ("1e5", "100000")])
def test_labels_stay_what_they_are(kind, classes, tmp_path):
    rows, path = lines(classes=classes), tmp_path / f"a.{kind}"
    frame = pd.DataFrame(rows, columns=["text", "label"])
    {"csv": lambda: frame.to_csv(path, index=False), "parquet": lambda: frame.to_parquet(path),
     "jsonl": lambda: frame.to_json(path, orient="records", lines=True)}[kind]()  # fmt: skip
    assert labels_of(of(path)) == [label for _, label in rows] and set(of(path).classes) == {*classes}


def test_numbers_in_parquet_and_json_are_written_plainly(tmp_path):
    texts = [text for text, _ in lines()]
    pd.DataFrame({"text": texts, "label": [1.0, 0.0, 2.5] * 20}).to_parquet(tmp_path / "a.parquet")
    assert of(tmp_path / "a.parquet").classes == ("0", "1", "2.5")
    many = [json.dumps({"text": text, "label": at % 3}) for at, text in enumerate(texts)]
    (tmp_path / "a.jsonl").write_text("\n".join(many))
    assert of(tmp_path / "a.jsonl").classes == ("0", "1", "2")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=20), min_size=2, max_size=4, unique=True))
def test_any_label_survives(tmp_path_factory, names):
    plain = [*dict.fromkeys(composed(name.strip()) for name in names if name.strip())]
    rows = [(f"text {at} {at % 7}", plain[at % len(plain)]) for at in range(80)] if len(plain) > 1 else []
    if not rows:
        return
    folder = tmp_path_factory.mktemp("labels")
    for path in (written(folder / "a.csv", rows), folder / "a.jsonl"):
        if path.suffix == ".jsonl":
            path.write_text("\n".join(json.dumps({"text": text, "label": label}) for text, label in rows))
        try:
            data = of(path)
        except BadData as error:  # a split by hash may leave a part without a class
            assert "part holds no example" in str(error)
        else:
            assert labels_of(data) == [label for _, label in rows]


def test_a_table_without_a_header_has_numbered_columns(tmp_path):
    data = of(written(tmp_path / "a.tsv", [(label, text) for text, label in lines()], header=None, delimiter="\t"))
    assert len(data.labels) == 60 and data.classes == ("bad", "good") and data.keys[0] == "1"
    assert "a.tsv has no header: its columns are numbered." in data.notes
    assert "Columns: text 'column 2' (guessed), label 'column 1' (guessed)." in data.notes


def test_quotes_are_read_as_they_pair_or_as_letters(tmp_path):
    rows = lines()
    proper = of(written(tmp_path / "a.csv", [(f'he said "{text}",\nand left', label) for text, label in rows]))
    assert proper.inputs.first[0] == f'he said "{rows[0][0]}",\nand left'
    torn = "".join(f"{label}\t{chr(34) * (at % 5 == 0)}{text}\n" for at, (text, label) in enumerate(rows))
    (tmp_path / "b.tsv").write_text("label\ttext\n" + torn)
    data = of(tmp_path / "b.tsv")
    assert len(data.labels) == 60 and data.inputs.first[0].startswith('"') and "do not pair" in " ".join(data.notes)
    once = torn.replace('"', "", 3).replace("number 59", 'number 59"')  # they pair by chance, rows apart
    (tmp_path / "c.tsv").write_text("label\ttext\n" + once)
    assert len(of(tmp_path / "c.tsv").labels) == 60
    escaped = "".join(f'"a \\"{text}\\", b",{label}\n' for text, label in rows)
    (tmp_path / "d.csv").write_text("text,label\n" + escaped)
    data = of(tmp_path / "d.csv")
    assert data.inputs.first[0] == f'a "{rows[0][0]}", b' and "escaped by backslashes" in " ".join(data.notes)


# -- encodings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "word"), [("cp1251", "Привет"), ("cp1252", "Grüße"), ("utf-16-le", "ascii"), ("utf-16-be", "ascii")]
)
def test_another_encoding_is_refused_with_a_guess_that_works(encoding, word, tmp_path):
    rows = [(f"{word} {text}", f"{word}-{label}") for text, label in lines()]
    path = written(tmp_path / "a.csv", rows, encoding=encoding)
    with pytest.raises(BadData, match=rf"a\.csv .*UTF-8.*set table\.encoding='{encoding}'|{encoding} without its mark"):
        of(path)
    data = of(path, encoding=encoding)
    assert data.inputs.first[0] == rows[0][0] and data.classes == (f"{word}-bad", f"{word}-good")


def test_what_is_no_table_is_told(tmp_path):
    for content, why in [
        (b"PK\x03\x04...", "is a workbook of a spreadsheet: save its sheet as CSV"),
        (b"\x1f\x8b...", "is packed: unpack it"),
        (b"\xff\xfea", "is not utf-16 throughout"),
        (b"", "is empty"),
        (b"text\none\ntwo\n", "has one column only .*'text'.*with commas"),
        (b"text,text\na,b\n", "has the column 'text' twice"),
    ]:
        (tmp_path / "a.csv").write_bytes(content)
        with pytest.raises(BadData, match=why):
            of(tmp_path / "a.csv")
    (tmp_path / "a.jsonl").write_text("1\n2\n")
    with pytest.raises(BadData, match="holds no JSON objects"):
        of(tmp_path / "a.jsonl")
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"\0" * 50 + b"PAR1")
    with pytest.raises(BadData, match="cannot be read as parquet"):
        of(tmp_path / "a.parquet")
    with pytest.raises(BadData, match=r"table.encoding must be .* such as 'cp1251' .* got 'klingon'"):
        of(written(tmp_path / "b.csv", lines()), encoding="klingon")
    with pytest.raises(BadData, match=r"must be a CSV, TSV, JSON lines or parquet file; .* is not there"):
        of(tmp_path / "none.csv")
    with pytest.raises(BadData, match=r"table.path must name .* it is empty"):
        wb.Table().load()


def test_a_damaged_parquet_names_where_it_breaks(tmp_path):
    path = tmp_path / "a.parquet"
    pd.DataFrame(lines(4000), columns=["text", "label"]).to_parquet(path, row_group_size=1000, compression="gzip")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    path.write_bytes(content)
    with pytest.raises(BadData, match=r"a.parquet is damaged after row \d+"):
        of(path)


# -- rows --------------------------------------------------------------------------------------------------------------


def test_rows_without_text_or_label_are_listed_and_left_out_only_if_asked(tmp_path):
    rows = [*lines(), ("", "good"), ("some text", " "), ("\x00\x01", "bad")]
    path = written(tmp_path / "a.csv", rows)
    with open(path, "a") as file:
        file.write("\n,\none,two,three\n")
    with pytest.raises(
        BadData, match=r"4 of 64 rows cannot be used; mend them, or set broken='leave out' .table.broken.:"
    ) as e:
        of(path)
    for line in ("row 62: no text", "row 63: no label", "row 64: no text", "row 67: 3 cells, and there are 2 columns"):
        assert f"\n  {line}" in str(e.value)
    data = of(path, broken="leave out")
    assert len(data.labels) == 60 and "Left out: row 63: no label." in data.notes
    lost = written(tmp_path / "b.csv", [*lines(), ("", "rare")])
    with pytest.raises(BadData, match="no row of rare can be used, so leaving them out leaves out the class"):
        of(lost, broken="leave out")
    (tmp_path / "a.jsonl").write_text("\n".join([*(json.dumps({"text": t, "label": k}) for t, k in lines()), "{oops"]))
    with pytest.raises(BadData, match=r"1 of 61 rows .*\n  row 61: this is no JSON object"):
        of(tmp_path / "a.jsonl")


def test_half_characters_controls_and_huge_cells_are_told(tmp_path):
    texts = [text for text, _ in lines()]
    texts[0], texts[1], texts[2] = "half \ud83d gone", "nul \x00 and \x1b[31m", "x" * (LETTERS + 5)
    rows = [json.dumps({"text": text, "label": f"🙂 مرحبا {at % 2}"}) for at, text in enumerate(texts)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    data = of(tmp_path / "a.jsonl")
    assert data.inputs.first[:2] == ("half \N{REPLACEMENT CHARACTER} gone", "nul   and  [31m")
    assert len(data.inputs.first[2]) == LETTERS and data.classes == ("🙂 مرحبا 0", "🙂 مرحبا 1")
    for how in ("1 texts are longer than 100,000 letters: they are cut.", "1 texts are with half a character",
                "1 texts are with control characters"):  # fmt: skip
        assert any(note.startswith(how) for note in data.notes)
    with pytest.raises(BadData, match="row 61: its label holds half a character"):
        (tmp_path / "a.jsonl").write_text("\n".join([*rows, '{"text": "a", "label": "\\ud83d"}']))
        of(tmp_path / "a.jsonl")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(), max_size=40), min_size=1, max_size=20))
def test_no_text_makes_it_fail_in_another_way(tmp_path_factory, some):
    """Lone surrogates, NUL and marks of direction too: what cannot be read is left out, and named."""
    path = tmp_path_factory.mktemp("any") / "a.jsonl"
    rows = [*lines(200), *((text, "good") for text in some)]
    path.write_text("\n".join(json.dumps({"text": text, "label": label}) for text, label in rows))
    data = of(path, broken="leave out")
    assert len(data.labels) + sum(note.startswith("Left out") for note in data.notes) == len(rows)
    "".join(data.inputs.first).encode()


def test_a_thousand_odd_texts_are_learned_from_answered_and_shown(tmp_path):
    """Any characters at all: half ones, NUL, marks of direction, pictures, in texts of any length."""
    draw = np.random.default_rng(0)
    planes = [(0x20, 0x7F), (0, 0x20), (0x590, 0x700), (0x2000, 0x2070), (0xD800, 0xE000), (0x1F300, 0x1F700)]
    planes.append((1, 0x110000))
    odd = [
        "".join(map(chr, draw.integers(*planes[at % 7], int(draw.geometric(0.05)))))  # about twenty letters
        for at in range(1000)
    ]
    rows = [json.dumps({"text": f"{WORDS[at % 2]} {text}", "label": WORDS[at % 2]}) for at, text in enumerate(odd)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    table = wb.Table(path=str(tmp_path / "a.jsonl"), size=32)
    run = wb.fine_tune(wb.Recipe(table, "docs-bert", epochs=2, lr=1e-2))
    assert run.history["valid_loss"].iloc[-1] < run.history["valid_loss"].iloc[0]
    data = table.load()
    assert len(run.predict(list(data.inputs.first))) == len(data.labels) == 1000
    seen = wb.gallery(wb.examples(data, [{"key": key, "label": "any"} for key in data.keys]))._repr_html_()
    seen.encode()  # no half characters
    assert "\0" not in seen and seen.count("any") >= 1000


# -- splits ------------------------------------------------------------------------------------------------------------


def test_equal_texts_are_in_one_part_and_told_under_two_labels(tmp_path):
    rows = lines(200) + [(f"  {text.upper()} ", label) for text, label in lines(100)] + [("sun number 0 good", "bad")]
    data = of(written(tmp_path / "a.csv", rows))
    part, held = parts_of(data), {}
    for key, text in zip(data.keys, data.inputs.first, strict=True):
        held.setdefault(" ".join(text.casefold().split()), set()).add(part[key])
    assert all(len(parts) == 1 for parts in held.values()) and len(held) == 200
    assert "101 texts are exact copies of others." in data.notes
    assert "The same text under two labels: 2 and 202 and 302." in data.notes


def test_very_many_texts_under_two_labels_are_not_all_named(tmp_path):
    rows = lines(200) + [(text, {"good": "bad", "bad": "good"}[label]) for text, label in lines(50)]
    notes = of(written(tmp_path / "a.csv", rows)).notes
    assert sum(note.startswith("The same text under two labels") for note in notes) == 10
    assert "Of 50 texts under two labels the first 10 are named." in notes


def test_groups_stay_together_by_name_or_guess_or_not_at_all(tmp_path):
    rows = [(text, label, f"u{at // 5}") for at, (text, label) in enumerate(lines(300))]
    path = written(tmp_path / "a.csv", rows, ("text", "label", "Author"))
    for named in ("", "Author"):
        data = of(path, group=named)
        assert f"group 'Author'{' (guessed)' * (not named)}" in " ".join(data.notes)
        part = parts_of(data)
        assert all(len({part[str(2 + 5 * at + step)] for step in range(5)}) == 1 for at in range(60))
        assert data.groups is not None and len(set(data.groups.tolist())) == 60
    assert of(path, group="-").groups is None


def test_given_parts_are_kept_and_a_wrong_word_is_told(tmp_path):
    names = ["train", "dev", "TEST", ""]
    rows = [(text, label, names[(at // 2) % 4]) for at, (text, label) in enumerate(lines(80))]
    data = of(written(tmp_path / "a.csv", rows, ("text", "label", "split")))
    part = parts_of(data)
    found = {names[(at // 2) % 4]: part[str(at + 2)] for at in range(80)}
    assert found == {"train": "train", "dev": "valid", "TEST": "test", "": "train"}
    assert "20 texts have no part of their own: they are in the training part." in data.notes
    rows[3] = (*rows[3][:2], "tran")
    with pytest.raises(BadData, match=r"column 'split' of a.csv must hold train, .* line 5 holds 'tran'.*'train'"):
        of(written(tmp_path / "a.csv", rows, ("text", "label", "split")))


def test_a_folder_of_train_and_test_files(tmp_path):
    written(tmp_path / "train.csv", lines(80))
    written(tmp_path / "test.csv", [(f"other {text}", label) for text, label in lines(40)], delimiter=";")
    (tmp_path / "notes.md").write_text("...")
    data, table = of(tmp_path), wb.Table(path=str(tmp_path))
    assert {key.partition(":")[0] for key, part in parts_of(data).items() if part == "test"} == {"test"}
    assert len(data.test) == 40 and table.extent() == (120, 128) and table.parts() == (80, 20, 2)
    written(tmp_path / "val.tsv", lines(4), delimiter="\t")
    written(tmp_path / "dev.csv", lines(4))
    with pytest.raises(BadData, match=r"holds dev.csv and val.tsv: one file of each part"):
        of(tmp_path)
    with pytest.raises(BadData, match="is a folder without a train file"):
        of(tmp_path.parent)


def test_the_same_seed_cuts_the_same_and_rows_that_come_move_none(tmp_path):
    path = written(tmp_path / "a.csv", lines(200))
    one, two, other = of(path), of(path), of(path, seed=1)
    assert one.fingerprint == two.fingerprint != other.fingerprint
    more = of(written(tmp_path / "b.csv", lines(240)))
    assert {key: part for key, part in parts_of(more).items() if int(key) <= 201} == parts_of(one)
    small = of(path, per_class=5, label_noise=0.4)
    assert len(small.train) == 10 and int((small.labels != small.true_labels).sum()) == 4
    assert torch.equal(small.valid, one.valid)


# -- columns -----------------------------------------------------------------------------------------------------------


def test_columns_are_guessed_and_can_be_named(tmp_path):
    rows = [(at, label, f"{at}.11.2026", text, text.upper(), at % 3) for at, (text, label) in enumerate(lines())]
    path = written(tmp_path / "a.csv", rows, ("id", "kind", "Date", "premise", "Hypothesis", "stage"))
    table = wb.Table(path=str(path))
    found = table.columns()
    assert found.taken() == {"text": "premise", "label": "kind", "second": "Hypothesis", "time": "Date"}
    assert set(found.guessed) == {"text", "label", "second", "time"} and found.there[0] == "id"
    data = table.load()
    assert data.inputs.second[0] == data.inputs.first[0].upper() and table.times()["3"] == "1.11.2026"
    named = wb.Table(path=str(path), label="stage", second="-", time="-", text="Hypothesis")
    assert named.columns().taken() == {"text": "Hypothesis", "label": "stage"} and named.columns().guessed == ()
    assert named.load().classes == ("0", "1", "2") and not named.load().inputs.second and named.times() == {}


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"label": "lable"}, r"a.csv has no column 'lable' \(table.label\)\. Did you mean 'label'\? There are: text"),
        ({"text": "label", "label": "label"}, "table.text and table.label must be two columns, and both are 'label'"),
        ({"label": "text"}, r"which column of a.csv holds the text|60 different labels in 60 rows .*hardly a class"),
    ],
)
def test_wrong_columns_are_told(knobs, said, tmp_path):
    with pytest.raises(BadData, match=said):
        of(written(tmp_path / "a.csv", lines()), **knobs)


def test_columns_that_nothing_tells_are_asked_for(tmp_path):
    rows = [(f"{at} once", f"twice {at} over") for at in range(40)]
    with pytest.raises(BadData, match=r"which column of a.csv holds the label.* set table.label to one of one, two"):
        of(written(tmp_path / "a.csv", rows, ("one", "two")))


# -- how many ----------------------------------------------------------------------------------------------------------


def test_too_few_rows_or_classes_are_refused(tmp_path):
    with pytest.raises(BadData, match=r"the table must hold 10 texts at least, .* got 6"):
        of(written(tmp_path / "a.csv", lines(6)))
    with pytest.raises(BadData, match="at least two labels must be there to tell apart, got 'good' alone"):
        of(written(tmp_path / "a.csv", lines(60, ("good",))))
    with pytest.raises(BadData, match=r"the .* part holds no example of rare: there are 1 of rare in all"):
        of(written(tmp_path / "a.csv", [*lines(), ("a text", "rare")]))


def test_seventy_seven_classes_of_ten_each_all_validate(tmp_path):
    data = of(written(tmp_path / "a.csv", lines(770, tuple(f"c{at:02}" for at in range(77)))))
    assert len(data.classes) == 77 and {*labels_of(data)} == {*data.classes}
    assert {*data.labels[data.valid].tolist()} == {*range(77)} == {*data.labels[data.train].tolist()}
    assert any(note.startswith("By their hashes nothing validates c") for note in data.notes)
    assert sorted(torch.cat([data.train, data.valid, data.test]).tolist()) == [*range(770)]


def test_a_thousand_to_one_is_told_the_rarest_first(tmp_path):
    rare = [(f"{text} rare", "rare") for text, _ in lines(12)]
    data = of(written(tmp_path / "b.csv", [*lines(12_000, ("usual",)), *rare]), balance="weighted")
    assert data.classes == ("rare", "usual") and "rarest class first: rare " in " ".join(data.notes)


def test_how_many_there_are_is_known_without_the_texts(tmp_path):
    path = written(tmp_path / "a.csv", lines(200))
    table = wb.Table(path=str(path), per_class=10, size=64)
    assert table.extent() == (200, 64) and table.parts() == (20, 40, 2) and table.domain == "language" and table.own
    assert table.reading() == (0.0, 0)


BIG = """
import csv, resource, sys
import numpy, torch
import workbench as wb
from pathlib import Path
path = Path(sys.argv[1])
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
data = wb.Table(path=str(path)).load()
print(len(data.labels), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - base)
"""


def measured(path):
    done = subprocess.run([sys.executable, "-c", BIG, str(path)], capture_output=True, text=True, check=True)
    return map(float, done.stdout.split())


def test_a_hundred_thousand_rows_and_a_cell_of_fifty_megabytes_fit_in_memory(tmp_path):
    with open(tmp_path / "many.csv", "w") as file:
        file.write("text,label\n")
        file.writelines(f'"{at} {" ".join(WORDS * 8)}, and so on",c{at % 5}\n' for at in range(100_000))
    rows, megabytes = measured(tmp_path / "many.csv")
    assert rows == 100_000 and megabytes < 300
    with open(tmp_path / "cell.csv", "w") as file:
        file.write("text,label\n" + "".join(f"{text},{label}\n" for text, label in lines()))
        file.write(f'"{"word " * 10_000_000}",good\n')
    rows, megabytes = measured(tmp_path / "cell.csv")
    assert rows == 61 and megabytes < 600


# -- corrections, and a run --------------------------------------------------------------------------------------------


def test_corrections_name_rows(tmp_path):
    path = written(tmp_path / "a.csv", lines(100))
    from workbench.looking import corrections_of

    file = wb.Corrections(corrections_of(wb.Table(path=str(path))))
    file.relabel("2", "bad", "good")
    file.drop("3", "bad")
    data = of(path, corrections=file.spelled)
    assert labels_of(data)[0] == "bad" and "3" not in parts_of(data)
    assert any(note.startswith("Corrected: 1 label, and 1 example left out") for note in data.notes)
    with pytest.raises(BadData, match=r"table.corrections names .* no such file"):
        of(path, corrections=str(tmp_path / "none.jsonl"))


# -- real data ---------------------------------------------------------------------------------------------------------


@pytest.mark.real
def test_corrections_of_rows_that_moved_are_refused(tmp_path):
    rows, file = lines(), wb.Corrections(tmp_path / "mended.jsonl")
    path = written(tmp_path / "t.csv", rows)
    file.relabel("3", "good", "bad")  # the second text, as a spreadsheet counts
    file.drop("6", "good")
    assert "Corrected: 1 label, and 1 example left out (mended.jsonl)." in of(path, corrections=file.spelled).notes
    written(path, [*rows[:1], (rows[1][0], "good"), *rows[2:]])  # mended in the table itself
    assert of(path, corrections=file.spelled)
    written(path, [("a new one on top", "good"), *rows])
    with pytest.raises(BadData, match=r"mended\.jsonl corrects row \d, which was a .* the table's rows moved"):
        of(path, corrections=file.spelled)
    assert of(path, corrections=file.spelled, label_noise=0.2)  # labels are others by chance there


def test_an_empty_first_line_is_no_header_and_a_mark_no_part_of_a_name(tmp_path):
    path = written(tmp_path / "t.csv", lines())
    path.write_text("\n" + path.read_text())
    assert of(path).classes == ("bad", "good") and len(of(path).keys) == 60
    marked = written(tmp_path / "m.csv", lines(), encoding="utf-8-sig")
    for named in ("", "utf-8", "utf-8-sig"):
        assert wb.Table(str(marked), encoding=named).columns().there == ("text", "label")


def test_real_messages_without_a_header_and_with_stray_quotes(test_data):
    data = of(test_data / "text_sms_spam" / "sms.tsv")
    assert Counter(labels_of(data)) == {"ham": 4827, "spam": 747} and len(data.keys) == 5574
    assert "415 texts are exact copies of others." in data.notes
    assert baseline(data)["accuracy"] > 0.97


@pytest.mark.real
def test_real_intents_in_their_own_split(test_data):
    data = of(test_data / "text_banking77")
    assert len(data.classes) == 77 and len(data.keys) == 10_003 + 3080 and 3060 < len(data.test) <= 3080
    assert all(key.startswith("test:") for key, part in parts_of(data).items() if part == "test")
