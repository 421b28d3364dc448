"""Lists public items that no example in the documentation shows; exit code 1 if there are any.

- A trait has an example of its own. So has a function, a struct or an enum, unless it is named in another's example.
- A type that only others make (a report, a bound objective) needs no name: an example uses a method or field of it, or
  calls what its documentation says it is made by.
- A method is called in some example. Exempt are accessors, which take nothing but &self: the example of their type is
  enough.
"""

import re
import sys
from pathlib import Path

from fences import blocks, documentation_only

ROOT = Path(__file__).parent.parent


def sources():
    for path in sorted((ROOT / "src").rglob("*.rs")):
        text = path.read_text()
        yield path.relative_to(ROOT), text.split("#[cfg(test)]\nmod tests")[0].splitlines()


def examples(lines):
    """The code of the examples in documentation, given without its comment marks."""
    return [line for _, code in blocks(lines) for line in code]


def documentation(lines, number):
    """The documentation of the item in this line, without comment marks."""
    above = []
    for line in reversed(lines[:number]):
        text = line.strip()
        if text.startswith("///"):
            above.append(text[3:].removeprefix(" "))
        elif not (text.startswith(("#[", ")]", "//")) or (above == [] and text.endswith((",", ")]")))):
            break
    return above[::-1]


# What a module exports: the root, and the public modules with what they define themselves.
root = (ROOT / "src/lib.rs").read_text()
modules = [(ROOT / f"src/{name}.rs").read_text() for name in re.findall(r"^pub mod (\w+);", root, re.M) if name != "docs"]
exported = set()
for text in [root.replace("pub use nalgebra;", ""), *modules]:
    exported |= set(re.findall(r"\w+", " ".join(re.findall(r"^pub use (.*?);", text, re.M | re.S))))
    exported |= set(re.findall(r"^pub (?:const )?(?:struct|enum|trait|fn) (\w+)", text, re.M))

shown, items, methods, members = [], [], [], {}
for path, lines in sources():
    shown += examples(documentation_only(lines))
    owner = None
    for number, line in enumerate(lines):
        if block := re.match(r"^(?:impl|pub trait|unsafe impl)\b", line):
            name = re.search(r"pub trait (\w+)", line) or re.search(r"for (?:\w+::)*(\w+)", line)
            if line.startswith("impl") and " for " in line:
                owner = None  # its methods are documented with the trait
            else:
                name = name or re.search(r"^impl(?:<.*?>)? (?:\w+::)*(\w+)(?:<|\s|$)", line)
                owner = name.group(1) if name else None
        if item := re.match(r"^pub (?:const )?(struct|enum|trait|fn) (\w+)", line):
            if item.group(2) in exported:
                text = documentation(lines, number)
                makers = set(re.findall(r"(?:Made by|that) \[`(?:\w+::)?(\w+)`\]", " ".join(text)))
                items.append((path, number + 1, *item.groups(), examples(text), makers))
                owner = item.group(2) if item.group(1) == "struct" else owner
        if field := re.match(r"^    pub (\w+):", line):
            members.setdefault(owner, set()).add(field.group(1))
        method = re.match(r"^    (pub )?fn (\w+)(.*)", line)
        if method and owner in exported:
            public, name, signature = method.groups()
            if public or any(re.match(rf"^pub trait {owner}\b", line) for line in lines):
                members.setdefault(owner, set()).add(name)
                if not signature.startswith("(&self) "):
                    methods.append((path, number + 1, owner, name))
for page in [*(ROOT / "src/docs").rglob("*.md"), ROOT / "README.md"]:
    shown += examples(page.read_text().splitlines())
shown = "\n".join(shown)



def used(owner):
    return any(re.search(rf"\.{member}\b", shown) for member in members.get(owner, ()))


called = set(re.findall(r"\b(\w+)\(", shown))
missing = []
for path, line, kind, name, code, makers in items:
    elsewhere = kind != "trait" and (re.search(rf"\b{name}\b", shown) or used(name) or makers & called)
    if not code and not elsewhere:
        missing.append(f"{path}:{line}: {name} has no example")
for path, line, owner, name in methods:
    if not re.search(rf"(?:\.|::|\bfn ){name}\b(?:::<.*?>)?\(", shown):
        missing.append(f"{path}:{line}: {owner}::{name} is called in no example")
print("\n".join(missing) or f"{len(items)} items and {len(methods)} methods, all with examples")
sys.exit(bool(missing))
