use proptest::prelude::*;

use super::*;
use crate::linalg::{matrix, portable_product, transpose};
use crate::real::Real;

fn numbers<T: Real>(count: usize, seed: usize) -> Vec<T> {
    (0..count).map(|i| T::nearest(((i * 31 + seed * 17) % 23) as f64 / 7.0 - 1.5)).collect()
}

/// The same, most of them replaced by zeros.
fn sparse<T: Real>(count: usize, seed: usize) -> Vec<T> {
    let mut values: Vec<T> = numbers(count, seed);
    let zeros = values.iter_mut().enumerate().filter(|(i, _)| (i ^ (i >> 3) ^ seed) % 7 > 1);
    zeros.for_each(|(_, value)| *value = T::zero());
    values
}

/// Rows, columns and depth: small ones, and ones about the sizes of tiles and panels.
fn sizes() -> impl Strategy<Value = [usize; 3]> {
    let size = || prop_oneof![0_usize..20, 40_usize..70, 120_usize..140, 250_usize..270, 500_usize..520];
    [size(), size(), size()]
}

type By<T> = unsafe fn(&Operands<T>);

fn agrees<T: Real + Kernel>(kernels: [By<T>; 2], [rows, columns, depth]: [usize; 3], seed: usize) {
    let a: Vec<T> = numbers(rows * depth, seed);
    let b: Vec<T> = if seed.is_multiple_of(2) { numbers(depth * columns, seed) } else { sparse(depth * columns, seed) };
    let stride = rows + seed % 3;
    let before: Vec<T> = numbers(stride * columns, seed + 2);
    for a in [matrix(&a, rows, depth), transpose(&a, depth, rows)] {
        for b in [matrix(&b, depth, columns), transpose(&b, columns, depth)] {
            for way in [Way::Over, Way::Add, Way::AddLower] {
                let (alpha, mut expected) = (T::nearest(-0.5), before.clone());
                let target = Target { data: &mut expected, rows, columns, column_stride: stride };
                portable_product(alpha, a, b, if way == Way::Over { way } else { Way::Add }, target);
                for kernel in kernels {
                    let mut found = before.clone();
                    let mut target = Target { data: &mut found, rows, columns, column_stride: stride };
                    let operands = operands(alpha, a, b, way, &mut target);
                    if rows > 0 && columns > 0 {
                        unsafe { kernel(&operands) };
                    }
                    let bound = T::epsilon() * T::from_count(4 * depth + 4) * T::nearest(3.0);
                    let is_asked_for = |i: usize| way != Way::AddLower || i % stride >= i / stride;
                    let entries = found.iter().zip(&expected).enumerate().filter(|&(i, _)| is_asked_for(i));
                    for (i, (&found, &expected)) in entries {
                        assert!((found - expected).abs() <= bound, "{i}: {found} for {expected}");
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..crate::counted::config() })]

    #[test]
    fn kernels_agree_with_the_portable_product(sizes in sizes(), seed in 0_usize..99) {
        if has_avx2() {
            let narrow = <f32 as Kernel>::by_avx2 as By<f32>;
            agrees([if has_avx512() { f32::by_avx512 } else { narrow }, narrow], sizes, seed);
            let narrow = <f64 as Kernel>::by_avx2 as By<f64>;
            agrees([if has_avx512() { f64::by_avx512 } else { narrow }, narrow], sizes, seed);
        }
    }
}

#[test]
fn columns_of_a_product_have_the_bits_of_the_whole() {
    for (rows, depth) in [(50, 784), (10, 50), (130, 300), (784, 50)] {
        let columns = 100;
        let a: Vec<f32> = numbers(rows * depth, 1);
        // Some columns of the sparse one are too few for zeros to be looked for.
        let factors: [Vec<f32>; 2] = [numbers(depth * columns, 2), sparse(depth * columns, 2)];
        let ways = [matrix(&a, rows, depth), transpose(&a, depth, rows)];
        for (a, b) in ways.into_iter().flat_map(|a| factors.iter().map(move |b| (a, b))) {
            let of = |from: usize, to: usize| {
                let mut c = vec![0.0; rows * (to - from)];
                let b = matrix(&b[from * depth..to * depth], depth, to - from);
                crate::linalg::multiply(a, b, &mut c);
                c
            };
            let whole = of(0, columns);
            for (from, to) in [(0, 50), (50, 100), (17, 18), (3, 96)] {
                assert_eq!(of(from, to), whole[from * rows..to * rows], "{rows}, {depth}: {from}..{to}");
            }
        }
    }
}

#[test]
fn a_zero_meets_infinity_as_anywhere() {
    let (rows, depth, columns) = (40, 300, 60);
    let (mut a, mut b): (Vec<f64>, Vec<f64>) = (numbers(rows * depth, 1), sparse(depth * columns, 2));
    (a[17 * rows + 3], b[5 * depth + 17]) = (f64::INFINITY, 0.0);
    let mut c = vec![0.0; rows * columns];
    crate::linalg::multiply(matrix(&a, rows, depth), matrix(&b, depth, columns), &mut c);
    assert!(c[5 * rows + 3].is_nan() && c[5 * rows + 4].is_finite());
}
