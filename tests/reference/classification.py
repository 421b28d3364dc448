"""Reference values of losses and metrics of classes, to 17 digits: tests/classification.rs compares the crate with them.

The metrics and the weighted logarithmic loss are those of scikit-learn. Of what it does not have, label smoothing, the
definition is computed with numpy: targets (1 - s) t + s/k, and then scikit-learn's loss of soft targets, which is that of
every class with the target as the weight of the sample.

Run in this directory: python3 classification.py > classification.json
"""

import json
import platform

import numpy
import sklearn
from sklearn import metrics
from sklearn.utils.class_weight import compute_class_weight

CLASSES = 4
SAMPLES = 24
SMOOTHING = 0.125
CLASS_WEIGHTS = [0.5, 1.0, 2.0, 3.5]
K = 2


def data():
    rng = numpy.random.Generator(numpy.random.PCG64(42))
    labels = numpy.concatenate([numpy.arange(CLASSES), rng.choice(CLASSES, SAMPLES - CLASSES, p=[0.5, 0.25, 0.15, 0.1])])
    # Multiples of 1/64, exact in every number type; the right class is preferred.
    logits = rng.integers(-128, 128, (SAMPLES, CLASSES)) / 64
    logits[numpy.arange(SAMPLES), labels] += 1
    return labels, logits, rng.integers(0, 9, SAMPLES) / 4


def soft_log_loss(targets, probabilities):
    """The mean over the samples of the log loss of soft targets, by scikit-learn's own."""
    total = 0.0
    for target, row in zip(targets, probabilities):
        every = numpy.arange(CLASSES)
        total += metrics.log_loss(every, numpy.tile(row, (CLASSES, 1)), labels=every, sample_weight=target,
                                  normalize=False)
    return total / len(targets)


def main():
    labels, logits, weights = data()
    exponentials = numpy.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    predicted = probabilities.argmax(axis=1)
    one_hot = numpy.eye(CLASSES)[labels]
    of_class = numpy.array(CLASS_WEIGHTS)[labels]
    smoothed = (1 - SMOOTHING) * one_hot + SMOOTHING / CLASSES
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(labels, predicted)
    averages = {
        kind: metrics.precision_recall_fscore_support(labels, predicted, average=kind)[:3] for kind in ["macro", "micro"]
    }
    binary, scores = (labels == 0).astype(int), logits[:, 0]
    signs = 2 * binary - 1
    document = {
        "made by": "classification.py",
        "versions": {
            "python": platform.python_version(), "numpy": numpy.__version__, "scikit-learn": sklearn.__version__,
        },
        "classes": CLASSES, "labels": labels.tolist(), "logits": logits.tolist(), "sample_weights": weights.tolist(),
        "smoothing": SMOOTHING, "class_weights": CLASS_WEIGHTS, "k": K,
        "confusion": metrics.confusion_matrix(labels, predicted).tolist(),
        "accuracy": metrics.accuracy_score(labels, predicted),
        "top_k_accuracy": metrics.top_k_accuracy_score(labels, probabilities, k=K),
        "precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(),
        "macro": list(averages["macro"]), "micro": list(averages["micro"]),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, predicted),
        "log_loss": metrics.log_loss(labels, probabilities),
        "log_loss_weighted": metrics.log_loss(labels, probabilities, sample_weight=weights),
        "log_loss_class_weights": metrics.log_loss(labels, probabilities, sample_weight=of_class),
        "log_loss_both_weights": metrics.log_loss(labels, probabilities, sample_weight=weights * of_class),
        "log_loss_smoothed": soft_log_loss(smoothed, probabilities),
        "kullback_leibler": soft_log_loss(smoothed, probabilities) + (smoothed * numpy.log(smoothed)).sum() / SAMPLES,
        "balanced_class_weights": compute_class_weight(
            "balanced", classes=numpy.arange(CLASSES), y=labels).tolist(),
        "binary_log_loss": metrics.log_loss(binary, 1 / (1 + numpy.exp(-scores))),
        "binary_log_loss_weighted": metrics.log_loss(
            binary, 1 / (1 + numpy.exp(-scores)), sample_weight=numpy.array(CLASS_WEIGHTS)[:2][binary]),
        "hinge": metrics.hinge_loss(signs, scores),
        "r_squared": metrics.r2_score(one_hot, logits),
        "mean_absolute_error": metrics.mean_absolute_error(one_hot, logits),
        "root_mean_squared_error": metrics.root_mean_squared_error(binary, scores),
    }
    # The deviance is 2 (y ln(y/mu) - y + mu); the loss leaves out what does not depend on mu.
    counts = labels
    constant = sum(y * numpy.log(y) - y for y in counts if y > 0) / SAMPLES
    document["poisson"] = metrics.mean_poisson_deviance(counts, numpy.exp(scores)) / 2 - constant
    print(json.dumps(document, indent=1))


main()
