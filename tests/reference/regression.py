"""Reference values of linear regression, to 17 digits: tests/fitted_model.rs compares the crate with them.

Every statistic is computed by its defining formula with 60 digits, and compared with what statsmodels makes of the same
data in double precision, so that formulas and conventions are not only ours. Where R and statsmodels differ, R is
followed: AIC and BIC count the variance as a parameter, observations of weight 0 do not count.

Run in this directory: python3 regression.py > regression.json
"""

import csv
import json
import platform

import mpmath
import numpy
import scipy
import scipy.stats
import statsmodels
import statsmodels.api as sm
from mpmath import mpf

mpmath.mp.dps = 60
LEVEL = 0.9

SMALL_X = [
    [0.5, 3.0, 1.25], [1.5, -2.0, 0.5], [2.0, 4.5, -1.0], [3.25, 0.75, 2.0], [4.0, -1.5, 3.5], [5.5, 2.25, -0.75],
    [6.0, 6.0, 1.0], [7.75, -3.25, 4.0], [8.5, 1.0, -2.5], [9.0, 5.25, 0.25], [10.5, -0.5, 1.75], [12.0, 2.0, 6.5],
]
SMALL_Y = [
    [4.0, 110.5], [1.25, 108.0], [6.5, 117.25], [7.0, 103.5], [3.75, 99.0], [11.0, 121.5],
    [16.5, 118.0], [6.25, 95.5], [15.0, 133.25], [20.25, 125.0], [13.0, 117.75], [14.5, 92.0],
]
SMALL_WEIGHTS = [1.0, 0.5, 2.0, 1.0, 0.0, 3.0, 0.25, 1.5, 1.0, 4.0, 0.0, 0.75]
SMALL_NEW = [[1.0, 1.0, 1.0], [20.0, -4.0, 0.0]]


def longley():
    with open("../../data/strd/Longley.csv") as file:
        rows = [[float(value) for value in row] for row in list(csv.reader(file))[1:]]
    return [row[1:] for row in rows], [row[:1] for row in rows]


def student_two_sided(t, freedom):
    return mpmath.betainc(mpf(freedom) / 2, mpf(1) / 2, 0, freedom / (freedom + t * t), regularized=True)


def student_quantile(level, freedom):
    start = scipy.stats.t.ppf((1 + level) / 2, freedom)
    return mpmath.findroot(lambda t: student_two_sided(t, freedom) - (1 - mpf(level)), mpf(float(start)))


def f_upper_tail(f, numerator, denominator):
    x = denominator / (denominator + numerator * f)
    return mpmath.betainc(mpf(denominator) / 2, mpf(numerator) / 2, 0, x, regularized=True)


