//! Properties of networks: what they promise about shapes, bits, blocks, errors and memory.

use std::sync::{Arc, Mutex};

use gradus::error::Shape;
use gradus::gradient::Difference;
use gradus::layer::{
    Dropout, Elu, Gelu, Identity, Initializer, LayerNormalization, LeakyRelu, LogSoftmax, Mode, ParameterBlock, Pass,
    Relu, Silu, Softplus, Tanh, TanhGelu,
};
use gradus::loss::{
    BinaryCrossEntropy, ClassWeights, HalfSquaredError, Huber, KullbackLeibler, LabelSmoothing, NegativeLogLikelihood,
    SigmoidCrossEntropy,
};
use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::network::NetworkBuilder;
use gradus::optimizer::StopReason;
use gradus::{
    Batch, BatchMut, CrossEntropy, Dataset, Dense, Error, GradientCheck, GradientDescent, Layer, Loss,
    MeanSquaredError, Network, Objective, Optimizer, Result, Sigmoid, Softmax, SoftmaxCrossEntropy, Stop,
};
use proptest::prelude::*;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn uniform(rows: usize, columns: usize, rng: &mut ChaCha8Rng) -> DMatrix<f64> {
    DMatrix::from_fn(rows, columns, |_, _| rng.random_range(-1.0..1.0))
}

/// inputs → hidden → outputs, with each of the crate's layers.
fn network(inputs: usize, hidden: usize, outputs: usize) -> Network<f64> {
    let builder = Network::builder(inputs).layer(Dense::new(inputs, hidden)).layer(Sigmoid);
    builder.layer(Dense::new(hidden, outputs)).layer(Softmax).build().unwrap()
}

fn to_bits<'a>(values: impl IntoIterator<Item = &'a f64>) -> Vec<u64> {
    values.into_iter().map(|value| value.to_bits()).collect()
}

fn one_hot_of(samples: usize, classes: usize) -> DMatrix<f64> {
    let labels: Vec<usize> = (0..samples).map(|sample| sample % classes).collect();
    gradus::one_hot(&labels, classes).unwrap()
}

/// y = c x + c with one c for all, which has no configuration and records the modes that it sees.
#[derive(Debug, Default)]
struct Shared {
    modes: Arc<Mutex<Vec<Mode>>>,
}

impl Layer<f64> for Shared {
    fn output_size(&self, input_size: usize) -> Result<usize> {
        Ok(input_size)
    }

    fn parameter_blocks(&self) -> Vec<ParameterBlock> {
        vec![ParameterBlock::vector("c", 1)]
    }

    fn initialize(&self, parameters: &mut [f64], rng: &mut dyn Rng) {
        assert_eq!(parameters, [0.0], "parameters are zero before they are drawn");
        parameters[0] = rng.random_range(0.5..1.5);
    }

    fn forward(
        &self,
        parameters: &[f64],
        input: Batch<'_, f64>,
        mut output: BatchMut<'_, f64>,
        _: &mut [f64],
        mode: Mode,
    ) {
        self.modes.lock().unwrap().push(mode);
        for (y, x) in output.as_mut_slice().iter_mut().zip(input.as_slice()) {
            *y = parameters[0] * x + parameters[0];
        }
    }

    fn backward(
        &self,
        parameters: &[f64],
        pass: Pass<'_, f64>,
        output_gradient: Batch<'_, f64>,
        gradient: &mut [f64],
        input_gradient: Option<BatchMut<'_, f64>>,
    ) {
        self.modes.lock().unwrap().push(pass.mode);
        for (slope, x) in output_gradient.as_slice().iter().zip(pass.input.as_slice()) {
            gradient[0] += slope * (x + 1.0);
        }
        if let Some(mut input_gradient) = input_gradient {
            for (dx, slope) in input_gradient.as_mut_slice().iter_mut().zip(output_gradient.as_slice()) {
                *dx = parameters[0] * slope;
            }
        }
    }
}

/// A layer without parameters that puts out as many values as it is told, all of them zero.
#[derive(Debug)]
struct Wide(usize);

impl Layer<f64> for Wide {
    fn output_size(&self, _: usize) -> Result<usize> {
        Ok(self.0)
    }

    fn forward(&self, _: &[f64], _: Batch<'_, f64>, mut output: BatchMut<'_, f64>, _: &mut [f64], _: Mode) {
        output.as_mut_slice().fill(0.0);
    }

    fn backward(&self, _: &[f64], _: Pass<'_, f64>, _: Batch<'_, f64>, _: &mut [f64], dx: Option<BatchMut<'_, f64>>) {
        if let Some(mut dx) = dx {
            dx.as_mut_slice().fill(0.0);
        }
    }
}

mod parameters {
    use super::*;

    proptest! {
        #![proptest_config(crate::counted::config())]

        #[test]
        fn ranges_cover_the_vector_without_gaps(inputs in 1_usize..9, hidden in 1_usize..9, outputs in 1_usize..9) {
            let network = network(inputs, hidden, outputs);
            let ranges = network.parameter_ranges();
            let mut end = 0;
            for range in ranges {
                prop_assert_eq!(range.range.start, end);
                prop_assert_eq!(range.range.len(), range.block.rows * range.block.columns);
                end = range.range.end;
            }
            prop_assert_eq!(end, network.parameter_count());
            prop_assert_eq!(end, network.initialize(&mut rng(0)).len());
            let described: Vec<_> =
                ranges.iter().map(|range| (range.name(), range.layer, range.block.rows, range.block.columns)).collect();
            prop_assert_eq!(described, vec![
                ("0.weight".to_owned(), 0, hidden, inputs),
                ("0.bias".to_owned(), 0, hidden, 1),
                ("2.weight".to_owned(), 2, outputs, hidden),
                ("2.bias".to_owned(), 2, outputs, 1),
            ]);
        }
    }

    #[test]
    fn weights_lie_column_by_column_then_the_bias() {
        let network = Network::builder(3).layer(Dense::new(3, 2)).build().unwrap();
        let parameters = dvector![1.0, 4.0, 2.0, 5.0, 3.0, 6.0, 10.0, 20.0]; // W = (1 2 3; 4 5 6), b = (10; 20)
        let y = network.predict(&parameters, &dmatrix![1.0, 0.0; 10.0, 0.0; 100.0, 1.0]).unwrap();
        assert_eq!(y, dmatrix![331.0, 13.0; 674.0, 26.0]);
    }

