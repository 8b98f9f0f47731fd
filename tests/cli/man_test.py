#!/usr/bin/env python3
"""Checks the manual pages with mandoc and groff, and what an installation holds.

usage: man_test.py --binary ACCLLM --build BUILD_FOLDER
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest


def man(*verb):
    return subprocess.run([BINARY, "help", "--man", *verb], check=True, text=True,
                          capture_output=True).stdout


def verbs():
    """As the main page's SEE ALSO names them."""
    return re.findall(r"^\.BR accllm\\-(\w+) \(1\)", man(), re.MULTILINE)


class ManualPages(unittest.TestCase):
    def test_there_is_one_a_verb(self):
        self.assertIn("compress", verbs())
        self.assertIn("help", verbs())

    def test_linters_find_nothing(self):
        for verb in ((), *((verb,) for verb in verbs())):
            for linter in (["mandoc", "-T", "lint", "-W", "warning"],
                           ["groff", "-man", "-ww", "-z"]):
                result = subprocess.run(linter, input=man(*verb), text=True, capture_output=True)
                self.assertEqual((result.returncode, result.stdout + result.stderr), (0, ""), verb)

    def test_they_show_what_help_says(self):
        text = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=500"], input=man("compress"),
                              text=True, capture_output=True, check=True).stdout
        text = re.sub(r".\x08", "", text)  # bold and underlined
        for part in ("accllm-compress - Turn a LLaMA", "-o, --output FILE", "Default: tuned.",
                     "Environment: ACCLLM_KEEP_DENSE.", "-h, --help", "config.toml",
                     "130", "accllm compress models/books-6m -o plain.acc --recipe "
                     "magnitude-nearest --keep-dense 'layers.0.*=w4'"):
            self.assertIn(part, text)
        for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES",
                        "EXIT STATUS", "EXAMPLES", "SEE ALSO"):
            self.assertRegex(text, f"(?m)^{section}$")


class Installation(unittest.TestCase):
    def test_it_is_complete(self):
        with tempfile.TemporaryDirectory() as prefix:
            subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True,
                           capture_output=True)
            self.assertTrue(shutil.which("accllm", path=os.path.join(prefix, "bin")))
            share = os.path.join(prefix, "share")
            pages = {"accllm.1", *(f"accllm-{verb}.1" for verb in verbs())}
            self.assertEqual(set(os.listdir(os.path.join(share, "man", "man1"))), pages)
            with open(os.path.join(share, "man", "man1", "accllm-chat.1")) as page:
                self.assertEqual(page.read(), man("chat"))
            for script in ("bash-completion/completions/accllm", "zsh/site-functions/_accllm",
                           "fish/vendor_completions.d/accllm.fish"):
                self.assertGreater(os.path.getsize(os.path.join(share, script)), 1000)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--build", required=True)
    options, rest = parser.parse_known_args()
    BINARY, BUILD = os.path.abspath(options.binary), options.build
    unittest.main(argv=[sys.argv[0], *rest])
