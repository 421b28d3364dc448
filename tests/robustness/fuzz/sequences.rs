//! Sequences of calls that bytes decide: fits, and trainings.

use std::ops::ControlFlow;

use gradus::nalgebra::{DMatrix, DVector};
use gradus::regression::{Intercept, RankDeficiency, Solver};
use gradus::schedule::ReduceOnPlateau;
use gradus::training::EarlyStopping;
use gradus::{Error, LinearFit, LinearRegression, NormalEquation, Real, Result, Trainer};

use super::source::Source;
use super::{Outcome, make};

/// What a fitted model says of itself, whichever questions it is asked.
pub(crate) fn question<T: Real>(source: &mut Source<'_>, fit: &LinearFit<T>, x: &DMatrix<T>, y: &DMatrix<T>) {
    assert!(fit.coefficients().iter().all(|value| value.is_finite()));
    assert!(fit.intercept().iter().all(|value| value.is_finite()));
    let finite = |values: &DMatrix<T>| values.iter().all(|value| value.is_finite());
    if let Ok(prediction) = fit.predict(x) {
        assert!(finite(&prediction));
    }
    let level = source.parameter::<f64>();
    let _ =
        (fit.confidence_intervals(level), fit.mean_response_intervals(x, level), fit.prediction_intervals(x, level));
    let _ = (fit.t_statistics(), fit.p_values(), fit.covariance(source.count()), fit.statistics());
    let _ = (fit.degrees_of_freedom(), fit.dependencies(), fit.parameters());
    assert!(!fit.summary().to_string().is_empty());
    let names = vec!["näme"; source.about(x.ncols())];
    let _ = fit.summary().with_names(&names).map(|summary| summary.to_string());
    if let Ok(diagnostics) = fit.diagnostics(x, y) {
        let _ = (diagnostics.residuals(), diagnostics.leverages(), diagnostics.cooks_distances());
        for covariance in [
            gradus::regression::RobustCovariance::Hc0,
            gradus::regression::RobustCovariance::Hc1,
            gradus::regression::RobustCovariance::Hc2,
            gradus::regression::RobustCovariance::Hc3,
        ] {
            let _ = diagnostics.robust_standard_errors(covariance);
        }
    }
    let weights: Vec<T> = (0..source.about(y.nrows())).map(|_| source.parameter()).collect();
    let _ = fit.diagnostics_weighted(x, y, weights.as_slice());
}

fn regression_of<T: Real>(source: &mut Source<'_>) -> Outcome {
    let (rows, features, targets) = (source.size(), source.size(), [1, 1, 2, 0][source.below(4)]);
    let mut x = source.matrix::<T>(rows, features);
    if source.once_in(4) && features > 1 {
        let copy = x.column(0).clone_owned();
        x.set_column(features - 1, &copy);
    }
    let y_rows = source.about(rows);
    let y = source.matrix::<T>(y_rows, targets);
    let intercept = if source.once_in(2) { Intercept::Include } else { Intercept::Omit };
    let mut method = LinearRegression::new().with_intercept(intercept);
    method = match source.below(5) {
        0 => method.with_solver(Solver::Cholesky),
        1 => method.with_solver(Solver::Householder),
        2 => method.with_solver(Solver::ConjugateGradient),
        _ => method,
    };
    if source.once_in(4) {
        method = method.without_refinement();
    }
    method = match source.below(6) {
        0 => method.with_rank_deficiency(RankDeficiency::MinimumNorm),
        1 => method.with_rank_deficiency(RankDeficiency::Drop),
        _ => method,
    };
    method = method.with_refined_standard_errors(source.once_in(2));
    if source.once_in(4) {
        let Ok(with_ridge) = method.with_ridge(source.parameter()) else { return Outcome::REFUSED };
        method = with_ridge;
    }
    let weights: Option<Vec<T>> =
        source.once_in(3).then(|| (0..source.about(rows)).map(|_| source.parameter()).collect());
    let fit = match (source.below(6), &weights) {
        (0, _) => method.fit_polynomial(x.as_slice(), &y, source.below(9)),
        (_, Some(weights)) => method.fit_weighted(&x, &y, weights.as_slice()),
        (_, None) => method.fit(&x, &y),
    };
    if let Ok(fit) = &fit {
        question(source, fit, &x, &y);
    }
    let mut sums = NormalEquation::<T>::new(features, targets).with_intercept(intercept);
    let mut held = 0;
    for _ in 0..source.below(5) {
        let former = sums.observations();
        let changed = match (source.below(5), &weights) {
            (0, _) => sums.remove(&x, &y),
            (1, Some(weights)) => sums.remove_weighted(&x, &y, weights.as_slice()),
            (2, Some(weights)) => sums.push_weighted(&x, &y, weights.as_slice()),
            (3, _) => sums.merge(&sums.clone()),
            _ => sums.push(&x, &y),
        };
        match changed {
            Ok(()) => held = sums.observations(),
            Err(error) => assert_eq!(sums.observations(), former, "{error}"),
        }
    }
    if let Ok(fit) = sums.solve() {
        assert!(held > 0);
        question(source, &fit, &x, &y);
    }
    match fit {
        Ok(_) => Outcome::ACCEPTED,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let at_the_door =
                matches!(error, Error::ShapeMismatch { .. } | Error::NotFinite { .. } | Error::Empty { .. });
            if at_the_door { Outcome::REFUSED } else { Outcome::PAST_HEADER }
        }
    }
}

