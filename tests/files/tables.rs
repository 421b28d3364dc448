//! Tables as programs and people write them: read as pandas does (reference/tables.py), or refused with the cause, the
//! line and the way on.

use gradus::data::{CsvError, CsvOptions, CsvTable};
use gradus::nalgebra::dmatrix;
use proptest::prelude::*;
use serde_json::Value;

/// The options that a case of the reference names.
fn options(case: &Value) -> CsvOptions {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let texts = |value: &Value| value.as_array().unwrap().iter().map(text).collect::<Vec<_>>();
    let byte = |value: &Value| text(value).as_bytes()[0];
    let mut options = CsvOptions::new();
    for (name, value) in case["options"].as_object().unwrap() {
        options = match name.as_str() {
            "delimiter" => options.with_delimiter(byte(value)),
            "header" if *value == true => options.with_header(),
            "header" => options.without_header(),
            "names" => options.with_names(texts(value)),
            "comment" => options.with_comment(byte(value)),
            "missing" => options.with_missing(texts(value)),
            "trimming" => options.with_trimming(),
            "decimal_comma" => options.with_decimal_comma(),
            "gzip" => options,
            _ => panic!("{name}"),
        };
    }
    options
}

/// What the crate calls a column of pandas'.
fn own_name(case: &Value, name: &str) -> String {
    match name.strip_prefix("Unnamed: ") {
        Some(place) => format!("unnamed{place}"),
        None if case["options"]["header"] == false => format!("x{name}"),
        None => name.to_owned(),
    }
}

#[test]
fn f12_tables_are_read_as_pandas_reads_them() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/tables.json");
    let reference: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = reference["cases"].as_array().unwrap();
    assert!(cases.len() >= 45);
    for case in cases {
        let name = &case["name"];
        let table = match case["text"].as_str() {
            Some(text) => options(case).from_bytes(text.as_bytes()),
            None if cfg!(not(feature = "gzip")) => continue,
            None => {
                let directory = tempfile::tempdir().unwrap();
                let bytes = case["bytes"].as_array().unwrap().iter().map(|byte| byte.as_u64().unwrap() as u8);
                let path = directory.path().join("table.csv.gz");
                std::fs::write(&path, bytes.collect::<Vec<_>>()).unwrap();
                options(case).read(path)
            }
        };
        let table = table.unwrap_or_else(|error| panic!("{name}: {error}"));
        let columns = case["columns"].as_array().unwrap();
        let names: Vec<String> =
            columns.iter().map(|column| own_name(case, column["name"].as_str().unwrap())).collect();
        assert_eq!(table.names(), names, "{name}");
        for (column, own) in columns.iter().zip(&names) {
            let values = column["values"].as_array().unwrap();
            assert_eq!(table.rows(), values.len(), "{name}");
            if column["numbers"] == true {
                let bits = |value: f64| if value.is_nan() { None } else { Some(value.to_bits()) };
                let found: Vec<_> = table.columns_or_nan::<f64>(&[own]).unwrap().iter().copied().map(bits).collect();
                let expected: Vec<_> = values.iter().map(|value| value.as_f64().map(f64::to_bits)).collect();
                assert_eq!(found, expected, "{name}, {own}");
            }
            // The rows that have a value, in their order.
            let known: Vec<&Value> = values.iter().filter(|value| !value.is_null()).collect();
            match table.complete_rows(&[own]) {
                Ok((complete, dropped)) => {
                    assert_eq!((complete.rows(), dropped), (known.len(), values.len() - known.len()), "{name}, {own}");
                    if column["numbers"] == false {
                        let (labels, classes) = complete.labels(own).unwrap();
                        let found: Vec<&str> = labels.iter().map(|&label| classes[label].as_str()).collect();
                        assert_eq!(
                            found,
                            known.iter().map(|value| value.as_str().unwrap()).collect::<Vec<_>>(),
                            "{name}"
                        );
                    }
                }
                Err(error) => {
                    assert!(known.is_empty() && matches!(error, CsvError::Empty { .. }), "{name}, {own}: {error}");
                }
            }
        }
    }
}