    #[test]
    fn the_same_seed_draws_the_same_bits() {
        let network = network(4, 7, 3);
        let draw = |seed| to_bits(&network.initialize(&mut rng(seed)));
        assert_eq!(draw(5), draw(5));
        assert_ne!(draw(5), draw(6));
    }

    #[test]
    fn those_of_f32_are_those_of_f64_rounded() {
        for initializer in [Initializer::glorot_normal(), Initializer::he_normal(), Initializer::normal(0.01).unwrap()]
        {
            let layers =
                [(5, 4), (4, 3)].map(|(inputs, outputs)| Dense::new(inputs, outputs).with_initializer(initializer));
            let double = Network::<f64>::builder(5).layer(layers[0]).layer(Sigmoid).layer(layers[1]).build().unwrap();
            let single = Network::<f32>::builder(5).layer(layers[0]).layer(Sigmoid).layer(layers[1]).build().unwrap();
            let (double, single) = (double.initialize(&mut rng(8)), single.initialize(&mut rng(8)));
            assert_eq!(single, double.map(|parameter| parameter as f32));
            assert!(double.iter().filter(|parameter| **parameter != 0.0).count() >= 5 * 4 + 4 * 3);
        }
    }

    #[test]
    fn a_clone_shares_its_layers() {
        let network = Network::<f64>::builder(2).layer(Dense::new(2, 3)).layer(Sigmoid).build().unwrap();
        let clone = network.clone();
        let first = |network: &Network<f64>| std::ptr::from_ref(network.layers().next().unwrap()).cast::<u8>();
        assert_eq!(first(&network), first(&clone));
        assert_eq!(clone.layers().len(), 2);
        assert!(std::ptr::eq(network.parameter_ranges(), clone.parameter_ranges()));
        assert!(std::ptr::eq(
            network.parameter_ranges(),
            network.objective(MeanSquaredError).network().parameter_ranges()
        ));
    }
}

mod building {
    use super::*;

    fn refusal(builder: gradus::network::NetworkBuilder<f64>) -> Error {
        builder.build().unwrap_err()
    }

    #[test]
    fn a_network_without_layers_or_inputs_is_refused() {
        assert_eq!(refusal(Network::builder(3)), Error::Empty { what: "layers of the network" });
        assert_eq!(refusal(Network::builder(0).layer(Sigmoid)), Error::Empty { what: "inputs of the network" });
    }

    #[test]
    fn a_layer_that_does_not_fit_is_named() {
        let error = refusal(Network::builder(2).layer(Dense::new(2, 3)).layer(Sigmoid).layer(Dense::new(4, 1)));
        let Error::Layer { index: 2, layer, source } = &error else { panic!("{error:?}") };
        assert!(layer.contains("Dense"), "{layer}");
        assert_eq!(**source, Error::InputSize { expected: 4, found: 3 });
        let message = error.to_string();
        assert!(message.starts_with("layer 2, Dense") && message.ends_with("expected 4, found 3"), "{message}");
    }

    #[test]
    fn a_layer_without_width_is_refused() {
        for (builder, index, what) in [
            (Network::builder(2).layer(Dense::new(2, 0)), 0, "outputs"),
            (Network::builder(2).layer(Sigmoid).layer(Dense::new(0, 2)), 1, "inputs"),
            (Network::builder(2).layer(Sigmoid).layer(Wide(0)), 1, "outputs"),
        ] {
            let error = refusal(builder);
            let Error::Layer { index: found, source, .. } = &error else { panic!("{error:?}") };
            assert_eq!((*found, &**source), (index, &Error::Empty { what }));
        }
    }

    #[test]
    fn more_parameters_than_memory_are_an_error() {
        // The product overflows, the second one to exactly 0.
        let half = 1 << (usize::BITS / 2);
        for (inputs, outputs) in [(usize::MAX, 2), (half, half)] {
            let error = refusal(Network::builder(inputs).layer(Dense::new(inputs, outputs)));
            let Error::Layer { index: 0, source, .. } = &error else { panic!("{error:?}") };
            assert_eq!(**source, Error::TooLarge { what: "parameters", count: usize::MAX });
        }

        // The sum overflows.
        let layers = Network::builder(half).layer(Dense::new(half, half / 2)).layer(Dense::new(half / 2, half));
        let error = refusal(layers);
        let Error::Layer { index: 1, source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(**source, Error::TooLarge { what: "parameters", count: usize::MAX });

        // Neither, but the bytes overflow, or are more than any machine has.
        for outputs in [1 << (usize::BITS - 6), 1 << (usize::BITS - 14)] {
            let error = refusal(Network::builder(1).layer(Dense::new(1, outputs)));
            assert_eq!(error, Error::TooLarge { what: "parameters of the network", count: 2 * outputs });
        }
    }
}

mod prediction {
    use super::*;

    #[test]
    fn it_is_what_the_loss_is_taken_of() {
        let (network, mut rng) = (network(4, 7, 3), rng(1));
        let parameters = network.initialize(&mut rng);
        let losses: [(_, &dyn Loss<f64>); 2] = [
            (network.objective(HalfSquaredError), &HalfSquaredError),
            (network.objective(MeanSquaredError), &MeanSquaredError),
        ];
        for (mut objective, loss) in losses {
            for samples in [1, 2, 100, 256] {
                let (x, target) = (uniform(4, samples, &mut rng), one_hot_of(samples, 3));
                let mut bound = objective.on(&x, &target).unwrap();
                let value = bound.value(parameters.as_slice());
                let beside = bound.value_and_gradient(parameters.as_slice(), &mut vec![0.0; parameters.len()]);
                let y = network.predict(&parameters, &x).unwrap();
                let expected = loss.value((&y).into(), (&target).into(), None);
                assert_eq!(to_bits(&[value, beside]), to_bits(&[expected; 2]), "{loss:?} {samples}");
            }
        }
    }

