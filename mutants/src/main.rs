//! How many faults the tests find: mutants of `src/`, drawn by a seed, all in one copy of the sources.
//!
//! cargo-mutants says which mutants there are (`.cargo/mutants.toml`: what is left out, and which tests are run). Its
//! own runner builds the tests anew for each, which takes about a minute. Here every drawn mutant is compiled once,
//! behind a switch that is read when a test begins (mutant schemata; R. Untch, A. Offutt, M. J. Harrold 1993), and
//! takes half a second. Each test is run by itself first, and notes the mutants that it comes by; a mutant is then
//! shown to these tests alone, the fast ones first, up to one that fails.
//!
//! A mutant is *killed* by a failing test, and *survives* all others, those included that make no difference and those
//! that no test comes by. A *timeout* is confirmed by a second run with nothing beside it. What does not compile is
//! *unviable*. Constants and functions of them are computed before a switch is read, as `let` in a condition has no other
//! side: their mutants are not drawn from.

mod schema;
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use proc_macro2::LineColumn;
use schema::{Mutant, Schema};
use tests::{End, Test};

/// What is read of a test's run besides its end is time. Five times that and this is too long.
const GRACE: Duration = Duration::from_secs(20);

/// A test of less is one of the fast ones.
const FAST: Duration = Duration::from_millis(100);

struct Options {
    count: usize,
    seed: u64,
    cases: u32,
    workers: usize,
    /// Takes over what the last results say of killed mutants.
    again: bool,
}

fn main() {
    let options = options();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a folder").to_path_buf();
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from).join("mutants");
    let tree = target.join("tree");
    fs::create_dir_all(&tree).expect("the target folder can be written to");

    let mutants = listed(&root);
    let schemas = schemas(&root, &mutants);
    let switchable: BTreeSet<usize> = schemas.values().flat_map(Schema::switchable).collect();
    let mut drawn: Vec<usize> = switchable.iter().copied().collect();
    drawn.sort_by_key(|&number| hash(options.seed, &mutants[number].key));
    drawn.truncate(options.count);
    eprintln!("{} mutants, {} of them switchable, {} drawn", mutants.len(), switchable.len(), drawn.len());

    copy(&root, &tree, &schemas);
    let arguments = test_arguments(&root);
    let unviable = unviable(&root, &tree, &target, &schemas, &mutants, &drawn);
    let viable: Vec<usize> = drawn.iter().copied().filter(|number| !unviable.contains(number)).collect();
    eprintln!("{} of them compile", viable.len());
    let names: String = unviable.iter().map(|&number| format!("{}\n", mutants[number].name)).collect();
    fs::write(target.join("unviable.txt"), names).expect("the target folder can be written to");

    let mut build = cargo(&tree, &target, "test");
    let (messages, built) = tests::messages(build.args(["--no-run", "--message-format=json"]).args(&arguments));
    assert!(built, "the tests of the copy do not build");
    let tests = baseline(&tests::binaries(&messages), &tree, &target, &options);
    let times: String = tests.iter().map(|test| format!("{:.3} s {}\n", test.time.as_secs_f64(), test.name)).collect();
    fs::write(target.join("tests.txt"), times).expect("the target folder can be written to");
    let time: Duration = tests.iter().map(|test| test.time).sum();
    eprintln!("{} tests of {:.0} s", tests.len(), time.as_secs_f64());

    let results = target.join("results.txt");
    let known = if options.again { killed_before(&results) } else { HashMap::new() };
    let ends = all_ends(&viable, &mutants, &tests, &tree, &options, &known, &results);
    report(&root, &mutants, &switchable, &unviable, &drawn, &ends, &options);
}

fn options() -> Options {
    let mut options = Options { count: 1100, seed: 0, cases: 16, workers: 2, again: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|text| text.parse::<u64>().ok()).unwrap_or_else(|| usage());
        match word.as_str() {
            "--count" => options.count = number() as usize,
            "--seed" => options.seed = number(),
            "--cases" => options.cases = number() as u32,
            "--workers" => options.workers = number() as usize,
            "--again" => options.again = true,
            _ => usage(),
        }
    }
    options
}

fn usage() -> ! {
    eprintln!("gradus-mutants [--count N] [--seed N] [--cases N of each property] [--workers N] [--again]");
    std::process::exit(2)
}

