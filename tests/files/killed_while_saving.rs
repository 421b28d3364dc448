//! A process that is killed at any moment of a save leaves the file that was there, or the new one.
#![cfg(all(unix, feature = "safetensors"))]

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use gradus::nalgebra::DVector;
use gradus::{Dense, Model, Network};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

const KILLS: usize = 200;

/// Names the file in the process that saves.
const FILE: &str = "GRADUS_SAVE_UNTIL_KILLED";

/// Two models of different sizes and numbers.
fn models() -> [Model<f64>; 2] {
    [60, 90].map(|width| {
        let network = Network::builder(width).layer(Dense::new(width, width)).build().unwrap();
        let parameters = DVector::from_element(network.parameter_count(), width as f64);
        Model::new(network, parameters).unwrap()
    })
}

/// The test that the other process runs: saves one model after the other, for ever.
#[test]
#[ignore = "run by the other test, until it is killed"]
fn save_until_killed() {
    let Some(path) = env::var_os(FILE).map(PathBuf::from) else { return };
    let models = models();
    for model in models.iter().cycle() {
        model.save(&path).unwrap();
    }
}

fn saving(path: &Path) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["killed_while_saving::save_until_killed", "--exact", "--ignored"]).env(FILE, path);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// What the system says of the file's last change.
fn changed(path: &Path) -> std::time::SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn a_file_is_whole_whenever_its_writer_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let models = models();
    models[0].save(&path).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let (mut amid, mut replaced) = (0, 0);
    for kill in 0..KILLS {
        let before = changed(&path);
        let mut child = saving(&path);
        // Some are killed before their first save is complete, the others when they are well under way.
        if kill % 8 != 0 {
            let patience = Instant::now() + Duration::from_secs(60);
            while changed(&path) == before {
                assert!(Instant::now() < patience, "the other process does not save");
                sleep(Duration::from_micros(200));
            }
        }
        sleep(Duration::from_micros(rng.random_range(0..4_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        replaced += usize::from(changed(&path) != before);
        let loaded = Model::<f64>::load(&path).unwrap_or_else(|error| panic!("kill {kill}: {error}"));
        assert!(models.iter().any(|model| model.parameters() == loaded.parameters()), "kill {kill}: another model");
        // What the killed one had begun to write under another name.
        for entry in fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()) {
            if entry != path {
                amid += 1;
                fs::remove_file(entry).unwrap();
            }
        }
    }
    let said = format!("{KILLS} kills, {amid} amid a save, {replaced} after one: the file was whole each time\n");
    std::io::stdout().write_all(said.as_bytes()).unwrap();
    assert!(amid > 0 && replaced > 0, "{said}");
}
