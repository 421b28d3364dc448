"""Reference values of the tails of Student's t and of F, to 17 digits: src/regression/distribution/tests.rs compares the
crate with them.

Every tail is the integral of its density by quadrature with 40 digits, and compared with mpmath's incomplete beta
function where that has an answer in good time. Points are random, from ½ to far tails, beside extremes.

Run in this directory: python3 distribution.py > distribution.json
"""

import math
import platform
import random

import mpmath
from mpmath import mpf

mpmath.mp.dps = 40
MOST = {"student": 10**8, "f": 10**6}


def upper_tail(f, numerator, denominator):
    """With w = log(u/(1 − u)) less that of x, the integral of uᵃ⁻¹ (1 − u)ᵇ⁻¹ up to x is one over all w < 0."""
    a, b = mpf(denominator) / 2, mpf(numerator) / 2
    x, y = denominator / (denominator + numerator * f), numerator * f / (denominator + numerator * f)
    if a * y < b * x:
        return 1 - upper_tail(1 / f, denominator, numerator)

    def integrand(w):
        return mpmath.exp(a * w - (a + b) * mpmath.log(y + x * mpmath.exp(w)))

    place = -1 / (a * y - b * x + mpmath.sqrt((a + b) * x * y) + mpf(10) ** -30)
    places = [mpf(0), place]
    while integrand(place) > mpf(10) ** -50:
        place *= 3
        places.append(place)
    constant = mpmath.loggamma(a + b) - mpmath.loggamma(a) - mpmath.loggamma(b)
    power = mpmath.exp(constant + a * mpmath.log(x) + b * mpmath.log(y))
    tail = power * mpmath.quad(integrand, places[::-1])
    if max(a, b) < 2000:
        other = mpmath.betainc(a, b, 0, x, regularized=True)
        assert abs(tail - other) < mpf(10) ** -25 * other, (f, numerator, denominator)
    return tail


def student_two_sided(t, freedom):
    return upper_tail(mpf(t) ** 2, 1, freedom)


def student_within(t, freedom):
    return upper_tail(1 / mpf(t) ** 2, freedom, 1)


def student_quantile(level, freedom):
    """By Newton's method between the logarithms, which 1 is near enough to for steps that are held back."""
    level, t = mpf(level), mpf(1)
    n = mpf(freedom + 1) / 2
    constant = 2 * mpmath.exp(mpmath.loggamma(n) - mpmath.loggamma(n - mpf(1) / 2)) / mpmath.sqrt(freedom * mpmath.pi)
    for _ in range(200):
        density = constant * (1 + t * t / freedom) ** -n
        if level < 0.5:
            probability = student_within(t, freedom)
            step = mpmath.log(probability / level) * probability / (density * t)
        else:
            probability = student_two_sided(t, freedom)
            step = mpmath.log((1 - level) / probability) * probability / (density * t)
        t *= mpmath.exp(-max(min(step, 2), -2))
        if abs(step) < mpf(10) ** -22:
            return t
    raise ValueError((level, freedom))


def some_freedom(source, most):
    if source.random() < 0.3:
        return source.choice([1, 2, 3, 4, 5, 10, 1000, most - 1, most])
    return round(math.exp(source.uniform(0, math.log(most))))


def student_points(source):
    points = [(t, freedom) for freedom in (1, 2, 50, 10**8) for t in (1e-300, 1e-8, 1.0, 1e300)]
    points += [(37.0, 10**8), (37.0, 10**6)]
    while len(points) < 150:
        freedom = some_freedom(source, MOST["student"])
        log_tail = 2 * source.uniform(0, 690) / freedom
        t = math.sqrt(freedom * math.expm1(log_tail)) if log_tail < 600 else 10 ** source.uniform(100, 290)
        points.append((source.uniform(0.1, 3) if source.random() < 0.3 else t, freedom))
    return points


def f_points(source):
    freedoms = (1, 3, MOST["f"])
    points = [(f, d1, d2) for d1 in freedoms for d2 in freedoms for f in (1e-300, 0.999, 1.001, 40.0, 1e300)]
    while len(points) < 200:
        d1, d2 = some_freedom(source, MOST["f"]), some_freedom(source, MOST["f"])
        deviation = math.sqrt(2 / d1 + 2 / d2)
        f = math.exp(deviation * source.uniform(-6, 37)) if source.random() < 0.7 else 10 ** source.uniform(-3, 3)
        points.append((f, d1, d2))
    return points


def quantile_points(source):
    points = [(level, freedom) for freedom in (1, 2, 9, 10**6, 10**8) for level in (1e-12, 0.5, 0.95, 1 - 1e-15)]
    while len(points) < 60:
        level = source.choice([10 ** source.uniform(-12, 0), 1 - 10 ** source.uniform(-14, 0)])
        points.append((level, some_freedom(source, MOST["student"])))
    return points


def rows(function, points):
    values = [(point, function(*point)) for point in points]
    kept = [[*point, float(value)] for point, value in values if value > mpf(10) ** -305]
    return ",\n".join(f"  [{', '.join(map(repr, row))}]" for row in kept)


def main():
    source = random.Random(0)
    tables = {
        "t, degrees of freedom, two-sided tail": rows(student_two_sided, student_points(source)),
        "f, degrees of freedom, upper tail": rows(lambda f, *freedoms: upper_tail(mpf(f), *freedoms), f_points(source)),
        "level, degrees of freedom, quantile": rows(student_quantile, quantile_points(source)),
    }
    print("{")
    print(' "made by": "distribution.py",')
    print(f' "versions": {{ "python": "{platform.python_version()}", "mpmath": "{mpmath.__version__}" }},')
    print(",\n".join(f' "{name}": [\n{table}\n ]' for name, table in tables.items()))
    print("}")


main()