    /// The relative deviation of a sample predicted in company from the same sample alone.
    fn deviation(network: &Network<f64>, samples: usize) -> f64 {
        let mut rng = rng(samples as u64);
        let parameters = network.initialize(&mut rng);
        let x = uniform(network.input_size(), samples, &mut rng);
        let together = network.predict(&parameters, &x).unwrap();
        assert_eq!(together.shape(), (network.output_size(), samples));
        let deviation = |sample: usize| {
            let alone = network.predict(&parameters, &DVector::from(x.column(sample))).unwrap();
            (alone.column(0) - together.column(sample)).amax() / alone.amax()
        };
        (0..samples).map(deviation).fold(0.0, f64::max)
    }

    #[test]
    fn a_sample_does_not_depend_on_the_samples_beside_it() {
        for samples in [1, 2, 255, 256, 257, 600] {
            // One sample may take another path than many, and so the sums of up to 40 products another order, each
            // good for a rounding of 1e-16.
            for network in [network(4, 5, 3), network(40, 30, 7)] {
                let deviation = deviation(&network, samples);
                assert!(deviation < 1e-14, "{samples}: {deviation}");
            }
        }
    }

    #[test]
    fn of_no_samples_there_is_no_prediction() {
        let network = network(4, 5, 3);
        let parameters = network.initialize(&mut rng(1));
        assert_eq!(network.predict(&parameters, &DMatrix::zeros(4, 0)).unwrap().shape(), (3, 0));
    }

    #[test]
    fn wrong_shapes_are_refused() {
        let network = network(4, 5, 3);
        let parameters = network.initialize(&mut rng(1));
        let error = network.predict(&parameters.as_slice()[1..], &DMatrix::zeros(4, 2)).unwrap_err();
        let (expected, found) = (Shape::new(43, 1), Shape::new(42, 1));
        assert_eq!(error, Error::ShapeMismatch { what: "parameters", expected, found });

        let error = network.predict(&parameters, &DMatrix::zeros(5, 2)).unwrap_err();
        assert!(matches!(error, Error::ShapeMismatch { .. }), "{error:?}");
        assert!(!error.to_string().contains("transposed"), "{error}");
        let error = network.predict(&parameters, &DMatrix::zeros(6, 4)).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("expected 4 × any, found 6 × 4 (is it transposed?)"), "{message}");
    }

    #[test]
    fn what_is_not_finite_is_named() {
        let network = network(4, 5, 3);
        let parameters = network.initialize(&mut rng(1));
        for bad in [f64::NAN, f64::INFINITY] {
            let mut x = DMatrix::zeros(4, 300);
            x[(2, 270)] = bad;
            let error = network.predict(&parameters, &x).unwrap_err();
            assert!(matches!(error, Error::NotFinite { what: "inputs", row: 2, column: 270, .. }), "{error}");
        }
        for place in 0..parameters.len() {
            let mut parameters = parameters.clone();
            parameters[place] = f64::NAN;
            let error = network.predict(&parameters, &DMatrix::from_element(4, 2, 0.5)).unwrap_err();
            assert!(matches!(error, Error::NotFinite { what: "outputs", .. }), "parameter {place}: {error}");
        }
    }

    #[test]
    fn accuracy_counts_the_samples_whose_class_is_predicted() {
        let (network, mut rng) = (network(4, 5, 3), rng(1));
        let parameters = network.initialize(&mut rng);
        for samples in [1, 255, 256, 257, 600] {
            let (x, target) = (uniform(4, samples, &mut rng), one_hot_of(samples, 3));
            let y = network.predict(&parameters, &x).unwrap();
            let correct = (0..samples).filter(|&i| y.column(i).argmax().0 == target.column(i).argmax().0).count();
            let data = Dataset::new(x, target).unwrap();
            assert_eq!(network.accuracy(&parameters, &data), Ok(correct as f64 / samples as f64), "{samples}");
        }
    }
}

mod objective {
    use super::*;

    #[test]
    fn it_overwrites_the_gradient_that_it_is_handed() {
        let (network, mut rng) = (network(4, 5, 3), rng(2));
        let parameters = network.initialize(&mut rng);
        let (x, target) = (uniform(4, 6, &mut rng), one_hot_of(6, 3));
        let mut objective = network.objective(CrossEntropy);
        let mut bound = objective.on(&x, &target).unwrap();
        let [from_zero, from_nan] = [0.0, f64::NAN].map(|start| {
            let mut gradient = vec![start; parameters.len()];
            bound.value_and_gradient(parameters.as_slice(), &mut gradient);
            to_bits(&gradient)
        });
        assert_eq!(from_zero, from_nan);
    }

    #[test]
    fn a_layer_adds_to_the_gradient_that_it_is_handed() {
        let (x, delta) = (dmatrix![1.0, 2.0; 3.0, 4.0], dmatrix![1.0, -1.0]);
        let mut gradient = [0.5; 3];
        for times in [1.0, 2.0] {
            let pass = Pass::new(Batch::from(&x), Batch::from(&delta), &[], Mode::Predict);
            Dense::new(2, 1).backward(&[0.0; 3], pass, Batch::from(&delta), &mut gradient, None);
            assert_eq!(gradient, [0.5 - times, 0.5 - times, 0.5]);
        }
    }

    #[test]
    fn it_refuses_what_does_not_fit_and_works_on() {
        let (network, mut rng) = (network(4, 5, 3), rng(3));
        let parameters = network.initialize(&mut rng);
        let (x, target) = (uniform(4, 6, &mut rng), one_hot_of(6, 3));
        let mut objective = network.objective(CrossEntropy);
        let value = objective.on(&x, &target).unwrap().value(parameters.as_slice());

        let mut not_summing = target.clone();
        not_summing[(0, 4)] = 0.5;
        let mut not_finite = target.clone();
        not_finite[(1, 2)] = f64::NAN;
        for (x, target, piece) in [
            (uniform(5, 6, &mut rng), target.clone(), "inputs (one sample per column): expected 4 × any, found 5 × 6"),
            (uniform(6, 4, &mut rng), target.clone(), "(is it transposed?)"),
            (x.clone(), one_hot_of(5, 3), "targets (one sample per column): expected 3 × 6, found 3 × 5"),
            (x.clone(), target.transpose(), "expected 3 × 6, found 6 × 3 (is it transposed?)"),
            (x.clone(), one_hot_of(6, 4), "expected 3 × 6, found 4 × 6"),
            (DMatrix::zeros(4, 0), DMatrix::zeros(3, 0), "samples: expected at least one, found none"),
            (x.clone(), not_summing, "target of sample 4: expected class probabilities that sum to 1"),
            (x.clone(), not_finite, "target of sample 2: expected values from 0 to 1, found NaN"),
        ] {
            let error = objective.on(&x, &target).unwrap_err();
            let fits = match &error {
                Error::ShapeMismatch { .. } => piece.contains('×') || piece.contains("transposed"),
                Error::Empty { what: "samples" } => piece.starts_with("samples"),
                Error::InvalidTarget { .. } => piece.starts_with("target of"),
                _ => false,
            };
            assert!(fits && error.to_string().contains(piece), "{error}, not {piece}");
        }
        let again = objective.on(&x, &target).unwrap().value(parameters.as_slice());
        assert_eq!(again.to_bits(), value.to_bits());
    }

