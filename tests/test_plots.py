"""Plots: plain rows tested with ==, then the figures' traces and titles."""

from __future__ import annotations

import html
from itertools import pairwise

import pandas as pd
import pytest

import workbench as wb
from workbench.folder import RunFolder
from workbench.plots import compared, comparison, confusion, confusions, curves, gap, learning_curves, recalls
from workbench.plots.confusion import rows as pairs
from workbench.plots.confusion import rows_of
from workbench.plots.curves import line, watched
from workbench.plots.recalls import rows as recall_rows
from workbench.plots.style import POINTS, faded, label, named, thin
from workbench.run import Run

pytestmark = pytest.mark.usefixtures("one_thread")
HOSTILE = '<img src=x onerror=alert(1)>&amp; "it\'s" <b>bold</b> $x^2$ %{y}'


def told(epoch, **more):
    """A row whose numbers are easy to recognise."""
    found = {"epoch": epoch, "step": 5 * epoch, "train_loss": 2.0 - epoch / 4, "valid_loss": 2.0 + (epoch - 2) ** 2 / 4}
    found |= {"train_accuracy": 0.5 + epoch / 16, "valid_accuracy": 0.25 + epoch / 32}
    return found | {"gap_accuracy": 0.25 + epoch / 32, "low": epoch / 32, "high": 0.5 + epoch / 32} | more


@pytest.fixture
def written(tmp_path):
    """Makes runs as their folders tell them."""

    def make(name="run", epochs=4, baseline=True, **knobs):
        files = RunFolder(tmp_path / name)
        files.path.mkdir(parents=True)
        recipe = wb.Recipe(backbone="test_resnet(weights='random')", **knobs)
        files.write("recipe.json", {"recipe": recipe.to_dict(), "sources": {}})
        for epoch in range(epochs):
            files.tell("row", **told(epoch))
        if baseline:
            files.tell("baseline", accuracy=0.4, loss=1.5)
        return Run(files)

    return make


def traces(figure):
    return [trace.to_plotly_json() for trace in figure.data]


# -- curves ------------------------------------------------------------------------------------------------------------


def test_rows_of_a_run_are_its_columns_its_best_row_and_its_baseline(written):
    assert curves.rows(written("a")) == [
        {
            "name": "a",
            "epoch": [0, 1, 2, 3],
            "train_loss": [2.0, 1.75, 1.5, 1.25],
            "valid_loss": [3.0, 2.25, 2.0, 2.25],
            "train_accuracy": [0.5, 0.5625, 0.625, 0.6875],
            "valid_accuracy": [0.25, 0.28125, 0.3125, 0.34375],
            "gap_accuracy": [0.25, 0.28125, 0.3125, 0.34375],
            "low": [0.0, 0.03125, 0.0625, 0.09375],
            "high": [0.5, 0.53125, 0.5625, 0.59375],
            "best": {key: told(2)[key] for key in curves.COLUMNS},
            "baseline": {"accuracy": 0.4, "loss": 1.5},
            "data": "",
            "marks": [],
        }
    ]


def test_one_run_a_list_an_iterator_and_a_mapping_are_all_taken(written):
    run = written("a")
    assert curves.rows([run]) == curves.rows(iter([run])) == curves.rows(run) == curves.rows({"a": run})
    assert curves.rows({"mine": run})[0]["name"] == "mine"


