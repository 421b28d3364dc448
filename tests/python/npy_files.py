"""Reads the files that gradus wrote, and writes others for gradus to read.

usage: npy_files.py DIRECTORY
Fails unless NumPy finds the numbers that the test in tests/files/interoperation/npy_files.rs wrote, bit for bit.
Needs: pip install numpy
"""

import os
import sys

import numpy as np

os.chdir(sys.argv[1])
matrix = np.array([[(i - 0.7) * 3.0 ** (5 * j) / 7.0 for j in range(5)] for i in range(3)])
single = matrix.astype("f4")


def check(name, found, expected):
    assert found.dtype == expected.dtype and found.shape == expected.shape, (name, found.dtype, found.shape)
    assert (found == expected).all(), name
    print(f"{name}: {found.dtype}, {found.shape}")


check("ours_f8.npy", np.load("ours_f8.npy"), matrix)
check("ours_f4.npy", np.load("ours_f4.npy"), single)
check("ours_vector.npy", np.load("ours_vector.npy"), matrix[:, 1])
check("ours_empty.npy", np.load("ours_empty.npy"), np.zeros((0, 4)))
check("ours_f8.npy, mapped", np.load("ours_f8.npy", mmap_mode="r"), matrix)
with np.load("ours.npz") as arrays:
    assert sorted(arrays.files) == ["matrix", "of/vectors"], arrays.files
    check("ours.npz, matrix", arrays["matrix"], matrix)
    check("ours.npz, of/vectors", arrays["of/vectors"], single[:, 4])

np.save("c.npy", matrix)
np.save("fortran.npy", np.asfortranarray(matrix))
np.save("big.npy", matrix.astype(">f8"))
np.save("big_fortran.npy", np.asfortranarray(matrix.astype(">f8")))
for version in [2, 3]:
    with open(f"version{version}.npy", "wb") as file:
        np.lib.format.write_array(file, matrix, version=(version, 0))
np.save("single.npy", single)
np.save("vector.npy", matrix[:, 1])
np.save("number.npy", np.float64(0.1))
np.save("empty.npy", np.zeros((0, 4)))
np.save("special.npy", np.array([np.nan, -np.inf, -0.0]))
for kind in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
    limits = np.iinfo(kind)
    # A row with both ends, of which 8 bytes have some that no floating-point number is equal to; and a matrix of labels.
    labels = np.array([[0, 1, 2], [125, 126, 127]])
    for order, name in [("<", "little"), (">", "big")]:
        np.save(f"{kind}_{name}.npy", labels.astype(order + kind))
        np.save(f"{kind}_{name}_fortran.npy", np.asfortranarray(labels.astype(order + kind)))
        np.save(f"{kind}_{name}_ends.npy", np.array([limits.min, limits.max], dtype=order + kind))
np.save("beyond_f4.npy", np.array([[1, 2], [2**24, 2**24 + 1]]))
np.save("beyond_f8.npy", np.array([[-(2**53), -(2**53) - 1]]))
halves = np.arange(1 << 16, dtype="u2").view("f2")
for order, name in [("<", "little"), (">", "big")]:
    np.save(f"halves_{name}.npy", halves.astype(order + "f2"))
np.save("halves_wide.npy", halves.astype("f8"))
np.save("complex.npy", np.zeros(3, "c8"))
np.save("bool.npy", np.array([[True, False, False], [False, True, True]]))
np.save("text.npy", np.array(["a", "b"]))
for shape in [(2, 3, 4), (3, 2, 2, 5), (1, 1, 1), (4, 0, 2), (0, 3, 2), (2, 1, 3, 1, 2)]:
    array = np.arange(np.prod(shape)).reshape(shape) * 0.5
    name = "x".join(map(str, shape))
    np.save(f"{name}_c.npy", array)
    np.save(f"{name}_fortran.npy", np.asfortranarray(array))
    np.savez(f"{name}.npz", x=np.asfortranarray(array.astype(">f4")))
    np.save(f"{name}_flat.npy", array.reshape(shape[0], int(np.prod(shape[1:]))))
np.save("record.npy", np.zeros(2, dtype=[("a", "<f8"), ("b", "<i4")]))
np.save("object.npy", np.array([{}], dtype=object), allow_pickle=True)
arrays = {"x": matrix, "y": single[:, 4], "labels": np.arange(3)}
np.savez("plain.npz", **arrays)
np.savez_compressed("compressed.npz", **arrays)
