"""The regression of benches/jobs.rs by NumPy or scikit-learn, with intercept, f64: prints its seconds.

usage: regression.py {numpy|sklearn} N P
One thread. Needs: pip install numpy (and scikit-learn).
"""

import sys
import time

import numpy as np

method, n, p = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(p)
x = rng.standard_normal((n, p))
y = x.sum(axis=1) + 0.5 + 0.1 * rng.standard_normal(n)
if method == "sklearn":
    from sklearn.linear_model import LinearRegression

start = time.perf_counter()
if method == "numpy":
    slopes = np.linalg.lstsq(np.c_[x, np.ones(n)], y, rcond=None)[0]
else:
    slopes = LinearRegression().fit(x, y).coef_
print(f"{time.perf_counter() - start} s, slope 0 is {slopes[0]:.4f}")
