"""`python -m benchmarks CASE [-o FOLDER] [--repeats N]`."""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
import time
from pathlib import Path

CASES = {
    "transfer": "what pretraining brings on digits: head on 20 a class, and all of it",
    "strengths": "what each regularizer brings at which strength, on wrong labels and on right ones",
    "one_run": "one run with everything trained, beside a plain loop, HF Trainer and Lightning",
    "budgets": "import, Start to first point, stop, the cost of watching",
}


def main() -> int:
    """Run one case, print its table, write its JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("case", choices=CASES, help="; ".join(f"{name}: {what}" for name, what in CASES.items()))
    parser.add_argument("-o", "--out", type=Path, default=Path("reports") / "benchmarks")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    import pandas as pd
    import torch

    rows = importlib.import_module(f"benchmarks.{given.case}").rows(given.repeats)
    machine = {"cpu": platform.processor() or platform.machine(), "threads": torch.get_num_threads()}
    machine |= {"torch": torch.__version__, "date": time.strftime("%Y-%m-%d")}
    print(pd.DataFrame(rows).to_string(index=False), machine, sep="\n")
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / f"{given.case}.json"
    path.write_text(json.dumps({"case": given.case, "machine": machine, "rows": rows}, indent=1))
    print(f"written: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