def test_the_curves_of_one_run(written):
    figure = learning_curves(written())
    assert figure.layout.title.text == "Validation accuracy 0.312 at the best epoch, 2."
    assert [trace["name"] for trace in traces(figure)] == [
        *["train", "valid", "best epoch", "plain baseline"] * 2, "knob turned, or branched"
    ]  # fmt: skip
    for metric, (train, valid, star, baseline) in zip(("loss", "accuracy"), _fours(figure), strict=True):
        assert list(train["y"]) == [told(epoch)[f"train_{metric}"] for epoch in range(4)]
        assert list(valid["y"]) == [told(epoch)[f"valid_{metric}"] for epoch in range(4)]
        assert (train["line"]["dash"], valid["line"]["dash"], baseline["line"]["dash"]) == ("solid", "dash", "dot")
        assert train["line"]["color"] != valid["line"]["color"]
        assert (list(star["x"]), list(star["y"])) == ([2], [told(2)[f"valid_{metric}"]])
        assert star["marker"]["symbol"] == "star"
        assert (list(baseline["x"]), list(baseline["y"])) == ([0, 3], [{"loss": 1.5, "accuracy": 0.4}[metric]] * 2)
        assert {trace["xaxis"] for trace in (train, valid, star, baseline)} == {"x" if metric == "loss" else "x2"}
    assert figure.layout.yaxis.title.text == "loss (nats)" and figure.layout.yaxis2.title.text == "accuracy (share)"
    assert figure.layout.xaxis.title.text == figure.layout.xaxis2.title.text == "epoch"


def _fours(figure):
    found = traces(figure)
    runs = [found[at : at + 9] for at in range(0, len(found), 9)]  # the ninth are marks
    return [each[at : at + 4] for each in runs for at in (0, 4)]


def test_the_curves_of_two_runs_keep_a_colour_each_and_one_legend_for_all(written):
    said = "Best epochs (least validation loss) compared: the highest accuracy is 0.312 of first in epoch 2."
    figure = learning_curves({"first": written("a"), "second": written("b", epochs=3, baseline=False)})
    assert figure.layout.title.text == said
    found = traces(figure)
    assert [trace["name"] for trace in found[:2]] == ["first, train", "first, valid"]
    assert [trace["name"] for trace in found[9:11]] == ["second, train", "second, valid"]
    assert found[0]["line"]["color"] == found[1]["line"]["color"] != found[9]["line"]["color"]
    assert list(found[12]["x"]) == []  # no baseline, but a trace for it
    shown = [trace["name"] for trace in found if trace.get("showlegend") is not False]
    assert sorted(shown) == sorted({*shown})  # no entry twice


def test_the_gap_stands_between_its_bounds(written):
    figure = gap(written())
    low, high, middle = traces(figure)
    assert list(low["y"]) == [told(e)["low"] for e in range(4)] and list(high["y"]) == [
        told(e)["high"] for e in range(4)
    ]
    assert list(middle["y"]) == [told(e)["gap_accuracy"] for e in range(4)]
    assert high["fill"] == "tonexty" and high["fillcolor"].startswith("rgba(") and high["fillcolor"].endswith(", 0.2)")
    assert [list(pair) for pair in middle["customdata"]] == [[told(e)["low"], told(e)["high"]] for e in range(4)]
    assert figure.layout.title.text == "Train is ahead of validation by 0.344 [0.094, 0.594] in the end."
    two = gap({"narrow": written("a", epochs=2), "wide": written("b", epochs=4)})
    assert two.layout.title.text == "The widest gap in the end, 0.344: wide." and len(two.data) == 6
    behind = {name: written(name, epochs=2) for name in ("most", "least")}
    for run, below in zip(behind.values(), (-0.2, -0.1), strict=True):
        run.files.tell("row", **told(2) | {"gap_accuracy": below})
    assert gap(behind).layout.title.text == "Train is behind validation in the end, least so in: least."


def test_what_is_watched_is_both_in_one_with_always_as_many_traces(written):
    nothing = watched([line("a", [], None)])
    all_of_it = watched(curves.rows(written()))
    assert len(nothing.data) == len(all_of_it.data) == 12
    assert [trace["name"] for trace in traces(nothing)] == [trace["name"] for trace in traces(all_of_it)]
    assert {trace["xaxis"] for trace in traces(all_of_it)} == {"x", "x2", "x3"}
    alone = traces(learning_curves(written("b"))) + traces(gap(written("c")))
    assert [list(t["y"]) for t in traces(all_of_it)] == [list(t["y"]) for t in alone]


