"""Tables that print whole are tables like any other."""

from __future__ import annotations

import pandas as pd
import pytest

from workbench.history import GAP, HISTORY, gap, history
from workbench.whole_table import WholeTable


def rows(many):
    return [dict.fromkeys([*HISTORY, *GAP], at + 0.123456) | {"epoch": at} for at in range(many)]


@pytest.mark.parametrize(("made", "names"), [(gap, GAP), (history, HISTORY)])
def test_no_column_is_left_out_at_80_columns(made, names):
    table = made(rows(3))
    assert isinstance(table, pd.DataFrame)
    for shown in (table, table.tail(2), table[table["epoch"] > 0]):
        printed = str(shown)
        assert all(f" {name}" in printed for name in names) and "..." not in printed
        assert max(map(len, printed.splitlines())) <= 80


def test_many_rows_are_still_shortened():
    printed = str(history(rows(200)))
    assert "[200 rows x 16 columns]" in printed and len(printed.splitlines()) < 70


def test_what_is_computed_of_it_is_what_pandas_computes():
    table = gap(rows(3))
    plain = pd.DataFrame(table)
    pd.testing.assert_frame_equal(plain.describe(), pd.DataFrame(table.describe()))
    assert type(plain) is pd.DataFrame


def test_in_a_notebook_too_no_column_and_no_text_is_cut():
    table = WholeTable([{f"column {at}": f"{at} " + 80 * "x" for at in range(30)}])
    shown = table._repr_html_()
    assert all(f">column {at}<" in shown and f">{at} {80 * 'x'}<" in shown for at in range(30)) and "..." not in shown
    assert f"29 {80 * 'x'}" in str(table)
