#!/usr/bin/env python3
"""Our chat templates against jinja2: every text must be equal, byte for byte.

usage: compare_with_jinja2.py DRIVER

DRIVER is render_driver. Three sources of cases, all in this folder:
  templates/*.jinja x conversations.json   whole conversations
  expressions.txt                          a template a line, over the variables of VARIABLES
  blocks.txt                               templates of several lines, separated by lines "----"
A case that begins with "!unsupported " must be refused as unsupported, whatever jinja2 does.
Where jinja2 fails we must fail too; and what a template says by raise_exception must be our message.
"""

import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

FOLDER = pathlib.Path(__file__).parent
NOW = 1735732800  # 1 January 2025, noon in Greenwich

VARIABLES = {
    "s": "Hello, World", "u": "Größe 日本", "e": "", "w": "  a b\t c\n", "n": 7, "z": 0, "neg": -3,
    "f": 2.5, "t": True, "no": False, "nothing": None, "l": [3, 1, 2], "words": ["b", "A", "c", "a"],
    "d": {"b": 1, "a": [1, {"x": None}], "items": "shadow"}, "deep": {"x": {"y": {"z": [10, 20]}}},
    "people": [{"name": "Ann", "age": 31, "tags": ["x"]}, {"name": "bob", "age": 27},
               {"name": "Cy", "age": None}],
    "html": "<a href=\"x\">'&'</a>", "quote": "it's \"both\"", "big": 2**53 + 1,
}


class Generation(Extension):
    """{% generation %} of transformers, as far as the text is concerned."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_body")
        return nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


class Raised(TemplateError):
    """What the template itself said."""


def environment():
    def raise_exception(message):
        raise Raised(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                          sort_keys=sort_keys)

    def strftime_now(form):
        return datetime.datetime.fromtimestamp(NOW).strftime(form)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[Generation, "jinja2.ext.loopcontrols"])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = strftime_now
    # What jinja2 offers beside these is not what chat templates use.
    for name in ("lipsum", "cycler", "joiner"):
        del env.globals[name]
    return env


def expected(env, task):
    """(text, None), or (None, what was raised)."""
    context = dict(task.get("extra", {}))
    for name, default in (("messages", []), ("tools", None), ("documents", None),
                          ("add_generation_prompt", False), ("bos_token", "<s>"),
                          ("eos_token", "</s>")):
        context.setdefault(name, task.get(name, default))
    try:
        return env.from_string(task["template"]).render(**context), None
    except Exception as error:  # jinja2 lets Python's own through
        return None, error


def conversations():
    tools = json.loads((FOLDER / "tools.json").read_text("utf-8"))
    cases = json.loads((FOLDER / "conversations.json").read_text("utf-8"))
    for path in sorted((FOLDER / "templates").glob("*.jinja")):
        for name, case in cases.items():
            task = {"template": path.read_text("utf-8"), **case}
            if task.get("tools") == "TOOLS":
                task["tools"] = tools
            yield f"{path.stem} on {name}", task


def expressions():
    lines = (FOLDER / "expressions.txt").read_text("utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("##"):
            yield f"expressions.txt:{number}", {"template": line, "extra": VARIABLES}


def blocks():
    texts = (FOLDER / "blocks.txt").read_text("utf-8").split("----\n")
    for number, text in enumerate(texts, 1):
        yield f"blocks.txt, case {number}", {"template": text, "extra": VARIABLES}


def run_driver(driver, tasks):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        for task in tasks:
            file.write(json.dumps(task) + "\n")
        file.flush()
        output = subprocess.run([driver, file.name], check=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line) for line in output.decode("utf-8").split("\n")[:-1]]


def complaint(env, task, is_unsupported, ours):
    """What is wrong with our result; None if nothing."""
    if is_unsupported:
        return None if ours.get("code") == "unsupported" else f"must be unsupported, is {ours}"
    text, error = expected(env, task)
    if error is None:
        return None if ours.get("text") == text else f"jinja2 {text!r}\n    ours   {ours}"
    if "text" in ours:
        return f"jinja2 fails: {error!r}\n    ours   {ours}"
    if ours["code"] == "unsupported":
        return f"jinja2 fails: {error!r}\n    ours is unsupported: {ours}"
    if isinstance(error, Raised) and (ours["error"], ours["code"]) != (str(error), "invalid argument"):
        return f"jinja2 raises {str(error)!r}\n    ours   {ours}"
    return None


def main():
    sections = {"conversations": list(conversations()), "expressions": list(expressions()),
                "blocks": list(blocks())}
    env = environment()
    failed = 0
    for section, cases in sections.items():
        marks = [task["template"].startswith("!unsupported ") for _, task in cases]
        for _, task in cases:
            task["template"] = task["template"].removeprefix("!unsupported ")
            task["now"] = NOW
        results = run_driver(sys.argv[1], [task for _, task in cases])
        assert len(results) == len(cases), "the driver stopped early"
        for (name, task), mark, ours in zip(cases, marks, results):
            if message := complaint(env, task, mark, ours):
                failed += 1
                print(f"{name}: {task['template'][:200]!r}\n    {message}")
        print(f"{section}: {len(cases)} cases")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