/// The message for a table that is refused, or whose columns are, all as numbers.
fn refused_by(options: &CsvOptions, text: impl AsRef<[u8]>) -> String {
    let read = options.from_bytes(text.as_ref());
    read.and_then(|table| table.columns::<f64>(table.names())).unwrap_err().to_string()
}

fn refused(text: impl AsRef<[u8]>) -> String {
    refused_by(&CsvOptions::new(), text)
}

#[test]
fn f02_blanks_outside_of_quotes() {
    for text in [
        "kind,y\n\"yes\",1\n \"yes\",2\n",
        "kind,y\n\"yes\",1\n\"yes\" ,2\n",
        "kind,y\n\"yes\",1\n\t \"yes\"\t ,2\n",
        "y,kind\n1,\"yes\"\n2, \"yes\" \n",
    ] {
        for options in [CsvOptions::new(), CsvOptions::new().with_trimming()] {
            let (labels, classes) = options.from_bytes(text.as_bytes()).unwrap().labels("kind").unwrap();
            assert_eq!((&labels[..], &classes[..]), (&[0, 0][..], &["yes".to_owned()][..]), "{text:?}");
        }
    }
    // A tab that separates fields is no blank, and blanks within quotes belong to the text.
    let table = CsvTable::from_bytes(b"a\tb\tc\n\" x \"\t\t \"y\"\n", b'\t').unwrap();
    assert_eq!(table.labels("a").unwrap().1, [" x "]);
    assert_eq!(table.labels("c").unwrap().1, ["y"]);
    let table = CsvOptions::new().with_trimming().from_bytes(b"a,b\n\" x \",  x  \n").unwrap();
    assert_eq!([table.labels("a").unwrap().1, table.labels("b").unwrap().1].concat(), [" x ", "x"]);
    // Without quotes they are kept, unless they are not wanted.
    let text = b"a, b\n1, x\n2,x\n";
    assert_eq!(CsvTable::from_bytes(text, b',').unwrap().labels(" b").unwrap().1, [" x", "x"]);
    assert_eq!(CsvOptions::new().with_trimming().from_bytes(text).unwrap().labels("b").unwrap().1, ["x"]);
    let error = CsvTable::from_bytes(text, b',').unwrap().labels("b").unwrap_err();
    let message = "column \"b\": expected one of \"a\", \" b\", found none of this name (there is one with blanks around it: \
                   CsvOptions::with_trimming)";
    assert_eq!(error.to_string(), message);
}

#[test]
fn f03_names_in_quotes_behind_a_blank() {
    let table = CsvTable::from_bytes(b"\"Name\", \"Sex\"\n\"Anna\", \"f\"\n", b',').unwrap();
    assert_eq!(table.names(), ["Name", "Sex"]);
    let table = CsvTable::from_bytes(b"\"Name\", \"Sex, if known\" ,\"a \"\"b\"\"\"\nAnna,f,1\n", b',').unwrap();
    assert_eq!(table.names(), ["Name", "Sex, if known", "a \"b\""]);
}

#[test]
fn f04_quotes_that_are_not_closed() {
    let after = |line, opened| {
        format!(
            "line {line}: expected the end of the field after its closing quote, found more text (it begins on line \
             {opened}; a quote within quotes is written twice)"
        )
    };
    assert_eq!(refused("a,b\n1,\"x\n2,\"y\n3,z\n4,w\n"), after(3, 2));
    assert_eq!(refused("a,b\r\n1,\"x\r\n\r\n2,\"y\r\n"), after(4, 2));
    assert_eq!(refused("a,b\r1,\"x\r2,\"y\r"), after(3, 2));
    let unclosed =
        |line| format!("line {line}: expected a quote that is closed, found the end of the file before its end");
    assert_eq!(refused("a,b\n1,2\n3,\"4\n5,6\n7,8\n"), unclosed(3));
    assert_eq!(refused("a,\"b\n1,2\n"), unclosed(1));
    assert_eq!(refused("\n\na,b\n\"1\r\n2\",\"\n\n"), unclosed(5));
    assert_eq!(refused("a,b\n1,\""), unclosed(2));
    assert_eq!(refused("a,b\n1,\"\"\"\n"), unclosed(2));
}

