//! After the first step of a shape gradus allocates nothing; a product may take one packing buffer.

use allocation_counter::measure;
use gradus::layer::{Dropout, Gelu, LayerNormalization, LogSoftmax};
use gradus::loss::{ClassWeights, LabelSmoothing, NegativeLogLikelihood};
use gradus::nalgebra::DMatrix;
use gradus::objective::{FreeParameters, Penalty};
use gradus::optimizer::Clipped;
use gradus::schedule::{Scheduled, StepDecay};
use gradus::{
    CrossEntropy, Dataset, Dense, GradientDescent, Loss, MeanSquaredError, Network, Optimizer, Real, Sigmoid, Softmax,
    SoftmaxCrossEntropy, one_hot,
};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// The allocations of one step, after two steps on the larger and one on the smaller batch.
fn allocations_of_a_step<T: Real>(sizes: [usize; 3], loss: impl Loss<T> + 'static, ends_in_softmax: bool) -> u64 {
    let [inputs, hidden, outputs] = sizes;
    let builder = Network::<T>::builder(inputs)
        .layer(Dense::new(inputs, hidden))
        .layer(Sigmoid)
        .layer(Dense::new(hidden, outputs));
    let network = if ends_in_softmax { builder.layer(Softmax) } else { builder }.build().unwrap();
    let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(1));
    let mut objective = network.objective(loss);
    let mut descent = GradientDescent::new(T::nearest(0.1)).unwrap();
    let batch = |samples: usize| {
        let x = DMatrix::from_fn(inputs, samples, |i, j| T::from_count((i * 7 + j * 3) % 11) / T::nearest(11.0));
        let labels: Vec<usize> = (0..samples).map(|j| j % outputs).collect();
        (x, one_hot::<T>(&labels, outputs).unwrap())
    };
    let batches = [batch(100), batch(100), batch(37), batch(100), batch(37)];
    let mut counts = batches.iter().map(|(x, t)| {
        let mut finite = false;
        let info = measure(|| {
            let step = descent.step(&mut objective.on(x, t).unwrap(), parameters.as_mut_slice());
            finite = step.is_finite();
        });
        assert!(finite);
        info.count_total
    });
    assert!(counts.next().is_some_and(|first| first > 0), "the counter must see the first step allocate");
    counts.max().unwrap()
}

#[test]
fn a_small_network_allocates_nothing() {
    assert_eq!(allocations_of_a_step::<f64>([4, 8, 3], SoftmaxCrossEntropy, false), 0);
    assert_eq!(allocations_of_a_step::<f32>([4, 8, 3], CrossEntropy, true), 0);
    assert_eq!(allocations_of_a_step::<f64>([4, 8, 3], MeanSquaredError, true), 0);
    let smoothed = LabelSmoothing::new(SoftmaxCrossEntropy, 0.1).unwrap();
    let weighted = ClassWeights::new(smoothed, [1.0, 2.0, 3.0]).unwrap();
    assert_eq!(allocations_of_a_step::<f64>([4, 8, 3], weighted, false), 0);
}

#[test]
fn no_layer_allocates() {
    let builder = Network::<f64>::builder(4).layer(Dense::new(4, 8)).layer(LayerNormalization::new(8)).layer(Gelu);
    let network = builder.layer(Dropout::new(0.5).unwrap()).layer(Dense::new(8, 3)).layer(LogSoftmax).build().unwrap();
    let mut parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(1));
    let mut objective = network.objective(NegativeLogLikelihood);
    let mut descent = GradientDescent::new(0.1).unwrap();
    let x = DMatrix::from_fn(4, 9, |i, j| ((i * 7 + j * 3) % 11) as f64 / 11.0);
    let t = one_hot(&[0, 1, 2, 0, 1, 2, 0, 1, 2], 3).unwrap();
    let mut step = || assert!(descent.step(&mut objective.on(&x, &t).unwrap(), parameters.as_mut_slice()).is_finite());
    let [first, second] = [measure(&mut step), measure(&mut step)].map(|info| info.count_total);
    assert!(first > 0 && second == 0, "{first} {second}");
}

/// Two products forward, two for the weights, one for the hidden layer.
#[test]
fn a_large_network_allocates_at_most_a_buffer_for_each_product() {
    assert!(allocations_of_a_step::<f32>([784, 50, 10], CrossEntropy, true) <= 5);
    assert!(allocations_of_a_step::<f64>([784, 50, 10], SoftmaxCrossEntropy, false) <= 5);
}

#[test]
fn gathering_a_batch_allocates_nothing() {
    let data = Dataset::labeled(DMatrix::<f64>::zeros(20, 50), vec![1; 50], 3).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut random = data.batches(7, &mut rng).unwrap();
    let info = measure(|| (0..20).for_each(|_| assert_eq!(random.next_batch().inputs.samples(), 7)));
    assert_eq!(info.count_total, 0);
    let mut shuffled = data.shuffled_batches(7, &mut rng).unwrap();
    let info = measure(|| assert_eq!((0..20).filter(|_| shuffled.next_batch().is_some()).count(), 18));
    assert_eq!(info.count_total, 0);
}

#[test]
fn a_step_through_every_adapter_allocates_nothing_after_the_first() {
    let network = Network::<f64>::builder(4).layer(Dense::new(4, 8)).layer(Sigmoid).layer(Dense::new(8, 3)).build();
    let network = network.unwrap();
    let parameters = network.initialize(&mut ChaCha8Rng::seed_from_u64(1));
    let x = DMatrix::from_fn(4, 50, |i, j| ((i * 7 + j * 3) % 11) as f64 / 11.0);
    let t = one_hot::<f64>(&(0..50).map(|j| j % 3).collect::<Vec<_>>(), 3).unwrap();
    let penalty = Penalty::l2(1e-3).unwrap().restricted_to([0..32, 40..64]).unwrap();
    let mut parameters = FreeParameters::new(parameters.as_slice(), [8..16, 60..62]).unwrap();
    let mut free = parameters.gather();
    let mut objective = network.objective(SoftmaxCrossEntropy).with_micro_batches(16).unwrap();
    let clipped = Clipped::by_norm(GradientDescent::new(0.1).unwrap(), 0.01).unwrap();
    let mut descent = Scheduled::new(clipped, StepDecay::new(2, 0.5).unwrap()).unwrap();
    let mut step = || {
        let info = measure(|| {
            let mut bound = objective.on(&x, &t).unwrap();
            let step = descent.step(&mut parameters.on(&mut penalty.on(&mut bound)), &mut free);
            assert!(step.is_finite() && step.gradient_norm > 0.01);
        });
        info.count_total
    };
    assert!(step() > 0, "the counter must see the first step allocate");
    assert_eq!([step(), step(), step()], [0; 3]);
}
