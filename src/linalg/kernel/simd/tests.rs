use std::io::{self, Write};
use std::sync::Once;

use proptest::prelude::*;

use super::*;
use crate::linalg::tests::{Case, numbers, sizes, sparse};
use crate::linalg::{matrix, transpose};
use crate::real::Real;

/// The vectors that can be tested here, which is said where these are not all.
fn available() -> Vec<Vectors> {
    let available = match vectors() {
        Some(Vectors::Avx512) => vec![Vectors::Avx512, Vectors::Avx2],
        Some(Vectors::Avx2) => vec![Vectors::Avx2],
        None => Vec::new(),
    };
    static SAID: Once = Once::new();
    if available.len() < 2 {
        // Past the harness, which keeps what is printed by a test that passes.
        SAID.call_once(|| {
            let _ = writeln!(io::stdout(), "of the kernels only those of {available:?} can be tested here");
        });
    }
    available
}

/// Every road that can be taken, whatever the sizes call for.
fn roads<T>(a: &Factor<'_, T>, b: &Factor<'_, T>) -> Vec<Road> {
    let mut roads = vec![Road::Panels { copy: true, sparse: false }, Road::Panels { copy: true, sparse: true }];
    if a.row_stride == 1 {
        roads.extend([Road::Panels { copy: false, sparse: false }, Road::Panels { copy: false, sparse: true }]);
    }
    if a.column_stride == 1 && b.row_stride == 1 {
        roads.push(Road::DotProducts);
    }
    roads
}

fn agrees<T: Real + Kernel>(sizes: [usize; 3], seed: usize) {
    let available = available();
    Case::<T>::new(sizes, seed).for_each(|case, alpha, a, b, way| {
        for (&vectors, road) in
            available.iter().flat_map(|vectors| roads(&a, &b).into_iter().map(move |r| (vectors, r)))
        {
            if a.columns > 0 {
                case.check(way, |c| multiply(Plan { vectors, road }, alpha, a, b, way, c));
            }
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..crate::counted::config() })]

    #[test]
    fn kernels_agree_with_the_definition(sizes in sizes(), seed in 0_usize..99) {
        agrees::<f32>(sizes, seed);
        agrees::<f64>(sizes, seed);
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

/// What the unsafe code relies on is refused where it does not hold.
#[test]
fn bad_operands_are_refused() {
    let Some(vectors) = vectors() else { return };
    let numbers = [1.0; 12];
    let good = || Operation {
        a: matrix(&numbers, 3, 4),
        b: matrix(&numbers, 4, 3),
        road: Road::Panels { copy: true, sparse: true },
        length: 9,
        column_stride: 3,
    };
    let is_refused = |change: fn(&mut Operation<'_>)| {
        let mut operation = good();
        change(&mut operation);
        let Operation { a, b, road, length, column_stride } = operation;
        let mut c = vec![0.0; length];
        let c = Target { data: &mut c, rows: 3, columns: 3, column_stride };
        let call = || multiply(Plan { vectors, road }, 1.0, a, b, Way::Over, c);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err()
    };
    assert!(!is_refused(|_| {}));
    assert!(is_refused(|o| o.a.columns = 3));
    assert!(is_refused(|o| o.a.data = &o.a.data[1..]));
    assert!(is_refused(|o| o.b.data = &o.b.data[1..]));
    assert!(is_refused(|o| (o.a.row_stride, o.a.column_stride) = (2, 2)));
    assert!(is_refused(|o| (o.b.row_stride, o.b.column_stride) = (0, 3)));
    assert!(is_refused(|o| o.a.column_stride = usize::MAX));
    assert!(is_refused(|o| (o.a.columns, o.b.rows) = (0, 0)));
    assert!(is_refused(|o| o.road = Road::DotProducts));
    assert!(is_refused(|o| {
        (o.a, o.road) = (transpose(o.a.data, 4, 3), Road::Panels { copy: false, sparse: false });
    }));
    assert!(is_refused(|o| o.length = 8));
    assert!(is_refused(|o| o.column_stride = 2));
    assert!(is_refused(|o| o.column_stride = 4));
}

struct Operation<'a> {
    a: Factor<'a, f64>,
    b: Factor<'a, f64>,
    road: Road,
    length: usize,
    column_stride: usize,
}
