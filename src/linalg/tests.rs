use approx::assert_relative_eq;
use nalgebra::{DMatrix, dmatrix};
use proptest::prelude::*;

use super::product::{BLOCK, FEW, PANEL, cut, product};
use super::vectors::{SHORT, largest_magnitude};
use super::*;
use crate::real::Real;

fn filled(rows: usize, columns: usize, seed: usize) -> DMatrix<f64> {
    DMatrix::from_fn(rows, columns, |i, j| (((i * 31 + j * 17 + seed) % 23) as f64 - 11.0) / 7.0)
}

pub(super) fn numbers<T: Real>(count: usize, seed: usize) -> Vec<T> {
    (0..count).map(|i| T::nearest(((i * 31 + seed * 17) % 23) as f64 / 7.0 - 1.5)).collect()
}

/// The same, most of them replaced by zeros.
pub(super) fn sparse<T: Real>(count: usize, seed: usize) -> Vec<T> {
    let mut values: Vec<T> = numbers(count, seed);
    let zeros = values.iter_mut().enumerate().filter(|(i, _)| (i ^ (i >> 3) ^ seed) % 7 > 1);
    zeros.for_each(|(_, value)| *value = T::zero());
    values
}

/// Rows, columns and depth: small ones, and ones about the sizes of tiles and panels.
pub(super) fn sizes() -> impl Strategy<Value = [usize; 3]> {
    let size = || prop_oneof![0_usize..20, 40_usize..70, 120_usize..140, 250_usize..270, 500_usize..520];
    [size(), size(), size()]
}

/// A product, with what is in its place before it and what is to be there afterwards.
pub(super) struct Case<T> {
    a: Vec<T>,
    b: Vec<T>,
    sizes: [usize; 3],
    column_stride: usize,
    before: Vec<T>,
    /// `α A B`, by a plain triple loop.
    product: Vec<T>,
}

impl<T: Real> Case<T> {
    pub(super) fn new([rows, columns, depth]: [usize; 3], seed: usize) -> Self {
        let a: Vec<T> = numbers(rows * depth, seed);
        let b = if seed.is_multiple_of(2) { numbers(depth * columns, seed) } else { sparse(depth * columns, seed) };
        let column_stride = rows + seed % 3;
        let before = numbers(column_stride * columns, seed + 2);
        let product = (0..rows * columns).map(|place| {
            let (i, j) = (place % rows, place / rows);
            T::nearest(-0.5) * (0..depth).fold(T::zero(), |sum, p| sum + a[i + p * rows] * b[p + j * depth])
        });
        Self { product: product.collect(), a, b, sizes: [rows, columns, depth], column_stride, before }
    }

    /// Each way to store the factors and to add up.
    pub(super) fn for_each(&self, mut check: impl FnMut(&Self, T, Factor<'_, T>, Factor<'_, T>, Way)) {
        let [rows, columns, depth] = self.sizes;
        let transposed = |values: &[T], rows: usize, columns: usize| -> Vec<T> {
            (0..rows * columns).map(|place| values[place / columns + place % columns * rows]).collect()
        };
        let across = (transposed(&self.a, rows, depth), transposed(&self.b, depth, columns));
        for a in [matrix(&self.a, rows, depth), transpose(&across.0, depth, rows)] {
            for b in [matrix(&self.b, depth, columns), transpose(&across.1, columns, depth)] {
                for way in [Way::Over, Way::Add, Way::AddLower] {
                    check(self, T::nearest(-0.5), a, b, way);
                }
            }
        }
    }

