#!/usr/bin/env python3
"""Makes scipy_vectors.json beside it: what SciPy says of paired differences, for statistics_test.cc. Run by hand when the
cases change (Debian: python3-scipy); the test itself reads the file and needs no SciPy.

The bootstrap's ends are random in both programs: SciPy's are made with 200,000 resamples, and the test allows what
10,000 resamples can miss by (`slack`, from SciPy's own spread over 40 seeds with 10,000).
"""
import json
import pathlib

import numpy as np
import scipy
from scipy import stats


def sign_flip(d):
    """The exact paired permutation test of the mean: swapping the runs of a pair flips the sign of its difference."""
    test = stats.permutation_test((d, np.zeros_like(d)), lambda x, y, axis=-1: np.mean(x - y, axis=axis),
                                  permutation_type="samples", n_resamples=np.inf, alternative="two-sided", vectorized=True)
    return float(test.pvalue)


def ends(d, resamples, seed):
    interval = stats.bootstrap((d,), np.median, confidence_level=0.95, n_resamples=resamples, method="percentile",
                               vectorized=True, random_state=seed).confidence_interval
    return [float(interval.low), float(interval.high)]


def case(name, d):
    d = np.asarray(d, dtype=float)
    ranks = np.sign(d) * 0
    nonzero = d != 0
    ranks[nonzero] = np.sign(d[nonzero]) * stats.rankdata(np.abs(d[nonzero]))
    wilcoxon = None
    sizes = np.abs(d)
    if nonzero.all() and len(set(sizes)) == len(sizes):  # SciPy's exact distribution knows no zeros and no ties
        wilcoxon = float(stats.wilcoxon(d, method="exact").pvalue)
    spread = np.array([ends(d, 10000, seed) for seed in range(40)])
    return {"name": name, "differences": d.tolist(), "p": sign_flip(d), "signed_ranks": ranks.tolist(),
            "p_signed_ranks": sign_flip(ranks), "p_wilcoxon_exact": wilcoxon, "median": float(np.median(d)),
            "ci": ends(d, 200000, 7), "slack": float(np.ptp(spread, axis=0).max()) + 1e-12}


def main():
    random = np.random.default_rng(20261121)
    cases = [case("a clear rise", [0.05, 0.06, 0.04, 0.07, 0.055, 0.045, 0.052, 0.061, 0.049]),
             case("nothing", [0.01, -0.012, 0.004, -0.003, 0.008, -0.009, 0.002, -0.001, 0.0005]),
             case("with zeros and ties", [0, 0.02, 0.02, -0.02, 0, 0.05, 0.05, 0.01, 0.03, -0.01]),
             case("all equal", [0.1] * 9), case("two pairs", [0.3, -0.1]),
             case("one far away", [0.01, 0.02, 0.015, 0.012, 0.018, 0.011, 0.009, 0.013, 3.0, 0.014, 0.016, 0.017])]
    for n in (6, 9, 10, 12, 13, 16):
        for shift in (0, 0.02, 0.05):
            cases.append(case(f"{n} pairs, shift {shift}", random.normal(shift, 0.03, n).round(6)))
    # scipy.stats has no Holm before 1.11: the textbook's step-down, from SciPy's own ranks.
    holm = []
    for n in (1, 2, 5, 12):
        p = np.sort(random.uniform(0, 0.2, n)) if n != 5 else np.array([0.01, 0.04, 0.03, 0.005, 0.04])
        order = np.argsort(p, kind="stable")
        adjusted = np.maximum.accumulate(p[order] * (n - np.arange(n))).clip(max=1)
        back = np.empty(n)
        back[order] = adjusted
        holm.append({"p": p.tolist(), "adjusted": back.tolist()})
    out = {"made_with": f"scipy {scipy.__version__}, numpy {np.__version__}", "paired": cases, "holm": holm}
    pathlib.Path(__file__).with_name("scipy_vectors.json").write_text(json.dumps(out, indent=1) + "\n")


main()
