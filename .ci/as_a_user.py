"""Builds and runs the examples of README.md, of the front page and of the pages of the documentation, as a user does.

They are the functions of one program, outside the workspace, whose Cargo.toml is what README.md says: the dependencies that
it names, with gradus from here, and its profile. Tests of the documentation see what the crate itself depends on, and are
optimized.

The loops of the crate must then be those that are compiled with it: see src/compiled.rs.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from fences import blocks, documentation_only

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
USER = TARGET / "as_a_user"


def manifest(readme):
    """What README.md says of Cargo.toml, with gradus from here."""
    own = tomllib.loads((ROOT / "Cargo.toml").read_text())
    said = "\n".join(line for _, code in blocks(readme, ("toml",)) for line in code)
    for name, dependency in tomllib.loads(said)["dependencies"].items():
        version = dependency if isinstance(dependency, str) else dependency["version"]
        expected = own["package"] if name == "gradus" else own["dependencies"][name]
        expected = expected if isinstance(expected, str) else expected["version"]
        if not f"{expected}.".startswith(f"{version}."):
            sys.exit(f"README.md asks for {name} {version}, Cargo.toml for {expected}")
    said, count = re.subn(r'^gradus = ("[^"]*")$', rf'gradus = {{ version = \1, path = "{ROOT}" }}', said, flags=re.M)
    if count != 1:
        sys.exit("README.md does not say how to depend on gradus")
    # Hidden lines of examples ask for features by these names.
    features = "".join(f"{name} = {own['features']['default'] if name == 'default' else []}\n" for name in own["features"])
    package = f'[package]\nname = "as_a_user"\nedition = "{own["package"]["edition"]}"\n'
    return f"{package}\n[workspace]\n\n[features]\n{features}\n{said}\n"


def function(code):
    """An example as a function `main` of a module, as tests of the documentation make it one."""
    lines = [re.sub(r"^(\s*)# ?", r"\1", line) if re.match(r"^\s*#(?:\s|$)", line) else line for line in code]
    text = "\n".join(lines)
    if "fn main()" in text:
        return text.replace("fn main()", "pub(crate) fn main()")
    result = " -> Result<(), impl std::fmt::Debug>" if lines[-1].startswith("Ok::<") else ""
    return f"pub(crate) fn main(){result} {{\n{text}\n}}"


readme = (ROOT / "README.md").read_text().splitlines()
pages = [(ROOT / "README.md", readme)]
front = (ROOT / "src/lib.rs").read_text().splitlines()
pages.append((ROOT / "src/lib.rs", documentation_only(line for line in front if line.startswith("//!"))))
pages += [(path, path.read_text().splitlines()) for path in sorted((ROOT / "src/docs").rglob("*.md"))]

if blocks(pages[1][1], ("toml",)) != blocks(readme, ("toml",)):
    sys.exit("README.md and src/lib.rs say different things of Cargo.toml")

modules, calls = [], []
for path, lines in pages:
    for number, (_, code) in enumerate(blocks(lines, ("", "rust")), 1):
        name = re.sub(r"\W", "_", f"{path.stem}_{number}").lower()
        modules.append(f"mod {name} {{\n{function(code)}\n}}\n")
        calls.append(f'    println!("-- {path.relative_to(ROOT)}, example {number}");\n')
        calls.append(f"    assert_eq!({name}::main().report(), ExitCode::SUCCESS);\n")
program = f"""#![deny(warnings)]

use std::process::{{ExitCode, Termination}};

{"".join(modules)}
fn main() {{
{"".join(calls)}}}
"""

(USER / "src").mkdir(parents=True, exist_ok=True)
(USER / "Cargo.toml").write_text(manifest(readme))
(USER / "src/main.rs").write_text(program)
shutil.copy(ROOT / "Cargo.lock", USER)
environment = os.environ | {"CARGO_TARGET_DIR": str(TARGET / "of_a_user"), "CARGO_PROFILE_DEV_DEBUG": "line-tables-only"}
if subprocess.run(["cargo", "build", "--quiet", "--offline"], cwd=USER, env=environment).returncode:
    sys.exit("an example does not compile where README.md is followed")
binary = TARGET / "of_a_user/debug/as_a_user"
# From the repository, where the data are that some examples read.
if subprocess.run([binary], cwd=ROOT, stdout=subprocess.DEVNULL, timeout=600).returncode:
    sys.exit("an example fails")

# A function that the program has taken from the crate is global.
symbols = subprocess.run(["nm", "--demangle", binary], capture_output=True, text=True, check=True).stdout
loops = re.findall(r" ([tT]) gradus::linalg::kernel::\w+::vectorized$", symbols, re.M)
print(f"{len(calls)} examples; {loops.count('T')} loops are the crate's, {loops.count('t')} compiled anew")
sys.exit("t" in loops or not loops)