    #[test]
    fn every_loss_refuses_targets_that_it_is_not_defined_for() {
        let network = network(4, 5, 3);
        let x = DMatrix::zeros(4, 1);
        let objectives = [
            (network.objective(MeanSquaredError), f64::INFINITY),
            (network.objective(HalfSquaredError), f64::NAN),
            (network.objective(CrossEntropy), 0.5),
            (network.objective(KullbackLeibler), -0.5),
            (network.objective(SoftmaxCrossEntropy), -1.0),
            (network.objective(SigmoidCrossEntropy), 1.5),
            (network.objective(ClassWeights::new(SoftmaxCrossEntropy, [1.0, 2.0, 3.0]).unwrap()), 0.5),
        ];
        for (mut objective, bad) in objectives {
            assert!(objective.on(&x, &dvector![1.0, 0.0, 0.0]).is_ok(), "{objective:?}");
            let error = objective.on(&x, &dvector![1.0, 0.0, bad]).unwrap_err();
            assert!(matches!(error, Error::InvalidTarget { sample: 0, .. } | Error::NotFinite { .. }), "{error:?}");
        }
    }

    /// Number 42 of the list of bad inputs.
    #[test]
    fn outputs_that_are_no_probabilities_end_a_minimization() {
        let network = Network::builder(4).layer(Dense::new(4, 3)).build().unwrap();
        let mut rng = rng(4);
        let (x, target) = (uniform(4, 6, &mut rng), one_hot_of(6, 3));
        for mut objective in [
            network.objective(CrossEntropy),
            network.objective(BinaryCrossEntropy),
            network.objective(KullbackLeibler),
            network.objective(NegativeLogLikelihood),
            network.objective(LabelSmoothing::new(CrossEntropy, 0.1).unwrap()),
        ] {
            let mut parameters = network.initialize(&mut rng);
            let outputs = network.predict(&parameters, &x).unwrap();
            assert!(outputs.min() < 0.0 && outputs.max() > 0.0);
            let start = parameters.clone();
            let mut descent = GradientDescent::new(0.1).unwrap();
            let mut bound = objective.on(&x, &target).unwrap();
            let report = descent.minimize(&mut bound, parameters.as_mut_slice(), &Stop::after(3));
            assert_eq!((report.reason, &parameters), (StopReason::NotFinite, &start), "{report:?}");
        }
    }

    #[test]
    fn class_weights_must_be_as_many_as_outputs() {
        let network = network(4, 5, 3);
        let mut objective = network.objective(ClassWeights::new(SoftmaxCrossEntropy, [1.0, 2.0]).unwrap());
        let error = objective.on(&DMatrix::zeros(4, 1), &dvector![1.0, 0.0, 0.0]).unwrap_err();
        assert_eq!(error.to_string(), "class weights, one for each class: expected 3 × 1, found 2 × 1");
    }

    #[test]
    fn an_input_that_is_not_finite_shows_in_the_value() {
        let (network, mut rng) = (network(4, 5, 3), rng(3));
        let mut x = uniform(4, 6, &mut rng);
        x[(3, 5)] = f64::NAN;
        let target = one_hot_of(6, 3);
        for mut objective in [
            network.objective(MeanSquaredError),
            network.objective(HalfSquaredError),
            network.objective(CrossEntropy),
            network.objective(KullbackLeibler),
            network.objective(SoftmaxCrossEntropy),
            network.objective(SigmoidCrossEntropy),
        ] {
            let mut parameters = network.initialize(&mut rng);
            let start = parameters.clone();
            let mut bound = objective.on(&x, &target).unwrap();
            assert!(bound.value(parameters.as_slice()).is_nan());
            let mut descent = GradientDescent::new(0.1).unwrap();
            let report = descent.minimize(&mut bound, parameters.as_mut_slice(), &Stop::after(3));
            assert_eq!((report.reason, report.iterations, &parameters), (StopReason::NotFinite, 0, &start));
        }
    }

    #[test]
    fn more_values_than_memory_are_an_error() {
        let network = Network::builder(2).layer(Wide(1 << (usize::BITS - 8))).layer(Wide(1)).build().unwrap();
        let (x, target) = (DMatrix::zeros(2, 1), DMatrix::zeros(1, 1));
        let error = network.objective(MeanSquaredError).on(&x, &target).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
        let error = network.predict(&DVector::zeros(0), &x).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
        let last = Network::builder(2).layer(Wide(1 << (usize::BITS - 8))).build().unwrap();
        for samples in [1, 300] {
            let error = last.predict(&DVector::zeros(0), &DMatrix::zeros(2, samples)).unwrap_err();
            assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
        }
        // The number of values overflows.
        let (x, target) = (DMatrix::zeros(2, 300), DMatrix::zeros(1, 300));
        let error = network.objective(MeanSquaredError).on(&x, &target).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    }

    #[test]
    fn its_memory_serves_batches_of_any_size_in_any_order() {
        let (network, mut rng) = (network(4, 5, 3), rng(4));
        let parameters = network.initialize(&mut rng);
        let mut used = network.objective(CrossEntropy);
        for samples in [3, 17, 1, 40, 2] {
            let (x, target) = (uniform(4, samples, &mut rng), one_hot_of(samples, 3));
            let evaluate = |objective: &mut gradus::network::NetworkObjective<f64>| {
                let mut gradient = vec![0.0; parameters.len()];
                let value = objective.on(&x, &target).unwrap().value_and_gradient(parameters.as_slice(), &mut gradient);
                (value.to_bits(), to_bits(&gradient))
            };
            assert_eq!(evaluate(&mut used), evaluate(&mut network.objective(CrossEntropy)), "{samples}");
        }
    }
}

