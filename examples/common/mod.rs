//! What the command lines of the examples share: options, help, messages, exit codes, and outputs that can be written.
#![allow(dead_code, reason = "no example has everything")]

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, StdoutLock, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use lexopt::prelude::*;

/// Runs a program on its options, which are those that its help lists. The exit code is 2 for wrong use and 1 for what
/// failed, each with one line on stderr. Whoever reads the output may stop at any time.
pub(crate) fn main(
    help: &str,
    program: impl FnOnce(&Options, &mut StdoutLock<'static>) -> Result<(), Box<dyn Error>>,
) -> ExitCode {
    let out = &mut io::stdout().lock();
    let outcome = match Options::read(help) {
        Ok(Some(options)) => program(&options, out),
        Ok(None) => writeln!(out, "{help}").map_err(Box::from),
        Err(usage) => Err(usage.into()),
    };
    let Err(error) = outcome.and_then(|()| Ok(out.flush()?)) else { return ExitCode::SUCCESS };
    let (code, message) = match error.downcast_ref::<io::Error>() {
        Some(error) if error.kind() == ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        // Errors of files name them.
        Some(error) => (1, format!("standard output: {error}")),
        None if error.is::<Usage>() => (2, format!("{error}; try --help")),
        None => (1, error.to_string()),
    };
    let message = message.lines().collect::<Vec<_>>().join(" ");
    // If stderr is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}: {message}", env!("CARGO_CRATE_NAME"));
    ExitCode::from(code)
}

/// The options that were given, each with its value or an empty one.
pub(crate) struct Options(Vec<(String, OsString)>);

impl Options {
    /// None if help is asked for. A line of the help lists an option, and a word behind it stands for its value.
    fn read(help: &str) -> Result<Option<Self>, Usage> {
        let mut given: Vec<(String, OsString)> = Vec::new();
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            let name = match argument {
                Short('h') | Long("help") => return Ok(None),
                Long(name) => format!("--{name}"),
                _ => return Err(argument.unexpected().into()),
            };
            let listed = |line: &'_ str| line.strip_prefix(&format!("  {name} ")).map(|rest| !rest.starts_with(' '));
            let Some(has_value) = help.lines().find_map(listed) else {
                return Err(Usage(format!("{name}: there is no such option")));
            };
            if given.iter().any(|(other, _)| *other == name) {
                return Err(Usage(format!("{name}: expected once, found twice")));
            }
            let value = if has_value { arguments.value().unwrap_or_default() } else { OsString::new() };
            if has_value && (value.is_empty() || value.as_encoded_bytes().starts_with(b"--")) {
                return Err(Usage(format!("{name}: expected a value, found none")));
            }
            given.push((name, value));
        }
        Ok(Some(Self(given)))
    }

    /// The value of an option; none if it is not given.
    fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_os_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }

    /// A whole number within a range.
    pub(crate) fn whole<N>(&self, name: &str, range: RangeInclusive<N>) -> Result<Option<N>, Usage>
    where
        N: FromStr + PartialOrd + Display,
    {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.value(name, &expected, |value| range.contains(value))
    }

    /// A value that is accepted, or an error that says what was expected.
    pub(crate) fn value<V: FromStr>(
        &self,
        name: &str,
        expected: &str,
        accepts: impl FnOnce(&V) -> bool,
    ) -> Result<Option<V>, Usage> {
        let Some(found) = self.get(name) else { return Ok(None) };
        let value = found.to_str().and_then(|text| text.parse().ok()).filter(accepts);
        value.map(Some).ok_or_else(|| Usage(format!("{name}: expected {expected}, found {found:?}")))
    }

    /// Refuses options that do not go together with one that is given.
    pub(crate) fn without(&self, name: &str, others: &[&str]) -> Result<(), Usage> {
        match others.iter().find(|other| self.has(name) && self.has(other)) {
            Some(other) => Err(Usage(format!("{name} and {other}: expected one of them, found both"))),
            None => Ok(()),
        }
    }
}

/// The program was not used as its help says.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Usage {}

impl From<lexopt::Error> for Usage {
    fn from(error: lexopt::Error) -> Self {
        Self(error.to_string())
    }
}

/// A path of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The paths of files that are to be written into a directory, all of them [`writable`].
pub(crate) fn files<const N: usize>(directory: &Path, names: [&str; N]) -> Result<[PathBuf; N], String> {
    let paths = names.map(|name| directory.join(name));
    paths.iter().try_for_each(|path| writable(path)).map(|()| paths)
}

/// Sees whether a file can be written, before the work and not after it. Makes its directory and leaves no file.
pub(crate) fn writable(path: &Path) -> Result<(), String> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = fs::create_dir_all(directory).and_then(|()| tempfile::tempfile_in(directory));
    found.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => format!("{}: expected a directory, found something else", directory.display()),
        kind => format!("{}: {kind}", directory.display()),
    })?;
    let found = match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            return Err(format!("{}: expected a file that can be written", path.display()));
        }
        Ok(_) => OpenOptions::new().write(true).open(path).map(drop),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    found.map_err(|error| format!("{}: {}", path.display(), error.kind()))
}