#[test]
fn f05_text_beside_quotes() {
    for text in ["a,b\n\"1\"0,2\n", "a,b\n\"1\" 0,2\n", "a,b\n1,\"2\"\"\"3\n", "a,b\n1,\"\"2\n", "a,b\n1,\"2\\\"3\"\n"]
    {
        let error = CsvTable::from_bytes(text.as_bytes(), b',').unwrap_err();
        assert!(matches!(error, CsvError::TextAfterQuote { line: 2, opened: 2 }), "{text:?}: {error}");
    }
    for text in ["a,b\n1\"0\",2\n", "a,b\n1,x\"\n", "a,b\n1, 2\"3\n", "a,b\n5'10\",2\n"] {
        let error = CsvTable::from_bytes(text.as_bytes(), b',').unwrap_err();
        assert!(matches!(error, CsvError::QuoteWithinField { line: 2 }), "{text:?}: {error}");
    }
    let message = "line 1: expected no quote within a field that does not begin with one, found one (fields that hold \
                   quotes are quoted, and quotes in them written twice)";
    assert_eq!(refused("a,b\"\"\n1,2\n"), message);
}

#[test]
fn f12_missing_values() {
    // Refused with the line, and the way on.
    let message = "line 3, column y: expected a number, found \"NA\" (a missing value? CsvOptions::with_missing)";
    assert_eq!(refused("x,y\n1,2\n3,NA\n"), message);
    for text in ["NA", "n/a", "NULL", "?", "-", ".", "None", " NA ", "\\N"] {
        let error = refused(format!("x,y\n1,2\n3,{text}\n"));
        assert!(error.ends_with(" (a missing value? CsvOptions::with_missing)"), "{text}: {error}");
    }
    assert!(refused("x\nnan\n").ends_with("found \"nan\" (a missing value? CsvOptions::with_missing)"));
    assert!(refused("x\nabc\n").ends_with("expected a number, found \"abc\""));
    let options = CsvOptions::new().with_missing(["NA", " ? "]);
    let message = "line 2, column y: expected a value, found \"NA\", a missing one (see CsvTable::complete_rows)";
    assert_eq!(refused_by(&options, "x,y\n1,NA\n"), message);
    let message = "line 2, column y: expected a value, found an empty field (see CsvTable::complete_rows)";
    assert_eq!(refused_by(&options, "x,y\n1,\n"), message);

    // Left out, and counted: the same rows whatever is asked for, and the lines of the file.
    let text = "x,y,kind,note\n1,2,oak,\n?,3,fir,\n4,\"NA\",fir,a\n5, NA,NA,b\n6,,elm,c\n7,8,?,d\n9,x,oak,\n";
    let table = options.from_bytes(text.as_bytes()).unwrap();
    let (complete, dropped) = table.complete_rows(&["x", "y", "kind"]).unwrap();
    assert_eq!((complete.rows(), dropped), (2, 5));
    assert_eq!(complete.columns::<f64>(&["x"]).unwrap(), dmatrix![1.0; 9.0]);
    assert_eq!(complete.labels("kind").unwrap(), (vec![0, 0], vec!["oak".to_owned()]));
    assert!(matches!(complete.columns::<f64>(&["y"]), Err(CsvError::NotANumber { line: 8, .. })));
    assert!(matches!(table.labels("kind"), Err(CsvError::MissingValue { line: 5, .. })));
    let (complete, dropped) = table.complete_rows(&["x", "y"]).unwrap();
    assert_eq!((complete.rows(), dropped, complete.names()), (3, 4, table.names()));
    let (complete, dropped) = table.complete_rows(&[] as &[&str]).unwrap();
    assert_eq!((complete.rows(), dropped), (7, 0));
    assert!(matches!(table.complete_rows(&["z"]), Err(CsvError::UnknownColumn { .. })));
    let message = "rows without a missing value: expected at least one, found none";
    let none = CsvTable::from_bytes(b"x,y\n,1\n2,\n", b',').unwrap();
    assert_eq!(none.complete_rows(&["x", "y"]).unwrap_err().to_string(), message);

    // Or read as NaN, and nothing else is.
    let found = table.columns_or_nan::<f32>(&["x"]).unwrap();
    assert!(found[1].is_nan() && (found[0], found[2], found[6]) == (1.0, 4.0, 9.0));
    assert!(matches!(table.columns_or_nan::<f64>(&["y"]), Err(CsvError::NotANumber { line: 8, .. })));
    let nan = CsvTable::from_bytes(b"x\nnan\n", b',').unwrap();
    assert!(matches!(nan.columns_or_nan::<f64>(&["x"]), Err(CsvError::NotFinite { line: 2, .. })));
    let nan = CsvOptions::new().with_missing(["nan"]).from_bytes(b"x\nnan\n").unwrap();
    assert!(nan.columns_or_nan::<f64>(&["x"]).unwrap()[0].is_nan());
    assert!(matches!(nan.indices("x"), Err(CsvError::MissingValue { line: 2, .. })));
}

