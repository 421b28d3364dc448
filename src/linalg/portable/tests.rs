use proptest::prelude::*;

use super::*;
use crate::linalg::tests::{Case, sizes};

fn agrees<T: Real>(sizes: [usize; 3], seed: usize) {
    Case::<T>::new(sizes, seed).for_each(|case, alpha, a, b, way| {
        if a.columns > 0 {
            case.check(way, |c| product(alpha, a, b, way, c));
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..crate::counted::config() })]

    #[test]
    fn the_portable_product_agrees_with_the_definition(sizes in sizes(), seed in 0_usize..99) {
        agrees::<f32>(sizes, seed);
        agrees::<f64>(sizes, seed);
    }
}

/// An entry is a sum of sums, each in the order of the depth: of all that the tiles and strips do this is what is left.
#[test]
fn the_order_of_additions_is_that_of_the_depth() {
    let (rows, depth, columns) = (29, 600, 11);
    let a: Vec<f32> = crate::linalg::tests::numbers(rows * depth, 3);
    let b: Vec<f32> = crate::linalg::tests::numbers(depth * columns, 4);
    let mut c = vec![0.0; rows * columns];
    let (a, b) = (crate::linalg::matrix(&a, rows, depth), crate::linalg::matrix(&b, depth, columns));
    product(0.3, a, b, Way::Over, Target { data: &mut c, rows, columns, column_stride: rows });
    for (place, found) in c.into_iter().enumerate() {
        let (i, j) = (place % rows, place / rows);
        let expected = (0..depth).step_by(DEEPEST).fold(0.0, |c: f32, from| {
            let block = from..depth.min(from + DEEPEST);
            let sum = block.fold(0.0_f32, |sum, p| {
                crate::real::sealed::Sealed::add_product(sum, a.data[i + p * rows], b.data[p + j * depth])
            });
            crate::real::sealed::Sealed::add_product(c, 0.3, sum)
        });
        assert_eq!(found, expected, "{i}, {j}");
    }
}

#[cfg(feature = "num-dual")]
#[test]
fn dual_numbers_are_multiplied_by_the_product_rule() {
    use num_dual::Dual64;

    let (x, y) = ([Dual64::new(2.0, 1.0), Dual64::new(3.0, 0.0)], [Dual64::new(5.0, 0.0), Dual64::new(7.0, 1.0)]);
    let mut c = [Dual64::from(1.0)];
    crate::linalg::multiply_add(crate::linalg::transpose(&x, 2, 1), crate::linalg::matrix(&y, 2, 1), &mut c);
    assert_eq!((c[0].re, c[0].eps), (32.0, 5.0 + 3.0));
}
