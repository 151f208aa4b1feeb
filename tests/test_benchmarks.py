"""What the benchmarks lean on: medians, ratios that are none within the spread, rivals that do what ours does."""

from __future__ import annotations

import pytest

import workbench as wb
from benchmarks import arms, probed, probes, probing, rivals
from benchmarks.__main__ import CASES


def seconds(*took):
    return [{"seconds": each} for each in took]


def test_a_ratio_within_the_spread_is_equal():
    assert arms.ratio(seconds(4.0, 4.1, 4.2), seconds(2.0, 2.1, 2.05)) == 2.0
    assert arms.ratio(seconds(2.0, 2.4), seconds(2.1, 2.15)) == "equal"
    assert arms.ratio(seconds(3.0), [{"not run": "no such package"}]) is None


def test_spans_are_the_median_with_least_and_most_or_the_reason():
    assert arms.spans(seconds(3.0, 1.0, 2.0)) == {"seconds": 2.0, "least": 1.0, "most": 3.0}
    assert arms.spans([{"not run": "no such package"}]) == {"seconds": "not run: no such package"}


def test_an_arm_that_is_not_there_is_told_with_its_reason(capfd):
    assert arms.in_process("search", "theirs", "0") == {"not run": "KeyError: 'theirs'"}
    assert "theirs not run: KeyError" in capfd.readouterr().err


def test_every_case_has_a_module_with_a_line_on_it():
    from importlib.util import find_spec

    assert [name for name, what in CASES.items() if not what or find_spec(f"benchmarks.{name}") is None] == []


@pytest.mark.parametrize("case", ["mending", "images"])
def test_a_case_on_photographs_says_where_they_must_lie(case, monkeypatch, tmp_path):
    from importlib import import_module

    for named in ("", str(tmp_path)):
        monkeypatch.setenv("WORKBENCH_TEST_DATA", named)
        with pytest.raises(SystemExit, match=rf"set WORKBENCH_TEST_DATA to a folder that holds .*; it is '{named}'\."):
            import_module(f"benchmarks.{case}").rows(1)
    monkeypatch.delenv("WORKBENCH_TEST_DATA")
    with pytest.raises(SystemExit, match="WORKBENCH_TEST_DATA"):
        import_module(f"benchmarks.{case}").rows(1)


def test_a_row_on_texts_or_recordings_that_are_not_there_says_so(monkeypatch):
    from benchmarks import domains

    monkeypatch.setenv("WORKBENCH_TEST_DATA", "")
    found = domains.rows(1)
    assert len(found) == 15 and {row["data"].split(",")[0] for row in found} >= {"SMS spam", "Banking77"}
    why = "not run: WORKBENCH_TEST_DATA must name a folder that holds "
    assert all(row["score"].startswith(why) for row in found)


def test_spoken_digits_are_cut_as_published_or_by_voice(tmp_path, monkeypatch):
    import csv
    import zipfile

    from benchmarks import domains

    (tmp_path / "speech_fsdd").mkdir()
    with zipfile.ZipFile(tmp_path / domains.DIGITS, "w") as made:
        for name in ("7_theo_4.wav", "7_theo_5.wav", "3_george_0.wav"):
            made.writestr(f"recordings/{name}", b"")
    monkeypatch.setenv("WORKBENCH_TEST_DATA", str(tmp_path))
    for unheard, parts in (((), ["test", "train", "test"]), (domains.UNHEARD, ["test", "test", "train"])):
        made = domains.digits(tmp_path, unheard)
        with open(made.table, newline="") as file:
            rows = [*csv.DictReader(file)]
        assert [row["split"] for row in rows] == parts and made.group == ("speaker" if unheard else "")
        assert rows[0]["label"] == "7" and rows[0]["path"] == "recordings/7_theo_4.wav"