#[test]
fn f12_a_first_row_that_may_be_data_is_not_lost() {
    let message = |line, found| {
        format!(
            "line {line}: expected names of columns, found the number {found:?} (CsvOptions::without_header if this row \
             holds data, CsvOptions::with_header if it holds names)"
        )
    };
    let iris = "5.1,3.5,1.4,0.2,setosa\n4.9,3.0,1.4,0.2,setosa\n7.0,3.2,4.7,1.4,versicolor\n";
    for (text, expected) in [
        (iris, message(1, "5.1")),
        ("1,2\n3,4\n", message(1, "1")),
        ("1,1\n1,1\n", message(1, "1")),
        ("1,2\n", message(1, "1")),
        ("\n\n -1.5 ,NA\n3,4\n", message(3, " -1.5 ")),
        ("1,\n3,4\n", message(1, "1")),
        ("a,1\nb,2\n", message(1, "1")),
        (",0,1\n0,1.5,2\n", message(1, "0")),
    ] {
        assert_eq!(refused(text), expected, "{text:?}");
        let rows = |options: CsvOptions| options.from_bytes(text.as_bytes()).map(|table| table.rows());
        let lines = text.trim_start().lines().count();
        assert_eq!(rows(CsvOptions::new().without_header()).unwrap(), lines, "{text:?}");
    }
    let table = CsvOptions::new().without_header().from_bytes(iris.as_bytes()).unwrap();
    assert_eq!(table.names(), ["x0", "x1", "x2", "x3", "x4"]);
    assert_eq!(table.columns::<f64>(&["x0"]).unwrap(), dmatrix![5.1; 4.9; 7.0]);
    let table = CsvOptions::new().with_header().from_bytes(b"country,2019\nIceland,3.9\n").unwrap();
    assert_eq!(table.columns::<f64>(&["2019"]).unwrap(), dmatrix![3.9]);
    // A text above numbers is a name, even where the first of them is missing.
    for text in ["id,2019\n1,2\n", "id,2019\n?,2\n3,4\n", "a,b\n1,2\n", "a,b\nc,d\n", "a,inf\n1,2\n"] {
        assert!(CsvTable::from_bytes(text.as_bytes(), b',').is_ok(), "{text:?}");
    }
    let decimal_comma = CsvOptions::new().with_delimiter(b';').with_decimal_comma();
    assert_eq!(refused_by(&decimal_comma, "1,5;2\n3;4\n"), message(1, "1,5"));

    // Names that are given.
    let options = CsvOptions::new().with_names(["a", "b"]);
    assert_eq!(options.from_bytes(b"1,2\n3,4\n").unwrap().columns::<f64>(&["b"]).unwrap(), dmatrix![2.0; 4.0]);
    assert_eq!(refused_by(&options, "1,2,3\n"), "line 1: expected 2 fields, found 3");
    assert_eq!(refused_by(&options.clone().with_header(), "x,y,z\n1,2,3\n"), "line 1: expected 2 fields, found 3");
    assert_eq!(options.with_header().from_bytes(b"x,x\n3,4\n").unwrap().names(), ["a", "b"]);
    assert!(matches!(
        CsvOptions::new().with_names(["a", "a"]).from_bytes(b"1,2\n"),
        Err(CsvError::DuplicateColumn { .. })
    ));
    let none: [&str; 0] = [];
    assert!(matches!(CsvOptions::new().with_names(none).from_bytes(b"1\n"), Err(CsvError::Empty { .. })));
    assert!(matches!(CsvOptions::new().without_header().from_bytes(b"\n"), Err(CsvError::Empty { what: "rows" })));
}

