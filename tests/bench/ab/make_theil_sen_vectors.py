#!/usr/bin/env python3
"""Writes theil_sen_vectors.json: series, and scipy.stats.theilslopes of them. Run once; needs Debian's python3-scipy."""
import json
import pathlib
import random

from scipy.stats import theilslopes

vectors = []
draw = random.Random(20260102)
for length in (3, 5, 10, 11, 30, 60, 120):
    for kind in ("line", "noise", "outliers", "ties"):
        x = [round(i + draw.uniform(-.3, .3), 3) for i in range(length)]
        y = [{"line": 5 - 2 * at, "noise": 100 + draw.gauss(0, 3), "outliers": 3 * at + (1000 if draw.random() < .2 else 0),
              "ties": float(int(at / 4))}[kind] for at in x]
        if kind == "ties":
            x = [float(int(at)) for at in x]  # several points at one x
        y = [round(at, 6) for at in y]
        slope, _, low, high = theilslopes(y, x, 0.95)
        if low != low:
            continue  # so many ties that the variance is below 0: SciPy has no interval
        vectors.append({"x": x, "y": y, "slope": slope, "low": low, "high": high})
pathlib.Path(__file__).with_name("theil_sen_vectors.json").write_text(json.dumps(vectors, indent=1) + "\n")
