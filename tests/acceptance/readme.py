"""The commands of the documentation: those in its blocks of code, and those in its sentences."""

import re
from dataclasses import dataclass, field

from resolved import ROOT

# Before a block, or behind a command in a sentence: it can only be run on AWS.
ONLY_AWS = "<!-- only AWS can answer -->"
# Before a block of something else.
NO_COMMANDS = "<!-- no commands -->"
# Languages of fenced blocks that hold commands.
SHELLS = {"", "sh", "bash", "console"}
IN_A_SENTENCE = re.compile(r"`((?:aws|cargo|pip|rustup|sam) [^`]*)`(<!--.*?-->)?")
# A playbook, an event, and the beginning of the summary.
EXAMPLE = re.compile(r'^([a-z-]+) +(\{.*\}) +"([^"]*?)(?: \.\.\.)?"$', re.MULTILINE)


@dataclass
class Block:
    """`commands` are logical lines; `output` is what a block with prompts shows below its command."""

    commands: list = field(default_factory=list)
    output: str = ""
    marked: bool = False


def text():
    """All pages that show commands, as one."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    return "\n\n".join(page.read_text() for page in pages)


def code(readme):
    """Each block of code: its language (`None` where it is indented), the line before it, and its content."""
    lines = readme.splitlines()
    before, number = "", 0
    while number < len(lines):
        line = lines[number]
        if line.startswith("```"):
            end = lines.index("```", number + 1)
            yield line.removeprefix("```"), before, "\n".join(lines[number + 1 : end])
            before, number = "", end + 1
        elif line.startswith("    ") and not lines[number - 1].strip():
            end = number
            while end < len(lines) and (not lines[end].strip() or lines[end].startswith("    ")):
                end += 1
            yield None, before, "\n".join(line[4:] for line in lines[number:end]).rstrip()
            before, number = "", end
        else:
            before, number = line.strip() or before, number + 1


def blocks(readme):
    """What a reader would run, in the order of the text; a command in a sentence is a block of its own."""
    found = []
    for language, before, content in code(readme):
        if before == NO_COMMANDS or EXAMPLE.search(content) or language not in SHELLS | {None}:
            continue
        joined = content.replace("\\\n", " ")
        prompts = re.findall(r"^\$ (.*)$", joined, re.MULTILINE)
        output = re.sub(r"^\$ .*\n", "", joined, flags=re.MULTILINE) if prompts else ""
        found.append(Block(prompts or joined.splitlines(), output, before == ONLY_AWS))
    for command, mark in IN_A_SENTENCE.findall(sentences(readme)):
        found.append(Block([command], marked=mark == ONLY_AWS))
    return found


def sentences(readme):
    """The text without its blocks of code."""
    without = re.sub(r"^```.*?^```$", "", readme, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(?<=\n\n)(?: {4}.*\n)+", "", without)


def examples(readme):
    return [example for _, _, content in code(readme) for example in EXAMPLE.findall(content)]