#[test]
fn f12_columns_without_a_name() {
    let table = CsvTable::from_bytes(b"\"\",x,,unnamed3,\"\"\n1,2,3,4,5\n", b',').unwrap();
    assert_eq!(table.names(), ["unnamed0", "x", "unnamed2", "unnamed3", "unnamed4"]);
    let table = CsvTable::from_bytes(b"\"\",unnamed0\n1,2\n", b',').unwrap();
    assert_eq!(table.names(), ["unnamed0_", "unnamed0"]);
    assert_eq!(table.columns::<f64>(table.names()).unwrap(), dmatrix![1.0, 2.0]);
    assert_eq!(refused(b",b\n\xff,1\n"), "line 2, column number 1: expected text in UTF-8, found other bytes");
}

#[test]
fn f12_other_delimiters() {
    let semicolon = |line| {
        format!("line {line}: expected fields separated by ',', found ';' between them (CsvOptions::with_delimiter)")
    };
    assert_eq!(refused("x;y\n1,5;2,5\n"), semicolon(2));
    assert_eq!(refused("x;y;kind\n1;2;a\n1,5;2;b\n"), semicolon(3));
    assert_eq!(refused_by(&CsvOptions::new().without_header(), "1;2\n1,5;2\n"), semicolon(2));
    assert_eq!(refused_by(&CsvOptions::new().with_names(["x", "y"]), "1;2\n"), semicolon(1));
    let other = CsvTable::from_bytes(b"x\ty\n1,5\t2\n", b',').unwrap_err();
    assert!(matches!(other, CsvError::OtherDelimiter { line: 2, expected: b',', found: b'\t' }), "{other}");
    let other = CsvTable::from_bytes(b"x,y\n1,2;5\n", b';').unwrap_err();
    assert!(matches!(other, CsvError::OtherDelimiter { line: 2, expected: b';', found: b',' }), "{other}");
    // A text with a semicolon is none of this.
    assert_eq!(refused("x,note\n1,a; b\n2,c; d,e\n"), "line 3: expected 2 fields, found 3");
    assert_eq!(refused("x,\"note; more\"\n2,c; d,e\n"), "line 2: expected 2 fields, found 3");

    let message = "column \"x\": expected one of \"x;y\", found none of this name (is the delimiter ';'? \
                   CsvOptions::with_delimiter)";
    let table = CsvTable::from_bytes(b"x;y\n1;2\n", b',').unwrap();
    assert_eq!(table.columns::<f64>(&["x"]).unwrap_err().to_string(), message);
    let hint = " (numbers separated by another delimiter? CsvOptions::with_delimiter)";
    assert!(refused("x;y\n1;2\n").ends_with(&format!("found \"1;2\"{hint}")));

    let decimal = "line 2, column x: expected a number, found \"1,5\" (decimals stand behind a point; \
                   CsvOptions::with_decimal_comma)";
    assert_eq!(refused_by(&CsvOptions::new().with_delimiter(b';'), "x;y\n1,5;2\n"), decimal);
    let options = CsvOptions::new().with_delimiter(b';').with_decimal_comma();
    let table = options.from_bytes(b"x;y\n1,5;-2,5e1\n").unwrap();
    assert_eq!(table.columns::<f64>(&["x", "y"]).unwrap(), dmatrix![1.5, -25.0]);
    let point = "line 2, column x: expected a number, found \"1.5\" (decimals stand behind a comma by \
                 CsvOptions::with_decimal_comma)";
    assert_eq!(refused_by(&options, "x;y\n1.5;2\n"), point);
    assert!(refused_by(&options, "x;y\n1.234,5;2\n").ends_with("found \"1.234,5\""));
    assert!(refused_by(&options, "x;y\n1,234,5;2\n").ends_with("found \"1,234,5\""));
    let quoted = CsvOptions::new().with_decimal_comma().from_bytes(b"x,y\n\"1,5\",\"2,5\"\n").unwrap();
    assert_eq!(quoted.columns::<f64>(&["x", "y"]).unwrap(), dmatrix![1.5, 2.5]);
}

