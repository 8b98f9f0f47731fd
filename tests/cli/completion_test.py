#!/usr/bin/env python3
"""Completes command lines in bash, zsh and fish, each as it comes, with the scripts that accllm prints.

usage: completion_test.py --binary ACCLLM [TEST...]
"""

import argparse
import os
import pathlib
import pty
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
    "accllm comp": ["compile", "compress"],
    "accllm e": ["eval", "explore", "export"],
    "accllm --v": ["--version"],
    "accllm chat --rep": ["--repetition-penalty"],
    "accllm verify --": ["--config", "--help", "--json"],
    "accllm compress --recipe dense-w": ["dense-w2", "dense-w3", "dense-w4"],
    "accllm compress x --recipe joint-": ["joint-free", "joint-w2"],
    "accllm eval --precision w": ["w", "wa8", "wa8kv4"],
    "accllm bench --format ": ["csv", "json", "md"],
    "accllm run x --device ": ["cycle", "functional", "rtl", "xrt"],
    "accllm help --completion ": ["bash", "fish", "zsh"],
    "accllm help ev": ["eval"],
    "accllm help --man syn": ["synth"],
    "accllm chat ": FILES,
    "accllm chat mod": ["model.acc"],
    "accllm compress x -o ": FILES,
    "accllm compress x --output ": FILES,
    "accllm eval x --against mo": ["model.acc"],
    "accllm run mod": ["model.acc"],
    "accllm run x --trace mo": ["model.acc"],
    "accllm compile x --target ca": ["calm sea.txt"],
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
    """A folder with FILES to complete in, and another, its home, with the script."""

    def __init__(self, name):
        self.folder = tempfile.TemporaryDirectory()
        self.home = pathlib.Path(self.folder.name, "home")
        self.cwd = pathlib.Path(self.folder.name, "cwd")
        for folder in (self.home, self.cwd):
            folder.mkdir()
        for file in FILES:
            (self.cwd / file).touch()
        (self.home / "script").write_text(script(name))
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TERM": "dumb",
                            "LANG": "C.UTF-8"}

    def run(self, *command):
        result = subprocess.run(command, cwd=self.cwd, env=self.environment, text=True,
                                capture_output=True, timeout=TIMEOUT)
        assert result.returncode == 0 and not result.stderr, result
        return result.stdout.splitlines()

    def close(self):
        self.folder.cleanup()


class ShellTest(unittest.TestCase):
    def open(self, name):
        self.shell = Shell(name)
        self.addCleanup(self.shell.close)

    def complete(self, line):
        """What there is for the end of the line, sorted."""
        raise NotImplementedError

    def check_cases(self):
        for line, expected in CASES.items():
            self.assertEqual(self.complete(line), expected, line)


class Bash(ShellTest):
    def setUp(self):
        self.open("bash")

    def complete(self, line):
        words = line.split(" ")
        return sorted(self.shell.run(
            "bash", "--norc", "-c",
            f"source ~/script; COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}; "
            '_accllm; for word in "${COMPREPLY[@]}"; do echo "$word"; done'))

    def test_cases(self):
        self.check_cases()

    def test_value_behind_an_equals_sign(self):
        self.assertEqual(self.complete("accllm eval --precision ="), ["w", "wa8", "wa8kv4"])
        self.assertEqual(self.complete("accllm eval --precision = wa8k"), ["wa8kv4"])
        self.assertEqual(self.complete("accllm eval --text = mod"), ["model.acc"])

    def test_it_is_registered(self):
        self.assertEqual(self.shell.run("bash", "--norc", "-c", "source ~/script; complete -p"),
                         ["complete -F _accllm accllm"])


class Fish(ShellTest):
    def complete(self, line):
        lines = self.shell.run("fish", "--no-config", "-c",
                               f"source ~/script; complete -C {shlex.quote(line)}")
        return sorted(text.split("\t")[0] for text in lines)  # a description follows the tab

    def test_cases(self):
        self.open("fish")
        self.check_cases()


class Zsh(ShellTest):
    """zsh completes only at a terminal: this types lines into one and notes what is offered."""

    # compadd is what all completions end in; calls that only filter go on to the real one.
    SETUP = """
autoload -Uz compinit && compinit -D -u
source ~/script
compadd() {
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a hits
  builtin compadd -A hits "$@"
  print -rl -- $hits >> ~/hits
}
finish() { print -r -- END >> ~/hits; zle kill-whole-line }
zle -N finish
bindkey '^T' complete-word
bindkey '^E' finish
"""

    def setUp(self):
        self.open("zsh")
        self.hits = self.shell.home / "hits"
        (self.shell.home / "setup").write_text(self.SETUP)
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(self.shell.cwd)
            os.execvpe("zsh", ["zsh", "-f", "-i"], self.shell.environment)
        self.addCleanup(self.hang_up)
        self.send("source ~/setup\n")

    def hang_up(self):
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
        hits = {hit.replace("\\", "") for hit in text.splitlines()[:-1]}  # quoted for the line
        return sorted(hits - {""})

    def test_cases(self):
        self.check_cases()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    options, rest = parser.parse_known_args()
    BINARY = os.path.abspath(options.binary)
    unittest.main(argv=[sys.argv[0], *rest])