mod weights {
    use super::*;

    fn value_and_gradient(x: &DMatrix<f64>, target: &DMatrix<f64>, weights: Option<&[f64]>) -> (f64, DVector<f64>) {
        let network = network(4, 5, 3);
        let parameters = network.initialize(&mut rng(6));
        let mut objective = network.objective(CrossEntropy);
        let mut gradient = DVector::zeros(parameters.len());
        let mut bound = match weights {
            None => objective.on(x, target),
            Some(weights) => objective.on_weighted(x, target, weights),
        }
        .unwrap();
        let value = bound.value_and_gradient(parameters.as_slice(), gradient.as_mut_slice());
        assert_eq!(bound.value(parameters.as_slice()).to_bits(), value.to_bits());
        (value, gradient)
    }

    #[test]
    fn a_whole_weight_counts_a_sample_as_often() {
        let (x, target) = (uniform(4, 4, &mut rng(7)), one_hot_of(4, 3));
        let chosen = [0, 0, 0, 2, 3, 3]; // 3, 0, 1 and 2 times
        let repeated = value_and_gradient(&x.select_columns(&chosen), &target.select_columns(&chosen), None);
        for scale in [1.0, 0.25] {
            let weights = [3.0, 0.0, 1.0, 2.0].map(|weight| scale * weight);
            let (value, gradient) = value_and_gradient(&x, &target, Some(&weights));
            // The same sums in another order, of numbers of the size of 1.
            assert!((value - repeated.0).abs() < 1e-15, "{value} {}", repeated.0);
            assert!((gradient - &repeated.1).amax() < 1e-15);
        }
    }

    #[test]
    fn equal_weights_are_none() {
        let (x, target) = (uniform(4, 4, &mut rng(7)), one_hot_of(4, 3));
        let plain = value_and_gradient(&x, &target, None);
        assert_eq!(value_and_gradient(&x, &target, Some(&[1.0; 4])), plain);
        assert_eq!(value_and_gradient(&x, &target, Some(&[0.125; 4])), plain);
    }

    #[test]
    fn those_that_make_no_mean_are_refused() {
        let network = network(4, 5, 3);
        let parameters = network.initialize(&mut rng(6));
        let (x, target) = (uniform(4, 3, &mut rng(7)), one_hot_of(3, 3));
        let mut objective = network.objective(CrossEntropy);
        for (weights, expected) in [
            ([1.0, -0.5, 1.0], "a finite number of at least 0"),
            ([1.0, f64::NAN, 1.0], "a finite number of at least 0"),
            ([1.0, f64::INFINITY, 1.0], "a finite number of at least 0"),
            ([0.0; 3], "at least one that is positive"),
        ] {
            let error = objective.on_weighted(&x, &target, &weights[..]).unwrap_err();
            let Error::InvalidParameter { name: "sample weight", expected: found, .. } = error else {
                panic!("{weights:?}: {error:?}")
            };
            assert_eq!(found, expected);
        }
        let error = objective.on_weighted(&x, &target, &[f64::MAX; 3][..]).unwrap_err();
        assert_eq!(error, Error::Overflow { what: "sample weights" });
        for weights in [&[1.0; 2][..], &[1.0; 4], &[]] {
            let error = objective.on_weighted(&x, &target, weights).unwrap_err();
            let (expected, found) = (Shape::new(3, 1), Shape::new(weights.len(), 1));
            assert_eq!(error, Error::ShapeMismatch { what: "weights, one for each sample", expected, found });
        }
        let empty = (DMatrix::zeros(4, 0), DMatrix::zeros(3, 0));
        let error = objective.on_weighted(&empty.0, &empty.1, &[][..]).unwrap_err();
        assert_eq!(error, Error::Empty { what: "samples" });
        assert!(objective.on_weighted(&x, &target, &[0.0, 0.0, 1.0][..]).unwrap().value(parameters.as_slice()) > 0.0);
    }
}

mod repeated {
    use super::*;

    fn data() -> Dataset<f64> {
        let mut rng = rng(9);
        let x = uniform(4, 50, &mut rng);
        Dataset::labeled(x, (0..50).map(|_| rng.random_range(0..3)).collect(), 3).unwrap()
    }

    fn drawn(seed: u64) -> Vec<u64> {
        let (data, mut rng) = (data(), rng(seed));
        let mut batches = data.batches(8, &mut rng).unwrap();
        (0..5).flat_map(|_| to_bits(batches.next_batch().inputs.as_slice())).collect()
    }

    fn shuffled(seed: u64) -> Vec<u64> {
        let (data, mut rng) = (data(), rng(seed));
        let mut batches = data.shuffled_batches(8, &mut rng).unwrap();
        // Two epochs and the ends of both.
        (0..16).filter_map(|_| batches.next_batch().map(|batch| to_bits(batch.inputs.as_slice()))).flatten().collect()
    }

    /// Values and parameters of 30 steps on random batches.
    fn trained(seed: u64) -> Vec<u64> {
        let (data, network, mut rng) = (data(), network(4, 16, 3), rng(seed));
        let mut parameters = network.initialize(&mut rng);
        let mut objective = network.objective(CrossEntropy);
        let mut descent = GradientDescent::new(0.5).unwrap();
        let mut batches = data.batches(20, &mut rng).unwrap();
        let mut values = Vec::new();
        for _ in 0..30 {
            let batch = batches.next_batch();
            let mut bound = objective.on(batch.inputs, batch.targets).unwrap();
            values.push(descent.step(&mut bound, parameters.as_mut_slice()).value);
        }
        assert!(values.iter().all(|value| value.is_finite()));
        to_bits(values.iter().chain(&parameters))
    }

    #[test]
    fn the_same_seed_gives_the_same_bits() {
        for run in [drawn, shuffled, trained] {
            assert_eq!(run(10), run(10));
            assert_ne!(run(10), run(11));
        }
    }
}

mod layers_of_ones_own {
    use super::*;

