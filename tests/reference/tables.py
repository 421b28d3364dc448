"""Tables as programs and people write them, with what pandas reads in them: tests/files/tables.rs compares
the crate with it. The first ones are the cases of csv-spectrum, written anew.

Values that are not known are null. The options are those of `CsvOptions`.

Run in this directory: python3 tables.py > tables.json
"""

import gzip
import io
import json
import platform

import pandas

CASES = [
    ("comma_in_quotes", {}, 'first,last,address,city,zip\nJohn,Doe,120 any st.,"Anytown, WW",08123\n'),
    ("empty", {}, 'a,b,c\n1,"",""\n2,3,4\n'),
    ("empty_crlf", {}, 'a,b,c\r\n1,"",""\r\n2,3,4\r\n'),
    ("escaped_quotes", {}, 'a,b\n1,"ha ""ha"" ha"\n3,4\n'),
    ("json", {}, 'key,val\n1,"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"\n'),
    ("newlines", {}, 'a,b,c\n1,2,3\n"Once upon \na time",5,6\n7,8,9\n'),
    ("newlines_crlf", {}, 'a,b,c\r\n1,2,3\r\n"Once upon \r\na time",5,6\r\n7,8,9\r\n'),
    ("quotes_and_newlines", {}, 'a,b\n1,"ha \n""ha"" \nha"\n3,4\n'),
    ("simple", {}, "a,b,c\n1,2,3\n"),
    ("simple_crlf", {}, "a,b,c\r\n1,2,3\r\n"),
    ("utf8", {}, "a,b,c\n1,2,3\n4,5,ʤ\n"),
    ("location_coordinates", {}, 'Phone,Location,City\n012-345-6789,"37°36\'37.8""N 121°2\'17.9""W",Sunol\n'),
    # Written by programs.
    ("R: write.csv", {}, '"","x","y"\n"1",1.5,"a"\n"2",-2,"b"\n'),
    ("R: write.csv with NA", {"missing": ["NA"]}, '"","x","y"\n"1",1.5,"a"\n"2",NA,NA\n'),
    ("R: write.csv2", {"delimiter": ";", "decimal_comma": True}, '"";"x";"y"\n"1";1,5;"a"\n"2";-2;"b"\n'),
    ("pandas: index", {}, ",x,y\n0,1.5,a\n1,,b\n"),
    ("pandas: array", {"header": True}, ",0,1\n0,1.5,2\n1,0.25,3\n"),
    ("Excel: UTF-8", {}, "\ufeffName,Größe\r\nAnna,1.5\r\nBo,2\r\n"),
    ("Excel: UTF-8, quoted", {}, '\ufeff"Name, first","Größe"\r\n"Anna",1.5\r\n'),
    ("Excel: decimal comma", {"delimiter": ";", "decimal_comma": True}, "\ufeffx;y\r\n1,5;-2,25\r\n1e3;4\r\n"),
    ("Excel: old Macintosh", {}, 'x,y\r1,2\r"3",4\r'),
    ("tabs", {"delimiter": "\t"}, "x\ty\tkind\n1\t2,5\tan oak\n3\t4\t\n"),
    ("bars", {"delimiter": "|"}, "x|y\n1|2\n"),
    ("NumPy: savetxt", {"comment": "#", "header": False}, "# x,y\n1.0e+00,2.5e-01\n-3.0e+00,4.0e+00\n"),
    ("SQL", {"missing": ["NULL"]}, "id,price\n1,NULL\n2,3.50\n"),
    # Written by people.
    ("blank before quotes, names", {"trimming": True}, '"Name", "Sex, if known"\nAnna, f\n'),
    ("blank before quotes, classes", {"trimming": True}, 'kind,y\n"yes",1\n "yes",2\n'),
    ("no header", {"header": False}, "5.1,3.5,setosa\n4.9,3.0,setosa\n"),
    ("names given", {"names": ["length", "kind"]}, "5.1,setosa\n4.9,setosa\n"),
    ("names replaced", {"header": True, "names": ["a", "b"]}, "x,x\n1,2\n3,4\n"),
    ("years", {"header": True}, "country,2019,2020\nIceland,3.9,-7.2\n"),
    ("an index and years", {}, "id,2019,2020\n1,3.9,-7.2\n"),
    ("question marks", {"missing": ["?", "-"]}, "mpg,hp\n18.0,130.0\n25.0,?\n-,90\n"),
    ("comments", {"comment": "#"}, "# from the lab\nx,y\n#1,2\n3,4\n# end\n"),
    ("empty lines", {}, "\n\nx,y\n\n1,2\n   \n3,4\n\n\n"),
    ("trailing delimiters", {}, "x,y,\n1,2,\n3,4,\n"),
    ("two columns without a name", {}, ",x,\n1,2,3\n"),
    ("no line break at the end", {}, "x,y\n1,2"),
    ("mixed ends of lines", {}, "x,y\r\n1,2\n3,4\r5,6"),
    ("quoted numbers", {}, '"x","y"\n"1.5","2"\n"-3",4\n'),
    ("blanks around numbers", {}, "x,y\n1, 2\n 3 ,4\n"),
    ("one column", {}, "x\n1\n2\n"),
    ("signs and exponents", {}, "x\n+1\n-0\n1e5\n2.E-3\n.5\n"),
    ("gzipped", {"gzip": [100]}, "x,y\n1,2\n3,4\n"),
    ("gzipped in parts", {"gzip": [5, 9, 100]}, "x,y\n1,2\n3,4\n"),
]


def packed(text, ends):
    starts = [0, *ends]
    return b"".join(gzip.compress(text[start:end], mtime=0) for start, end in zip(starts, ends))


def read(options, data):
    names, header = options.get("names"), options.get("header")
    header = 0 if (names is None if header is None else header) else None
    frame = pandas.read_csv(
        io.BytesIO(data),
        sep=options.get("delimiter", ","),
        header=header,
        names=names,
        comment=options.get("comment"),
        na_values=[*options.get("missing", []), ""],
        keep_default_na=False,
        skipinitialspace=options.get("trimming", False),
        decimal="," if options.get("decimal_comma") else ".",
        compression="gzip" if "gzip" in options else None,
        index_col=False,
    )
    columns = []
    for name, column in frame.items():
        numeric = pandas.api.types.is_numeric_dtype(column)
        convert = float if numeric else str
        values = [None if pandas.isna(value) else convert(value) for value in column]
        columns.append({"name": str(name), "numbers": numeric, "values": values})
    return columns


def main():
    cases = []
    for name, options, text in CASES:
        data = text.encode()
        if "gzip" in options:
            data = packed(data, options["gzip"])
        content = {"bytes": list(data)} if "gzip" in options else {"text": text}
        cases.append({"name": name, "options": options, **content, "columns": read(options, data)})
    versions = {"python": platform.python_version(), "pandas": pandas.__version__}
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    print(f'{{"made by": "tables.py", "versions": {json.dumps(versions)}, "cases": [\n{lines}\n]}}')


main()
