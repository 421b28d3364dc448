"""Writes tables for gradus to read, and prints as JSON what they hold.

usage: csv_tables.py DIRECTORY
By Python's csv module: comma.csv with CRLF, a byte-order mark and quotes, semicolon.csv and tab.tsv; by NumPy: numpy.csv.
Needs: pip install numpy
"""

import csv
import json
import os
import sys

import numpy as np

(directory,) = sys.argv[1:]
rng = np.random.default_rng(0)
numbers = rng.normal(size=(200, 2)) * 10.0 ** rng.integers(-300, 300, size=(200, 2))
kinds = rng.choice(["plain", "with, comma", 'with "quotes"', "über"], size=200)
names = ["a", "b, quoted", "kind"]
files = {
    "comma.csv": dict(encoding="utf-8-sig", dialect="excel"),
    "semicolon.csv": dict(encoding="utf-8", dialect="unix", delimiter=";"),
    "tab.tsv": dict(encoding="utf-8", dialect="excel-tab"),
}
for file, options in files.items():
    with open(os.path.join(directory, file), "w", newline="", encoding=options.pop("encoding")) as opened:
        writer = csv.writer(opened, **options)
        writer.writerow(names)
        writer.writerows([*map(float, row), str(kind)] for row, kind in zip(numbers, kinds))
np.savetxt(os.path.join(directory, "numpy.csv"), numbers, fmt="%.17e", delimiter=",", header="a,b", comments="")
print(json.dumps(dict(zip(names, [numbers[:, 0].tolist(), numbers[:, 1].tolist(), kinds.tolist()]))))
