# pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0
"""Tests, intervals, effect sizes and power, by SciPy and statsmodels.

    python generate.py

writes expected.json beside this file: an object of lists, one case a line. Samples
are stored once under `samples`; cases name them.
"""

import itertools
import json
import warnings
from pathlib import Path

import numpy as np
import scipy
import statsmodels
from scipy import special, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower, TTestPower

PINNED = {"numpy": "2.4.6", "scipy": "1.17.1", "statsmodels": "0.15.0"}
LEVELS = [0.5, 0.95, 0.999]


def samples(rng):
    """Pairs of samples by name."""
    normal = rng.normal
    long = normal(0.9, 0.02, size=200)
    return {
        "two": ([0.81, 0.84], [0.78, 0.83]),
        "two, far apart": ([0.91, 0.911], [0.2, 0.2001]),
        "five": (normal(0.83, 0.01, 5).tolist(), normal(0.82, 0.02, 5).tolist()),
        "eight, shifted": (normal(1, 1, 8).tolist(), normal(0, 1, 8).tolist()),
        "unequal sizes": (normal(0.5, 0.1, 4).tolist(), normal(0.6, 0.01, 11).tolist()),
        "one constant": ([0.5, 0.5, 0.5, 0.5], [0.4, 0.7, 0.55, 0.52]),
        "equal samples": ([0.3, 0.1, 0.2], [0.3, 0.1, 0.2]),
        "equal means": ([1.0, 2.0, 3.0, 4.0], [2.5, 2.0, 3.0, 2.5]),
        "ties": ([3, 5, 1, 4, 2, 9, 7, 4.0], [1, 3, 2, 2, 4, 5, 2, 2.0]),
        "zeros": ([3, 5, 1, 4, 2, 9, 7, 4.0], [3, 4, 1, 2, 2, 5, 4, 9.0]),
        "one zero": ([1.5, 2.5, 4.0, 3.0, 6.0], [1.5, 2.0, 2.0, 4.5, 1.0]),
        "thirteen, tied": (
            rng.integers(0, 6, 13).astype(float).tolist(),
            rng.integers(0, 5, 13).astype(float).tolist(),
        ),
        "fourteen, tied": (
            rng.integers(0, 6, 14).astype(float).tolist(),
            rng.integers(0, 5, 14).astype(float).tolist(),
        ),
        "sixty, tied": (
            rng.integers(0, 9, 60).astype(float).tolist(),
            rng.integers(0, 10, 60).astype(float).tolist(),
        ),
        "thirty": (normal(0, 1, 30).tolist(), normal(0.4, 1, 30).tolist()),
        "fifty": (normal(0, 1, 50).tolist(), normal(0.3, 1, 50).tolist()),
        "fifty-one": (normal(0, 1, 51).tolist(), normal(0.3, 1, 51).tolist()),
        "two hundred": (long.tolist(), (long + normal(0.002, 0.01, 200)).tolist()),
        "tiny numbers": ([1e-50, 3e-50, 2e-50], [5e-50, 4e-50, 7e-50]),
        "large offset": (
            (1e6 + normal(0, 1, 6)).tolist(),
            (1e6 + normal(1, 1, 6)).tolist(),
        ),
    }


def t_tests(pairs):
    for name, (a, b) in pairs.items():
        for design in ["independent", "paired"]:
            if design == "paired" and len(a) != len(b):
                continue
            if design == "paired":
                test = stats.ttest_rel(a, b)
            else:
                test = stats.ttest_ind(a, b, equal_var=False)
            case = {"sample": name, "design": design}
            if np.isnan(test.pvalue):
                yield case | {"p_value": None}
                continue
            yield case | {
                "difference": np.mean(a) - np.mean(b),
                "statistic": test.statistic,
                "degrees_of_freedom": test.df,
                "p_value": test.pvalue,
                "intervals": [
                    [level, *test.confidence_interval(level)] for level in LEVELS
                ],
            }