#[test]
fn f12_causes_and_lines() {
    let trailing = "line 3: expected 2 fields, found a delimiter after the last (the line of names has none there)";
    assert_eq!(refused("x,y\n1,2\n3,4,\n"), trailing);
    let comment = |line| {
        format!("line {line}: expected a row, found a line that begins with '#' (a comment? CsvOptions::with_comment)")
    };
    assert_eq!(refused("# from the lab\nx,y\n1,2\n"), comment(1));
    assert_eq!(refused("x,y\n1,2\n# end\n"), comment(3));
    assert_eq!(refused("#,y\n1,2\n3,4,5\n"), "line 3: expected 2 fields, found 3");

    // The line is that of the file: after comments, empty lines, and line breaks of each kind within quotes and without.
    let options = CsvOptions::new().with_comment(b'#');
    for end in ["\n", "\r\n", "\r"] {
        let text = ["# a \"quote\"", "", "x,y,note", "1,2,\"one", "#no comment", "", "three\"", "  ", "#", "3,none,"];
        let message =
            "line 10, column y: expected a number, found \"none\" (a missing value? CsvOptions::with_missing)";
        assert_eq!(refused_by(&options, text.join(end)), message, "{end:?}");
    }
}

#[test]
fn what_is_no_table_at_all() {
    assert_eq!(refused(b"\xff\xfea\0,\0b\0\n\0"), "expected text in UTF-8, found UTF-16");
    assert_eq!(refused(b"\x1f\x8b\x08\0"), "expected text in UTF-8, found gzip data (does the file's name lack .gz?)");
    let workbook = "expected text in UTF-8, found a zip archive (a workbook? export it as CSV)";
    assert_eq!(refused(b"PK\x03\x04\x14\0"), workbook);
    for prefix in [b',', b'"', b'\n', 0xe4] {
        let error = CsvOptions::new().with_comment(prefix).from_bytes(b"a\n1\n").unwrap_err();
        assert!(matches!(error, CsvError::CommentPrefix { found } if found == prefix), "{error}");
    }
}

#[cfg(feature = "gzip")]
#[test]
fn f07_gzipped_tables() {
    use std::io::Write;

    let pack = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let directory = tempfile::tempdir().unwrap();
    let read = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        CsvTable::read(&path).map(|table| table.columns::<f64>(&["x", "y"]).unwrap())
    };
    let whole = pack("x,y\n1,2\n3,4\n");
    let parts = [pack("x,y\n1,"), pack(""), pack("2\n3,4"), pack("\n")].concat();
    for name in ["t.csv.gz", "T.GZ"] {
        assert_eq!(read(name, &whole).unwrap(), dmatrix![1.0, 2.0; 3.0, 4.0]);
        assert_eq!(read(name, &parts).unwrap(), dmatrix![1.0, 2.0; 3.0, 4.0]);
    }
    let refused = |bytes: &[u8]| match read("bad.csv.gz", bytes).unwrap_err() {
        error @ CsvError::Gzip { .. } => error.to_string().split_once("bad.csv.gz: ").unwrap().1.to_owned(),
        error => panic!("{error}"),
    };
    assert_eq!(
        refused(b"x,y\n1,2\n"),
        "expected gzip data, as the name ends in .gz, found something else (is it unpacked already?)"
    );
    assert_eq!(read("padded.csv.gz", &[&whole[..], &[0; 8]].concat()).unwrap(), dmatrix![1.0, 2.0; 3.0, 4.0]);
    for garbage in [&b"garbage"[..], b"\0x", b"\x1e\x8b"] {
        assert_eq!(
            refused(&[&whole[..], garbage].concat()),
            "expected the end of the file or another member after a gzip member, found other bytes"
        );
    }
    // Cut anywhere but between two members.
    let first = pack("x,y\n1,").len();
    for length in (0..first).chain(first + 1..first + pack("").len()) {
        assert!(refused(&parts[..length]).starts_with("expected sound gzip data, found a fault: "), "{length}");
    }
    assert!(matches!(read("t.csv", &whole), Err(CsvError::NotText { .. })));
}

