"""`python -m benchmarks CASE [-o FOLDER] [--repeats N] [--small] [--parts A,B]`."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path

CASES = {
    "transfer": "what pretraining brings on digits: head on 20 a class, and all of it",
    "strengths": "what each regularizer brings at which strength, on wrong labels and on right ones",
    "one_run": "one run with everything trained, beside a plain loop, HF Trainer and Lightning",
    "probes": "B1, B2: settings of a head on frozen bodies (photographs, texts, clips), beside frameworks and experts",
    "halving": "B8, small: 81 settings stopped early, beside optuna's Hyperband, first-epoch, and all to the end",
    "heads_gpu": "B4: 128 linear and 32 deeper heads on kept features, beside an expert and Lightning; for a GPU",
    "sweep_gpu": "B5: 52 heads on ViT-S, beside DINOv2's linear protocol; for a GPU",
    "search": "32 settings of the digits recipe beside one ordinary run, and beside an expert's loop",
    "images": "photographs beside a plain loop and HF Trainer, and hymenoptera end to end",
    "domains": "texts and recordings: SMS spam, Banking77 and spoken digits, beside the plain baselines",
    "diagnosis": "the verdict on runs that are planted to be of each kind, in three domains",
    "wrong_labels": "what a search over regularizers is worth on digits with wrong labels, and with every weight",
    "mending": "how many wrong labels two rounds of the mending panel find",
    "classroom": "lesson 02 by several students at once on one machine: memory and seconds of each, and of sixty",
    "budgets": "import, Start to first point, stop, the cost of watching, a slider, first reads",
}


def main() -> int:
    """Run one case, print its table, write its JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("case", choices=CASES, help="; ".join(f"{name}: {what}" for name, what in CASES.items()))
    parser.add_argument("-o", "--out", type=Path, default=Path("reports") / "benchmarks")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--small", action="store_true", help="B cases: a form that only shows them at work")
    parser.add_argument("--parts", default="", help="probes: vision, texts, speech, with commas; all where left out")
    given = parser.parse_args()
    import pandas as pd
    import torch

    os.environ |= {"BENCHMARKS_PARTS": given.parts} | ({"BENCHMARKS_SMALL": "1"} if given.small else {})
    rows = importlib.import_module(f"benchmarks.{given.case}").rows(given.repeats)
    machine = {"cpu": platform.processor() or platform.machine(), "threads": torch.get_num_threads()}
    machine |= {"torch": torch.__version__, "date": time.strftime("%Y-%m-%d")}
    print(pd.DataFrame(rows).to_string(index=False, na_rep=""), machine, sep="\n")
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / f"{given.case}.json"
    path.write_text(json.dumps({"case": given.case, "machine": machine, "rows": rows}, indent=1))
    print(f"written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
