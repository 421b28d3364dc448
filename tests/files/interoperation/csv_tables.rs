//! Tables: bad ones are refused by line and column, those that Python writes are read to the last bit.

use gradus::data::{CsvError, CsvTable};
use gradus::nalgebra::{DMatrix, dmatrix};
use gradus::{Dataset, Error};
use proptest::prelude::*;
use serde_json::Value;

fn table(text: &str) -> CsvTable {
    CsvTable::from_bytes(text.as_bytes(), b',').unwrap()
}

/// The message for a table of the columns a, b and c of which a and b must be numbers.
fn refused(text: impl AsRef<[u8]>) -> String {
    let read = CsvTable::from_bytes(text.as_ref(), b',');
    read.and_then(|table| table.columns::<f64>(&["a", "b"])).unwrap_err().to_string()
}

#[test]
fn n125_ragged_rows() {
    assert_eq!(refused("a,b,c\n1,2,3\n4,5\n"), "line 3: expected 3 fields, found 2");
    assert_eq!(refused("a,b,c\n1,2,3,4\n"), "line 2: expected 3 fields, found 4");
    assert_eq!(refused("a,b\n\n1,2\n\n\n3,4,5\n"), "line 6: expected 2 fields, found 3");
    assert_eq!(refused("a,b,c\r\n1,2,3\r\n\r\n4,5\r\n"), "line 4: expected 3 fields, found 2");
    let message = "column \"a\": expected one of \"a;b\", found none of this name (is the delimiter ';'? \
                   CsvOptions::with_delimiter)";
    assert_eq!(refused("a;b\n1;2\n"), message);
    let error = CsvTable::from_bytes(b"a,b\n1\n", b',').unwrap_err();
    assert!(matches!(error, CsvError::FieldCount { line: 2, expected: 2, found: 1 }));
}

#[test]
fn n125_an_empty_field() {
    assert_eq!(
        refused("a,b,c\n1,2,3\n4,,6\n"),
        "line 3, column b: expected a value, found an empty field (see CsvTable::complete_rows)"
    );
    assert_eq!(
        refused("a,b,c\n1,\"\",3\n"),
        "line 2, column b: expected a value, found an empty field (see CsvTable::complete_rows)"
    );
    assert_eq!(
        refused("a,b,c\n  ,2,3\n"),
        "line 2, column a: expected a value, found an empty field (see CsvTable::complete_rows)"
    );
    // Nobody asks for c.
    let table = table("a,b,c\n1,2,\n");
    assert_eq!(table.columns::<f64>(&["b", "a"]).unwrap(), dmatrix![2.0, 1.0]);
    assert!(matches!(table.labels("c"), Err(CsvError::EmptyField { line: 2, .. })));
    assert!(matches!(table.indices("c"), Err(CsvError::EmptyField { line: 2, .. })));
}

#[test]
fn n125_text_that_is_no_finite_number() {
    for text in ["nan", "NaN", "inf", "-inf", "+Infinity", "1e400", "-1e400"] {
        let error = CsvTable::from_bytes(format!("a,b\n1,2\n3,{text}\n").as_bytes(), b',')
            .and_then(|table| table.columns::<f64>(&["a", "b"]))
            .unwrap_err();
        assert!(
            matches!(&error, CsvError::NotFinite { line: 3, column, found } if column == "b" && found == text),
            "{error}"
        );
    }
    let message = "line 2, column a: expected a finite number within the range of the type, found \"1e39\"";
    let large = table("a\n1e39\n");
    assert_eq!(large.columns::<f32>(&["a"]).unwrap_err().to_string(), message);
    assert_eq!(large.columns::<f64>(&["a"]).unwrap()[0], 1e39);
    for text in ["x", "1.2.3", "0x10", "1_000", "1 000", "--1", "1e", "١", "12%", "NA", "?"] {
        let hint = if matches!(text, "NA" | "?") { " (a missing value? CsvOptions::with_missing)" } else { "" };
        let message = format!("line 2, column b: expected a number, found {text:?}{hint}");
        assert_eq!(refused(format!("a,b\n1,{text}\n")), message);
    }
}