    #[test]
    fn one_without_configuration_works() {
        let network = Network::builder(2).layer(Dense::new(2, 3)).layer(Shared::default()).build().unwrap();
        assert_eq!(network.layers().last().unwrap().configuration(), None);
        let names: Vec<_> = network.parameter_ranges().iter().map(gradus::network::ParameterRange::name).collect();
        assert_eq!(names, ["0.weight", "0.bias", "1.c"]);
        let mut parameters = network.initialize(&mut rng(12));
        assert!((0.5..1.5).contains(parameters.as_slice().last().unwrap()));

        let (x, target) = (uniform(2, 5, &mut rng(13)), uniform(3, 5, &mut rng(14)));
        let mut objective = network.objective(MeanSquaredError);
        let mut descent = GradientDescent::new(0.1).unwrap();
        let mut bound = objective.on(&x, &target).unwrap();
        let report = descent.minimize(&mut bound, parameters.as_mut_slice(), &Stop::after(50));
        assert!(report.value < report.initial_value, "{report}");
        let y = network.predict(&parameters, &x).unwrap();
        assert!(((y - target).norm_squared() / 15.0 - report.value).abs() < 1e-14);
    }

    #[test]
    fn it_sees_one_mode_for_as_long_as_an_objective_is_bound() {
        let modes = Arc::default();
        let shared = || Shared { modes: Arc::clone(&modes) };
        let network = Network::builder(2).layer(shared()).layer(shared()).build().unwrap();
        let seen = || std::mem::take(&mut *modes.lock().unwrap());
        let parameters = dvector![1.0, 1.0];
        let (x, target) = (DMatrix::zeros(2, 3), DMatrix::zeros(2, 3));
        network.predict(&parameters, &x).unwrap();
        assert_eq!(seen(), [Mode::Predict; 2]);

        let mut objective = network.objective(MeanSquaredError);
        let mut seeds = Vec::new();
        for _batch in 0..2 {
            let mut bound = objective.on(&x, &target).unwrap();
            bound.value(parameters.as_slice());
            let of_layers = seen();
            bound.value_and_gradient(parameters.as_slice(), &mut [0.0; 2]);
            let again = seen();
            // Forward through both, and back.
            assert_eq!(of_layers.len(), 2);
            assert_eq!(again, [of_layers[0], of_layers[1], of_layers[1], of_layers[0]]);
            for mode in of_layers {
                let Mode::Train { seed, first_sample: 0 } = mode else { panic!("{mode:?}") };
                seeds.push(seed);
            }
        }
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 4, "layers and batches differ");
    }
}

mod initializers {
    use super::*;

    fn drawn<T: gradus::Real>(builder: NetworkBuilder<T>) -> Vec<T> {
        builder.build().unwrap().initialize(&mut rng(9)).as_slice().to_vec()
    }

    /// Numbers uniform to ±`limit`: none beyond, the largest near it, and mean and variance within five standard
    /// errors.
    fn assert_uniform(values: &[f64], limit: f64) {
        let (n, largest) =
            (values.len() as f64, values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs())));
        assert!(largest <= limit && largest > limit * (1.0 - 10.0 / n), "{largest}, not {limit}");
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|value| value * value).sum::<f64>() / n;
        assert!(mean.abs() < 5.0 * limit / (3.0 * n).sqrt(), "mean {mean}");
        // The variance of the square of a uniform number is 4/45 of limit⁴.
        assert!((variance / (limit * limit) - 1.0 / 3.0).abs() < 5.0 * (4.0 / 45.0 / n).sqrt(), "variance {variance}");
    }

    #[test]
    fn n15_weights_and_biases_start_within_one_over_the_root_of_the_inputs() {
        let network = Network::<f64>::builder(100)
            .layer(Dense::new(100, 400))
            .layer(Relu)
            .layer(Dense::new(400, 250))
            .layer(Tanh)
            .layer(Dense::new(250, 200));
        let network = network.build().unwrap();
        let parameters = network.initialize(&mut rng(15));
        let limits = [0.1, 0.1, 0.05, 0.05, 250.0_f64.sqrt().recip(), 250.0_f64.sqrt().recip()];
        for (range, limit) in network.parameter_ranges().iter().zip(limits) {
            assert_uniform(&parameters.as_slice()[range.range.clone()], limit);
        }
    }

    #[test]
    fn n15_the_start_is_the_same_whatever_follows() {
        let mut expected = drawn(Network::<f64>::builder(6).layer(Dense::new(6, 5)));
        let mut rng = rng(9);
        for &value in &expected {
            // Weights column by column, then biases, one number each.
            let limit = 6.0_f64.sqrt().recip();
            assert_eq!(value, limit * (2.0 * rng.random::<f64>() - 1.0));
        }
        let with = |append: fn(NetworkBuilder<f64>) -> NetworkBuilder<f64>| {
            let mut values = drawn(append(Network::builder(6).layer(Dense::new(6, 5))));
            values.truncate(6 * 5 + 5);
            values
        };
        assert_eq!(with(|builder| builder.layer(Relu)), expected);
        assert_eq!(with(|builder| builder.layer(Tanh).layer(Dense::new(5, 2))), expected);
        assert_eq!(with(|builder| builder.layer(Dropout::new(0.5).unwrap()).layer(Gelu)), expected);
        assert_eq!(with(|builder| builder.layer(Softmax)), expected);
        // In single precision the same numbers, rounded.
        let single = drawn(Network::<f32>::builder(6).layer(Dense::new(6, 5)));
        assert_eq!(single, expected.drain(..).map(|value| value as f32).collect::<Vec<_>>());
    }

    #[test]
    fn n15_biases_beside_given_weights_are_zero() {
        let layer = Dense::new(6, 5);
        for initializer in [Initializer::normal(0.01).unwrap(), Initializer::he_uniform(), Initializer::orthogonal()] {
            let values = drawn(Network::<f64>::builder(6).layer(layer.with_initializer(initializer)).layer(Relu));
            let mut weights = [0.0; 30];
            initializer.fill(&mut weights, 6, 5, &mut rng(9));
            assert_eq!((&values[..30], &values[30..]), (&weights[..], &[0.0; 5][..]), "{initializer:?}");
        }
    }
}

mod dropout {
    use super::*;

    fn network(rate: f64) -> Network<f64> {
        let builder = Network::builder(4).layer(Dense::new(4, 30)).layer(Tanh).layer(Dropout::new(rate).unwrap());
        builder.layer(Dense::new(30, 3)).build().unwrap()
    }