/// All mutants that cargo-mutants knows of under the configuration of the crate.
fn listed(root: &Path) -> Vec<Mutant> {
    let output = Command::new("cargo").args(["mutants", "--list", "--json"]).current_dir(root).output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "cargo-mutants is needed: {}", String::from_utf8_lossy(&output.stderr));
    let list: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("cargo-mutants writes JSON");
    let mut alike: HashMap<String, usize> = HashMap::new();
    let mut mutants = Vec::new();
    for value in list {
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_string();
        let place = |name: &str| value["span"]["start"][name].as_u64().expect("a number") as usize;
        let (file, name) = (text(&value["file"]), text(&value["name"]));
        let description = name.split_once(": ").map_or(name.as_str(), |(_, description)| description);
        let described = format!("{file}: {description}");
        let which = alike.entry(described.clone()).or_default();
        *which += 1;
        mutants.push(Mutant {
            key: format!("{described} #{which}"),
            file,
            name,
            genre: text(&value["genre"]),
            start: LineColumn { line: place("line"), column: place("column") - 1 },
            replacement: text(&value["replacement"]),
        });
    }
    mutants
}

fn schemas(root: &Path, mutants: &[Mutant]) -> BTreeMap<String, Schema> {
    let mut files: BTreeMap<String, Vec<(usize, &Mutant)>> = BTreeMap::new();
    for (number, mutant) in mutants.iter().enumerate() {
        files.entry(mutant.file.clone()).or_default().push((number, mutant));
    }
    let schema = |file: &str, mutants: &[_]| {
        let text = fs::read_to_string(root.join(file)).expect("the file is there");
        Schema::new(text, mutants).expect("the file is Rust")
    };
    files.iter().map(|(file, mutants)| (file.clone(), schema(file, mutants))).collect()
}

/// FNV-1a of the words, mixed as by SplitMix64: a mutant's place in the draw does not depend on the other mutants.
fn hash(seed: u64, text: &str) -> u64 {
    let bytes = seed.to_le_bytes();
    let add = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    let mut hash = bytes.iter().chain(text.as_bytes()).fold(0xcbf2_9ce4_8422_2325, add);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// Copies what is built, without the files that will be rendered, and links to the rest.
fn copy(root: &Path, tree: &Path, schemas: &BTreeMap<String, Schema>) {
    let rendered: BTreeSet<PathBuf> =
        schemas.keys().map(|file| tree.join(file)).chain([tree.join("src/lib.rs")]).collect();
    for entry in fs::read_dir(root).expect("the crate is readable").map(|entry| entry.expect("its entries are too")) {
        let (name, to) = (entry.file_name(), tree.join(entry.file_name()));
        match name.to_str() {
            Some("target" | ".git" | "mutants" | "mutants.out") => (),
            Some("src" | "tests") => copy_folder(&entry.path(), &to, &rendered),
            _ if to.exists() => (),
            _ => std::os::unix::fs::symlink(entry.path(), to).expect("links can be made"),
        }
    }
}

fn copy_folder(from: &Path, to: &Path, rendered: &BTreeSet<PathBuf>) {
    fs::create_dir_all(to).expect("the copy can be written to");
    for entry in fs::read_dir(from).expect("the folder is readable").map(|entry| entry.expect("its entries are too")) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_folder(&path, &to, rendered);
        } else if !rendered.contains(&to) {
            write(&to, &fs::read(&path).expect("the file is readable"));
        }
    }
}

/// Leaves a file alone that holds this already: cargo goes by the time of the last change.
fn write(path: &Path, bytes: &[u8]) {
    if fs::read(path).ok().as_deref() != Some(bytes) {
        fs::write(path, bytes).expect("the copy can be written to");
    }
}

fn cargo(tree: &Path, target: &Path, command: &str) -> Command {
    let mut cargo = Command::new("cargo");
    // What is odd in a mutant is no fault of it.
    cargo
        .arg(command)
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target.join("build"))
        .env("RUSTFLAGS", "--cap-lints=allow");
    cargo
}

/// What `.cargo/mutants.toml` tells `cargo test`.
fn test_arguments(root: &Path) -> Vec<String> {
    let text = fs::read_to_string(root.join(".cargo/mutants.toml")).expect("the configuration is there");
    let configuration: toml::Table = text.parse().expect("the configuration is TOML");
    let arguments = configuration["additional_cargo_args"].as_array().expect("a list");
    arguments.iter().map(|argument| argument.as_str().expect("of texts").to_string()).collect()
}