#[test]
fn n125_a_byte_order_mark_and_lines_that_end_in_crlf() {
    let expected = dmatrix![1.0, -2.5; 3.0, 4e-3];
    for text in [
        "a,b\n1,-2.5\n3,4e-3\n",
        "a,b\n1,-2.5\n3,4e-3",
        "a,b\r\n1,-2.5\r\n3,4e-3\r\n",
        "\u{feff}a,b\n1,-2.5\n3,4e-3\n",
        "\u{feff}\"a\",\"b\"\r\n1,-2.5\r\n3,4e-3\r\n",
        "a, \"b\" \n\t1 , -2.5\n\"3\",\" +4e-3 \"\n\n",
    ] {
        let table = table(text);
        assert_eq!((table.names(), table.rows()), (&["a".to_owned(), "b".to_owned()][..], 2), "{text:?}");
        assert_eq!(table.columns::<f64>(&["a", "b"]).unwrap(), expected, "{text:?}");
    }
    // Neither moves the lines.
    let message = "line 4, column b: expected a number, found \"x\"";
    assert_eq!(refused("\u{feff}a,b\r\n1,2\r\n3,4\r\n5,x\r\n"), message);
    assert_eq!(refused("a,b\n1,2\n\n5,x\n"), message);
}

#[test]
fn n125_commas_and_quotes() {
    let message = "line 2, column b: expected a number, found \"2,5\" (decimals stand behind a point; \
                   CsvOptions::with_decimal_comma)";
    assert_eq!(refused("a,b\n1,\"2,5\"\n"), message);
    let table = table("\"a, of all\",\"b \"\"raw\"\"\"\n1,\"x, y\"\n2,\"over\ntwo lines\"\n3,\"x, y\"\n");
    assert_eq!(table.names(), ["a, of all", "b \"raw\""]);
    assert_eq!(table.columns::<f64>(&["a, of all"]).unwrap(), dmatrix![1.0; 2.0; 3.0]);
    let (labels, classes) = table.labels("b \"raw\"").unwrap();
    assert_eq!((labels, classes), (vec![1, 0, 1], vec!["over\ntwo lines".to_owned(), "x, y".to_owned()]));
    // A row over two lines counts both.
    assert_eq!(refused("c,a,b\n\"1\n2\",1,2\n3,4,x\n"), "line 4, column b: expected a number, found \"x\"");
    let refused = |text: &str| CsvTable::from_bytes(text.as_bytes(), b',').unwrap_err();
    for text in ["a,b\n1,2\n3,\"4\n5,6\n", "a,b\r\n1,2\r\n\"3,4"] {
        assert!(matches!(refused(text), CsvError::UnclosedQuote { line: 3 }), "{text:?}");
    }
    assert!(matches!(refused("a,b\n1,2\n3,4\"\n"), CsvError::QuoteWithinField { line: 3 }));
    assert!(matches!(refused("a,\"b\n1,2\n"), CsvError::UnclosedQuote { line: 1 }));
}

#[test]
fn n125_bytes_that_are_not_utf8() {
    assert_eq!(refused(b"a,b\n1,2\n3,\xff\n"), "line 3, column b: expected text in UTF-8, found other bytes");
    assert_eq!(refused(b"a,\xe4\n1,2\n"), "line 1, column number 2: expected text in UTF-8, found other bytes");
    let sixteen: Vec<u8> = "a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(CsvTable::from_bytes(&[&[0xff, 0xfe][..], &sixteen].concat(), b',').is_err());
}

#[test]
fn n125_nothing_and_what_is_not_there() {
    for nothing in ["", "\n\r\n", "\u{feff}"] {
        assert_eq!(refused(nothing), "names of columns: expected at least one, found none", "{nothing:?}");
    }
    assert_eq!(refused("a,b\n"), "rows: expected at least one, found none");
    let message = "names of columns: expected every name once, found \"a\" twice (CsvOptions::with_header and with_names give \
                   others)";
    assert_eq!(refused("a,b,a\n1,2,3\n"), message);
    let many = (0..20).map(|place| format!("n{place}")).collect::<Vec<_>>().join(",");
    let message = refused(format!("{many}\n{many}\n"));
    assert!(message.ends_with("\"n11\", … (20 in all), found none of this name"), "{message}");
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().to_owned(), directory.path().join("none.csv")] {
        assert!(matches!(CsvTable::read(&path), Err(CsvError::Io { .. })));
    }
    for delimiter in [b'"', b'\n', b'\r', 0xe4] {
        assert!(matches!(CsvTable::from_bytes(b"a\n1\n", delimiter), Err(CsvError::Delimiter { .. })));
    }
    let none: &[&str] = &[];
    assert_eq!(table("a\n1\n").columns::<f64>(none).unwrap().shape(), (1, 0));
    let error = table("a\n1\n").dataset::<f64>(none, &["a"]).unwrap_err();
    assert!(matches!(error, CsvError::Data(Error::Empty { what: "values of an input" })), "{error}");
}