def summaries(pairs):
    for name, (a, _) in pairs.items():
        error = stats.sem(a)
        yield {
            "sample": name,
            "mean": np.mean(a),
            "standard_deviation": np.std(a, ddof=1),
            "standard_error": error,
            "intervals": [
                [level, *stats.t.interval(level, len(a) - 1, np.mean(a), error)]
                for level in LEVELS
                if error > 0
            ],
        }


def effect_sizes(pairs):
    for name, (a, b) in pairs.items():
        a, b = np.asarray(a), np.asarray(b)
        for design in ["independent", "paired"]:
            if design == "paired":
                if len(a) != len(b):
                    continue
                df, variance = len(a) - 1, np.var(a - b, ddof=1)
            else:
                df = len(a) + len(b) - 2
                sums = (len(a) - 1) * np.var(a, ddof=1) + (len(b) - 1) * np.var(b, ddof=1)
                variance = sums / df
            if variance == 0:
                continue
            d = (a.mean() - b.mean()) / np.sqrt(variance)
            factor = 0.0
            if df > 1:
                log_ratio = special.gammaln(df / 2) - special.gammaln((df - 1) / 2)
                factor = np.exp(log_ratio) / np.sqrt(df / 2)
            yield {
                "sample": name,
                "design": design,
                "cohens_d": d,
                "hedges_g": d * factor,
            }


def wilcoxons(pairs):
    for name, (a, b) in pairs.items():
        if len(a) != len(b) or name == "equal samples":
            continue
        for zeros, method, correction in itertools.product(
            ["wilcox", "pratt"], ["auto", "asymptotic", "exact"], [False, True]
        ):
            # SciPy's exact method is not exact with ties or zeros; it says so.
            difference = np.abs(np.subtract(a, b))
            tied = len(set(difference)) < len(a) or 0 in difference
            if method == "exact" and (tied or correction):
                continue
            test = stats.wilcoxon(
                a, b, zero_method=zeros, method=method, correction=correction
            )
            yield {
                "sample": name,
                "zeros": zeros,
                "distribution": {"asymptotic": "normal"}.get(method, method),
                "continuity": correction,
                "statistic": test.statistic,
                "p_value": test.pvalue,
                "z": test.zstatistic if method == "asymptotic" else None,
            }


def mcnemars():
    tables = [(0, 0), (1, 0), (0, 6), (3, 3), (10, 4), (12, 13), (25, 10), (300, 251)]
    tables += [(5000, 4800), (40, 0), (1000, 400)]
    for first, second in tables:
        table = [[7, first], [second, 2]]
        exact = mcnemar(table, exact=True)
        chi_square = None
        if first + second:
            test = mcnemar(table, exact=False, correction=True)
            chi_square = [test.statistic, test.pvalue]
        yield {
            "only_first": first,
            "only_second": second,
            "exact": [exact.statistic, exact.pvalue],
            "chi_square": chi_square,
        }


def adjustments(rng):
    lists = [
        [0.01],
        [0.04, 0.04],
        [0.001, 0.2, 0.03, 0.04, 0.9],
        [0.05, 0.05, 0.01, 0.05],
        [1.0, 1.0, 0.0],
        rng.uniform(size=20).tolist(),
        (rng.uniform(size=100) ** 4).tolist(),
    ]
    for p_values in lists:
        yield {
            "p_values": p_values,
            "holm": multipletests(p_values, method="holm")[1].tolist(),
            "benjamini_hochberg": multipletests(p_values, method="fdr_bh")[1].tolist(),
        }


def noncentral_t():
    for df, delta in itertools.product(
        [1, 2, 3.7, 8, 50, 1000, 100_000], [-3, 0, 0.1, 1, 2.8, 10, 38]
    ):
        for t in [-5, -1.5, -0.01, 0, 0.01, 0.7, 2, 3, 12, 40]:
            # SciPy gives NaN where the probability vanishes.
            probability = float(stats.nct.cdf(t, df, delta))
            if not np.isnan(probability):
                yield [t, df, delta, probability]


