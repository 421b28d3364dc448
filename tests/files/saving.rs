//! Every format is saved in the same way: through links, with the permissions that were there, as a whole or not at
//! all.

use std::fs;
use std::io;
use std::path::Path;

use gradus::file::{SaveError, save_file};

type Save = Box<dyn Fn(&Path) -> Result<(), SaveError>>;

/// A way to save, which writes some kilobytes.
struct Format {
    name: &'static str,
    save: Save,
}

/// The error of a save, which every type of error has a variant for.
#[cfg(any(feature = "safetensors", feature = "onnx", feature = "npy", feature = "plot"))]
macro_rules! of_saving {
    ($($error:ident)::+) => {
        |error| match error {
            $($error)::+::Save(error) => error,
            other => panic!("{other}"),
        }
    };
}

fn formats() -> Vec<Format> {
    let mut formats = Vec::new();
    let mut add = |name, save: Save| formats.push(Format { name, save });
    add("save_file", Box::new(|path| save_file(path, vec![7; 5000])));
    #[cfg(any(feature = "safetensors", feature = "onnx"))]
    let model = || {
        let network = gradus::Network::<f64>::builder(20).layer(gradus::Dense::new(20, 20)).build().unwrap();
        gradus::Model::new(network, gradus::nalgebra::DVector::from_element(420, 0.5)).unwrap()
    };
    #[cfg(feature = "safetensors")]
    add("Model::save", Box::new(move |path| model().save(path).map_err(of_saving!(gradus::model::ModelError))));
    #[cfg(feature = "onnx")]
    add(
        "Model::save_onnx",
        Box::new(move |path| model().save_onnx(path).map_err(of_saving!(gradus::model::OnnxError))),
    );
    #[cfg(feature = "npy")]
    {
        let matrix = gradus::nalgebra::DMatrix::from_element(30, 30, 0.5);
        let mut arrays = gradus::data::Npz::new();
        arrays.insert("x", &matrix).unwrap();
        add(
            "write_npy",
            Box::new(move |path| gradus::data::write_npy(path, &matrix).map_err(of_saving!(gradus::data::NpyError))),
        );
        add("Npz::save", Box::new(move |path| arrays.save(path).map_err(of_saving!(gradus::data::NpyError))));
    }
    #[cfg(feature = "plot")]
    {
        use gradus::plot::{Figure, Mark, PlotError, Series, weight_images};
        let figure = Figure::new("t", "x", "y").with(Series::new("s", Mark::Path, [[0.0, 0.0], [1.0, 1.0]]));
        let grid = weight_images(&gradus::nalgebra::DMatrix::from_element(8, 8, 0.5), 2).unwrap();
        add("Figure::save", Box::new(move |path| figure.save(path).map_err(of_saving!(PlotError))));
        add("Grid::save", Box::new(move |path| grid.save(path).map_err(of_saving!(PlotError))));
    }
    formats
}

/// What a format writes.
fn written(format: &Format) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    (format.save)(&path).unwrap();
    fs::read(path).unwrap()
}

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn f01_a_directory_and_what_is_in_none_are_refused() {
    for format in formats() {
        let directory = tempfile::tempdir().unwrap();
        let refused = |path: &Path| (format.save)(path).unwrap_err();
        let error = refused(directory.path());
        assert!(matches!(error, SaveError::NotRegularFile { found: "a directory", .. }), "{}: {error}", format.name);
        let says = format!("{}: expected a regular file, found a directory", directory.path().display());
        assert_eq!(error.to_string(), says, "{}", format.name);
        let nowhere = directory.path().join("none/file");
        let error = refused(&nowhere);
        assert!(error.to_string().starts_with(&format!("{}: ", nowhere.display())), "{error}");
        let SaveError::Io { source, .. } = error else { panic!("{error}") };
        assert_eq!(source.kind(), io::ErrorKind::NotFound, "{}", format.name);
        // A file in place of a directory.
        fs::write(directory.path().join("file"), "old").unwrap();
        let error = refused(&directory.path().join("file/file"));
        assert!(matches!(error, SaveError::Io { .. }), "{}: {error}", format.name);
        assert!(matches!(refused(Path::new("")), SaveError::Io { .. }), "{}", format.name);
        assert_eq!(names(directory.path()), ["file"], "{}", format.name);
        assert_eq!(fs::read(directory.path().join("file")).unwrap(), b"old", "{}", format.name);
    }
}

#[test]
fn threads_may_save_the_same_file_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    std::thread::scope(|scope| {
        for byte in 0..4_u8 {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..50 {
                    save_file(path, vec![byte; 10_000]).unwrap();
                    let found = fs::read(path).unwrap();
                    assert!(found.len() == 10_000 && found.iter().all(|other| *other == found[0]));
                }
            });
        }
    });
    assert_eq!(names(directory.path()), ["file"]);
}