def test_runs_without_rows_are_empty_figures_that_say_so(written):
    run = written("empty", epochs=0, baseline=False)
    nothing = {key: [] for key in curves.COLUMNS}
    assert curves.rows(run)[0] == nothing | {"name": "empty", "best": None, "baseline": None, "data": "", "marks": []}
    for figure in (learning_curves(run), gap(run), learning_curves([]), gap([]), compared([]), compared(run)):
        assert figure.layout.title.text == "No epoch has been measured yet."
    assert all(not len(trace["x"]) and not len(trace["y"]) for trace in traces(learning_curves(run)))
    one = learning_curves(written("one", epochs=1))
    assert list(traces(one)[3]["x"]) == [0, 1]  # the baseline is a line even where the run is a point


def test_long_runs_are_thinned_and_keep_the_best_epoch():
    rows = [told(epoch, valid_loss=abs(epoch - 1234) / 1000) for epoch in range(3000)]
    found = line("long", rows, None)
    assert len(found["epoch"]) <= POINTS and found["best"]["epoch"] == 1234
    assert found["epoch"][0] == 0 and found["epoch"][-1] == 2999 and 1234 in found["epoch"]
    assert found["valid_loss"] == [rows[epoch]["valid_loss"] for epoch in found["epoch"]]


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 999, 12345])
def test_thin_keeps_the_ends_and_spreads_the_rest_evenly(count):
    kept = thin(count, keep=[count // 3, -1, count + 5])
    assert kept == sorted(set(kept)) and len(kept) <= 500 and len(kept) >= min(count, 495)
    if count:
        assert kept[0] == 0 and kept[-1] == count - 1 and count // 3 in kept
        steps = [after - before for before, after in pairwise(kept)]
        assert max(steps, default=1) <= count / 498 + 1


# -- names and labels --------------------------------------------------------------------------------------------------


def test_runs_are_named_by_what_sets_their_recipes_apart(written):
    runs = [written(f"r{at}", **knobs) for at, knobs in enumerate(({"seed": 0}, {"seed": 1}, {"seed": 1, "lr": 0.01}))]
    assert list(named(runs)) == ["lr: 0.001, seed: 0", "lr: 0.001, seed: 1", "lr: 0.01, seed: 1"]
    plain, strong = written("p"), written("s", regularizers="l2(strength=0.5)")
    assert list(named([plain, strong])) == ["regularizers: none", "regularizers: l2(strength=0.5)"]


def test_runs_of_one_recipe_are_named_by_their_folders(written):
    assert list(named([written("a"), written("b")])) == ["a", "b"] and list(named(written("c"))) == ["c"]
    here, there = written("x/run"), written("y/run")
    assert list(named([here, there]).values()) == [here, there]  # of one name, and still two
    assert list(named([written("d"), written("e"), written("f", seed=1)])) == ["d", "e", "f"]
    assert named([]) == {}


def test_labels_show_letter_by_letter_what_a_user_wrote():
    shown = label(HOSTILE, most=200)
    assert "<" not in shown and "$" not in shown and "%{" not in shown
    assert html.unescape(shown) == HOSTILE
    # plotly knows these names and numbers alone, and shows any other entity as it stands
    assert {each.split(";")[0] for each in shown.split("&")[1:]} == {"lt", "gt", "amp", "#36", "#37"}
    assert label("x" * 100) == "x" * 59 + "…" and label(7) == "7" and label("x" * 60) == "x" * 60


def test_colours_are_let_through():
    assert faded("#0072B2", 0.2) == "rgba(0, 114, 178, 0.2)"


def _texts(value):
    """Every text in a figure's JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def test_hostile_names_stay_text_in_every_figure(written, real):
    runs = {HOSTILE: written("a"), f"{HOSTILE}2": written("b")}
    found = {"classes": [{"class": HOSTILE}, {"class": "b"}], "confusion": [[1, 2], [0, 3]]}
    figures = [learning_curves(runs), gap(runs), watched(curves.rows(runs)), confusion(found)]
    figures += [
        confusions({HOSTILE: found, "b": MIXED}),
        recalls(wb.compare({HOSTILE: real["head"], "b": real["norms"]})),
    ]
    for figure in [*figures, compared({HOSTILE: real["head"]})]:
        texts = list(_texts(figure.to_plotly_json()))
        assert any("&lt;img" in text for text in texts)
        for text in texts:
            assert "<img" not in text and "<b>" not in text and "$x^2$" not in text
            assert "%{" not in text.partition("<extra>")[2]  # the part of a hover text that holds a name


# -- comparison --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Two runs that were trained, of which the weights are there."""
    made = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("WORKBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patched.setenv("WORKBENCH_THREADS", "1")
        for scope in ("head", "norms"):
            backbone = wb.backbone("test_resnet", "random")
            recipe = wb.Recipe(wb.Digits(per_class=3), backbone, scope=scope, epochs=2, lr=1e-2, precision="float32")
            made[scope] = wb.fine_tune(recipe, tmp_path_factory.mktemp("run") / scope)
    return made


def test_compared_rows_are_the_best_epochs_with_their_intervals(real, written):
    found = comparison.rows({"a": real["head"], "none": written("n", epochs=0), "b": real["norms"]})
    assert found == [
        {
            "name": name,
            "best_epoch": run.best["epoch"],
            "valid_accuracy": run.details()["accuracy"],
            "low": run.details()["low"],
            "high": run.details()["high"],
            "gap_accuracy": run.best["gap_accuracy"],
            "gap_low": run.best["low"],
            "gap_high": run.best["high"],
        }
        for name, run in (("a", real["head"]), ("b", real["norms"]))
    ]
    for row in found:
        assert row["low"] < row["valid_accuracy"] < row["high"]
        assert row["valid_accuracy"] == pytest.approx(row_of(real, row["name"])["valid_accuracy"])


def row_of(real, name):
    return {"a": real["head"], "b": real["norms"]}[name].best


def test_compared_runs_are_dots_with_bars_that_end_at_the_bounds(real):
    rows, figure = comparison.rows(real), compared(real)
    better = max(rows, key=lambda row: row["valid_accuracy"])
    apart = min(rows, key=lambda row: row["valid_accuracy"])["high"] < better["low"]
    said = f"{better['name']} has the highest validation accuracy, {better['valid_accuracy']:.3f}"
    said += "." if apart else ", but the intervals overlap."
    assert figure.layout.title.text == said
    for trace, keys in zip(traces(figure), (("valid_accuracy", "low", "high"), ("gap_accuracy", "gap_low", "gap_high")),
                           strict=True):  # fmt: skip
        middle, low, high = ([row[key] for row in rows] for key in keys)
        assert list(trace["x"]) == middle and list(trace["y"]) == [0, 1]
        bars = trace["error_x"]
        assert [x + up for x, up in zip(middle, bars["array"], strict=True)] == pytest.approx(high)
        assert [x - down for x, down in zip(middle, bars["arrayminus"], strict=True)] == pytest.approx(low)
        assert [list(each) for each in trace["customdata"]] == [list(e) for e in zip(low, high, real, strict=True)]
    assert list(figure.layout.yaxis.ticktext) == ["head", "norms"] and list(figure.layout.yaxis.tickvals) == [0, 1]
    assert list(figure.layout.yaxis.range) == [1.5, -0.5]  # the first on top


def test_runs_with_long_names_that_look_alike_stay_apart(real):
    figure = compared({"x" * 70 + "1": real["head"], "x" * 70 + "2": real["norms"]})
    assert all(list(trace["y"]) == [0, 1] for trace in traces(figure))


# -- confusion ---------------------------------------------------------------------------------------------------------

MIXED = {
    "classes": [{"class": "cat"}, {"class": "dog"}, {"class": "cow"}],
    "confusion": [[8, 2, 0], [3, 16, 1], [0, 0, 0]],
}


def test_confusion_rows_are_pairs_with_their_share_of_the_label():
    assert pairs(MIXED) == [
        {"label": "cat", "answer": "cat", "count": 8, "share": 0.8},
        {"label": "cat", "answer": "dog", "count": 2, "share": 0.2},
        {"label": "cat", "answer": "cow", "count": 0, "share": 0.0},
        {"label": "dog", "answer": "cat", "count": 3, "share": 0.15},
        {"label": "dog", "answer": "dog", "count": 16, "share": 0.8},
        {"label": "dog", "answer": "cow", "count": 1, "share": 0.05},
        {"label": "cow", "answer": "cat", "count": 0, "share": 0.0},
        {"label": "cow", "answer": "dog", "count": 0, "share": 0.0},
        {"label": "cow", "answer": "cow", "count": 0, "share": 0.0},
    ]


def test_the_confusion_figure_has_labels_down_and_answers_across():
    figure = confusion(MIXED)
    (heat,) = traces(figure)
    assert figure.layout.title.text == "6 of 30 examples are answered wrongly, most often dog as cat (3)."
    assert [list(line) for line in heat["z"]] == [[0.8, 0.2, 0.0], [0.15, 0.8, 0.05], [0.0, 0.0, 0.0]]
    assert [list(line) for line in heat["text"]] == [[8, 2, ""], [3, 16, 1], ["", "", ""]]
    assert list(heat["customdata"][1][0]) == ["dog", "cat", 3]
    assert list(figure.layout.xaxis.ticktext) == list(figure.layout.yaxis.ticktext) == ["cat", "dog", "cow"]
    assert figure.layout.yaxis.autorange == "reversed" and (heat["zmin"], heat["zmax"]) == (0, 1)


def test_confusion_rows_of_runs_carry_their_names(real):
    found = rows_of(real)
    assert [row["name"] for row in found] == ["head"] * 100 + ["norms"] * 100
    assert [{key: row[key] for key in row if key != "name"} for row in found[100:]] == pairs(real["norms"])


def test_confusions_stand_next_to_each_other_on_one_scale():
    other = {"classes": [{"class": "cat"}, {"class": HOSTILE}], "confusion": [[5, 5], [0, 20]]}
    figure = confusions({"mixed": MIXED, HOSTILE: other, "same": MIXED, "more": MIXED})
    assert figure.layout.title.text == f"The fewest errors, 16.7% of the examples: {label(HOSTILE)}."
    first, second, third, fourth = traces(figure)
    assert [trace["xaxis"] for trace in (first, second, third, fourth)] == ["x", "x2", "x3", "x4"]
    assert [trace["showscale"] for trace in (first, second, third, fourth)] == [True, False, False, False]
    assert {(trace["zmin"], trace["zmax"]) for trace in (first, second, third, fourth)} == {(0, 1)}
    assert [list(line) for line in second["z"]] == [[0.5, 0.5], [0.0, 1.0]]
    assert [note.text for note in figure.layout.annotations][::2] == ["mixed: 6 of 30 wrong", "same: 6 of 30 wrong"]
    layout = figure.layout
    across = [axis.domain for axis in (layout.xaxis, layout.xaxis2, layout.xaxis3)]
    assert all(before[1] < after[0] for before, after in pairwise(across)) and layout.xaxis4.domain == across[0]
    assert layout.yaxis4.domain[1] < layout.yaxis.domain[0] and layout.yaxis4.scaleanchor == "x4"


def test_who_has_the_fewest_errors_is_named_where_there_is_one():
    assert confusions({"a": MIXED}).layout.title.text == "The fewest errors, 20.0% of the examples: a."
    assert confusions({"a": MIXED, "b": MIXED}).layout.title.text == (
        "All answer the same share of examples wrongly, 20.0%."
    )
    right = {"classes": MIXED["classes"], "confusion": [[9, 0, 0], [0, 1, 0], [0, 0, 0]]}
    assert confusions({"a": MIXED, "b": right, "c": right}).layout.title.text == (
        "2 of 3 runs answer the same share of examples wrongly, 0.0%."
    )
    assert confusions([]).layout.title.text == "No epoch has been measured yet."


# -- recalls -----------------------------------------------------------------------------------------------------------


class Told:
    """What `recalls` reads of a comparison."""

    def __init__(self, **recalls):
        self.given = dict.fromkeys(recalls)
        columns = {(name, "recall"): values for name, values in recalls.items()}
        columns |= {(name, "support"): [10.0, 20.0, 0.0] for name in recalls}
        self.classes = pd.DataFrame(columns, index=pd.Index(["cat", HOSTILE, "cow"], name="class"))


NAN = float("nan")


def test_recalls_rows_are_a_dot_a_class_and_run_without_what_was_not_asked():
    assert recall_rows(Told(a=[0.5, 0.75, NAN], b=[0.25, 1.0, NAN])) == [
        {"class": "cat", "name": "a", "recall": 0.5, "support": 10},
        {"class": "cat", "name": "b", "recall": 0.25, "support": 10},
        {"class": HOSTILE, "name": "a", "recall": 0.75, "support": 20},
        {"class": HOSTILE, "name": "b", "recall": 1.0, "support": 20},
    ]


def test_recalls_are_dots_joined_by_a_line_and_the_title_names_the_class_that_differs_most():
    figure = recalls(Told(a=[0.5, 0.75, NAN], b=[0.0, 1.0, NAN]))
    line, a, b = traces(figure)
    assert (list(line["x"]), list(line["y"])) == ([0.0, 0.5, None, 0.75, 1.0, None], [0, 0, None, 1, 1, None])
    assert (list(a["x"]), list(a["y"]), list(b["x"])) == ([0.5, 0.75], [0, 1], [0.0, 1.0])
    assert a["marker"]["color"] != b["marker"]["color"] and a["marker"]["symbol"] != b["marker"]["symbol"]
    assert list(figure.layout.yaxis.ticktext) == ["cat", label(HOSTILE, 24)]
    assert figure.layout.title.text == "The runs differ most on cat: recall 0.00 (b) and 0.50 (a)."


def test_recalls_of_equal_runs_and_of_none():
    assert recalls(Told(a=[1, 1, NAN], b=[1, 1, NAN])).layout.title.text == "Every class is found equally often."
    assert recalls(Told(a=[NAN] * 3)).layout.title.text == "No epoch has been measured yet."


def test_recalls_of_runs_are_those_of_their_details(real):
    found = recall_rows(wb.compare(real))
    for name, run in real.items():
        own = [each["recall"] for each in run.details()["classes"]]
        assert [row["recall"] for row in found if row["name"] == name] == own


def test_a_legend_of_many_or_long_names_gets_room(written):
    few, many = (learning_curves({f"{'n' * 30}{at}": written(f"r{of}-{at}") for at in range(of)}) for of in (2, 6))
    assert many.layout.margin.t > few.layout.margin.t >= 92
    assert many.layout.height - few.layout.height == many.layout.margin.t - few.layout.margin.t
    assert (
        learning_curves(written("one")).layout.margin.t == 92 and learning_curves(written("two")).layout.height == 380
    )


def test_all_right_is_said_and_many_classes_go_without_numbers_in_the_cells():
    classes = [{"class": str(at)} for at in range(25)]
    figure = confusion({"classes": classes, "confusion": [[2 * (i == j) for j in range(25)] for i in range(25)]})
    assert figure.layout.title.text == "All 50 examples are answered right." and "text" not in traces(figure)[0]


def test_confusion_takes_a_run_and_what_its_test_said(real):
    run = real["head"]
    assert pairs(run) == pairs(run.details())
    by_label = {}
    for pair in pairs(run):
        by_label[pair["label"]] = by_label.get(pair["label"], 0) + pair["count"]
    labels = run.recipe.data.load()
    counts = labels.labels[labels.valid].bincount().tolist()
    assert by_label == {str(digit): count for digit, count in enumerate(counts)}


def test_runs_on_other_data_are_not_ranked(written):
    first, second = written("first"), written("second", data="digits(placement='scattered')")
    for run, on in ((first, "a"), (second, "b")):
        run.files.write("environment.json", {"valid": on})
    assert learning_curves([first, second]).layout.title.text.startswith("Runs on different data")
    second.files.write("environment.json", {"valid": "a"})
    assert "highest accuracy" in learning_curves([first, second]).layout.title.text
