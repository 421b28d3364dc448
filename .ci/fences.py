"""The blocks of code in Markdown, and in the documentation of sources."""

import re

FENCE = re.compile(r"^```(.*)$")
RUST = ("", "rust", "no_run", "should_panic")


def documentation_only(lines):
    """Lines of a source, of which those without a comment of documentation are empty."""
    return [re.sub(r"^\s*//[/!] ?", "", line) if re.match(r"^\s*//[/!]", line) else "" for line in lines]


def blocks(lines, languages=RUST):
    """The blocks in one of some languages: each its language, and its lines."""
    found, language = [], None
    for line in lines:
        fence = FENCE.match(line.strip())
        if not fence:
            if language in languages:
                found[-1][1].append(line)
        elif language is not None:
            language = None
        else:
            language = fence.group(1).strip()
            if language in languages:
                found.append((language, []))
    return found