#[cfg(unix)]
mod unix {
    use std::env;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn is_root(directory: &Path) -> bool {
        fs::metadata(directory).unwrap().uid() == 0
    }

    /// The system's answer to a process that follows the path.
    fn io_error(error: SaveError) -> io::Error {
        match error {
            SaveError::Io { source, .. } => source,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn f01_symbolic_links_are_followed_and_stay() {
        for format in formats() {
            let expected = written(&format);
            // The link, what it holds, and where that leads to.
            for (link, holds, target) in [
                ("link", "file", "file"),
                ("link", "./under/../file", "file"),
                ("link", "under/file", "under/file"),
                ("under/link", "../file", "file"),
                ("link", "ABSOLUTE/under/file", "under/file"),
                // A directory that is a link itself: its `..` is that of where it leads to.
                ("link", "elsewhere/../file", "under/file"),
                ("link", "chain", "file"),
                ("elsewhere/link", "file", "under/deep/file"),
            ] {
                for is_there in [false, true] {
                    let case = format!("{}: {link} -> {holds}, {is_there}", format.name);
                    let directory = tempfile::tempdir().unwrap();
                    let root = directory.path();
                    fs::create_dir_all(root.join("under/deep")).unwrap();
                    symlink("under/deep", root.join("elsewhere")).unwrap();
                    for (from, to) in [("chain", "second"), ("second", "third"), ("third", "file")] {
                        symlink(to, root.join(from)).unwrap();
                    }
                    let (link, target) = (root.join(link), root.join(target));
                    let holds = PathBuf::from(holds.replace("ABSOLUTE", root.to_str().unwrap()));
                    symlink(&holds, &link).unwrap();
                    if is_there {
                        fs::write(&target, "old").unwrap();
                    }
                    let before = names(root);
                    (format.save)(&link).unwrap_or_else(|error| panic!("{case}: {error}"));
                    assert_eq!(fs::read_link(&link).unwrap(), holds, "{case}");
                    assert!(fs::symlink_metadata(&target).unwrap().is_file(), "{case}");
                    assert!(fs::read(&target).unwrap() == expected, "{case}");
                    assert!(names(root).iter().all(|name| before.contains(name) || name == "file"), "{case}");
                }
            }
        }
    }

    #[test]
    fn f01_links_that_lead_nowhere_are_refused_as_the_system_does() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let refused = |link: &str, to: &str| {
            symlink(to, root.join(link)).unwrap();
            let expected = fs::write(root.join(link), "").unwrap_err();
            for format in formats() {
                let found = io_error((format.save)(&root.join(link)).unwrap_err());
                assert_eq!(found.raw_os_error(), expected.raw_os_error(), "{}, {link}: {found}", format.name);
            }
        };
        symlink("second", root.join("first")).unwrap();
        refused("second", "first");
        refused("self", "self");
        refused("far", "none/file");
        // More than any system follows, though they lead to a file.
        fs::write(root.join("link0"), "old").unwrap();
        for number in 1..60 {
            symlink(format!("link{}", number - 1), root.join(format!("link{number}"))).unwrap();
        }
        refused("link60", "link59");
        assert_eq!(fs::read(root.join("link0")).unwrap(), b"old");
        assert_eq!(names(root).len(), 65, "{:?}", names(root));
    }

    #[test]
    fn f01_what_is_no_regular_file_is_refused_and_stays() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let (pipe, socket) = (root.join("pipe"), root.join("socket"));
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let _listener = UnixListener::bind(&socket).unwrap();
        symlink("pipe", root.join("to pipe")).unwrap();
        symlink("to pipe", root.join("to link")).unwrap();
        symlink("/dev/null", root.join("to null")).unwrap();
        symlink(".", root.join("to directory")).unwrap();
        let before = names(root);
        for (path, expected) in [
            (pipe.clone(), "a named pipe"),
            (root.join("to pipe"), "a named pipe"),
            (root.join("to link"), "a named pipe"),
            (socket.clone(), "a socket"),
            (PathBuf::from("/dev/null"), "a device"),
            (PathBuf::from("/dev/full"), "a device"),
            (root.join("to null"), "a device"),
            (root.join("to directory"), "a directory"),
            (root.join(".."), "a directory"),
        ] {
            if !path.exists() {
                // Not every system has /dev/full.
                assert_eq!(path, Path::new("/dev/full"));
                continue;
            }
            for format in formats() {
                let error = (format.save)(&path).unwrap_err();
                let says = format!("{}: expected a regular file, found {expected}", path.display());
                assert_eq!(error.to_string(), says, "{}", format.name);
            }
        }
        assert_eq!(names(root), before);
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        assert!(fs::symlink_metadata(&socket).unwrap().file_type().is_socket());
        assert!(fs::symlink_metadata("/dev/null").unwrap().file_type().is_char_device());
    }

