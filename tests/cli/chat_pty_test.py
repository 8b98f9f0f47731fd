#!/usr/bin/env python3
"""Drives `accllm chat` through a pseudo-terminal as a person does, and through pipes as a script does.

usage: chat_pty_test.py --binary ACCLLM [TEST...]
"""

import argparse
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATE = """{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}
{% else %}{{ m.role | title }}: {{ m.content | trim }}{{ eos_token }}
{% endif %}{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"""
TIMEOUT = 60  # seconds; a loaded machine is slow
UP = "\x1b[A"
CTRL_C = "\x03"
CTRL_D = "\x04"
ANSWERED = r"\[\d+ tokens, [^\]]*\]"


class Terminal:
    """A running `accllm chat` and what it has written so far."""

    def __init__(self, *arguments, state=None, n_tokens=8):
        command = [BINARY, "chat", str(FOLDER / "model.acc"), "-t", "1", "-n", str(n_tokens),
                   *arguments]
        environment = {**os.environ, "TERM": "xterm",
                       "XDG_STATE_HOME": state or tempfile.mkdtemp(dir=FOLDER)}
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(BINARY, command, environment)
        self.expect("> ")

    def send(self, text):
        os.write(self.fd, text.encode())

    def read_some(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            piece = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            return False
        self.text += piece.decode("utf-8", "replace")
        return bool(piece)

    def expect(self, pattern):
        """Waits for `pattern` and takes off everything up to its end."""
        end = time.monotonic() + TIMEOUT
        while not (found := re.search(pattern, self.text)):
            if time.monotonic() > end or not self.read_some(end - time.monotonic()):
                raise AssertionError(f"{pattern!r} did not come; there is only {self.text!r}")
        self.text = self.text[found.end():]
        return found

    def ask(self, text):
        """Types a line and waits for the answer and the next prompt."""
        self.send(text + "\r")
        self.expect(ANSWERED)
        self.expect("> ")

    def command(self, text, pattern="> "):
        self.send(text + "\r")
        self.expect(re.escape(text[:20]))
        found = self.expect(pattern)
        if pattern != "> ":
            self.expect("> ")
        return found

    def exit_code(self):
        while self.read_some(TIMEOUT):
            pass
        os.close(self.fd)
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        os.kill(self.pid, signal.SIGKILL)
        raise AssertionError(f"it does not end; there is {self.text!r}")

    def leave(self):
        self.send(CTRL_D)
        return self.exit_code()

    def saved(self):
        """The messages, by /save."""
        path = FOLDER / "saved.json"
        self.command(f"/save {path}", r"saved \d+ messages")
        return json.loads(path.read_text("utf-8"))["messages"]


def run_piped(text, *arguments):
    command = [BINARY, "chat", str(FOLDER / "model.acc"), "-t", "1", "-n", "8", *arguments]
    return subprocess.run(command, input=text, text=True, capture_output=True, timeout=TIMEOUT)


class AtATerminal(unittest.TestCase):
    def test_a_typed_line_is_answered(self):
        chat = Terminal()
        self.assertEqual(chat.leave(), 0)
        chat = Terminal()
        chat.ask("The ship")
        messages = chat.saved()
        self.assertEqual([message["role"] for message in messages], ["user", "assistant"])
        self.assertEqual(messages[0]["content"], "The ship")
        self.assertEqual(chat.leave(), 0)

    def test_unicode_and_editing(self):
        chat = Terminal()
        chat.ask("Walß\x7f und Böt\x01Der \x05e")
        self.assertEqual(chat.saved()[0]["content"], "Der Wal und Böte")
        self.assertEqual(chat.leave(), 0)

    def test_arrow_up_brings_the_last_line_back_also_after_a_restart(self):
        state = tempfile.mkdtemp(dir=FOLDER)
        chat = Terminal(state=state)
        chat.ask("The old captain")
        chat.ask(UP)
        messages = chat.saved()
        self.assertEqual([messages[i]["content"] for i in (0, 2)], ["The old captain"] * 2)
        self.assertEqual(chat.leave(), 0)
        chat = Terminal(state=state)
        chat.ask(UP + UP)  # the last one was /save
        self.assertEqual(chat.saved()[0]["content"], "The old captain")
        self.assertEqual(chat.leave(), 0)

    def test_history_that_cannot_be_written_does_not_matter(self):
        chat = Terminal(state="/proc/nowhere")
        chat.ask("The ship")
        self.assertEqual(chat.leave(), 0)

    def test_ctrl_c_stops_an_answer_but_not_the_program(self):
        chat = Terminal("--ignore-eos", n_tokens=1_000_000)
        chat.send("The ship\r")
        chat.expect(r"The ship\s+(\S+\s+){8}")
        chat.send(CTRL_C)
        chat.expect("stopped by interrupt")
        chat.expect("> ")
        chat.command("/window", "tokens so far")
        self.assertEqual(chat.leave(), 0)

    def test_ctrl_c_at_the_prompt(self):
        chat = Terminal()
        chat.send("half a line" + CTRL_C)
        chat.expect("half a line")
        chat.expect("> ")
        chat.send(CTRL_C)
        chat.expect("Ctrl-C again")
        chat.expect("> ")
        chat.send(CTRL_C)
        self.assertEqual(chat.exit_code(), 0)

    def test_commands(self):
        chat = Terminal("--template", str(FOLDER / "chat.jinja"))
        chat.command("/help", "/system TEXT")
        chat.command("/system You are a whale.")
        chat.ask("Hello")
        self.assertEqual(chat.saved()[0], {"role": "system", "content": "You are a whale."})
        chat.ask("Again")
        chat.command("/stats", "0 times the whole conversation")
        chat.command("/system Be a ship.")
        chat.ask("Once more")
        chat.command("/stats", "1 times the whole conversation")
        chat.command("/window", r"a window of \d+; \d+ tokens so far")
        path = FOLDER / "kept.json"
        chat.command(f"/save {path}", "saved 7 messages")
        chat.command("/reset")
        self.assertEqual([m["role"] for m in chat.saved()], ["system"])
        chat.command(f"/load {path}", "loaded 7 messages")
        chat.ask("And on")
        self.assertEqual(len(chat.saved()), 9)
        chat.command("/nosuch", "there is no command /nosuch")
        chat.command("/load /nowhere/x", "error: ")
        chat.command("/save /nowhere/x", "cannot be written")
        chat.send("/quit\r")
        self.assertEqual(chat.exit_code(), 0)

    def test_a_system_message_needs_a_template(self):
        chat = Terminal()
        chat.command("/system x", "without a chat template")
        self.assertEqual(chat.leave(), 0)

    def test_it_says_once_what_has_left_the_window(self):
        chat = Terminal("--window", "12", "--sinks", "2", "--ignore-eos")
        chat.ask("It was the whiteness of the whale that above all things appalled me.")
        chat.command("/window", r"14 of them visible")
        chat.send("And\r")
        found = chat.expect(r"(?s)(.*)> ")
        self.assertNotIn("has left", found.group(1))
        self.assertEqual(chat.leave(), 0)

    def test_it_notes_the_overflow(self):
        chat = Terminal("--window", "12", "--sinks", "2", "--ignore-eos")
        chat.send("It was the whiteness of the whale that above all things appalled me.\r")
        chat.expect(r"the oldest text has left the window: \d+ % of the conversation")
        chat.expect("> ")
        self.assertEqual(chat.leave(), 0)

    def test_a_paste_of_several_lines_is_one_turn(self):
        chat = Terminal()
        chat.send("\x1b[200~one\ntwo\r\x1b[201~")
        chat.ask("")
        self.assertEqual(chat.saved()[0]["content"], "one\ntwo")
        self.assertEqual(chat.leave(), 0)

    def test_several_lines_can_be_typed(self):
        chat = Terminal()
        chat.send("one\\\r")
        chat.expect(r"\.\.\. ")
        chat.ask("two")
        chat.send('"""three\r')
        chat.expect(r"\.\.\. ")
        chat.send("\r")
        chat.expect(r"\.\.\. ")
        chat.ask('four"""')
        messages = chat.saved()
        self.assertEqual(messages[0]["content"], "one\ntwo")
        self.assertEqual(messages[2]["content"], "three\n\nfour")
        self.assertEqual(chat.leave(), 0)


class Piped(unittest.TestCase):
    def test_each_line_is_a_turn(self):
        result = run_piped("The ship\nThe whale\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(re.findall(ANSWERED, result.stderr)), 2, result.stderr)
        self.assertNotIn("> ", result.stdout)
        quiet = run_piped("The ship\nThe whale\n", "--quiet")
        self.assertEqual(quiet.stdout, result.stdout)
        self.assertEqual(quiet.stderr, "")

    def test_json_gives_an_object_a_turn(self):
        result = run_piped("The ship\n/reset\nThe ship\n", "--json", "--quiet")
        self.assertEqual(result.returncode, 0, result.stderr)
        first, second = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(first["text"], second["text"])
        self.assertEqual(first["stopped_by"], "length")
        self.assertEqual(first["tokens"], 8)

    def test_the_same_seed_gives_the_same_text(self):
        texts = [run_piped("The ship\n", "--quiet", "--temp", "1", "--seed", seed).stdout
                 for seed in ("1", "1", "2")]
        self.assertEqual(texts[0], texts[1])
        self.assertNotEqual(texts[0], texts[2])

    def test_errors_end_it(self):
        (FOLDER / "raise.jinja").write_text("{{ raise_exception('No whales here.') }}")
        result = run_piped("x\n", "--quiet", "--template", str(FOLDER / "raise.jinja"))
        self.assertEqual(result.returncode, 2)
        self.assertIn("error: No whales here.", result.stderr)
        (FOLDER / "broken.jinja").write_text("a\n{% if %}")
        result = run_piped("x\n", "--template", str(FOLDER / "broken.jinja"))
        self.assertEqual(result.returncode, 4)
        self.assertIn("broken.jinja:2: ", result.stderr)

    def test_compress_keeps_the_template_of_the_checkpoint(self):
        checkpoint = FOLDER / "checkpoint"
        checkpoint.mkdir()
        for path in (ROOT / "models" / "books-6m").iterdir():
            (checkpoint / path.name).symlink_to(path)
        config = json.loads((checkpoint / "tokenizer_config.json").read_text())
        config["chat_template"] = [{"name": "tool_use", "template": "no"},
                                   {"name": "default", "template": TEMPLATE}]
        (checkpoint / "tokenizer_config.json").unlink()
        (checkpoint / "tokenizer_config.json").write_text(json.dumps(config))
        (checkpoint / "generation_config.json").write_text('{"eos_token_id": [2, 7]}')
        packed = FOLDER / "with_template.acc"
        compress(checkpoint, packed)
        shown = subprocess.run([BINARY, "inspect", str(packed), "--json"], check=True,
                               capture_output=True, text=True)
        text = json.loads(shown.stdout)["text"]
        self.assertEqual(text, {"eos_token_ids": [2, 7], "chat_template": TEMPLATE,
                                "bos_token": "<s>", "eos_token": "</s>"})
        result = subprocess.run([BINARY, "chat", str(packed), "-n", "4", "-t", "1", "--system", "Hi"],
                                input="x\n", capture_output=True, text=True, timeout=TIMEOUT)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("no chat template", result.stderr)


def compress(checkpoint, packed):
    subprocess.run([BINARY, "compress", str(checkpoint), "-o", str(packed), "--recipe", "rtn"],
                   check=True, capture_output=True)


if __name__ == "__main__":
    os.environ["ACCLLM_CONFIG"] = "none"  # not the developer's own settings
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    options, rest = parser.parse_known_args()
    BINARY = os.path.abspath(options.binary)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = pathlib.Path(folder)
        compress(ROOT / "models" / "books-6m", FOLDER / "model.acc")
        (FOLDER / "chat.jinja").write_text(TEMPLATE)
        unittest.main(argv=[sys.argv[0], *rest])