/// Writes the sources with the mutants drawn, and leaves out those of which the compiler complains, until it does not.
fn unviable(
    root: &Path,
    tree: &Path,
    target: &Path,
    schemas: &BTreeMap<String, Schema>,
    mutants: &[Mutant],
    drawn: &[usize],
) -> BTreeSet<usize> {
    let (drawn, mut unviable) = (drawn.iter().copied().collect::<BTreeSet<_>>(), BTreeSet::new());
    write(&tree.join("src/mutants.rs"), include_bytes!("switch.rs"));
    loop {
        for (file, schema) in schemas {
            let text = schema.render(mutants, &|number| drawn.contains(&number) && !unviable.contains(&number));
            write(&tree.join(file), text.as_bytes());
        }
        let library = fs::read_to_string(root.join("src/lib.rs")).expect("the file is there");
        assert!(!schemas.contains_key("src/lib.rs"), "src/lib.rs has no code of its own");
        write(&tree.join("src/lib.rs"), format!("{library}\nmod mutants;\n").as_bytes());
        let mut check = cargo(tree, target, "check");
        let (messages, good) =
            tests::messages(check.args(["--all-features", "--lib", "--quiet", "--message-format=json"]));
        if good {
            return unviable;
        }
        let before = unviable.len();
        for message in messages.iter().filter(|message| message["message"]["level"] == "error") {
            let spans = message["message"]["spans"].as_array().map_or(&[][..], Vec::as_slice);
            let not_exhaustive = message["message"]["code"]["code"] == "E0004";
            let found = |primary: bool| {
                let spans = spans.iter().filter(|span| span["is_primary"] == primary);
                spans.flat_map(|span| blamed(tree, span, not_exhaustive)).collect::<Vec<_>>()
            };
            let primary = found(true);
            unviable.extend(if primary.is_empty() { found(false) } else { primary });
        }
        let errors = messages.iter().filter(|message| message["message"]["level"] == "error");
        for message in errors.filter(|_| unviable.len() == before) {
            eprintln!("{}", message["message"]["rendered"].as_str().unwrap_or_default());
        }
        assert!(unviable.len() > before, "the copy does not compile, for no mutant's sake");
        eprintln!("{} do not compile", unviable.len());
    }
}

fn blamed(tree: &Path, span: &serde_json::Value, not_exhaustive: bool) -> Vec<usize> {
    let byte = |name: &str| span[name].as_u64().unwrap_or_default() as usize;
    let text = fs::read_to_string(tree.join(span["file_name"].as_str().unwrap_or_default())).unwrap_or_default();
    schema::mutants_at(&text, byte("byte_start")..byte("byte_end").max(byte("byte_start") + 1), not_exhaustive)
}

/// Each test by itself without a mutant: its time, and the mutants that it comes by.
fn baseline(binaries: &[PathBuf], tree: &Path, target: &Path, options: &Options) -> Vec<Test> {
    let named = |binary: &PathBuf| tests::names(binary, tree).into_iter().map(|name| (binary.clone(), name)).collect();
    let all: Vec<(PathBuf, String)> = binaries.iter().flat_map(|binary| -> Vec<_> { named(binary) }).collect();
    let found = Mutex::new(Vec::new());
    in_parallel(options.workers, all.len(), |index| {
        let (binary, name) = &all[index];
        let met = target.join(format!("met{index}.txt"));
        let _ = fs::remove_file(&met);
        let begin = std::time::Instant::now();
        let noting = [("GRADUS_MUTANTS_MET", met.to_string_lossy().into_owned())];
        let end = tests::run(binary, tree, &[name], &noting, Duration::from_secs(300), options.cases);
        let time = begin.elapsed();
        let text = fs::read_to_string(&met).unwrap_or_default();
        let _ = fs::remove_file(&met);
        if end == End::Passed {
            let met = text.lines().filter_map(|line| line.parse().ok()).collect();
            let test = Test { binary: binary.clone(), name: name.clone(), time, met };
            found.lock().expect("no worker panics").push(test);
        } else {
            eprintln!("left out, since it fails in the copy: {name}");
        }
    });
    found.into_inner().expect("no worker panics")
}

fn in_parallel(workers: usize, jobs: usize, work: impl Fn(usize) + Sync) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let take = || next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| std::iter::repeat_with(take).take_while(|&job| job < jobs).for_each(&work));
        }
    });
}

/// `killed by TEST`, `timeout in TESTS`, `survived N tests` or `met by no test`, for each mutant.
fn all_ends(
    viable: &[usize],
    mutants: &[Mutant],
    tests: &[Test],
    tree: &Path,
    options: &Options,
    known: &HashMap<String, String>,
    results: &Path,
) -> BTreeMap<usize, String> {
    let ends: Mutex<BTreeMap<usize, String>> = Mutex::new(BTreeMap::new());
    let file = Mutex::new(fs::File::create(results).expect("the target folder can be written to"));
    let note = |number: usize, end: String| {
        let line = format!("{}\t{end}\t{}\n", mutants[number].key, mutants[number].name);
        file.lock().expect("no worker panics").write_all(line.as_bytes()).expect("results can be written");
        ends.lock().expect("no worker panics").insert(number, end);
    };
    in_parallel(options.workers, viable.len(), |index| {
        let number = viable[index];
        let end = known.get(&mutants[number].key).cloned();
        note(number, end.unwrap_or_else(|| end_of(number, tests, tree, options.cases)));
    });
    let timeouts: Vec<usize> = {
        let ends = ends.lock().expect("no worker panics");
        ends.iter().filter(|(_, end)| end.starts_with("timeout")).map(|(&number, _)| number).collect()
    };
    for number in timeouts {
        note(number, end_of(number, tests, tree, options.cases));
    }
    ends.into_inner().expect("no worker panics")
}