    #[test]
    fn predictions_are_those_of_the_network_without() {
        let without =
            Network::builder(4).layer(Dense::new(4, 30)).layer(Tanh).layer(Dense::new(30, 3)).build().unwrap();
        let (x, parameters) = (uniform(4, 9, &mut rng(1)), without.initialize(&mut rng(2)));
        assert_eq!(network(0.5).predict(&parameters, &x), without.predict(&parameters, &x));
    }

    #[test]
    fn an_objective_is_a_function_while_it_is_bound_and_another_when_bound_anew() {
        let network = network(0.5);
        let (x, t) = (uniform(4, 9, &mut rng(1)), uniform(3, 9, &mut rng(2)));
        let parameters = network.initialize(&mut rng(3));
        let mut objective = network.objective(MeanSquaredError);
        let values = [(); 2].map(|()| {
            let mut bound = objective.on(&x, &t).unwrap();
            let mut gradient = vec![0.0; parameters.len()];
            let value = bound.value(parameters.as_slice());
            assert_eq!(value, bound.value_and_gradient(parameters.as_slice(), &mut gradient));
            let check = GradientCheck::new(Difference::fourth_order());
            let report = check.run(&mut bound, parameters.as_slice(), network.parameter_ranges());
            assert!(report.passed(), "{report}");
            value
        });
        assert_ne!(values[0], values[1]);
    }

    /// Weights of 1 sum up what is kept.
    #[test]
    fn the_expectation_is_the_input() {
        const UNITS: usize = 50;
        const SAMPLES: usize = 200;
        let weight = Initializer::constant(1.0).unwrap();
        let network = Network::<f64>::builder(UNITS)
            .layer(Dropout::new(0.75).unwrap())
            .layer(Dense::new(UNITS, 1).with_initializer(weight))
            .build()
            .unwrap();
        let parameters = network.initialize(&mut rng(0));
        let x = DMatrix::from_element(UNITS, SAMPLES, 1.0);
        let mut objective = network.objective(MeanSquaredError);
        // A sum of 50 values that are 0, or 4 with probability ¼: mean 50, variance 50 · 3. The slope of the loss at the
        // target 50 is twice the mean deviation from it.
        let (t, mut gradient) = (DMatrix::from_element(1, SAMPLES, UNITS as f64), vec![0.0; parameters.len()]);
        let variance = objective.on(&x, &t).unwrap().value_and_gradient(parameters.as_slice(), &mut gradient);
        let deviation = gradient[UNITS] / 2.0;
        assert!(deviation.abs() < 5.0 * (150.0 / SAMPLES as f64).sqrt(), "{deviation}");
        assert!((variance / 150.0 - 1.0).abs() < 5.0 * (2.0 / SAMPLES as f64).sqrt(), "{variance}");
    }
}

mod layer_normalization {
    use super::*;

    fn network() -> Network<f64> {
        let builder = Network::builder(4).layer(Dense::new(4, 6)).layer(LayerNormalization::new(6)).layer(Gelu);
        builder.layer(Dense::new(6, 3)).build().unwrap()
    }

    #[test]
    fn it_begins_as_plain_normalization_and_names_its_parameters() {
        let network = network();
        let names: Vec<_> = network.parameter_ranges().iter().map(gradus::network::ParameterRange::name).collect();
        assert_eq!(names, ["0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias"]);
        let parameters = network.initialize(&mut rng(1));
        let values = |place: usize| &parameters.as_slice()[network.parameter_ranges()[place].range.clone()];
        assert_eq!((values(2), values(3)), (&[1.0; 6][..], &[0.0; 6][..]));
    }

    /// With batch normalization it would not be.
    #[test]
    fn the_loss_of_a_batch_is_the_mean_of_those_of_its_samples() {
        let network = network();
        let (x, t) = (uniform(4, 5, &mut rng(1)), uniform(3, 5, &mut rng(2)));
        let parameters = network.initialize(&mut rng(3));
        let mut objective = network.objective(MeanSquaredError);
        let mut value_and_gradient = |x: &DMatrix<f64>, t: &DMatrix<f64>| {
            let mut gradient = DVector::zeros(parameters.len());
            let mut bound = objective.on(x, t).unwrap();
            let value = bound.value_and_gradient(parameters.as_slice(), gradient.as_mut_slice());
            (value, gradient)
        };
        let (value, gradient) = value_and_gradient(&x, &t);
        let (mut mean, mut mean_gradient) = (0.0, DVector::zeros(gradient.len()));
        for sample in 0..5 {
            let one = |batch: &DMatrix<f64>| batch.columns(sample, 1).into_owned();
            let (value, gradient) = value_and_gradient(&one(&x), &one(&t));
            mean += value / 5.0;
            mean_gradient += gradient / 5.0;
        }
        assert!((value - mean).abs() < 1e-14 && (gradient - mean_gradient).amax() < 1e-14);
    }

    #[test]
    fn it_must_fit_the_layer_before_it() {
        let error = Network::<f64>::builder(4).layer(LayerNormalization::new(3)).build().unwrap_err();
        let Error::Layer { index: 0, source, .. } = error else { panic!("{error:?}") };
        assert_eq!(*source, Error::InputSize { expected: 3, found: 4 });
    }
}

mod configurations {
    use super::*;

    fn network() -> Network<f64> {
        Network::builder(4)
            .layer(Dense::new(4, 6))
            .layer(LayerNormalization::new(6).with_epsilon(1e-3).unwrap())
            .layer(Sigmoid)
            .layer(Tanh)
            .layer(Relu)
            .layer(LeakyRelu::new(0.25).unwrap())
            .layer(Elu::new(0.5).unwrap())
            .layer(Gelu)
            .layer(TanhGelu)
            .layer(Silu)
            .layer(Softplus)
            .layer(Identity)
            .layer(Dropout::new(0.125).unwrap())
            .layer(Softmax)
            .layer(LogSoftmax)
            .build()
            .unwrap()
    }

    fn rebuild(configurations: &[gradus::layer::LayerConfiguration]) -> Network<f64> {
        let layers = configurations.iter().map(|configuration| configuration.build().unwrap());
        layers.fold(Network::builder(4), NetworkBuilder::boxed_layer).build().unwrap()
    }

    fn configurations(network: &Network<f64>) -> Vec<gradus::layer::LayerConfiguration> {
        network.layers().map(|layer| layer.configuration().unwrap()).collect()
    }

