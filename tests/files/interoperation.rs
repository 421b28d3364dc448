//! Interoperation: every format is checked against the other party, run by Python.

mod argmin_solvers;
#[cfg(feature = "csv")]
mod csv_tables;
#[cfg(feature = "npy")]
mod npy_files;
#[cfg(feature = "onnx")]
mod onnx_files;
#[cfg(feature = "safetensors")]
mod tensor_files;

/// What the script of this name in `tests/python` prints, given these arguments; None where Python lacks one of the
/// packages that it needs, which is a failure if `GRADUS_PYTHON` names an interpreter.
#[cfg(any(feature = "csv", feature = "npy", feature = "onnx", feature = "safetensors"))]
fn python(packages: &[&str], script: &str, arguments: &[&std::path::Path]) -> Option<String> {
    use std::process::Command;

    let interpreter = std::env::var_os("GRADUS_PYTHON");
    let python = interpreter.clone().unwrap_or_else(|| "python3".into());
    let import = format!("import {}", packages.join(", "));
    let available = Command::new(&python).args(["-c", &import]).output();
    if !available.is_ok_and(|output| output.status.success()) {
        assert!(interpreter.is_none(), "GRADUS_PYTHON lacks one of {packages:?}");
        println!("skipped: {} lacks one of {packages:?}", python.display());
        return None;
    }
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(script);
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    Some(said)
}
