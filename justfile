# Everything that must pass before a change lands.
ci:
    .ci/run

# The tests, with all features.
test:
    cargo test --all-features

# Property tests with 1024 cases each.
test-long:
    PROPTEST_CASES=1024 cargo test --all-features

# 500 000 inputs for each fuzz target and each property of tests/robustness/no_panic.rs.
fuzz cases="500000":
    GRADUS_FUZZ_CASES={{cases}} cargo test --all-features --test robustness -- fuzz:: no_panic::

# Every number of the reports of 50 000 random regressions against exact arithmetic; the tests take 2 000.
report problems="50000":
    GRADUS_REPORT_PROBLEMS={{problems}} cargo test --all-features --test regression every_number -- --nocapture

# An hour of random fits and trainings.
soak seconds="3600":
    GRADUS_SOAK_SECONDS={{seconds}} cargo test --all-features --test robustness soak:: -- --ignored --nocapture

# Which lines of src/ no test runs; needs cargo-llvm-cov, and numpy, safetensors, onnx, onnxruntime for `python3`.
coverage *options="--show-missing-lines":
    cargo llvm-cov --all-features {{options}}

# Memory errors in the modules with unsafe code and around them. Valgrind knows AVX2 and no AVX-512: where the processor has
# both, this runs the kernels that other tests leave out.
valgrind:
    #!/usr/bin/env bash
    set -euo pipefail
    tests=$(cargo test --all-features --lib --no-run --message-format json | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
    valgrind --fair-sched=yes --error-exitcode=1 --leak-check=full --errors-for-leak-kinds=definite \
        --show-leak-kinds=definite "$tests" linalg wide elementary

# The same by AddressSanitizer, which knows all vectors, and sees what is read beside a stack variable. The stable compiler
# has it, but does not offer it.
asan:
    RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test --all-features --lib --target x86_64-unknown-linux-gnu -- \
        linalg wide elementary

# The tests without the kernels for the vectors of x86-64 processors.
portable:
    RUSTC_WORKSPACE_WRAPPER=$PWD/.ci/rustc-portable cargo test --all-features

# How many mutants of src/ the tests kill, by the draw of CONTRIBUTING.md; needs cargo-mutants, for its list. `just mutants
# --again` runs those only that were not killed the last time.
mutants *options:
    cargo run --release --manifest-path mutants/Cargo.toml -- {{options}}

# Takes the public interface as it is now into tests/public_api.txt.
api:
    .ci/public-api --write

# Formatting and lints.
lint:
    cargo fmt --check
    cargo clippy --all-targets --all-features -- -D warnings

# The documentation, opened in a browser.
doc:
    cargo doc --no-deps --all-features --open

# The benches; `just bench step` runs those with "step" in their name.
bench filter="":
    cargo bench -- {{filter}}

# Builds the peers in Rust, which takes minutes, for `just compare`.
peers:
    cd benches/peers/burn && cargo build --release
    cd benches/peers/candle && cargo build --release

# The MNIST job and regressions beside NumPy, scikit-learn, PyTorch, burn and candle, those that there are (see
# benches/peers).
compare *options:
    python3 benches/peers/compare.py {{options}}

# What networks learn from their default start beside PyTorch and scikit-learn.
compare-start *options:
    python3 benches/peers/start.py {{options}}

# All examples.
examples:
    cargo run --example mnist_two_layer
    cargo run --example normal_equation
    cargo run --example regression_report
    cargo run --example streaming_regression
    cargo run --example train_classifier
    cargo run --example mnist_adam
    cargo run --example argmin_solver
    cargo run --example sensor_calibration
    cargo run --example inverse_kinematics
    cargo run --example online_regression
    cargo run --features serde --example resume_training
    cargo run --example own_layer
    cargo run --example own_optimizer
    cargo run --example pictures