    #[test]
    fn every_layer_is_rebuilt_from_its_own() {
        let network = network();
        let rebuilt = rebuild(&configurations(&network));
        assert_eq!(format!("{rebuilt:?}"), format!("{network:?}"));
        let (x, parameters) = (uniform(4, 3, &mut rng(1)), network.initialize(&mut rng(2)));
        assert_eq!(rebuilt.initialize(&mut rng(2)), parameters);
        assert_eq!(rebuilt.predict(&parameters, &x), network.predict(&parameters, &x));
    }

    /// The inputs' slopes after a pass whose cache holds NaN before it.
    fn input_gradient(layer: &dyn Layer<f64>, parameters: &[f64], x: &[f64], dy: &[f64], mode: Mode) -> Vec<f64> {
        let mut output = vec![f64::NAN; dy.len()];
        let mut cache = vec![f64::NAN; layer.cache_size(x.len(), 1)];
        let (mut gradient, mut dx) = (vec![0.0; parameters.len()], vec![f64::NAN; x.len()]);
        let (x, dy) = (Batch::from_slice(x, x.len()).unwrap(), Batch::from_slice(dy, dy.len()).unwrap());
        let (outputs, inputs) = (dy.features(), x.features());
        layer.forward(parameters, x, BatchMut::from_slice(&mut output, outputs).unwrap(), &mut cache, mode);
        let pass = Pass::new(x, Batch::from_slice(&output, outputs).unwrap(), &cache, mode);
        let to = BatchMut::from_slice(&mut dx, inputs).unwrap();
        layer.backward(parameters, pass, dy, &mut gradient, Some(to));
        dx
    }

    #[test]
    fn a_prediction_has_a_way_back_through_every_layer() {
        let train = Mode::Train { seed: 1, first_sample: 0 };
        for (place, layer) in network().layers().enumerate() {
            let inputs = if place == 0 { 4 } else { 6 };
            let count = layer.parameter_blocks().iter().map(|block| block.rows * block.columns).sum();
            let [x, dy, parameters] =
                [inputs, 6, count].map(|size| uniform(size, 1, &mut rng(size as u64)).as_slice().to_vec());
            let back = input_gradient(layer, &parameters, &x, &dy, Mode::Predict);
            match layer.configuration().unwrap() {
                gradus::layer::LayerConfiguration::Dropout { .. } => assert_eq!(back, dy),
                _ => assert_eq!(back, input_gradient(layer, &parameters, &x, &dy, train), "{layer:?}"),
            }
        }
    }

    #[cfg(feature = "serde")]
    mod in_files {
        use gradus::layer::LayerConfiguration;

        use super::*;

        fn read(text: &str) -> serde_json::Result<LayerConfiguration> {
            serde_json::from_str(text)
        }

        #[test]
        fn they_survive() {
            let configurations = configurations(&network());
            let text = serde_json::to_string(&configurations).unwrap();
            assert!(
                text.starts_with(r#"[{"Dense":{"inputs":4,"outputs":6}},"#) && text.contains(r#","Relu","#),
                "{text}"
            );
            assert_eq!(serde_json::from_str::<Vec<LayerConfiguration>>(&text).unwrap(), configurations);
        }

        #[test]
        fn unknown_names_and_fields_are_refused() {
            assert!(read(r#""TanhGelu""#).is_ok() && read(r#"{"Dropout":{"rate":0.5}}"#).is_ok());
            for bad in [
                r#"{"Swish":{"beta":1.0}}"#,
                r#""Dropout""#,
                r#"{"Dropout":{}}"#,
                r#"{"Dropout":{"rate":0.5,"seed":1}}"#,
                r#"{"Dense":{"inputs":-1,"outputs":3}}"#,
                "7",
                "",
            ] {
                assert!(read(bad).is_err(), "{bad}");
            }
            let unknown = read(r#""Swish""#).unwrap_err().to_string();
            assert!(unknown.starts_with("unknown variant `Swish`, expected one of `Dense`"), "{unknown}");
        }

        #[test]
        fn what_is_read_is_checked_where_it_is_built() {
            for bad in [r#"{"Dropout":{"rate":1.0}}"#, r#"{"Elu":{"alpha":-1.0}}"#, r#"{"LeakyRelu":{"slope":0.0}}"#] {
                let refused = read(bad).unwrap().build::<f32>();
                assert!(matches!(refused, Err(Error::InvalidParameter { .. })), "{bad}");
            }
        }
    }
}

/// What dropout leaves out depends on the place of a sample in the whole batch: a part is told where it begins.
#[test]
fn parts_that_know_their_place_make_the_whole() {
    let network = Network::<f64>::builder(3).layer(Dropout::new(0.5).unwrap()).layer(Dense::new(3, 2)).build().unwrap();
    let parameters = network.initialize(&mut rng(1));
    let (x, t) = (uniform(3, 16, &mut rng(2)), uniform(2, 16, &mut rng(3)));
    let (x, t) = (Batch::from(&x), Batch::from(&t));
    let value = |from: usize, to: usize, place: usize| {
        let mut objective = network.objective(MeanSquaredError);
        objective.reseed(5);
        let bound = objective.on(x.range(from..to).unwrap(), t.range(from..to).unwrap()).unwrap();
        bound.starting_at(place).value(parameters.as_slice())
    };
    let whole = value(0, 16, 0);
    assert!(((value(0, 8, 0) + value(8, 16, 8)) / 2.0 - whole).abs() < 1e-14);
    assert!(((value(0, 8, 0) + value(8, 16, 0)) / 2.0 - whole).abs() > 1e-6);
}

#[test]
fn what_a_layer_or_loss_was_made_with_is_told() {
    assert_eq!(Dropout::new(0.25).unwrap().rate(), 0.25);
    assert_eq!(Elu::new(0.5).unwrap().alpha(), 0.5);
    assert_eq!(LeakyRelu::new(0.125).unwrap().slope(), 0.125);
    assert_eq!(Huber::new(2.0).unwrap().threshold(), 2.0);
    assert_eq!(LabelSmoothing::new(SoftmaxCrossEntropy, 0.25).unwrap().smoothing(), 0.25);
    assert_eq!(ClassWeights::new(SoftmaxCrossEntropy, vec![1.0, 3.0]).unwrap().weights(), [1.0, 3.0]);
}
