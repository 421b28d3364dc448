//! Whatever is chosen for a training as JSON: to the last bit, and nothing unchecked.
#![cfg(feature = "serde")]

use gradus::loss::{ClassWeights, Huber, LabelSmoothing, LossConfiguration, SigmoidCrossEntropy};
use gradus::nalgebra::dmatrix;
use gradus::objective::Penalty;
use gradus::optimizer::{AdaGrad, AdamW, Clipped, Lbfgs, Nadam, OptimizerConfiguration, RmsProp};
use gradus::schedule::{
    ConstantSchedule, CosineAnnealing, ExponentialDecay, InverseTimeDecay, LinearWarmUp, MultiStepDecay, OneCycle,
    PolynomialDecay, ReduceOnPlateau, Schedule, ScheduleConfiguration, Scheduled, StepDecay,
};
use gradus::training::EarlyStopping;
use gradus::{Adam, GradientDescent, Loss, Optimizer, Real, Result, SoftmaxCrossEntropy, Stop, from_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn through_json<V: Serialize + DeserializeOwned>(value: &V) -> V {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

/// Three steps on an uneven bowl.
fn walk<T: Real>(optimizer: &mut dyn Optimizer<T>) -> [T; 2] {
    let mut bowl = from_fn(|x: &[T], gradient: &mut [T]| {
        let (a, b) = (x[0] * T::nearest(3.0), x[1] * T::nearest(0.7));
        gradient.copy_from_slice(&[a, b]);
        (a * x[0] + b * x[1]) / T::nearest(2.0)
    });
    let mut x = [T::nearest(-3.0), T::nearest(4.0)];
    for _ in 0..3 {
        assert!(optimizer.step(&mut bowl, &mut x).is_finite());
    }
    x
}

/// No hyper-parameter is the default, and none fits into few digits.
fn optimizers<T: Real>() -> Result<Vec<Box<dyn Optimizer<T>>>> {
    let of = T::nearest;
    let adam = Adam::new(of(0.013))?.betas(of(0.87), of(0.991))?.epsilon(of(1.7e-3))?.weight_decay(of(0.21))?;
    let step_decay = StepDecay::new(2, 0.37)?;
    Ok(vec![
        Box::new(GradientDescent::new(of(0.013))?),
        Box::new(GradientDescent::new(of(0.013))?.momentum(of(0.61))?.weight_decay(of(0.21))?),
        Box::new(GradientDescent::new(of(0.013))?.nesterov_momentum(of(0.61))?),
        Box::new(AdaGrad::new(of(0.013))?.epsilon(of(1.7e-3))?.weight_decay(of(0.21))?),
        Box::new(RmsProp::new(of(0.013))?.alpha(of(0.87))?.epsilon(of(1.7e-3))?.weight_decay(of(0.21))?),
        Box::new(RmsProp::new(of(0.013))?.momentum(of(0.61))?.centered()),
        Box::new(adam.clone()),
        Box::new(AdamW::new(of(0.013))?.betas(of(0.87), of(0.991))?.epsilon(of(1.7e-3))?.weight_decay(of(0.21))?),
        Box::new(
            Nadam::new(of(0.013))?
                .betas(of(0.87), of(0.991))?
                .epsilon(of(1.7e-3))?
                .momentum_decay(of(0.3))?
                .weight_decay(of(0.21))?,
        ),
        Box::new(Lbfgs::new().history(2)?.wolfe(of(1e-3), of(0.57))?),
        Box::new(Clipped::by_norm(adam.clone(), of(0.77))?),
        Box::new(Clipped::by_value(Lbfgs::new(), of(0.77))?),
        Box::new(Scheduled::new(Clipped::by_norm(adam.clone(), of(0.77))?, step_decay)?),
        Box::new(Clipped::by_value(Scheduled::new(adam, LinearWarmUp::new(3, 0.4, step_decay)?)?, of(0.77))?),
    ])
}

fn optimizers_come_back<T: Real>() {
    for mut optimizer in optimizers::<T>().unwrap() {
        let configuration = optimizer.configuration().unwrap();
        let back = through_json(&configuration);
        assert_eq!(back, configuration);
        let mut built = back.build::<T>().unwrap();
        assert_eq!(built.configuration().as_ref(), Some(&configuration));
        assert_eq!(walk(built.as_mut()), walk(optimizer.as_mut()), "{configuration:?}");
        // What is remembered by now is no part of it, nor is what a schedule has made of the learning rate.
        assert_eq!(optimizer.configuration(), Some(configuration));
    }
}

#[test]
fn optimizers_come_back_as_they_were() {
    optimizers_come_back::<f64>();
    optimizers_come_back::<f32>();
}

#[test]
fn what_has_no_configuration_says_so() {
    let descent = || GradientDescent::new(0.1).unwrap();
    assert_eq!(Scheduled::new(descent(), |_| 1.0).unwrap().configuration(), None);
    let warm_up = LinearWarmUp::new(3, 0.1, |_: u64| 1.0_f64).unwrap();
    assert_eq!(Schedule::configuration(&warm_up), None);
    // Of schedules within schedules the base learning rates would have to be guessed.
    let scheduled = Scheduled::new(descent(), ConstantSchedule).unwrap();
    assert_eq!(Scheduled::new(scheduled, ConstantSchedule).unwrap().configuration(), None);
}

fn schedules() -> Result<Vec<Box<dyn Schedule<f64>>>> {
    Ok(vec![
        Box::new(ConstantSchedule),
        Box::new(StepDecay::new(7, 0.37)?),
        Box::new(MultiStepDecay::new([19, 3, 19], 0.37)?),
        Box::new(PolynomialDecay::new(29, 1.7)?),
        Box::new(ExponentialDecay::new(0.93)?),
        Box::new(InverseTimeDecay::new(0.13)?),
        Box::new(CosineAnnealing::new(11)?.down_to(0.07)?),
        Box::new(CosineAnnealing::new(11)?.down_to(0.07)?.with_restarts(3)?),
        Box::new(LinearWarmUp::new(5, 0.13, ExponentialDecay::new(0.93)?)?),
        Box::new(OneCycle::new(23)?.rising_for(0.41)?.between(0.13, 0.003)?),
    ])
}

#[test]
fn schedules_come_back_as_they_were() {
    for schedule in schedules().unwrap() {
        let configuration = schedule.configuration().unwrap();
        let built = through_json(&configuration).build::<f64>().unwrap();
        assert_eq!(built.configuration(), Some(configuration));
        for iteration in 0..40 {
            assert_eq!(built.factor(iteration), schedule.factor(iteration));
        }
    }
}

fn losses<T: Real>() -> Result<Vec<Box<dyn Loss<T>>>> {
    let of = T::nearest;
    let unit = [
        "MeanSquaredError",
        "HalfSquaredError",
        "MeanAbsoluteError",
        "LogCosh",
        "Poisson",
        "Hinge",
        "KullbackLeibler",
        "CrossEntropy",
        "BinaryCrossEntropy",
        "NegativeLogLikelihood",
        "SoftmaxCrossEntropy",
        "SigmoidCrossEntropy",
    ];
    let cross_entropies = unit.iter().filter(|name| name.contains("Entropy") || name.contains("Likelihood"));
    let smoothed = cross_entropies.map(|name| json!({ "LabelSmoothing": { "smoothing": 0.25, "loss": name } }));
    let mut losses = Vec::new();
    for document in unit.iter().map(|&name| json!(name)).chain(smoothed) {
        losses.push(serde_json::from_value::<LossConfiguration>(document).unwrap().build()?);
    }
    losses.push(Box::new(Huber::new(of(0.13))?));
    let smoothed = LabelSmoothing::new(SoftmaxCrossEntropy, of(0.13))?;
    losses.push(Box::new(ClassWeights::new(smoothed, [of(0.3), of(1.7)])?));
    Ok(losses)
}

fn losses_come_back<T: Real>() {
    let of = T::nearest;
    let (prediction, target) =
        (dmatrix![of(0.3), of(0.9); of(0.7), of(0.1)], dmatrix![of(0.0), of(0.0); of(1.0), of(1.0)]);
    let mut values = Vec::new();
    for loss in losses::<T>().unwrap() {
        let configuration = loss.configuration().unwrap();
        let built = through_json(&configuration).build::<T>().unwrap();
        assert_eq!(built.configuration().as_ref(), Some(&configuration));
        assert_eq!(format!("{built:?}"), format!("{loss:?}"));
        let value = |loss: &dyn Loss<T>| loss.value((&prediction).into(), (&target).into(), None).to_f64();
        assert_eq!(value(built.as_ref()).to_bits(), value(loss.as_ref()).to_bits(), "{configuration:?}");
        assert_eq!(built.total_weight((&target).into(), None), loss.total_weight((&target).into(), None));
        values.push(configuration);
    }
    assert_eq!(values.len(), 19);
    assert!((1..values.len()).all(|place| !values[..place].contains(&values[place])));
}

#[test]
fn losses_come_back_as_they_were() {
    losses_come_back::<f64>();
    losses_come_back::<f32>();
}

/// A boxed loss is asked all that the loss would be.
#[test]
fn a_boxed_loss_is_the_loss() {
    let weighted = ClassWeights::new(SigmoidCrossEntropy, [1.0, 3.0]).unwrap();
    let target = dmatrix![1.0, 0.5];
    let boxed: Box<dyn Loss<f64>> = Box::new(weighted.clone());
    let twice: Box<dyn Loss<f64>> = Box::new(boxed);
    assert_eq!(twice.total_weight((&target).into(), None), weighted.total_weight((&target).into(), None));
    let wrong = dmatrix![2.0];
    assert_eq!(twice.check_targets((&wrong).into()), weighted.check_targets((&wrong).into()));
    assert_eq!(twice.configuration(), weighted.configuration());
}

/// That an object is taken as it is, but not without a field, nor with one more, nor with any of these values in a
/// field.
#[track_caller]
fn takes_only(takes: impl Fn(Value) -> bool, good: &Value, bad: &[(&str, Value)]) {
    assert!(takes(good.clone()), "{good}");
    for name in good.as_object().unwrap().keys() {
        let mut lacking = good.clone();
        lacking.as_object_mut().unwrap().remove(name);
        // serde takes an absent option for none.
        assert_eq!(takes(lacking), ["growth", "ranges"].contains(&&name[..]), "without {name}");
    }
    let unknown = [("unknown", json!(0.5))];
    for (name, value) in bad.iter().chain(&unknown) {
        assert!(good.get(name).is_some() || *name == "unknown", "{name}");
        let mut spoiled = good.clone();
        spoiled[name] = value.clone();
        assert!(!takes(spoiled), "{name}: {value}");
    }
}

#[test]
fn spoiled_optimizers_are_refused() {
    let of = |name: &'static str| {
        move |fields| {
            let read = serde_json::from_value::<OptimizerConfiguration>(json!({ name: fields }));
            read.is_ok_and(|configuration| configuration.build::<f64>().is_ok())
        }
    };
    let no_rate = [json!(-1.0), json!(0.0), json!(null), json!("fast")].map(|value| ("learning_rate", value));
    let no_decay = [("weight_decay", json!(-0.1))];
    let no_epsilon = [("epsilon", json!(0.0))];
    let bad = |more: &[(&'static str, Value)]| [&no_rate[..], &no_decay, more].concat();
    let good = json!({ "learning_rate": 0.1, "momentum": 0.0, "nesterov": false, "weight_decay": 0.0 });
    takes_only(of("GradientDescent"), &good, &bad(&[("momentum", json!(1.0)), ("nesterov", json!(0))]));
    let good = json!({ "learning_rate": 0.1, "epsilon": 1e-10, "weight_decay": 0.0 });
    takes_only(of("AdaGrad"), &good, &bad(&no_epsilon));
    let good = json!({
        "learning_rate": 0.1, "alpha": 0.9, "epsilon": 1e-8, "momentum": 0.5, "centered": true, "weight_decay": 0.0,
    });
    takes_only(of("RmsProp"), &good, &bad(&[no_epsilon[0].clone(), ("alpha", json!(-0.1)), ("momentum", json!(1.0))]));
    let betas = [no_epsilon[0].clone(), ("beta1", json!(1.0)), ("beta2", json!(-0.1))];
    let good = json!({ "learning_rate": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "weight_decay": 0.0 });
    takes_only(of("Adam"), &good, &bad(&betas));
    takes_only(of("AdamW"), &good, &bad(&betas));
    let mut nadam = good.clone();
    nadam["momentum_decay"] = json!(0.004);
    takes_only(of("Nadam"), &nadam, &bad(&[&betas[..], &[("momentum_decay", json!(-1.0))]].concat()));
    let lbfgs = json!({ "history": 10, "c1": 1e-4, "c2": 0.9 });
    takes_only(
        of("Lbfgs"),
        &lbfgs,
        &[("history", json!(0)), ("history", json!(-1)), ("c1", json!(0.9)), ("c2", json!(1.0))],
    );

    let mut slow = good.clone();
    slow["learning_rate"] = json!(-1.0);
    let within = ("optimizer", json!({ "Adam": slow }));
    let clipped = json!({ "limit": 1.0, "optimizer": { "Adam": good } });
    takes_only(of("ClippedByNorm"), &clipped, &[("limit", json!(0.0)), within.clone()]);
    takes_only(of("ClippedByValue"), &clipped, &[("limit", json!(-1.0)), within.clone()]);
    let scheduled = json!({ "schedule": "Constant", "optimizer": { "Adam": good } });
    let bad = [
        within,
        ("optimizer", json!({ "Lbfgs": lbfgs })),
        ("schedule", json!({ "ExponentialDecay": { "decay": 0.0 } })),
    ];
    takes_only(of("Scheduled"), &scheduled, &bad);
    assert!(!of("SignDescent")(json!({ "learning_rate": 0.1 })));
}

#[test]
fn spoiled_schedules_are_refused() {
    let of = |name: &'static str| {
        move |fields| {
            let read = serde_json::from_value::<ScheduleConfiguration>(json!({ name: fields }));
            read.is_ok_and(|configuration| configuration.build::<f64>().is_ok())
        }
    };
    let bad = [("decay", json!(0.0)), ("decay", json!(null)), ("period", json!(0)), ("period", json!(2.5))];
    takes_only(of("StepDecay"), &json!({ "period": 7, "decay": 0.5 }), &bad);
    let bad = [("milestones", json!([])), ("milestones", json!([-1])), ("decay", json!(0.0))];
    takes_only(of("MultiStepDecay"), &json!({ "milestones": [3, 9], "decay": 0.5 }), &bad);
    let bad = [("iterations", json!(0)), ("power", json!(0.0)), ("power", json!(null))];
    takes_only(of("PolynomialDecay"), &json!({ "iterations": 3, "power": 2.0 }), &bad);
    takes_only(of("ExponentialDecay"), &json!({ "decay": 0.5 }), &[("decay", json!(-1.0))]);
    takes_only(of("InverseTimeDecay"), &json!({ "decay": 0.5 }), &[("decay", json!(-1.0))]);
    for growth in [json!(null), json!(2)] {
        let good = json!({ "period": 7, "minimum": 0.1, "growth": growth });
        takes_only(
            of("CosineAnnealing"),
            &good,
            &[("period", json!(0)), ("minimum", json!(1.1)), ("growth", json!(0))],
        );
    }
    let good = json!({ "iterations": 3, "start": 0.1, "schedule": "Constant" });
    let bad = [
        ("iterations", json!(0)),
        ("start", json!(-0.1)),
        ("schedule", json!("Never")),
        ("schedule", json!({ "ExponentialDecay": { "decay": 0.0 } })),
    ];
    takes_only(of("LinearWarmUp"), &good, &bad);
    let good = json!({ "iterations": 9, "rise": 0.3, "start": 0.1, "end": 0.0 });
    let bad = [("iterations", json!(1)), ("rise", json!(1.0)), ("start", json!(2.0)), ("end", json!(-1.0))];
    takes_only(of("OneCycle"), &good, &bad);
}

#[test]
fn spoiled_losses_are_refused() {
    let of = |name: &'static str| {
        move |fields| {
            let read = serde_json::from_value::<LossConfiguration>(json!({ name: fields }));
            read.is_ok_and(|configuration| configuration.build::<f64>().is_ok())
        }
    };
    takes_only(of("Huber"), &json!({ "threshold": 1.0 }), &[("threshold", json!(0.0)), ("threshold", json!(null))]);
    let good = json!({ "smoothing": 0.1, "loss": "CrossEntropy" });
    takes_only(of("LabelSmoothing"), &good, &[("smoothing", json!(1.0)), ("loss", json!("Hinge"))]);
    let good = json!({ "weights": [1.0, 2.0], "loss": { "Huber": { "threshold": 1.0 } } });
    let bad = [
        ("weights", json!([])),
        ("weights", json!([1.0, 0.0])),
        ("weights", json!([1.0, null])),
        ("loss", json!({ "Huber": { "threshold": -1.0 } })),
    ];
    takes_only(of("ClassWeights"), &good, &bad);
    assert!(serde_json::from_value::<LossConfiguration>(json!("ZeroOne")).is_err());
}

/// [`takes_only`] for a type that is checked where it is read.
#[track_caller]
fn reads_only<V: Serialize + DeserializeOwned>(good: &V, bad: &[(&str, Value)]) {
    takes_only(|value| serde_json::from_value::<V>(value).is_ok(), &serde_json::to_value(good).unwrap(), bad);
}

#[test]
fn what_ends_a_run_comes_back_and_is_checked() {
    let stop = Stop::after(70).gradient_norm(1.3e-7).unwrap();
    assert_eq!(through_json(&stop), stop);
    assert_eq!(through_json(&Stop::<f32>::after(0)), Stop::after(0));
    reads_only(&stop, &[("iterations", json!(-1)), ("gradient_norm", json!(-1.0)), ("gradient_norm", json!(null))]);

    let early = EarlyStopping::after(7).unwrap().minimal_improvement(1.3e-4).unwrap();
    assert_eq!(through_json(&early), early);
    reads_only(&early, &[("patience", json!(0)), ("minimal_improvement", json!(-1.0))]);
}

#[test]
fn a_plateau_comes_back_with_nothing_observed() {
    let new = ReduceOnPlateau::new(0.37).unwrap().with_patience(1).with_cooldown(2).with_threshold(0.013).unwrap();
    let new = new.down_to(0.07).unwrap();
    assert_eq!(through_json(&new), new);
    let absolute = new.clone().with_absolute_threshold(1.3).unwrap();
    assert_eq!(through_json(&absolute), absolute);
    reads_only(&absolute, &[("threshold", json!(-1.3)), ("absolute", json!(null))]);
    let mut used = new.clone();
    for loss in [1.0, 2.0, 3.0] {
        used.observe(loss);
    }
    assert!(used.factor() < 1.0);
    assert_eq!(through_json(&used), new);
    let mut resumed = through_json(&used);
    resumed.restore(&used.state()).unwrap();
    assert_eq!(resumed, used);
    let bad = [
        ("reduction", json!(1.0)),
        ("patience", json!(-1)),
        ("threshold", json!(1.0)),
        ("cooldown", json!(0.5)),
        ("minimum", json!(-0.1)),
    ];
    reads_only(&new, &bad);
}

#[test]
fn a_penalty_comes_back_as_it_was() {
    let whole = Penalty::l1(0.013_f32).unwrap();
    assert_eq!(through_json(&whole), whole);
    let part = Penalty::l2(0.013).unwrap().restricted_to([5..7, 1..3, 2..4]).unwrap();
    assert_eq!(through_json(&part), part);
    let backwards = json!([{ "start": 3, "end": 1 }]);
    reads_only(&part, &[("strength", json!(-1.0)), ("norm", json!("L3")), ("ranges", backwards)]);
    // What overlaps is joined, as by the constructor.
    let overlapping = json!({ "norm": "L2", "strength": 0.013, "ranges": [{ "start": 5, "end": 7 }, { "start": 2, "end": 4 }, { "start": 1, "end": 3 }] });
    assert_eq!(serde_json::from_value::<Penalty<f64>>(overlapping).unwrap(), part);
}
