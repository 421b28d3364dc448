//! No panic by construction: every public constructor and function, on any shapes, numbers and orders of calls, gives a
//! value or a typed error. What is documented to panic is not called so. Fits and trainings have theirs in `fuzz.rs`.

use crate::fuzz::targets::make;
use crate::fuzz::targets::source::Source;
use crate::fuzz::tried::drive;
use gradus::data::{Images, Labels, Standardization};
use gradus::error::Shape;
use gradus::gradient::{Difference, Tolerance};
use gradus::metrics::ConfusionMatrix;
use gradus::nalgebra::{DMatrix, DVector};
use gradus::network::ParameterRange;
use gradus::objective::{FreeParameters, Penalty};
use gradus::optimizer::LearningRateBound;
use gradus::regression::{LeastSquaresObjective, RecursiveLeastSquares};
use gradus::schedule::{ReduceOnPlateau, Schedule};
use gradus::{
    Batch, BatchMut, Dataset, Error, GradientCheck, LinearRegression, Loss, MeanSquaredError, Model, Objective,
    Optimizer, Real, Result, Stop,
};
use proptest::collection::vec;
use proptest::prelude::any;

/// Runs on sources; an error must have something to say.
fn on_sources(name: &str, usual: u32, run: fn(&mut Source<'_>) -> Result<()>) {
    drive(name, usual, vec(any::<u8>(), 0..160), |bytes| {
        if let Err(error) = run(&mut Source::new(&bytes)) {
            assert!(error.to_string().contains(": expected "), "{error}");
        }
        Ok(())
    });
}

fn finite<T: Real>(values: &[T]) -> bool {
    values.iter().all(|value| value.is_finite())
}

/// A matrix of any shape: of a few values, or of none and however many rows or columns.
fn any_matrix<T: Real>(source: &mut Source<'_>) -> DMatrix<T> {
    let (rows, columns) = (source.count(), source.count());
    match rows.checked_mul(columns) {
        Some(count) if count < 200 => DMatrix::from_vec(rows, columns, source.numbers(count)),
        _ if source.once_in(2) => DMatrix::zeros(rows, 0),
        _ => DMatrix::zeros(0, columns),
    }
}

#[test]
fn batches() {
    on_sources("batches", 10_000, |source| {
        let length = source.size() * source.size();
        let mut values: Vec<f64> = source.numbers(length);
        let features = source.count();
        let batch = Batch::from_slice(&values, features)?;
        assert_eq!(batch.features() * batch.samples(), values.len());
        assert_eq!((batch.iter().len(), batch.as_view().len(), batch.as_design_matrix().len()), {
            (batch.samples(), values.len(), values.len())
        });
        let range = batch.range(source.count()..source.count());
        assert!(
            range.is_ok_and(|range| range.samples() <= batch.samples()) || !values.is_empty() || batch.samples() == 0
        );
        let mut batch = BatchMut::from_slice(&mut values, features)?;
        let samples = batch.samples();
        assert_eq!(batch.iter_mut().len(), samples);
        let mut again = batch.reborrow();
        let _ = (again.as_view_mut().len(), again.as_mut_slice().len(), again.as_batch());
        let matrix = any_matrix::<f32>(source);
        let _ = (Batch::from(&matrix).iter().len(), Batch::from(&matrix).as_design_matrix().shape());
        Ok(())
    });
}

#[test]
fn data_sets() {
    on_sources("data sets", 10_000, |source| {
        let data: Dataset<f64> = match source.below(4) {
            0 => Dataset::new(any_matrix(source), any_matrix(source))?,
            1 => {
                let labels = (0..source.size()).map(|_| source.count()).collect();
                Dataset::labeled(any_matrix(source), labels, source.count())?
            }
            2 => {
                let pixels = (0..source.size() * source.size()).map(|_| source.byte()).collect();
                let images = Images::new(pixels, source.count(), source.count())?;
                let labels: Vec<u8> = (0..source.about(images.count())).map(|_| source.byte() % 4).collect();
                Dataset::from_images(images, &Labels::from(labels), source.count())?
            }
            _ => {
                let loss = make::loss(source)?;
                make::data(source, &loss, 3, 2)?
            }
        };
        assert!(data.len() > 0 && data.input_size() > 0);
        let (mut rng, fraction) = (make::generator(source), source.parameter());
        for (kept, taken) in
            [data.split(fraction, &mut rng), data.split_stratified(fraction, &mut rng)].into_iter().flatten()
        {
            assert!(kept.len() > 0 && taken.len() > 0 && kept.len() + taken.len() == data.len());
        }
        let size = source.count();
        if let Ok(mut batches) = data.batches(size, &mut rng) {
            assert_eq!(batches.next_batch().inputs.samples(), size);
        }
        let mut seen = 0;
        if let Ok(mut batches) = data.ordered_batches(size) {
            while let Some(batch) = batches.next_batch() {
                seen += batch.targets.samples();
            }
            assert_eq!(seen, data.len());
        }
        if let Ok(mut batches) = data.shuffled_batches(size, &mut rng) {
            while let Some(batch) = batches.next_batch() {
                seen -= batch.targets.samples();
            }
            assert_eq!(seen, 0);
        }
        let standardization = Standardization::of_inputs(&data)?;
        let data = data.standardize_inputs(&standardization)?;
        let standardization = Standardization::of_targets(&data)?;
        let data = data.standardize_targets(&standardization)?;
        let weights = (0..source.about(data.len())).map(|_| source.parameter()).collect();
        let data = data.with_weights(weights)?;
        assert_eq!(data.weights().map(<[f64]>::len), Some(data.len()));
        Ok(())
    });
}

#[test]
fn standardizations() {
    on_sources("standardizations", 10_000, |source| {
        let matrix = any_matrix::<f32>(source);
        let standardization = match source.below(2) {
            0 => Standardization::of(&matrix)?,
            _ => {
                let (mean, scale) = (source.size(), source.size());
                Standardization::from_parts(source.numbers(mean), source.numbers(scale))?
            }
        };
        assert!(finite(standardization.mean()) && standardization.scale().iter().all(|&scale| scale > 0.0));
        let mut samples = any_matrix::<f32>(source);
        standardization.apply(&mut samples)?;
        standardization.invert(&mut samples)?;
        Ok(())
    });
}

#[test]
fn one_hot_labels_and_class_weights() {
    on_sources("labels", 10_000, |source| {
        let labels: Vec<usize> =
            (0..source.size()).map(|_| if source.once_in(32) { source.count() } else { source.below(4) }).collect();
        let classes = source.count();
        let weights = gradus::loss::balanced_class_weights::<f64>(&labels, classes);
        assert!(weights.is_err() || finite(&weights.unwrap()));
        let confusion = ConfusionMatrix::from_labels(&labels, &labels, classes);
        if let Ok(mut confusion) = confusion {
            confusion.merge(&confusion.clone())?;
            assert_eq!(confusion.accuracy(), 1.0);
            let _ = (confusion.count(source.count(), source.count()), confusion.precision(), confusion.macro_f1());
            let names = vec!["a"; source.about(classes)];
            assert!(!confusion.with_names(&names)?.to_string().is_empty());
        }
        let columns = gradus::one_hot::<f64>(&labels, classes)?;
        assert_eq!(columns.shape(), (classes, labels.len()));
        Ok(())
    });
}

#[test]
fn metrics() {
    on_sources("metrics", 10_000, |source| {
        let (prediction, target) = match source.below(2) {
            0 => (any_matrix::<f64>(source), any_matrix(source)),
            _ => {
                let (rows, columns) = (source.size(), source.size());
                (source.matrix(rows, columns), source.matrix(rows, columns))
            }
        };
        let (p, t) = (&prediction, &target);
        let found = [
            gradus::accuracy(p, t),
            gradus::metrics::top_k_accuracy(p, t, source.count()),
            gradus::metrics::mean_absolute_error(p, t),
            gradus::metrics::root_mean_squared_error(p, t),
            gradus::metrics::log_loss(p, t),
        ];
        assert!(found.iter().flatten().all(|value| value.is_finite()), "{found:?}");
        assert!(gradus::metrics::r_squared(p, t)?.is_none_or(f64::is_finite));
        let confusion = ConfusionMatrix::new(p, t)?;
        let _ = (confusion.recall(), confusion.f1(), confusion.macro_precision(), confusion.macro_recall());
        assert_eq!(confusion.samples(), t.ncols());
        Ok(())
    });
}

#[test]
fn losses() {
    on_sources("losses", 10_000, |source| {
        let loss = make::loss::<f64>(source)?;
        let (rows, columns) = (source.size(), source.size());
        let (prediction, target) = (source.matrix(rows, columns), source.matrix(rows, columns));
        let weights: Option<Vec<f64>> = source.once_in(2).then(|| source.numbers(columns));
        let (p, t) = (Batch::from(&prediction), Batch::from(&target));
        let checked = loss.check_targets(t);
        let mut gradient = DMatrix::from_element(rows, columns, f64::NAN);
        let value = loss.value_and_gradient(p, t, weights.as_deref(), BatchMut::from(&mut gradient));
        let again = loss.value(p, t, weights.as_deref());
        assert!(value.is_finite() == again.is_finite(), "{value} {again}");
        let _ = loss.total_weight(t, weights.as_deref());
        checked
    });
}

fn networks_of<T: Real>(source: &mut Source<'_>) -> Result<()> {
    let (inputs, outputs) = (source.count(), source.size());
    let network = make::network::<T>(source, inputs, outputs)?;
    let mut end = 0;
    for range in network.parameter_ranges() {
        assert_eq!(range.range.start, end);
        end = range.range.end;
        assert!(!range.name().is_empty());
    }
    assert_eq!(end, network.parameter_count());
    let mut parameters = network.initialize(&mut make::generator(source));
    if source.once_in(2) {
        let length = source.about(parameters.len());
        parameters = DVector::from_vec(source.numbers(length));
    }
    let x = if inputs < 1000 && !source.once_in(8) {
        let samples = source.size();
        source.matrix(inputs, samples)
    } else if source.once_in(2) {
        DMatrix::zeros(network.input_size(), 0)
    } else {
        any_matrix(source)
    };
    let prediction = network.predict(&parameters, &x);
    assert!(prediction.is_err() || finite(prediction.as_ref().unwrap().as_slice()));
    let loss = make::loss(source)?;
    if let Ok(data) = make::data(source, &loss, inputs.min(16), network.output_size().min(16)) {
        let _ = network.accuracy(&parameters, &data);
        let mut objective = network.objective(MeanSquaredError);
        let (mean, evaluation) = (objective.mean_loss(&parameters, &data), objective.evaluate(&parameters, &data));
        assert!(mean.is_err() || mean.unwrap().is_finite());
        assert!(evaluation.is_err() || finite(evaluation.unwrap().predictions.as_slice()));
    }
    let mut objective = network.objective(loss).with_micro_batches(source.count())?;
    objective.reseed(source.word());
    let target = match &prediction {
        Ok(prediction) => source.matrix(prediction.nrows(), prediction.ncols()),
        Err(_) => any_matrix(source),
    };
    if parameters.len() == network.parameter_count() {
        if let Ok(mut bound) = objective.on(&x, &target) {
            let mut gradient = vec![T::zero(); parameters.len()];
            let value = bound.value_and_gradient(parameters.as_slice(), &mut gradient);
            let again = bound.value(parameters.as_slice());
            assert_eq!(value.is_finite(), again.is_finite());
        }
        let weights: Vec<T> = (0..source.about(x.ncols().min(64))).map(|_| source.parameter()).collect();
        if let Ok(mut bound) = objective.on_weighted(&x, &target, weights.as_slice()) {
            let _ = bound.value(parameters.as_slice());
        }
    }
    let mut model = Model::new(network, parameters)?;
    if source.once_in(2) {
        let (size, outputs) = (source.about(inputs.min(16)), source.about(outputs));
        let ones = |size| Standardization::from_parts(vec![T::zero(); size], vec![T::one(); size]);
        model = model.with_input_standardization(ones(size)?)?.with_output_standardization(ones(outputs)?)?;
    }
    let again = model.predict(&x);
    assert!(again.is_err() || finite(again.unwrap().as_slice()));
    let mut y: Vec<T> = vec![T::zero(); source.size() * source.size()];
    let _ = model.predictor().predict_into(x.as_slice(), &mut y);
    let one = x.as_slice().get(..inputs.min(x.len())).unwrap_or_default();
    let jacobian = model.input_jacobian(one)?;
    assert!(finite(jacobian.as_slice()));
    Ok(())
}

#[test]
fn networks() {
    on_sources("networks in f64", 10_000, networks_of::<f64>);
    on_sources("networks in f32", 10_000, networks_of::<f32>);
}

#[test]
fn initializers() {
    on_sources("initializers", 10_000, |source| {
        let initializer = make::initializer(source)?;
        let (inputs, outputs) = (source.size(), source.size());
        let mut weights = vec![f32::NAN; inputs * outputs];
        initializer.fill(&mut weights, inputs, outputs, &mut make::generator(source));
        Ok(())
    });
}

#[test]
fn schedules() {
    on_sources("schedules", 10_000, |source| {
        let schedule = make::schedule::<f64>(source)?;
        for iteration in [0, 1, source.word() >> source.below(64), u64::MAX - 1, u64::MAX] {
            let factor = schedule.factor(iteration);
            assert!(!factor.is_nan(), "{iteration}");
        }
        let mut plateau = ReduceOnPlateau::<f64>::new(source.parameter())?
            .with_patience(source.count() as u64)
            .with_cooldown(source.count() as u64)
            .with_threshold(source.parameter())?
            .down_to(source.parameter())?;
        let mut state = plateau.state();
        for (_, counter) in &mut state.counters {
            *counter = if source.once_in(2) { u64::MAX } else { source.word() };
        }
        plateau.restore(&state)?;
        for _ in 0..source.size() {
            let factor = plateau.observe(source.number());
            assert!((0.0..=1.0).contains(&factor));
        }
        Ok(())
    });
}

/// A function of any shape: with bounds, poles, kinks and noise.
fn function(source: &mut Source<'_>) -> impl Objective<f64> + use<> {
    let (kind, a, b) = (source.below(6), source.number::<f64>(), source.number::<f64>());
    gradus::from_fn(move |x: &[f64], gradient: &mut [f64]| {
        let (mut value, mut sign) = (0.0, 1.0);
        for (x, slope) in x.iter().zip(gradient) {
            sign = -sign;
            let (of_one, derivative) = match kind {
                0 => (a * x * x + b * x, 2.0 * a * x + b),
                1 => (sign * x * x, 2.0 * sign * x),
                2 => (1.0 / x, -1.0 / (x * x)),
                3 => ((a * x).exp(), a * (a * x).exp()),
                4 => (x.abs(), x.signum()),
                _ => (a, b),
            };
            value += of_one;
            *slope = derivative;
        }
        value
    })
}

#[test]
fn optimizers() {
    on_sources("optimizers", 10_000, |source| {
        let mut optimizer = make::optimizer::<f64>(source)?;
        let mut objective = function(source);
        let size = source.size();
        let mut x: Vec<f64> = source.numbers(size);
        let start = optimizer.state();
        for _ in 0..source.below(12) {
            match source.below(8) {
                0 => optimizer.reset(),
                1 => {
                    let rate = source.parameter();
                    if optimizer.set_learning_rate(rate).is_ok() {
                        assert!(optimizer.learning_rate().is_some());
                    }
                }
                2 => {
                    let mut state = optimizer.state();
                    for (_, vector) in &mut state.vectors {
                        vector.iter_mut().for_each(|value| *value = source.number());
                    }
                    for (_, counter) in &mut state.counters {
                        *counter = source.word();
                    }
                    let _ = optimizer.restore(&state);
                }
                3 => optimizer.restore(&start)?,
                4 => {
                    let stop = Stop::after(source.below(20)).gradient_norm(source.parameter())?;
                    let report = optimizer.minimize(&mut objective, &mut x, &stop);
                    assert!(report.iterations <= 20);
                }
                _ => {
                    let before = x.clone();
                    let step = optimizer.step(&mut objective, &mut x);
                    // Compared by bits: a point may have NaN.
                    let same = before.iter().zip(&x).all(|(a, b)| a.to_bits() == b.to_bits());
                    assert!(step.is_finite() || same, "a step that is not finite moves nothing");
                }
            }
        }
        Ok(())
    });
}

#[test]
fn objectives() {
    on_sources("objectives", 10_000, |source| {
        let size = source.size();
        let x: Vec<f64> = source.numbers(size);
        let mut objective = function(source);
        let difference = if source.once_in(2) { Difference::central() } else { Difference::fourth_order() };
        let difference = if source.once_in(2) { difference.with_step(source.parameter())? } else { difference };
        assert_eq!(gradus::numerical_gradient(&mut objective, &x, difference).len(), size);
        let check = GradientCheck::new(difference).with_tolerance(Tolerance::exact());
        let ranges = [ParameterRange::whole(size)];
        assert!(!check.run(&mut objective, &x, &ranges).to_string().is_empty());
        let sampled = check.run_sampled(&mut objective, &x, &ranges, source.count(), &mut make::generator(source));
        let _ = sampled.passed();

        let bound = LearningRateBound::estimate(&mut objective, &x, source.below(30));
        if let Ok(bound) = bound {
            assert!(bound.learning_rate().is_none_or(|rate| rate > 0.0));
            assert!(!bound.to_string().is_empty());
        }

        let mut penalty =
            if source.once_in(2) { Penalty::l1(source.parameter())? } else { Penalty::l2(source.parameter())? };
        if source.once_in(2) {
            let _ = penalty.clone().restricted_to(std::iter::once(source.count()..source.count()));
            penalty = penalty.restricted_to(std::iter::once(source.below(4).min(size)..size))?;
        }
        let mut penalized = penalty.on(&mut objective);
        let mut gradient = vec![0.0; size];
        let _ = penalized.value_and_gradient(&x, &mut gradient);

        let frozen = [source.count()..source.count(), source.count()..source.count()];
        let frozen = frozen.into_iter().take(source.below(3));
        let mut free = FreeParameters::new(x, frozen)?;
        let some: Vec<f64> = source.numbers(free.free_count());
        assert_eq!(free.gather().len(), some.len());
        let _ = free.scatter(&some);
        let mut gradient = vec![0.0; some.len()];
        let _ = free.on(&mut objective).value_and_gradient(&some, &mut gradient);
        Ok(())
    });
}

#[test]
fn least_squares() {
    on_sources("least squares", 10_000, |source| {
        let (x, y) = match source.below(3) {
            0 => (any_matrix::<f64>(source), any_matrix(source)),
            _ => {
                let (rows, features) = (source.size(), source.size());
                (source.matrix(rows, features), source.matrix(rows, 1))
            }
        };
        let fit = LinearRegression::new().fit(&x, &y);
        if let Ok(fit) = &fit {
            let other = any_matrix(source);
            let _ = (fit.predict(&other), fit.prediction_intervals(&other, 0.9), fit.diagnostics(&other, &y));
        }
        let mut sums = gradus::NormalEquation::<f64>::new(source.count(), source.count());
        let _ = (sums.push(&x, &y), sums.solve());
        let mut sums = gradus::NormalEquation::<f32>::new(x.ncols().min(100), 1);
        let _ = (sums.push(&any_matrix(source), &any_matrix(source)), sums.solve());

        let values: Vec<f64> = source.numbers(5);
        let powers =
            gradus::regression::polynomial(&values, if source.once_in(8) { source.count() } else { source.below(40) });
        assert!(powers.is_err() || finite(powers.unwrap().as_slice()));

        let mut online = RecursiveLeastSquares::<f64>::new(source.count(), source.parameter())?;
        for _ in 0..source.size() {
            let width = source.about(online.parameters().len());
            let (row, target) = (source.numbers(width), source.number());
            let before = (online.observations(), online.parameters().to_vec());
            if online.update(&row, target).is_err() {
                assert_eq!((online.observations(), online.parameters().to_vec()), before);
            }
            assert!(finite(online.parameters()));
            assert!(online.predict(&row).is_ok_and(f64::is_finite) || online.predict(&row).is_err());
        }

        let mut objective = LeastSquaresObjective::new(&x, &y, gradus::regression::Intercept::Include)?;
        let point: Vec<f64> = source.numbers(objective.parameter_count());
        let _ = objective.value_and_gradient(&point, &mut vec![0.0; point.len()]);
        fit.map(|_| ())
    });
}

#[test]
fn errors_are_told() {
    on_sources("errors", 10_000, |source| {
        let shape = Shape::new(source.count(), source.count());
        assert!(!shape.to_string().is_empty());
        let _ = (Shape::with_rows(source.count()), Shape::with_columns(source.count()));
        Err(Error::ShapeMismatch { what: "x", expected: shape, found: Shape::new(source.count(), source.count()) })
    });
}