def by_definition(x, y, weights, new, intercept):
    ones = [1] if intercept else []
    design = mpmath.matrix([[mpf(v) for v in ones + row] for row in x])
    points = [[mpf(v) for v in ones + row] for row in new]
    w = [mpf(v) for v in weights] if weights else [mpf(1)] * len(x)
    rows, unknowns = design.rows, design.cols
    n = sum(1 for v in w if v > 0)
    freedom, constants = n - unknowns, len(ones)
    weighted = mpmath.matrix(rows, unknowns)
    for i in range(rows):
        for j in range(unknowns):
            weighted[i, j] = w[i] * design[i, j]
    inverse = (design.T * weighted) ** -1
    contributions = weighted * inverse
    leverages = [sum(contributions[i, j] * design[i, j] for j in range(unknowns)) for i in range(rows)]
    quantile = student_quantile(LEVEL, freedom)
    targets = []
    for t in range(len(y[0])):
        target = mpmath.matrix([mpf(row[t]) for row in y])
        beta = inverse * (weighted.T * target)
        residuals = target - design * beta
        rss = sum(w[i] * residuals[i] ** 2 for i in range(rows))
        mean = sum(w[i] * target[i] for i in range(rows)) / sum(w) if intercept else mpf(0)
        total = sum(w[i] * (target[i] - mean) ** 2 for i in range(rows))
        variance = rss / freedom
        errors = [mpmath.sqrt(variance * inverse[j, j]) for j in range(unknowns)]
        tests = [beta[j] / errors[j] for j in range(unknowns)]
        f = ((total - rss) / (unknowns - constants)) / variance
        log_weights = sum(mpmath.log(v) for v in w if v > 0)
        likelihood = (log_weights - n * (mpmath.log(2 * mpmath.pi) + 1 - mpmath.log(n) + mpmath.log(rss))) / 2
        cooks = [w[i] * residuals[i] ** 2 * leverages[i] / (unknowns * variance * (1 - leverages[i]) ** 2)
                 for i in range(rows)]
        robust = {}
        for name, factor in [
            ("hc0", lambda h: mpf(1)),
            ("hc1", lambda h: mpf(n) / freedom),
            ("hc2", lambda h: 1 / (1 - h)),
            ("hc3", lambda h: 1 / (1 - h) ** 2),
        ]:
            robust[name] = [
                mpmath.sqrt(sum(factor(leverages[i]) * (contributions[i, j] * residuals[i]) ** 2 for i in range(rows)))
                for j in range(unknowns)
            ]
        centers, mean_widths, new_widths = [], [], []
        for point in points:
            h = sum(point[i] * inverse[i, j] * point[j] for i in range(unknowns) for j in range(unknowns))
            centers.append(sum(point[j] * beta[j] for j in range(unknowns)))
            mean_widths.append(quantile * mpmath.sqrt(variance * h))
            new_widths.append(quantile * mpmath.sqrt(variance * (1 + h)))
        targets.append({
            "parameters": list(beta),
            "standard_errors": errors,
            "t_statistics": tests,
            "p_values": [student_two_sided(value, freedom) for value in tests],
            "confidence_lower": [beta[j] - quantile * errors[j] for j in range(unknowns)],
            "confidence_upper": [beta[j] + quantile * errors[j] for j in range(unknowns)],
            "covariance": [variance * inverse[i, j] for j in range(unknowns) for i in range(unknowns)],
            "residual_sum_of_squares": rss,
            "residual_standard_deviation": mpmath.sqrt(variance),
            "r_squared": 1 - rss / total,
            "adjusted_r_squared": 1 - variance / (total / (n - constants)),
            "f_statistic": f,
            "f_p_value": f_upper_tail(f, unknowns - constants, freedom),
            "log_likelihood": likelihood,
            "aic": 2 * (unknowns + 1) - 2 * likelihood,
            "bic": mpmath.log(n) * (unknowns + 1) - 2 * likelihood,
            "mean_lower": [c - width for c, width in zip(centers, mean_widths)],
            "mean_upper": [c + width for c, width in zip(centers, mean_widths)],
            "prediction_lower": [c - width for c, width in zip(centers, new_widths)],
            "prediction_upper": [c + width for c, width in zip(centers, new_widths)],
            "residuals": list(residuals),
            "cooks_distances": cooks,
            "robust_standard_errors": robust,
        })
    return {"observations": n, "degrees_of_freedom": freedom, "leverages": leverages, "targets": targets}


def nist():
    """The exact statistics of the NIST problems once their data, and the powers of x, are rounded to double."""
    with open("../../data/strd/certified.json") as file:
        certified = json.load(file)
    statistics = {}
    for name, problem in certified.items():
        if problem["f_statistic_infinite"]:
            continue
        with open(f"../../data/strd/{name}.csv") as file:
            rows = [[float(value) for value in row] for row in list(csv.reader(file))[1:]]
        x = [row[1:] for row in rows]
        if problem.get("degree"):
            x = [[float(mpf(row[0]) ** power) for power in range(1, problem["degree"] + 1)] for row in x]
        result = by_definition(x, [row[:1] for row in rows], None, [], problem["intercept"])["targets"][0]
        statistics[name] = {key: result[key] for key in ["residual_standard_deviation", "r_squared", "f_statistic"]}
    return statistics


