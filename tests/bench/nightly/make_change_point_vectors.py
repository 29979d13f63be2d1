#!/usr/bin/env python3
"""Writes change_point_vectors.json: series, the best split by the definition of Matteson and James (equations 2 to 5,
summed term by term), and scipy.stats.ttest_ind of its sides. Run once; needs Debian's python3-scipy."""
import itertools
import json
import pathlib
import random

from scipy.stats import ttest_ind


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else 0.0


def q(x, y):
    n, m = len(x), len(y)
    return n * m / (n + m) * (2 * mean(abs(a - b) for a in x for b in y)
                              - mean(abs(a - b) for a, b in itertools.combinations(x, 2))
                              - mean(abs(a - b) for a, b in itertools.combinations(y, 2)))


def best_split(series):
    value, split = max((q(series[:t], series[t:k]), -t) for t in range(1, len(series))
                       for k in range(t + 1, len(series) + 1))
    return -split, value


vectors = []
draw = random.Random(20260101)
for length in (3, 4, 7, 12, 25, 40):
    for step in (0.0, 1.0, 4.0):
        at = length // 2
        series = [round(draw.gauss(100 + (step if i >= at else 0), 1), 3) for i in range(length)]
        split, value = best_split(series)
        vectors.append({"series": series, "split": split, "q": value,
                        # Of a single value SciPy has no variance.
                        "p": float(ttest_ind(series[:split], series[split:]).pvalue) if 1 < split < length - 1 else None})
pathlib.Path(__file__).with_name("change_point_vectors.json").write_text(json.dumps(vectors, indent=1) + "\n")
