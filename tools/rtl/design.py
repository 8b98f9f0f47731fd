"""The RTL's modules: where they are, what they need, and the parameters that they are checked with.

A module lies in rtl/BLOCK/NAME.sv, a package in rtl/pkg/. rtl/BLOCK/configurations.toml lists the parameter
sets of the block's modules:

    [[fifo_sync]]
    parameters = { Width = 512, Depth = 512, Style = "block" }
    budget = { lut = 60, ff = 40, bram = 8, levels = 4 }

A module that is not listed is checked with its defaults. A budget is what synthesis may give at most; only
configurations that have one are synthesised by `make synth`; with `own = true` without the modules that they instantiate.
"""

import functools
import pathlib
import re
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
RTL = ROOT / "rtl"
MODELS = ROOT / "tests" / "rtl" / "models"  # simulation models of the part's primitives

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
# With this macro cells instantiate the part's primitives, otherwise they describe them.
PRIMITIVES = "ACCLLM_PRIMITIVES"


class DesignError(Exception):
    """A module, package or parameter that is not there."""


@functools.cache
def modules() -> dict[str, pathlib.Path]:
    """Name -> file of every module, in the order of blocks and names."""
    paths = [path for path in sorted(RTL.glob("*/*.sv")) if path.parent.name != "pkg"]
    return {path.stem: path for path in paths}


@functools.cache
def packages() -> dict[str, pathlib.Path]:
    return {path.stem: path for path in sorted((RTL / "pkg").glob("*.sv"))}


@functools.cache
def code(path: pathlib.Path) -> str:
    """The text of a file without its comments."""
    return COMMENT.sub("", path.read_text())


def find(name: str) -> pathlib.Path:
    if name not in modules():
        raise DesignError(f"no module '{name}': no file rtl/*/{name}.sv")
    return modules()[name]


def words(path: pathlib.Path) -> set[str]:
    return set(re.findall(r"\w+", code(path)))


def instances(path: pathlib.Path) -> list[str]:
    """Names of the project's modules that the file instantiates."""
    pattern = r"^\s*(\w+)\s*(?:#\s*\(|\w+\s*(?:\[[^\]]*\]\s*)?\()"
    named = set(re.findall(pattern, code(path), re.MULTILINE))
    return [name for name in modules() if name in named and name != path.stem]


def files_of(top: str, extra: list[pathlib.Path] = []) -> list[pathlib.Path]:
    """Every file that `top` needs, packages first and each module after those that it instantiates; `extra` are
    files of modules outside rtl/ (a proof's or a bench's), of which `top` may be one."""
    ordered: list[pathlib.Path] = []

    def visit(path: pathlib.Path) -> None:
        if path not in ordered:
            for name in instances(path):
                visit(modules()[name])
            ordered.append(path)

    for path in extra:
        visit(path)
    if top not in {path.stem for path in extra}:
        visit(find(top))
    return packages_of(ordered) + ordered


def packages_of(files: list[pathlib.Path]) -> list[pathlib.Path]:
    """Packages that the files name, and those that these name, each after what it needs."""
    ordered: list[pathlib.Path] = []

    def visit(path: pathlib.Path) -> None:
        for name, package in packages().items():
            if package not in ordered and package != path and name in words(path):
                visit(package)
                ordered.append(package)

    for path in files:
        visit(path)
    return ordered


@functools.cache
def block_configurations(folder: pathlib.Path) -> dict:
    path = folder / "configurations.toml"
    listed = tomllib.loads(path.read_text()) if path.exists() else {}
    for name in listed:
        if not (folder / f"{name}.sv").exists():
            raise DesignError(f"{path.relative_to(ROOT)}: there is no module '{name}' in this folder")
    return listed


def configurations(name: str) -> list[dict]:
    """The module's parameter sets: each has `parameters`, `own` and maybe a `budget`."""
    listed = block_configurations(find(name).parent).get(name, [{}])
    return [{"parameters": {}, "own": False, **entry} for entry in listed]


def parse_parameters(arguments: list[str]) -> dict:
    """NAME=VALUE strings; a value that is no number is a string."""
    result = {}
    for argument in arguments:
        name, separator, value = argument.partition("=")
        if not separator or not name:
            raise DesignError(f"'{argument}' is not NAME=VALUE")
        result[name] = int(value, 0) if re.fullmatch(r"-?(0x)?[0-9a-fA-F]+", value) else value
    return result


def describe(name: str, parameters: dict) -> str:
    return " ".join([name, *(f"{key}={value}" for key, value in parameters.items())])


def literal(value) -> str:
    """As both tools take it: strings are quoted, sized numbers such as 1'b1 are not."""
    if isinstance(value, bool):
        return f"1'b{int(value)}"
    if isinstance(value, int) or re.fullmatch(r"\d+'[bodh]\w+", value):
        return str(value)
    return f'"{value}"'


def verilator_parameters(parameters: dict) -> list[str]:
    return [f"-G{key}={literal(value)}" for key, value in parameters.items()]


def yosys_read(top: str, parameters: dict, files: list[pathlib.Path], defines: tuple[str, ...] = ()) -> str:
    """Yosys commands that read the files and set the top's parameters; strings need `chparam` on a module that has
    not been elaborated."""
    flags = "".join(f" -D {define}" for define in defines)
    commands = [f"read_verilog -sv -defer{flags} {' '.join(map(str, files))}"]
    for key, value in parameters.items():
        commands.append(f"chparam -set {key} {literal(value)} {top}")
    return "\n".join(commands) + "\n"