def check(name, ours, theirs, tolerance):
    ours = numpy.array([float(value) for value in numpy.atleast_1d(numpy.array(ours, dtype=object)).ravel()])
    theirs = numpy.atleast_1d(theirs).ravel()
    scale = numpy.maximum(numpy.abs(theirs), 1e-9 * numpy.max(numpy.abs(theirs)))
    difference = numpy.max(numpy.abs(ours - theirs) / scale)
    assert difference < tolerance, f"{name}: {ours} against {theirs} of statsmodels"


def check_with_statsmodels(x, y, weights, new, intercept, result, tolerance):
    counted = [i for i in range(len(x)) if not weights or weights[i] > 0]
    design = numpy.array([([1.0] if intercept else []) + x[i] for i in counted])
    points = numpy.array([([1.0] if intercept else []) + row for row in new])
    w = numpy.array([weights[i] for i in counted]) if weights else 1.0
    for t, ours in enumerate(result["targets"]):
        fit = sm.WLS(numpy.array([y[i][t] for i in counted]), design, weights=w, hasconst=intercept).fit(method="qr")
        likelihood, n = fit.llf, len(counted)
        theirs = {
            "parameters": fit.params, "standard_errors": fit.bse, "t_statistics": fit.tvalues, "p_values": fit.pvalues,
            "confidence_lower": fit.conf_int(1 - LEVEL)[:, 0], "confidence_upper": fit.conf_int(1 - LEVEL)[:, 1],
            "covariance": fit.cov_params(), "residual_sum_of_squares": fit.ssr,
            "residual_standard_deviation": numpy.sqrt(fit.scale), "r_squared": fit.rsquared,
            "adjusted_r_squared": fit.rsquared_adj, "f_statistic": fit.fvalue, "f_p_value": fit.f_pvalue,
            "log_likelihood": likelihood, "aic": fit.aic + 2, "bic": fit.bic + numpy.log(n),
        }
        prediction = fit.get_prediction(points).summary_frame(alpha=1 - LEVEL)
        for kind, column in [("mean", "mean_ci"), ("prediction", "obs_ci")]:
            for end in ["lower", "upper"]:
                theirs[f"{kind}_{end}"] = prediction[f"{column}_{end}"].to_numpy()
        for key, value in theirs.items():
            check(key, ours[key], value, tolerance)
        influence = sm.OLS(fit.model.wendog, fit.model.wexog).fit(method="qr").get_influence()
        check("leverages", [result["leverages"][i] for i in counted], influence.hat_matrix_diag, tolerance)
        check("cooks", [ours["cooks_distances"][i] for i in counted], influence.cooks_distance[0], tolerance)
        for kind in ["HC0", "HC1", "HC2", "HC3"]:
            check(kind, ours["robust_standard_errors"][kind.lower()], getattr(fit, kind + "_se"), tolerance)


def plain(value):
    if isinstance(value, mpf):
        return float(value)
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return value


def main():
    longley_x, longley_y = longley()
    cases = {
        "unweighted": (SMALL_X, SMALL_Y, None, SMALL_NEW, True, 1e-10),
        "weighted": (SMALL_X, SMALL_Y, SMALL_WEIGHTS, SMALL_NEW, True, 1e-10),
        "without intercept": (SMALL_X, SMALL_Y, SMALL_WEIGHTS, SMALL_NEW, False, 1e-10),
        "Longley": (longley_x, longley_y, None, [longley_x[3], [120.0, 6e5, 4e3, 3e3, 1.4e5, 1970.0]], True, 1e-5),
    }
    document = {
        "made by": "regression.py",
        "versions": {
            "python": platform.python_version(), "mpmath": mpmath.__version__, "numpy": numpy.__version__,
            "scipy": scipy.__version__, "statsmodels": statsmodels.__version__,
        },
        "level": LEVEL,
        "cases": {},
    }
    for name, (x, y, weights, new, intercept, tolerance) in cases.items():
        result = by_definition(x, y, weights, new, intercept)
        check_with_statsmodels(x, y, weights, new, intercept, result, tolerance)
        data = {"x": x, "y": y, "weights": weights, "new": new, "intercept": intercept}
        document["cases"][name] = data | plain(result)
    document["nist"] = plain(nist())
    print(json.dumps(document, indent=1))


main()