def powers():
    for effect, seeds, alpha in itertools.product(
        [0.0, 0.1, 0.5, 1.0, 2.0, 6.0], [2, 3, 5, 10, 64, 1000], [0.001, 0.05, 0.3]
    ):
        case = {
            "effect_size": effect,
            "seeds": seeds,
            "alpha": alpha,
            "independent": TTestIndPower().power(effect, seeds, alpha),
            "paired": TTestPower().power(effect, seeds, alpha),
        }
        # NaN where the further tail vanishes, which SciPy cannot tell.
        yield {key: None if np.isnan(value) else value for key, value in case.items()}


def required_seeds():
    for effect, power, alpha in itertools.product(
        [0.05, 0.2, 0.5, 0.8, 1.0, 1.5], [0.5, 0.8, 0.95], [0.01, 0.05]
    ):
        settings = {"effect_size": effect, "power": power, "alpha": alpha}
        yield settings | {
            "independent": float(TTestIndPower().solve_power(**settings)),
            "paired": float(TTestPower().solve_power(**settings)),
        }


def bootstraps(rng, pairs):
    def ratio(a, b, axis=-1):
        return np.mean(a, axis=axis) / (1 + np.std(b, axis=axis))

    def mean(a, b, axis=-1):
        return np.mean(a, axis=axis)

    def difference(a, b, axis=-1):
        return np.median(a, axis=axis) - np.mean(b, axis=axis)

    statistics = {"ratio": ratio, "mean": mean, "difference": difference}
    for name, statistic in itertools.product(
        ["eight, shifted", "ties", "thirty"], statistics
    ):
        a, b = pairs[name]
        seed = int(rng.integers(2**31))
        rows, resamples = len(a), 61
        # What SciPy draws from the same generator.
        drawn = np.random.default_rng(seed).integers(0, rows, (resamples, rows))
        case = {"sample": name, "metric": statistic, "resamples": drawn.tolist()}
        for method, level in itertools.product(["percentile", "BCa"], [0.8, 0.95]):
            result = stats.bootstrap(
                (a, b),
                statistics[statistic],
                paired=True,
                n_resamples=resamples,
                method=method,
                confidence_level=level,
                rng=np.random.default_rng(seed),
            )
            interval = list(result.confidence_interval)
            case.setdefault("intervals", []).append([method.lower(), level, *interval])
            case["standard_error"] = result.standard_error
        yield case


def randomizations(pairs):
    def distance(a, b, axis=-1):
        return np.abs(np.mean(a, axis=axis) - np.mean(b, axis=axis))

    for name in ["two", "five", "unequal sizes", "equal samples", "equal means", "ties", "zeros"]:
        a, b = pairs[name]
        for design in ["paired", "independent"]:
            if design == "paired" and len(a) != len(b):
                continue
            test = stats.permutation_test(
                (a, b),
                distance,
                permutation_type="samples" if design == "paired" else "independent",
                alternative="greater",
                n_resamples=100_000,
            )
            yield {"sample": name, "design": design, "p_value": test.pvalue}


def main():
    for module in [np, scipy, statsmodels]:
        assert module.__version__ == PINNED[module.__name__], module.__version__
    # Samples without variance are among the cases.
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(20260307)
    pairs = samples(rng)
    lists = {
        "t_tests": t_tests(pairs),
        "summaries": summaries(pairs),
        "effect_sizes": effect_sizes(pairs),
        "wilcoxon": wilcoxons(pairs),
        "mcnemar": mcnemars(),
        "adjustments": adjustments(rng),
        "noncentral_t": noncentral_t(),
        "powers": powers(),
        "required_seeds": required_seeds(),
        "bootstraps": bootstraps(rng, pairs),
        "randomizations": randomizations(pairs),
    }
    # One case a line: small, and a change shows up where it is.
    def text(value):
        return json.dumps(value, default=np.generic.item, allow_nan=False)

    stored = [f'"made_with": {text(PINNED)}']
    lines = ",\n".join(f"{text(name)}: {text(pair)}" for name, pair in pairs.items())
    stored.append(f'"samples": {{\n{lines}\n}}')
    for name, cases in lists.items():
        lines = ",\n".join(text(case) for case in cases)
        stored.append(f'"{name}": [\n{lines}\n]')
    Path(__file__).with_name("expected.json").write_text("{" + ",\n".join(stored) + "}\n")


if __name__ == "__main__":
    main()