/// A fit by every solver that there is, and a sequence of pushes and removals.
pub(crate) fn regression(bytes: &[u8]) -> Outcome {
    let mut source = Source::new(bytes);
    if source.once_in(4) { regression_of::<f32>(&mut source) } else { regression_of::<f64>(&mut source) }
}

fn training_of<T: Real>(source: &mut Source<'_>) -> Result<Outcome> {
    let (inputs, outputs) = (source.size().max(1), source.size().max(1));
    let network = make::network::<T>(source, inputs, outputs)?;
    let loss = make::loss(source)?;
    let data = make::data::<T>(source, &loss, inputs, outputs)?;
    let validation = if source.once_in(3) { make::data(source, &loss, inputs, outputs)? } else { data.clone() };
    let stop_at = source.below(9) as u64;
    let mut trainer = Trainer::new(&network, loss, make::optimizer(source)?)
        .epochs(if source.once_in(16) { 0 } else { 1 + source.below(4) })?
        .batch_size(source.count().max(usize::from(!source.once_in(16))))?
        .seed(source.word())
        .observe(
            |progress| {
                if progress.iterations == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            },
        );
    if source.once_in(2) {
        trainer = trainer.validation(&validation).metric("r²", |prediction, target| {
            Ok(gradus::metrics::r_squared(prediction, target).ok().flatten().unwrap_or(f64::NAN))
        });
    }
    if source.once_in(3) {
        trainer = trainer.with_replacement();
    }
    if source.once_in(3) {
        let stopping = EarlyStopping::after(source.count())?.minimal_improvement(source.parameter())?;
        trainer = trainer.early_stopping(stopping);
    }
    if source.once_in(3) {
        let plateau = ReduceOnPlateau::new(source.parameter())?.with_patience(source.count() as u64);
        trainer =
            trainer.reduce_on_plateau(plateau.with_cooldown(source.count() as u64).down_to(source.parameter())?)?;
    }
    let mut parameters = network.initialize(&mut make::generator(source));
    if source.once_in(4) {
        let length = source.about(parameters.len());
        parameters = DVector::from_vec(source.numbers(length));
    }
    let mut checkpoint = None;
    let mut trained = false;
    for _ in 0..=source.below(5) {
        match source.below(4) {
            0 => checkpoint = trainer.checkpoint(&parameters).ok().or(checkpoint),
            1 => {
                if let Some(checkpoint) = &checkpoint {
                    let before = parameters.clone();
                    if trainer.restore(checkpoint, &mut parameters).is_err() {
                        assert!(same_bits(&before, &parameters));
                    }
                }
            }
            _ => {
                let (before, records) = (parameters.clone(), trainer.history().records().len());
                let ended = trainer.train(&mut parameters, &data);
                trained |= ended.is_ok() || matches!(ended, Err(Error::Diverged { .. }));
                match &ended {
                    Ok(report) => assert!(report.epochs >= records),
                    Err(Error::Diverged { .. }) => {}
                    Err(_) if trainer.history().records().len() > records => {}
                    Err(error) => assert!(
                        same_bits(&before, &parameters) || matches!(error, Error::InvalidParameter { .. }),
                        "{error}"
                    ),
                }
            }
        }
    }
    Ok(if trained { Outcome::ACCEPTED } else { Outcome::REFUSED })
}

fn same_bits<T: Real>(a: &DVector<T>, b: &DVector<T>) -> bool {
    a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a == b || (!a.is_finite() && !b.is_finite()))
}

/// A network, data and a trainer, then training, checkpoints and their restoration in any order.
pub(crate) fn training(bytes: &[u8]) -> Outcome {
    let mut source = Source::new(bytes);
    let outcome = if source.once_in(4) { training_of::<f32>(&mut source) } else { training_of::<f64>(&mut source) };
    outcome.unwrap_or_else(|error| {
        assert!(!error.to_string().is_empty());
        Outcome::REFUSED
    })
}
