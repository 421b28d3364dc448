use std::fmt;

use super::linear_fit::LinearFit;
use super::problem::Intercept;
use super::statistics::FitStatistics;
use crate::error::{Error, Result, Shape};
use crate::real::Real;

/// What stands for a statistic that is undefined or overflows.
const MISSING: &str = "NA";

/// The table of a fit, as R and statsmodels print it.
///
/// # Examples
/// ```
/// use gradus::LinearRegression;
/// use gradus::nalgebra::dvector;
///
/// let (x, y) = (dvector![0.0, 1.0, 2.0, 3.0, 4.0], dvector![0.0, 2.0, 1.0, 2.0, 3.5]);
/// let fit = LinearRegression::new().fit(&x, &y)?;
/// let table = fit.summary().with_names(&["dose"])?.to_string();
/// assert!(table.starts_with("             Estimate  Std. error  t value  Pr(>|t|)\n(Intercept)"));
/// assert!(table.contains("\ndose"));
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias = "summary.lm")]
#[derive(Clone, Debug)]
pub struct Summary<'a, T: Real> {
    fit: &'a LinearFit<T>,
    names: Vec<String>,
}

impl<T: Real> LinearFit<T> {
    /// A table of the parameters with their standard errors and tests, and of the statistics of the fit; it is printed
    /// by `Display`. The features are called x0, x1, … unless [named](Summary::with_names).
    #[must_use]
    pub fn summary(&self) -> Summary<'_, T> {
        let names = (0..self.coefficients().nrows()).map(|feature| format!("x{feature}")).collect();
        Summary { fit: self, names }
    }
}

impl<T: Real> Summary<'_, T> {
    /// With names for the features, one for each column of the design matrix.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] if there are more or fewer.
    pub fn with_names<S: AsRef<str>>(self, names: &[S]) -> Result<Self> {
        if names.len() != self.names.len() {
            return Err(Error::ShapeMismatch {
                what: "names, one for each feature",
                expected: Shape::new(self.names.len(), 1),
                found: Shape::new(names.len(), 1),
            });
        }
        Ok(Self { names: names.iter().map(|name| name.as_ref().to_owned()).collect(), ..self })
    }

    fn parameters(&self, target: usize) -> Vec<[String; 5]> {
        let constant = (self.fit.solution.intercept == Intercept::Include).then_some("(Intercept)");
        let names = constant.into_iter().chain(self.names.iter().map(String::as_str));
        let parameters = self.fit.parameters();
        let row = |(unknown, name): (usize, &str)| {
            let error = self.fit.standard_error(unknown, target);
            [
                name.to_owned(),
                significant(Some(parameters[(unknown, target)]), 6),
                significant(error, 6),
                three_decimals(self.fit.t_statistic(unknown, target)),
                significant(self.fit.p_value(unknown, target), 3),
            ]
        };
        names.enumerate().map(row).collect()
    }

    fn write_statistics(&self, f: &mut fmt::Formatter<'_>, statistics: &FitStatistics<T>) -> fmt::Result {
        let fit = self.fit;
        let count = |count: Option<usize>| count.map_or(MISSING.to_owned(), |count| count.to_string());
        let constants = fit.solution.intercept.unknowns();
        let explaining = fit.solution.rank.map(|rank| rank.saturating_sub(constants));
        let freedom = count(fit.degrees_of_freedom());
        let deviation = significant(statistics.residual_standard_deviation, 4);
        writeln!(
            f,
            "Residual standard error: {deviation} on {freedom} degrees of freedom, n = {}",
            fit.observations()
        )?;
        let [r_squared, adjusted] = [statistics.r_squared, statistics.adjusted_r_squared].map(|r| significant(r, 4));
        writeln!(f, "Multiple R²: {r_squared}, adjusted R²: {adjusted}")?;
        let statistic = significant(statistics.f_statistic, 4);
        let p_value = significant(statistics.f_p_value, 4);
        let explaining = count(explaining);
        writeln!(f, "F-statistic: {statistic} on {explaining} and {freedom} degrees of freedom, p-value: {p_value}")?;
        let [likelihood, aic, bic] =
            [statistics.log_likelihood, statistics.aic, statistics.bic].map(|value| significant(value, 6));
        write!(f, "Log-likelihood: {likelihood}, AIC: {aic}, BIC: {bic}")?;
        if !statistics.residual_resolved {
            f.write_str("\nThe residual sum of squares is not resolved: ")?;
            match statistics.residual_error_bound {
                Some(bound) if bound.is_zero() => f.write_str("nothing is left of the target.")?,
                Some(bound) => write!(f, "rounding may make as much as {} of it.", significant(Some(bound), 2))?,
                None => f.write_str("rounding may make all of it.")?,
            }
        }
        Ok(())
    }

    /// What the numbers of all targets have to be taken with.
    fn write_warnings(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.fit.report();
        if !report.converged {
            let what = "the relative error of the parameters is";
            write!(
                f,
                "\nThe fit has not converged, not every number has its digits: {what} {}.",
                at_most(report.error_bound)
            )?;
        }
        if self.fit.standard_errors().is_some() && !report.standard_errors_refined {
            let bound = at_most(report.standard_error_bound);
            write!(f, "\nStandard errors are not refined: their relative error is {bound}.")?;
        }
        for dependency in self.fit.dependencies() {
            write!(f, "\nDependent column: {dependency}.")?;
        }
        Ok(())
    }
}