#[test]
fn classes_by_name_and_by_index() {
    let table = table("x,kind,class\n1,oak,0\n2,fir,2\n3,oak,1\n");
    let (labels, classes) = table.labels("kind").unwrap();
    assert_eq!((&labels[..], &classes[..]), (&[1, 0, 1][..], &["fir".to_owned(), "oak".to_owned()][..]));
    assert_eq!(table.labels_among("kind", &["oak", "elm", "fir"]).unwrap(), [0, 2, 0]);
    let error = table.labels_among("kind", &["oak"]).unwrap_err();
    assert_eq!(error.to_string(), "line 3, column kind: expected the name of a class, found \"fir\"");
    assert_eq!(table.indices("class").unwrap(), [0, 2, 1]);
    let error = table.indices("kind").unwrap_err();
    assert_eq!(error.to_string(), "line 2, column kind: expected a whole number from 0, found \"oak\"");
    for text in ["-1", "1.0", "99999999999999999999"] {
        let table = CsvTable::from_bytes(format!("a\n{text}\n").as_bytes(), b',').unwrap();
        assert!(matches!(table.indices("a"), Err(CsvError::NotAnIndex { line: 2, .. })), "{text}");
    }
}

#[test]
fn iris_becomes_a_data_set() {
    let table = CsvTable::read(concat!(env!("CARGO_MANIFEST_DIR"), "/data/iris/iris.csv")).unwrap();
    let (last, inputs) = table.names().split_last().unwrap();
    let (labels, classes) = table.labels(last).unwrap();
    assert_eq!(classes, ["setosa", "versicolor", "virginica"]);
    let x = table.columns::<f32>(inputs).unwrap();
    assert_eq!((x.shape(), x[(149, 3)], labels[149]), ((150, 4), 1.8, 2));
    let data = Dataset::labeled(x.transpose(), labels, classes.len()).unwrap();
    assert_eq!((data.len(), data.input_size(), data.target_size()), (150, 4, 3));
    let data = table.dataset::<f64>(&["petal width"], &["petal length", "sepal length"]).unwrap();
    let mut batches = data.ordered_batches(1).unwrap();
    let first = batches.next_batch().unwrap();
    assert_eq!((first.inputs.as_slice(), first.targets.as_slice()), (&[0.2][..], &[1.4, 5.1][..]));
}

#[test]
fn what_python_writes_is_read_to_the_last_bit() {
    let directory = tempfile::tempdir().unwrap();
    let Some(said) = super::python(&["numpy"], "csv_tables.py", &[directory.path()]) else { return };
    let written: Value = serde_json::from_str(&said).unwrap();
    let column = |name: &str| written[name].as_array().unwrap().iter().map(|value| value.as_f64().unwrap());
    let count = column("a").len();
    assert!(count > 100);
    let expected = DMatrix::from_iterator(count, 2, column("a").chain(column("b, quoted")));
    for (name, delimiter) in [("comma.csv", b','), ("semicolon.csv", b';'), ("tab.tsv", b'\t')] {
        let table = CsvTable::read_delimited(directory.path().join(name), delimiter).unwrap();
        assert_eq!(table.columns::<f64>(&["a", "b, quoted"]).unwrap(), expected, "{name}");
        let (labels, classes) = table.labels("kind").unwrap();
        let found: Vec<&str> = labels.iter().map(|&label| classes[label].as_str()).collect();
        let kinds: Vec<&str> = written["kind"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
        assert_eq!(found, kinds, "{name}");
    }
    let table = CsvTable::read(directory.path().join("numpy.csv")).unwrap();
    assert_eq!(table.columns::<f64>(&["a", "b"]).unwrap(), expected);
}

proptest! {
    #![proptest_config(crate::counted::config())]

    #[test]
    fn any_bytes_are_a_table_or_an_error(bytes in proptest::collection::vec(prop::sample::select(&b"a1,\"\n\r\xff .-e"[..]), 0..40)) {
        if let Ok(table) = CsvTable::from_bytes(&bytes, b',') {
            let names = table.names().to_vec();
            prop_assert!(table.rows() > 0 && !names.is_empty());
            if let Ok(values) = table.columns::<f64>(&names) {
                prop_assert!(values.shape() == (table.rows(), names.len()) && values.iter().all(|value| value.is_finite()));
            }
        }
    }
}