@pytest.fixture(scope="module")
def both():
    """The same settings by ours, fused, and by the expert's loop with the same draws."""
    from workbench.job import Job
    from workbench.learners.plan import plan
    from workbench.trainer import Watch, train

    recipe = wb.Recipe("digits(per_class=8)", regularizers="l2, dropout", epochs=3, precision="float32")
    settings, _ = rivals.proposed(recipe, 20)
    planned = plan([recipe.turned(each) for each in settings])
    x, y, n = planned.learner.features, planned.learner.labels, len(planned.data.train)
    job = Job(planned)
    for _ in train(job, Watch()):
        pass
    theirs = []
    for each in settings:
        drop = rivals.dropout(each["dropout.rate"], -(-n // recipe.batch_size))
        head = rivals.started(0, x.shape[1], 10, drop=drop)
        theirs.append(rivals.head_alone(each, (x[:n], y[:n]), [(x[n:], y[n:])], head, 3, recipe.batch_size))
    return settings, job, theirs


def test_the_experts_loop_comes_out_where_ours_does(both):
    _, job, theirs = both
    ours = [min(row["valid_loss"] for row in rows[1:]) for rows in job.rows_of]
    assert [each["loss"] for each in theirs] == pytest.approx(ours, rel=1e-4)


def test_rivals_try_what_our_search_tries(both):
    recipe = wb.Recipe("digits(per_class=8)", regularizers="l2, dropout", epochs=1)
    study = wb.search(recipe, wb.Random(trials=20))
    assert [each["settings"] for each in study.results()] == both[0]


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """The probes of texts, small: where their data and encoder lie, and what `prepare` said."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arms, "SMALL", True)  # an encoder of two thin layers
        for name, value in {"each": (3, 2), "epochs": 2, "many": 2}.items():
            patch.setattr(probed.Texts, name, value)
        folder = str(tmp_path_factory.mktemp("texts"))
        patch.setenv("WORKBENCH_RUNS", f"{folder}/runs")
        patch.setattr(arms, "ceilings", lambda: {"float32 GFLOP/s": 10.0, "bfloat16 GFLOP/s": 20.0})
        yield folder, probing.prepare("texts", folder)


def test_probed_texts_differ_much_in_length(texts):
    data, _, tokens = probing._read("texts", texts[0])
    assert (len(data.train), len(data.valid), len(data.classes)) == (18, 12, 6)
    assert tokens.lengths.max() > 2 * tokens.lengths.float().mean()
    floors = texts[1]["floors"]
    assert floors["search"]["float32"] == 2 * floors["search"]["bfloat16"] > floors["heads"]["float32"] / 16 > 0


def test_rivals_on_texts_come_out_where_ours_does(texts):
    ours = probing.ours("texts", texts[0], "0")
    expert = probing.expert("texts", texts[0], "0")["same draws"]
    assert expert["winner"] == ours["winner"] and expert["loss"] == pytest.approx(ours["loss"], rel=1e-4)
    alone = probing.default_user(lambda: probing.plain, "texts", texts[0], "1")
    assert 0 < alone["loss"] < 3 and [*alone["accuracies"]] == ["1"]
    assert probing.scikit("texts", texts[0], "0")["accuracy"] > 0


def test_probed_clips_last_from_one_to_eight_seconds(monkeypatch, tmp_path):
    import soundfile

    monkeypatch.setattr(probed.Speech, "each", (2, 1))
    case = probed.KINDS["speech"]
    case.write(tmp_path)
    seconds = [soundfile.info(path).duration for path in (tmp_path / "clips").rglob("*.wav")]
    assert len(seconds) == 10 * (2 + 1 + probed.CUT) and 1 <= min(seconds) < 2 and 7 < max(seconds) <= 8
    assert case.parts(tmp_path)[0].size == 8 * 16_000


def test_probes_know_their_parts(monkeypatch):
    monkeypatch.setenv("BENCHMARKS_PARTS", "texts,smells")
    with pytest.raises(SystemExit, match=r"--parts must be of vision, texts, speech; 'smells' is none\."):
        probes.rows(1)