impl<T: Real> fmt::Display for Summary<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statistics = self.fit.statistics();
        for (target, statistics) in statistics.iter().enumerate() {
            if target > 0 {
                f.write_str("\n\n")?;
            }
            if self.fit.statistics().len() > 1 {
                writeln!(f, "Target y{target}:\n")?;
            }
            let mut table = vec![["", "Estimate", "Std. error", "t value", "Pr(>|t|)"].map(str::to_owned)];
            table.extend(self.parameters(target));
            let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            let widths: [usize; 5] = std::array::from_fn(width);
            for [name, numbers @ ..] in &table {
                write!(f, "{name:<width$}", width = widths[0])?;
                for (number, width) in numbers.iter().zip(&widths[1..]) {
                    write!(f, "  {number:>width$}")?;
                }
                writeln!(f)?;
            }
            writeln!(f)?;
            self.write_statistics(f, statistics)?;
        }
        self.write_warnings(f)
    }
}

/// The [summary](LinearFit::summary).
impl<T: Real> fmt::Display for LinearFit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary().fmt(f)
    }
}

/// Of a bound that may be infinite.
fn at_most(bound: f64) -> String {
    match bound.is_finite() {
        true => format!("at most {}", significant(Some(bound), 2)),
        false => "not known".to_owned(),
    }
}

/// With this many significant digits.
fn significant<T: Real>(value: Option<T>, digits: usize) -> String {
    let Some(value) = value.map(T::to_f64) else { return MISSING.to_owned() };
    let scientific = format!("{value:.*e}", digits - 1);
    let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    match exponent {
        Some(_) if value == 0.0 => "0".to_owned(),
        // At least one digit of the integer part is among them, and no more zeros than digits precede.
        Some(exponent) if (-4..digits as i32).contains(&exponent) => {
            format!("{value:.*}", (digits as i32 - 1 - exponent) as usize)
        }
        _ => scientific,
    }
}

/// With three decimals, which is how t statistics are compared; a huge one with four significant digits.
fn three_decimals<T: Real>(value: Option<T>) -> String {
    match value.map(T::to_f64) {
        Some(number) if number.abs() < 1e5 => format!("{number:.3}"),
        _ => significant(value, 4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_were_asked_for() {
        for (value, expected) in [
            (0.0, "0"),
            (1.0, "1.000"),
            (-1234.5678, "-1235"),
            (12345.678, "1.235e4"),
            (99_996.0, "1.000e5"),
            (0.999_96, "1.000"),
            (0.000_123_456, "0.0001235"),
            (0.000_012_345_6, "1.235e-5"),
            (4.94e-324, "4.941e-324"),
        ] {
            assert_eq!(significant(Some(value), 4), expected);
        }
        assert_eq!(significant::<f64>(None, 4), "NA");
        assert_eq!(three_decimals(Some(-2.0_f32)), "-2.000");
        assert_eq!(three_decimals(Some(1e9)), "1.000e9");
        assert_eq!(three_decimals::<f64>(None), "NA");
    }
}