    #[test]
    fn f01_a_file_keeps_its_permissions() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let check = |format: &Format, bits: u32| {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(bits)).unwrap();
            (format.save)(&path).unwrap();
            assert_eq!(mode(&path), bits, "{}: {:o} from {bits:o}", format.name, mode(&path));
            // So that anybody can write it again.
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        };
        for format in formats() {
            for bits in [0o600, 0o644, 0o640, 0o664, 0o666, 0o755, 0o777, 0o200] {
                check(&format, bits);
            }
        }
        // All others that their owner may write, every fifth of them.
        for bits in (0..0o1000).step_by(5) {
            check(&formats()[0], bits | 0o200);
        }
        assert_eq!(names(directory.path()), ["file"]);
    }

    #[test]
    fn f01_a_file_that_may_not_be_written_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        if is_root(directory.path()) {
            println!("skipped: root may write every file");
            return;
        }
        let path = directory.path().join("file");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        for format in formats() {
            let found = io_error((format.save)(&path).unwrap_err());
            assert_eq!(found.kind(), io::ErrorKind::PermissionDenied, "{}", format.name);
        }
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(directory.path()), ["file"]);
    }

    #[test]
    fn f01_a_file_keeps_its_owner_where_that_is_permitted() {
        let directory = tempfile::tempdir().unwrap();
        if !is_root(directory.path()) {
            println!("skipped: only root may give files away");
            return;
        }
        let path = directory.path().join("file");
        for format in formats() {
            fs::write(&path, "old").unwrap();
            chown(&path, Some(12_345), Some(54_321)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            (format.save)(&path).unwrap();
            let found = fs::metadata(&path).unwrap();
            assert_eq!((found.uid(), found.gid(), mode(&path)), (12_345, 54_321, 0o640), "{}", format.name);
        }
    }

    /// Names the directory of a process that runs under other limits.
    const DIRECTORY: &str = "GRADUS_SAVE_UNDER_LIMITS";

    /// Runs one of the ignored tests below in a process that begins with these commands of the shell.
    fn run_after(commands: &str, test: &str, directory: &Path) {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{commands}; exec \"$0\" \"$@\"")).arg(env::current_exe().unwrap());
        shell.args([&format!("saving::unix::{test}"), "--exact", "--ignored", "--nocapture"]);
        let output = shell.env(DIRECTORY, directory).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success() && said[0].contains("1 passed"), "{}{}", said[0], said[1]);
    }

    #[test]
    #[ignore = "run by the next test, with other masks"]
    fn save_new_files() {
        let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
        for format in formats() {
            (format.save)(&directory.join(format.name.replace("::", "-"))).unwrap();
        }
        fs::write(directory.join("expected"), "").unwrap();
    }

    #[test]
    fn f01_a_new_file_has_the_permissions_of_any_other() {
        for (mask, expected) in [("000", 0o666), ("022", 0o644), ("027", 0o640), ("077", 0o600)] {
            let directory = tempfile::tempdir().unwrap();
            run_after(&format!("umask {mask}"), "save_new_files", directory.path());
            let found = names(directory.path());
            assert_eq!(found.len(), formats().len() + 1);
            for name in found {
                assert_eq!(mode(&directory.path().join(&name)), expected, "umask {mask}: {name}");
            }
        }
    }

    #[test]
    #[ignore = "run by the next test, with a limit to the size of files"]
    fn save_onto_a_full_disk() {
        let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else { return };
        let path = directory.join("file");
        for format in formats() {
            fs::write(&path, "old").unwrap();
            let found = io_error((format.save)(&path).unwrap_err());
            assert_eq!(found.kind(), io::ErrorKind::FileTooLarge, "{}", format.name);
            assert_eq!(fs::read(&path).unwrap(), b"old", "{}", format.name);
            let new = io_error((format.save)(&directory.join("new")).unwrap_err());
            assert_eq!(new.kind(), io::ErrorKind::FileTooLarge, "{}", format.name);
            assert_eq!(names(&directory), ["file"], "{}", format.name);
        }
    }

    #[test]
    fn f10_a_full_disk_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        // A kilobyte at most. By itself the signal for more would end the process.
        run_after("trap '' XFSZ && ulimit -f 1", "save_onto_a_full_disk", directory.path());
        assert_eq!(names(directory.path()), ["file"]);
    }
}
