#!/usr/bin/env python3
"""Completes command lines in bash, zsh and fish, each as it comes, with the scripts that accllm prints.

usage: completion_test.py --binary ACCLLM [TEST...]
"""

import argparse
import os
import pathlib
import pty
import re
import select
import shlex
import subprocess
import sys
import tempfile
import time
import unittest

TIMEOUT = 60  # seconds; a loaded machine is slow
FILES = ["calm sea.txt", "model.acc"]

# What one gets for a line that ends where TAB is pressed; "FILES" are the two files of the folder.
CASES = {
    "accllm comp": ["compress"],
    "accllm e": ["eval", "export"],
    "accllm --v": ["--version"],
    "accllm chat --rep": ["--repetition-penalty"],
    "accllm verify --": ["--config", "--help", "--json"],
    "accllm compress --recipe dense-w": ["dense-w2", "dense-w3", "dense-w4"],
    "accllm compress x --recipe jo": ["joint"],
    "accllm eval --precision w": ["w", "wa8", "wa8kv4"],
    "accllm bench --format ": ["csv", "json", "md"],
    "accllm help --completion ": ["bash", "fish", "zsh"],
    "accllm help ev": ["eval"],
    "accllm help --man syn": ["synth"],
    "accllm chat ": FILES,
    "accllm chat mod": ["model.acc"],
    "accllm compress x -o ": FILES,
    "accllm compress x --output ": FILES,
    "accllm eval x --against mo": ["model.acc"],
    "accllm eval x --config ca": ["calm sea.txt"],
    "accllm chat x --system ": [],
    "accllm chat x -n ": [],
    "accllm compress x --keep-dense ": [],
    "accllm synth mod": [],
}


def script(shell):
    return subprocess.run([BINARY, "help", "--completion", shell], check=True, text=True,
                          capture_output=True).stdout


class Shell:
    """A folder with FILES and `script`."""

    def __init__(self, name):
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        for file in FILES:
            (folder / file).touch()
        (folder / ".script").write_text(script(name))  # hidden from completion
        self.options = {"cwd": folder, "text": True, "capture_output": True, "timeout": TIMEOUT,
                        "env": {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "dumb",
                                "LANG": "C.UTF-8"}}

    def run(self, *command):
        result = subprocess.run(command, **self.options)
        assert result.returncode == 0 and not result.stderr, result
        return result.stdout.splitlines()


class Bash(unittest.TestCase):
    def complete(self, words):
        return sorted(self.shell.run(
            "bash", "--norc", "-c",
            f"source .script; COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; "
            '_accllm; for word in "${COMPREPLY[@]}"; do echo "$word"; done'))

    def test_cases(self):
        self.shell = Shell("bash")
        for line, expected in CASES.items():
            self.assertEqual(self.complete(line.split(" ")), expected, line)

    def test_value_behind_an_equals_sign(self):
        self.shell = Shell("bash")
        self.assertEqual(self.complete(["accllm", "eval", "--precision", "="]),
                         ["w", "wa8", "wa8kv4"])
        self.assertEqual(self.complete(["accllm", "eval", "--precision", "=", "wa8k"]), ["wa8kv4"])
        self.assertEqual(self.complete(["accllm", "eval", "--text", "=", "mod"]), ["model.acc"])

    def test_it_is_registered(self):
        self.assertEqual(Shell("bash").run("bash", "--norc", "-c", "source .script; complete -p"),
                         ["complete -F _accllm accllm"])


class Fish(unittest.TestCase):
    def test_cases(self):
        shell = Shell("fish")
        for line, expected in CASES.items():
            lines = shell.run("fish", "--no-config", "-c",
                              f"source .script; complete -C {shlex.quote(line)}")
            # A candidate may have a description behind a tab.
            got = sorted(text.split("\t")[0] for text in lines)
            self.assertEqual(got, expected, line)


class Zsh(unittest.TestCase):
    """zsh completes only at a terminal: type the line and TAB, and read what its menu holds."""

    # Every candidate goes to a file instead of the screen.
    SETUP = """
PS1='ready> '
autoload -Uz compinit && compinit -D -u
source .script
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a __hits
  builtin compadd -A __hits "$@"
  print -rl -- $__hits >> .hits
}
finish() { print -r -- END >> .hits; zle kill-whole-line }
zle -N finish
bindkey '^T' complete-word
bindkey '^E' finish
"""

    def setUp(self):
        self.shell = Shell("zsh")
        self.hits = pathlib.Path(self.shell.folder.name) / ".hits"
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(self.shell.folder.name)
            os.execvpe("zsh", ["zsh", "-f", "-i"], self.shell.options["env"])
        (self.hits.parent / ".setup").write_text(self.SETUP)
        self.send("source ./.setup\n")

    def tearDown(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)

    def send(self, text):
        os.write(self.terminal, text.encode())

    def complete(self, line):
        self.hits.write_text("")
        self.send(line + "\x14\x05")
        end = time.monotonic() + TIMEOUT
        while not (text := self.hits.read_text()).endswith("END\n"):
            if select.select([self.terminal], [], [], 0.01)[0]:
                os.read(self.terminal, 65536)
            self.assertLess(time.monotonic(), end, f"no END after {line!r}: {text!r}")
        return sorted(set(filter(None, text.splitlines()[:-1])))

    def test_cases(self):
        for line, expected in CASES.items():
            self.assertEqual(self.complete(line), expected, line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    options, rest = parser.parse_known_args()
    BINARY = os.path.abspath(options.binary)
    unittest.main(argv=[sys.argv[0], *rest])