    /// Compares what `multiply` makes; nothing beyond the rows of a column may change.
    pub(super) fn check(&self, way: Way, multiply: impl FnOnce(Target<'_, T>)) {
        let ([rows, columns, depth], column_stride) = (self.sizes, self.column_stride);
        let mut found = self.before.clone();
        if way == Way::Over {
            // Stale values, NaN among them, must not shine through.
            let columns = found.chunks_mut(column_stride.max(1));
            columns.for_each(|column| column[..rows].fill(T::zero() / T::zero()));
        }
        multiply(Target { data: &mut found, rows, columns, column_stride });
        let bound = T::epsilon() * T::from_count(4 * depth + 4) * T::nearest(3.0);
        for (place, (&found, &before)) in found.iter().zip(&self.before).enumerate() {
            let (i, j) = (place % column_stride, place / column_stride);
            if i >= rows {
                assert_eq!(found, before);
            } else if way != Way::AddLower || i >= j {
                let product = self.product[i + j * rows];
                let expected = if way == Way::Over { product } else { before + product };
                let exact = depth == 0 && found == expected;
                assert!(exact || depth > 0 && (found - expected).abs() <= bound, "{i}, {j}: {found} for {expected}");
            }
        }
    }
}

/// The sizes at which a kernel's loops are not entered, or once, and sums of nothing.
#[test]
fn products_of_any_small_size_agree_with_the_definition() {
    fn agree<T: Real>() {
        let sizes = [0, 1, 2, 3, 5, 33];
        for (rows, columns, depth) in
            sizes.iter().flat_map(|&m| sizes.iter().flat_map(move |&n| sizes.map(|k| (m, n, k))))
        {
            for seed in [4, 5] {
                let case = Case::<T>::new([rows, columns, depth], seed);
                case.for_each(|case, alpha, a, b, way| case.check(way, |c| product(alpha, a, b, way, c)));
            }
        }
    }
    agree::<f32>();
    agree::<f64>();
}

/// However a product is cut, and whatever its parts would have called for by themselves.
#[test]
fn parts_of_a_product_have_the_bits_of_the_whole() {
    fn same<T: Real>([rows, columns, depth]: [usize; 3]) {
        for seed in [2, 3] {
            Case::<T>::new([rows, columns, depth], seed).for_each(|_, alpha, a, b, way| {
                let done_in = |parts: usize, plan: Option<Plan>| {
                    let mut c: Vec<T> = numbers(rows * columns, 5);
                    let target = Target { data: &mut c, rows, columns, column_stride: rows };
                    for (a, b, c) in cut(a, b, way, target, parts) {
                        T::multiply(plan, alpha, a, b, way, c);
                    }
                    let lower = way == Way::AddLower;
                    let is_defined = |place: usize| !lower || place % rows >= place / rows;
                    c.into_iter()
                        .enumerate()
                        .filter(|&(place, _)| is_defined(place))
                        .map(|(_, c)| c)
                        .collect::<Vec<_>>()
                };
                for plan in [T::plan(a, b), None] {
                    let whole = done_in(1, plan);
                    for parts in [2, 3, 5, 8, 16] {
                        assert_eq!(done_in(parts, plan), whole, "{rows} × {depth} × {columns}, {way:?}: {parts} parts");
                    }
                }
            });
        }
    }
    for sizes in [[32, 32, 784], [150, 150, 200], [140, 140, 130], [257, 255, 40], [60, 17, 700], [129, 33, 600]] {
        same::<f32>(sizes);
        same::<f64>(sizes);
    }
}

/// On the kernel of the processor, and on that of others.
#[test]
fn columns_of_a_product_have_the_bits_of_the_whole() {
    for (rows, depth) in [(50, 784), (10, 50), (130, 300), (784, 50), (3, 7)] {
        let columns = 100;
        let a: Vec<f32> = numbers(rows * depth, 1);
        // Some columns of the sparse one are too few for zeros to be looked for.
        let factors: [Vec<f32>; 2] = [numbers(depth * columns, 2), sparse(depth * columns, 2)];
        let ways = [matrix(&a, rows, depth), transpose(&a, depth, rows)];
        for (a, b) in ways.into_iter().flat_map(|a| factors.iter().map(move |b| (a, b))) {
            let of = |from: usize, to: usize, portable: bool| {
                let mut c = vec![0.0; rows * (to - from)];
                let b = matrix(&b[from * depth..to * depth], depth, to - from);
                if portable {
                    let c = Target { data: &mut c, rows, columns: to - from, column_stride: rows };
                    portable_product(1.0, a, b, Way::Over, c);
                } else {
                    multiply(a, b, &mut c);
                }
                c
            };
            for portable in [false, true] {
                let whole = of(0, columns, portable);
                for (from, to) in [(0, 50), (50, 100), (17, 18), (3, 96), (40, 42), (90, 93)] {
                    assert_eq!(of(from, to, portable), whole[from * rows..to * rows], "{rows}, {depth}: {from}..{to}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn products_agree_with_the_definition(m in 1_usize..20, k in 1_usize..20, n in 1_usize..20, seed in 0_usize..99) {
        let (a, b, c) = (filled(m, k, seed), filled(k, n, seed + 1), filled(m, n, seed + 2));
        let expected = DMatrix::from_fn(m, n, |i, j| (0..k).map(|l| a[(i, l)] * b[(l, j)]).sum::<f64>());
        let (a_transposed, b_transposed) = (a.transpose(), b.transpose());
        for a in [matrix(a.as_slice(), m, k), transpose(a_transposed.as_slice(), k, m)] {
            for b in [matrix(b.as_slice(), k, n), transpose(b_transposed.as_slice(), n, k)] {
                // Stale values, NaN among them, must not shine through.
                let mut product = DMatrix::from_element(m, n, f64::NAN);
                multiply(a, b, product.as_mut_slice());
                prop_assert!((&product - &expected).amax() < 1e-12);
                let mut sum = c.clone();
                multiply_add(a, b, sum.as_mut_slice());
                prop_assert!((sum - &c - &expected).amax() < 1e-12);
            }
        }
    }

    #[test]
    fn reductions_agree_with_the_definition(x in proptest::collection::vec(-2.0..2.0, 0..70)) {
        let reversed: Vec<f64> = x.iter().rev().copied().collect();
        let expected: f64 = x.iter().zip(&reversed).map(|(x, y)| x * y).sum();
        prop_assert!((dot(&x, &reversed) - expected).abs() < 1e-13);
        let expected = x.iter().map(|x| x * x).sum::<f64>().sqrt();
        prop_assert!((norm(&x) - expected).abs() < 1e-13);
    }
}

#[test]
fn transposed_products_agree_with_the_definition() {
    for (rows, columns, targets) in [(1, 1, 1), (70, PANEL, 1), (70, PANEL + 1, FEW), (70, PANEL + 1, FEW + 1)] {
        let (x, y, before) = (filled(rows, columns, 1), filled(rows, targets, 2), filled(columns, targets, 3));
        let mut sum = before.clone();
        add_transposed_product(x.as_slice(), y.as_slice(), rows, sum.as_mut_slice());
        assert_relative_eq!(sum - before, x.transpose() * y, epsilon = 1e-12);
    }
}

#[test]
fn half_a_gram_matrix_is_the_half_of_it() {
    for (rows, columns) in [(3, 1), (40, 7), (9, 2 * PANEL + 5)] {
        let x = filled(rows, columns, columns);
        let mut gram = DMatrix::from_element(columns, columns, 1.0);
        add_gram(1.0, x.as_slice(), rows, columns, gram.as_mut_slice());
        let expected = x.transpose() * &x;
        assert_relative_eq!((gram.add_scalar(-1.0)).lower_triangle(), expected.lower_triangle(), epsilon = 1e-12);
    }
}

#[test]
fn cholesky_factors_solves_and_refuses() {
    for n in 1..12 {
        let root = filled(n + 3, n, n) + DMatrix::from_fn(n + 3, n, |i, j| if i == j { 3.0 } else { 0.0 });
        let a = root.transpose() * &root;
        let expected = filled(n, 2, 7);
        let (mut factor, mut solution) = (a.clone(), &a * &expected);
        cholesky(&mut factor, 1e-14).unwrap();
        assert_relative_eq!(factor.lower_triangle() * factor.lower_triangle().transpose(), a, max_relative = 1e-13);
        solve_cholesky(&factor, &mut solution);
        assert_relative_eq!(solution, expected, max_relative = 1e-10, epsilon = 1e-10);
        let inverse = invert_lower(&factor);
        assert_relative_eq!(&inverse * factor.lower_triangle(), DMatrix::identity(n, n), epsilon = 1e-12);
    }
    for n in [1, 7, PANEL, 2 * PANEL + 5] {
        let upper = filled(n, n, n).upper_triangle();
        let expected = (&upper * upper.transpose()).lower_triangle();
        assert_relative_eq!(square_upper(&upper).lower_triangle(), expected, epsilon = 1e-10);
    }
    let n = 2 * BLOCK + 9;
    let root = filled(n + 3, n, n) + DMatrix::from_fn(n + 3, n, |i, j| if i == j { 30.0 } else { 0.0 });
    let a = root.transpose() * &root;
    let mut factor = a.clone();
    cholesky(&mut factor, 1e-14).unwrap();
    assert_relative_eq!(factor.lower_triangle() * factor.lower_triangle().transpose(), a, max_relative = 1e-13);
    assert_relative_eq!(invert_lower(&factor) * factor.lower_triangle(), DMatrix::identity(n, n), epsilon = 1e-12);
    let mut singular = a.clone();
    for i in 0..n {
        let copied = singular[(i.max(40), i.min(40))];
        singular[(i.max(50), i.min(50))] = copied;
    }
    singular[(50, 50)] = a[(40, 40)];
    singular[(50, 40)] = a[(40, 40)];
    assert_eq!(cholesky(&mut singular, 1e-14), Err(50));
    assert_eq!(cholesky(&mut dmatrix![1.0, 2.0, 0.0; 2.0, 4.0, 0.0; 0.0, 0.0, 1.0], 1e-14), Err(1));
    assert_eq!(cholesky(&mut dmatrix![0.0], 1e-14), Err(0));
    assert_eq!(cholesky(&mut dmatrix![f64::NAN], 1e-14), Err(0));
}

#[test]
fn reflections_leave_the_triangle_of_the_gram_matrix() {
    for (rows, columns) in [(4, 4), (BLOCK + 3, BLOCK), (200, 2 * BLOCK + 7), (90, BLOCK + 3)] {
        let mut a = filled(rows, columns, rows) + DMatrix::from_fn(rows, columns, |i, j| ((i * j) as f64).sin());
        a.column_mut(1).fill(0.0);
        let mut triangle = a.clone();
        triangularize(&mut triangle);
        let triangle = triangle.rows(0, columns).upper_triangle();
        assert_relative_eq!(triangle.transpose() * triangle, a.transpose() * a, epsilon = 1e-11);
    }
}

#[test]
fn the_norm_neither_overflows_nor_vanishes() {
    assert_relative_eq!(norm(&[3e200, 4e200]), 5e200, epsilon = 0.0, max_relative = 1e-15);
    assert_relative_eq!(norm(&[3e-200, 4e-200]), 5e-200, epsilon = 0.0, max_relative = 1e-15);
    assert_relative_eq!(norm(&[3e-30_f32, 4e-30]), 5e-30, epsilon = 0.0, max_relative = 1e-6);
    assert_eq!(norm(&[5e-324, 0.0]), 5e-324);
    assert_eq!(norm::<f64>(&[]), 0.0);
    assert_eq!(norm(&[1.0, f64::NEG_INFINITY]), f64::INFINITY);
    assert!(norm(&[f64::INFINITY, f64::NAN]).is_nan());
    assert!(norm(&[f64::NAN, 1.0]).is_nan());
}

/// Lengths at which the work is done in another way, and what is beyond the whole blocks of these.
#[test]
fn long_vectors_are_short_ones_after_another() {
    for length in [SHORT - 1, SHORT, LONG - 1, LONG, 3 * LONG + 77] {
        let x: Vec<f64> = (0..length).map(|i| ((i * 7) % 31) as f64 - 15.0).collect();
        let y: Vec<f64> = (0..length).map(|i| ((i * 5) % 23) as f64 - 11.0).collect();
        // All of these are whole numbers, which add up exactly in any order.
        assert_eq!(dot(&x, &y), x.iter().zip(&y).map(|(x, y)| x * y).sum::<f64>(), "{length}");
        let mut sum = y.clone();
        add_scaled(&mut sum, -2.0, &x);
        assert!(sum.iter().zip(x.iter().zip(&y)).all(|(sum, (x, y))| *sum == y - 2.0 * x), "{length}");
        clear(&mut sum);
        assert!(sum.iter().all(|&sum| sum == 0.0), "{length}");
    }
}

#[test]
fn the_largest_is_the_first_of_several_and_nothing_is_below_all() {
    let x = [-3.0, -1.0, -2.0, -1.0];
    assert_eq!((largest(&x), place_of_largest(&x), largest_magnitude(&x)), (-1.0, 1, 3.0));
    assert_eq!((largest::<f64>(&[]), place_of_largest::<f64>(&[])), (f64::NEG_INFINITY, 0));
}

#[test]
fn compensated_sums_keep_what_plain_ones_lose() {
    let mut sum = CompensatedSum::new();
    sum.add(1.0_f32);
    for _ in 0..1_000 {
        sum.add(1e-8);
    }
    assert_eq!(sum.total(), 1.00001);
    sum.add(f32::INFINITY);
    assert_eq!(sum.total(), f32::INFINITY);
}
