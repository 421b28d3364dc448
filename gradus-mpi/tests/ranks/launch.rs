//! Jobs under `mpirun`.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The variables by which a job is told what to do and where to leave its results.
pub(crate) const JOB: &str = "GRADUS_MPI_JOB";
pub(crate) const RESULTS: &str = "GRADUS_MPI_RESULTS";

/// The machine may have fewer cores than one job has ranks: one at a time.
static TURN: Mutex<()> = Mutex::new(());

pub(crate) struct Job {
    command: Command,
    results: tempfile::TempDir,
    ranks: usize,
    _turn: MutexGuard<'static, ()>,
}

pub(crate) struct Running {
    child: Child,
    job: Job,
}

impl Job {
    pub(crate) fn new(name: &str, ranks: usize) -> Self {
        let turn = TURN.lock().unwrap_or_else(|failed| failed.into_inner());
        let results = tempfile::tempdir().unwrap();
        let mut command = Command::new("mpirun");
        // A job that hangs is ended after a minute, and has failed.
        command.args(["--oversubscribe", "--timeout", "60", "-n", &ranks.to_string()]);
        command.arg(std::env::current_exe().unwrap());
        command.args(["job", "--exact", "--ignored", "--nocapture"]);
        command.env(JOB, name).env(RESULTS, results.path());
        // Otherwise mpirun refuses to work for root, as which containers run.
        command.env("OMPI_ALLOW_RUN_AS_ROOT", "1").env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
        command.stdin(Stdio::null());
        Self { command, results, ranks, _turn: turn }
    }

    /// What the ranks leave, rank by rank.
    pub(crate) fn succeed(mut self) -> Vec<Vec<u8>> {
        let output = self.command.output().expect("mpirun is installed");
        let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}\n{out}\n{errors}", output.status);
        self.read_results()
    }

    /// As [`succeed`](Self::succeed), of a job that ends with an error, and not because it took too long.
    pub(crate) fn fail(mut self) -> Vec<Vec<u8>> {
        let output = self.command.output().expect("mpirun is installed");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "expected a failure, found success: {errors}");
        assert!(!errors.contains("time limit"), "{errors}");
        self.read_results()
    }

    fn read_results(&self) -> Vec<Vec<u8>> {
        (0..self.ranks).filter_map(|rank| fs::read(self.results.path().join(format!("result-{rank}"))).ok()).collect()
    }

    pub(crate) fn start(mut self) -> Running {
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        Running { child: self.command.spawn().expect("mpirun is installed"), job: self }
    }
}

impl Running {
    /// The process ids of all ranks, once they are at work.
    pub(crate) fn processes(&mut self, ranks: usize) -> Vec<u32> {
        let deadline = Instant::now() + Duration::from_secs(60);
        let id = |rank| fs::read_to_string(self.job.results.path().join(format!("process-{rank}"))).ok()?.parse().ok();
        loop {
            if let Some(ids) = (0..ranks).map(id).collect() {
                return ids;
            }
            assert!(Instant::now() < deadline, "the ranks do not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// `None` if it still runs after this time; it is ended then.
    pub(crate) fn wait(&mut self, time: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        None
    }
}

pub(crate) fn kill(process: u32) {
    assert!(Command::new("kill").args(["-9", &process.to_string()]).status().unwrap().success());
}

/// Leaves what a rank has to tell. It is there at once and whole.
pub(crate) fn leave(kind: &str, rank: usize, content: &[u8]) {
    let directory = std::env::var_os(RESULTS).unwrap();
    let path = Path::new(&directory).join(format!("{kind}-{rank}"));
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, content).unwrap();
    fs::rename(unfinished, path).unwrap();
}
