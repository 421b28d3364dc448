use super::sharing::{MOST_PARTS, parts_of_product, share, threads};
use super::vectors::dot;
use crate::real::Real;

/// Columns of a triangle that are squared at once.
pub(super) const PANEL: usize = 128;

/// Columns of a factor for whose sake the other one is not copied, if that is wider than a panel.
pub(super) const FEW: usize = 4;

/// Columns of a triangle that is worth several threads.
const FEWEST_SPLIT: usize = 256;

/// Columns that are factored one by one before the others learn of them, all at once and by matrix products.
pub(super) const BLOCK: usize = 32;

/// A factor of a product: a matrix stored column by column, or the transpose of one.
#[derive(Clone, Copy, Debug)]
pub struct Factor<'a, T> {
    pub(super) data: &'a [T],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_stride: usize,
    pub(super) column_stride: usize,
}

/// The `rows` × `columns` matrix that `data` holds column by column.
pub(crate) fn matrix<T>(data: &[T], rows: usize, columns: usize) -> Factor<'_, T> {
    assert_eq!(data.len(), rows * columns);
    Factor { data, rows, columns, row_stride: 1, column_stride: rows }
}

/// The transpose, `columns` × `rows`, of the matrix that `data` holds column by column.
pub(crate) fn transpose<T>(data: &[T], rows: usize, columns: usize) -> Factor<'_, T> {
    assert_eq!(data.len(), rows * columns);
    Factor { data, rows: columns, columns: rows, row_stride: rows, column_stride: 1 }
}

impl<'a, T: Real> Factor<'a, T> {
    /// As many rows from one on.
    fn rows_from(self, first: usize, rows: usize) -> Self {
        Self { data: &self.data[first * self.row_stride..], rows, ..self }
    }

    /// As many columns from one on.
    fn columns_from(self, first: usize, columns: usize) -> Self {
        Self { data: &self.data[first * self.column_stride..], columns, ..self }
    }
}

/// What a product is written to: some rows of a matrix stored column by column.
#[derive(Debug)]
pub struct Target<'a, T> {
    pub(super) data: &'a mut [T],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) column_stride: usize,
}

/// How a product meets what its target holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `C ← α A B`.
    Over,
    /// `C ← C + α A B`.
    Add,
    /// `C ← C + α A B` on and below the diagonal; above it C is not defined afterwards.
    AddLower,
}

/// `C ← A B`, with `C` column by column; what `C` held before is not read.
pub(crate) fn multiply<T: Real>(a: Factor<'_, T>, b: Factor<'_, T>, c: &mut [T]) {
    assert_eq!(c.len(), a.rows * b.columns);
    product(T::one(), a, b, Way::Over, Target { data: c, rows: a.rows, columns: b.columns, column_stride: a.rows });
}

/// `C ← C + A B`, with `C` column by column.
pub(crate) fn multiply_add<T: Real>(a: Factor<'_, T>, b: Factor<'_, T>, c: &mut [T]) {
    assert_eq!(c.len(), a.rows * b.columns);
    product(T::one(), a, b, Way::Add, Target { data: c, rows: a.rows, columns: b.columns, column_stride: a.rows });
}

/// `C ← C + XᵀY`, with `X` and `Y` of so many rows, at least one.
pub(crate) fn add_transposed_product<T: Real>(x: &[T], y: &[T], rows: usize, c: &mut [T]) {
    let (columns, targets) = (x.len() / rows, y.len() / rows);
    if columns <= PANEL || targets > FEW {
        return multiply_add(transpose(x, rows, columns), matrix(y, rows, targets), c);
    }
    // Read where it lies: as a product `X` would be copied first.
    for (i, x) in x.chunks_exact(rows).enumerate() {
        for (c, y) in c.chunks_exact_mut(columns).zip(y.chunks_exact(rows)) {
            c[i] += dot(x, y);
        }
    }
}

/// `C ← α A B`, or what else the way says; large ones column by column on several threads.
///
/// How it is done is chosen here, from the sizes of all of it. The threads only cut what has been chosen, so that no
/// bit depends on their number.
pub(super) fn product<T: Real>(alpha: T, a: Factor<'_, T>, b: Factor<'_, T>, way: Way, c: Target<'_, T>) {
    assert!(a.columns == b.rows && (a.rows, b.columns) == (c.rows, c.columns));
    if a.columns == 0 {
        // A sum of nothing.
        if way == Way::Over && c.rows > 0 {
            c.data.chunks_mut(c.column_stride).take(c.columns).for_each(|column| column[..c.rows].fill(T::zero()));
        }
        return;
    }
    let plan = T::plan(a, b);
    let parts = parts(&a, &b, way);
    if parts == 1 {
        return T::multiply(plan, alpha, a, b, way, c);
    }
    share(cut(a, b, way, c, parts), |(a, b, c)| T::multiply(plan, alpha, a, b, way, c));
}

/// How many parts a product is worth.
fn parts<T>(a: &Factor<'_, T>, b: &Factor<'_, T>, way: Way) -> usize {
    let [rows, depth, columns] = [a.rows, a.columns, b.columns];
    if columns < if way == Way::AddLower { FEWEST_SPLIT } else { 2 * threads().min(MOST_PARTS) } {
        return 1;
    }
    let multiplications = rows.saturating_mul(depth).saturating_mul(columns);
    parts_of_product(multiplications, a.data.len() + b.data.len() + rows * columns)
}

/// The parts of a product: some of the columns each, as much work in one as in another.
pub(super) fn cut<'a, T: Real>(
    a: Factor<'a, T>,
    b: Factor<'a, T>,
    way: Way,
    c: Target<'a, T>,
    parts: usize,
) -> impl Iterator<Item = (Factor<'a, T>, Factor<'a, T>, Target<'a, T>)> {
    let (mut rest, mut first) = (Some(c), 0);
    (1..=parts).map_while(move |part| {
        let share = part as f64 / parts as f64;
        // Of a triangle, equal areas.
        let share = if way == Way::AddLower { 1.0 - (1.0 - share).sqrt() } else { share };
        let end = if part == parts { b.columns } else { (share * b.columns as f64) as usize };
        let Target { data, rows, columns, column_stride } = rest.take()?;
        let (width, above) = (end - first, if way == Way::AddLower { end - first } else { 0 });
        let (data, others) = data.split_at_mut(if part == parts { data.len() } else { width * column_stride + above });
        let factors = (a.rows_from(a.rows - rows, rows), b.columns_from(first, width));
        rest = Some(Target { data: others, rows: rows - above, columns: columns - width, column_stride });
        first = end;
        Some((factors.0, factors.1, Target { data, rows, columns: width, column_stride }))
    })
}

/// Adds the lower triangle of `α XᵀX` to that of `gram`, `columns` × `columns`, for `x` of `rows` × `columns`; what
/// `gram` has above the diagonal is not defined afterwards.
pub(crate) fn add_gram<T: Real>(alpha: T, x: &[T], rows: usize, columns: usize, gram: &mut [T]) {
    assert_eq!(gram.len(), columns * columns);
    let gram = Target { data: gram, rows: columns, columns, column_stride: columns };
    product(alpha, transpose(x, rows, columns), matrix(x, rows, columns), Way::AddLower, gram);
}
