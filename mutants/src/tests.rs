//! The tests of the copy: built once, then run under one mutant after another.

use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What a command of cargo says of itself, a value a line, and whether it succeeded.
pub fn messages(command: &mut Command) -> (Vec<Value>, bool) {
    let output = command.stderr(Stdio::inherit()).output().expect("cargo runs");
    let lines = output.stdout.split(|&byte| byte == b'\n');
    (lines.filter_map(|line| serde_json::from_slice(line).ok()).collect(), output.status.success())
}

/// One test, and the mutants that it comes by.
pub struct Test {
    pub binary: PathBuf,
    pub name: String,
    pub time: Duration,
    pub met: Vec<usize>,
}

/// How a run of tests ended.
#[derive(PartialEq)]
pub enum End {
    Passed,
    /// The name of the test, or the signal that ended them.
    Failed(String),
    TimedOut,
}

/// The test binaries that cargo has built, by its messages.
pub fn binaries(messages: &[Value]) -> Vec<PathBuf> {
    let tests = messages.iter().filter(|message| message["profile"]["test"] == true);
    tests.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).collect()
}

/// The names of the tests of a binary.
pub fn names(binary: &Path, directory: &Path) -> Vec<String> {
    let list = |options: &[&str]| {
        let output = Command::new(binary).current_dir(directory).args(options).output().expect("the binary runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().filter_map(|line| line.strip_suffix(": test").map(String::from)).collect::<Vec<_>>()
    };
    let ignored = list(&["--list", "--ignored"]);
    list(&["--list"]).into_iter().filter(|name| !ignored.contains(name)).collect()
}

/// Runs the named tests of a binary, up to the first that fails.
pub fn run(
    binary: &Path,
    directory: &Path,
    names: &[&str],
    variables: &[(&str, String)],
    limit: Duration,
    cases: u32,
) -> End {
    // Memory and files are bounded, since a mutant may ask for any amount of them.
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -v 12000000 -f 2000000; exec nice \"$@\"", "sh"])
        .arg(binary)
        .args(["--test-threads=1", "--exact"])
        .args(names)
        .current_dir(directory)
        .env("PROPTEST_CASES", cases.to_string())
        .env("PROPTEST_RNG_SEED", "1")
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true")
        .env("RUST_BACKTRACE", "0")
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a shell starts");
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let end = Instant::now() + limit;
    loop {
        match receiver.recv_timeout(end.saturating_duration_since(Instant::now())) {
            // `test NAME ... FAILED`, the name once more where output stands between.
            Ok(line) if line.ends_with("FAILED") => {
                let name = line.trim_start_matches("test ").split(' ').next().unwrap_or_default().to_string();
                stop(&mut child);
                return End::Failed(name);
            }
            Ok(_) => (),
            Err(RecvTimeoutError::Timeout) => {
                stop(&mut child);
                return End::TimedOut;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    // It has closed its output; a process that does not end even so is stopped.
    while Instant::now() < end {
        match child.try_wait().expect("it is ours") {
            Some(status) if status.success() => return End::Passed,
            // From outside, as by a system that is short of memory: that says nothing of the tests.
            Some(status) if status.signal() == Some(9) => return End::TimedOut,
            Some(status) => {
                return End::Failed(status.signal().map_or("exit".into(), |signal| format!("signal {signal}")));
            }
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    stop(&mut child);
    End::TimedOut
}

fn stop(child: &mut Child) {
    let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).stderr(Stdio::null()).status();
    let _ = child.wait();
}