proptest! {
    #![proptest_config(crate::counted::config())]

    /// What RFC 4180 writes comes back, with its lines, whatever the fields hold.
    #[test]
    fn what_is_written_by_the_rules_is_read(
        rows in proptest::collection::vec(
            proptest::collection::vec("[ab1 ,;\"\n\r#é]{0,6}", 3), 1..6
        ),
        ends in proptest::collection::vec(0..3_usize, 6),
        always in any::<bool>(),
        semicolon in any::<bool>(),
    ) {
        let delimiter = if semicolon { ";" } else { "," };
        let mut text = format!("first{delimiter}second{delimiter}third\n");
        let (mut line, mut lines) = (2, Vec::new());
        for (row, end) in rows.iter().zip(ends) {
            let write = |field: &String| {
                if always || field.contains([',', ';', '"', '\n', '\r', '#']) || field.trim().is_empty() {
                    format!("\"{}\"", field.replace('"', "\"\""))
                } else {
                    field.clone()
                }
            };
            let end = ["\n", "\r\n", "\r"][end];
            text += &(row.iter().map(write).collect::<Vec<_>>().join(delimiter) + end);
            lines.push(line);
            let breaks = |field: &String| field.replace("\r\n", "\n").matches(['\r', '\n']).count();
            line += 1 + row.iter().map(breaks).sum::<usize>();
        }
        let options = CsvOptions::new().with_delimiter(delimiter.as_bytes()[0]).with_comment(b'#');
        let table = options.from_bytes(text.as_bytes()).unwrap();
        prop_assert_eq!(table.rows(), rows.len());
        for (place, name) in ["first", "second", "third"].into_iter().enumerate() {
            let expected: Vec<&str> = rows.iter().map(|row| row[place].as_str()).collect();
            match table.labels(name) {
                Ok((labels, classes)) => {
                    let found: Vec<&str> = labels.iter().map(|&label| classes[label].as_str()).collect();
                    prop_assert_eq!(&found, &expected);
                }
                Err(CsvError::EmptyField { line, .. }) => {
                    let empty = expected.iter().position(|text| text.trim_matches([' ', '\t']).is_empty());
                    prop_assert_eq!(Some(line), empty.map(|row| lines[row]));
                }
                Err(error) => prop_assert!(false, "{error}"),
            }
            // Of any text that is no number the line is told.
            if let Err(CsvError::NotANumber { line, found, .. }) = table.columns::<f64>(&[name]) {
                let row = lines.iter().position(|&other| other == line);
                prop_assert_eq!(row.map(|row| expected[row]), Some(&found[..]));
            }
        }
    }

    /// Nothing is lost in silence: each row that is read has its texts in the file, and rows are as many as are
    /// separated.
    #[test]
    fn no_row_is_lost(text in "[a1\"\n\r, ]{0,30}") {
        let text = format!("a,b\n{text}");
        if let Ok(table) = CsvTable::from_bytes(text.as_bytes(), b',') {
            // Outside of quotes, lines with something in them are rows.
            let (mut inside, mut rows, mut something) = (false, 0, false);
            for c in text.chars() {
                match c {
                    '"' => (inside, something) = (!inside, true),
                    '\n' | '\r' if !inside => {
                        rows += usize::from(something);
                        something = false;
                    }
                    c => something |= c != ' ' || inside,
                }
            }
            prop_assert_eq!(table.rows() + 1, rows + usize::from(something));
        }
    }
}
