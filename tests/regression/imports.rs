//! The files of `src/regression` import those alone that stand above them in the lists of their modules.

use std::path::{Path, PathBuf};

/// The modules that a file declares, in order; not those of tests.
fn declared(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let declaration = line.strip_suffix(';')?;
        let (visibility, name) = declaration.split_once("mod ")?;
        let is_plain = visibility.is_empty() || visibility.starts_with("pub");
        (is_plain && name != "tests").then(|| name.to_owned())
    };
    text.lines().filter_map(name).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources(path: &Path) -> Vec<PathBuf> {
    let mut found = vec![path.with_extension("rs")];
    let entries = std::fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut entries: Vec<PathBuf> = entries.filter(|path| !path.ends_with("tests.rs")).collect();
    entries.sort();
    entries.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    found.extend(entries.into_iter().flat_map(|entry| sources(&entry.with_extension(""))));
    found
}

/// What follows a path in code or in an attribute; comments name what they like.
fn named<'t>(text: &'t str, path: &str) -> Vec<&'t str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut names = Vec::new();
    for line in code {
        for (place, _) in line.match_indices(path) {
            let rest = &line[place + path.len()..];
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            names.push(&rest[..end]);
        }
    }
    names
}

/// Checks the modules below a file, whose path in the crate is given; the number of imports that were looked at.
fn check(module: &Path, path: &str) -> usize {
    let order = declared(&read(&module.with_extension("rs")));
    let place = |name: &str| order.iter().position(|module| module == name);
    let mut imports = 0;
    for (own, name) in order.iter().enumerate() {
        let root = module.join(name);
        for file in sources(&root) {
            let text = read(&file);
            let is_root = file == root.with_extension("rs");
            let relative = if is_root { named(&text, "super::") } else { Vec::new() };
            for import in named(&text, &format!("{path}::")).into_iter().chain(relative) {
                if let Some(other) = place(import) {
                    imports += 1;
                    assert!(other <= own, "{} imports {import}, which stands below it", file.display());
                }
            }
        }
        if root.is_dir() {
            imports += check(&root, &format!("{path}::{name}"));
        }
    }
    imports
}

#[test]
fn imports_of_the_regression_run_one_way() {
    let regression = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/regression");
    let imports = check(&regression, "crate::regression");
    assert!(imports > 80, "only {imports} imports were found");
}