/// The tests that come by the mutant, of each binary the fast ones and the slow ones, in the order of their time.
fn end_of(number: usize, tests: &[Test], tree: &Path, cases: u32) -> String {
    let mut groups: BTreeMap<(bool, &Path), Vec<&Test>> = BTreeMap::new();
    for test in tests.iter().filter(|test| test.met.contains(&number)) {
        groups.entry((test.time >= FAST, &test.binary)).or_default().push(test);
    }
    let time = |tests: &[&Test]| tests.iter().map(|test| test.time).sum::<Duration>();
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|((slow, _), tests)| (*slow, time(tests)));
    let mut passed = 0;
    for ((_, binary), tests) in groups {
        let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
        let limit = 5 * time(&tests) + GRACE;
        match tests::run(binary, tree, &names, &[("GRADUS_MUTANT", number.to_string())], limit, cases) {
            End::Passed => passed += names.len(),
            End::Failed(name) => return format!("killed by {name}"),
            End::TimedOut => return format!("timeout in {}", names.join(", ")),
        }
    }
    if passed == 0 { "met by no test".into() } else { format!("survived {passed} tests") }
}

/// By their keys, the mutants that the last run has killed.
fn killed_before(results: &Path) -> HashMap<String, String> {
    let text = fs::read_to_string(results).unwrap_or_default();
    let parts = text.lines().filter_map(|line| line.split_once('\t'));
    let ends = parts.map(|(key, rest)| (key, rest.split('\t').next().unwrap_or_default()));
    ends.filter(|(_, end)| end.starts_with("killed")).map(|(key, end)| (key.into(), end.into())).collect()
}

fn report(
    root: &Path,
    mutants: &[Mutant],
    switchable: &BTreeSet<usize>,
    unviable: &BTreeSet<usize>,
    drawn: &[usize],
    ends: &BTreeMap<usize, String>,
    options: &Options,
) {
    let of = |prefix: &str| ends.iter().filter(|(_, end)| end.starts_with(prefix)).map(|(&number, _)| number).collect();
    let (killed, timeouts): (Vec<usize>, Vec<usize>) = (of("killed"), of("timeout"));
    let rest: Vec<usize> =
        ends.keys().copied().filter(|number| !killed.contains(number) && !timeouts.contains(number)).collect();
    let judged = killed.len() + rest.len();
    let mut text = format!(
        "{} mutants listed, {} switchable; drawn by seed {}: {}, of which {} do not compile\n\
         {} judged: {} killed ({:.1} %), {} survived ({} of them met by no test); {} timeouts apart\n",
        mutants.len(),
        switchable.len(),
        options.seed,
        drawn.len(),
        unviable.len(),
        judged,
        killed.len(),
        100.0 * killed.len() as f64 / judged as f64,
        rest.len(),
        rest.iter().filter(|number| ends[number].starts_with("met")).count(),
        timeouts.len(),
    );
    let path = root.join("mutants/survivors.txt");
    let reasons = reasons(&fs::read_to_string(&path).unwrap_or_default());
    for (title, numbers) in [("survivors", &rest), ("timeouts", &timeouts)] {
        text += &format!("\n{title}\n");
        let mut lines: Vec<String> =
            numbers.iter().map(|&number| line(&mutants[number], &ends[&number], &reasons)).collect();
        lines.sort();
        text.extend(lines);
    }
    print!("{text}");
    fs::write(path, text).expect("the crate can be written to");
}

fn line(mutant: &Mutant, end: &str, reasons: &HashMap<String, String>) -> String {
    let which = mutant.key.rsplit(' ').next().unwrap_or_default();
    let reason = reasons.get(&mutant.key).map_or(String::new(), |reason| format!(" — {reason}"));
    format!("{} {which} [{end}]{reason}\n", mutant.name)
}

/// By the keys of the mutants, what has been written behind the lines of a former report.
fn reasons(report: &str) -> HashMap<String, String> {
    let reason = |line: &str| {
        let (mutant, reason) = line.split_once("] — ")?;
        let (place, rest) = mutant.rsplit_once(" [")?.0.split_once(": ")?;
        Some((format!("{}: {rest}", place.split(':').next()?), reason.to_string()))
    };
    report.lines().filter_map(reason).collect()
}
