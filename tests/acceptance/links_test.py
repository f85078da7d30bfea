"""The pages hang together: each link of a page resolves, and a newcomer finds each path in the README and two clicks."""

import re
import subprocess
import unittest
from pathlib import Path

from readme import sentences
from resolved import ROOT

LINK = re.compile(r"!?\[(?:[^\]]*)\]\(([^)\s]+)\)")
# What a newcomer looks for, the page and the heading that answer it.
PATHS = {
    "try it": "README.md#try-it",
    "deploy it read-only": "README.md#deploy-it-read-only",
    "connect GuardDuty": "README.md#connect-guardduty",
    "protect the board": "README.md#protect-the-board",
    "stop everything": "README.md#stop-everything-now",
    "stop what the switch does not reach": "docs/operating.md#stop-everything-without-the-switch",
    "undo a containment": "README.md#undo-a-containment",
    "add a playbook": "CONTRIBUTING.md#add-a-playbook",
    "what to do about an alarm": "docs/operating.md#alarms",
    "move dead letters back": "docs/operating.md#dead-letters",
    "what a role must be allowed": "docs/security-model.md#the-key",
}


def pages():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return {name: (ROOT / name).read_text() for name in listed.stdout.splitlines()}


def anchors(text):
    """Those that GitHub gives the headings."""
    without = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", without, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(name, text):
    """Page or file from the root of the repository, and the anchor; without those that lead to other sites."""
    for target in LINK.findall(sentences(text)):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            resolved = (ROOT / name).parent.joinpath(path).resolve() if path else ROOT / name
            yield str(resolved.relative_to(ROOT.resolve())), anchor


class Links(unittest.TestCase):
    def test_each_relative_link_and_anchor_resolves(self):
        found = pages()
        for name, text in found.items():
            for path, anchor in links(name, text):
                self.assertTrue((ROOT / path).exists(), f"{name} leads to {path}")
                if anchor:
                    self.assertIn(anchor, anchors(found[path]), f"{name} leads to {path}#{anchor}")

    def test_a_newcomer_finds_each_path_in_the_readme_and_two_clicks(self):
        found = pages()
        reached = {"README.md"}
        for _ in range(2):
            reached |= {path for name in reached & set(found) for path, _ in links(name, found[name])}
        for wanted, place in PATHS.items():
            page, anchor = place.split("#")
            self.assertIn(page, reached, wanted)
            self.assertIn(anchor, anchors(found[page]), wanted)
        self.assertLessEqual({name for name in found if name.startswith("docs/")}, reached)

    def test_the_readme_is_short(self):
        self.assertLessEqual(len((ROOT / "README.md").read_text().splitlines()), 150)


if __name__ == "__main__":
    unittest.main()
