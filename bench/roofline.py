#!/usr/bin/env python3
"""Draws the roofline of this machine with every kernel of its best instruction set on it.

    bench/roofline.py [--bench build/bench/kernels_bench] [--json FILE] [--svg FILE] [--isa NAME]

Measures (one thread): reads of memory, the peak of 8-bit dot products, linear layers from memory with 1 to 64 tokens,
attention, and the kernels on vectors. A point is what a kernel does a second over what it does a byte: multiply-adds for
matrices and attention, elements for vectors. Prints the table; needs gnuplot for the picture.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
VECTORS = ("rmsnorm", "silu_mul", "quantize_activations", "hadamard", "quantize_query", "quantize_kv")
GROUPS = ("linear w2-2:4", "linear w2-free", "linear w4", "attention", "vectors")


def run_benchmarks(program: str, isa: str) -> list[dict]:
    wanted = "|".join([
        r"^read/memory/threads:1/", rf"^peak/{isa}/threads:1/",
        rf"^linear/(w2-2:4|w2-free|w4)/(llama-2-7b/gate_proj|tinyllama/down_proj)/memory/{isa}/threads:1/",
        rf"^attention/.*/{isa}/slots:(2048|32768)$",
        *(rf"^{name}/{isa}/" for name in VECTORS)])
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        result = subprocess.run([program, f"--benchmark_filter={wanted}", f"--benchmark_out={out.name}",
                                 "--benchmark_out_format=json", "--benchmark_repetitions=5",
                                 "--benchmark_report_aggregates_only=true"], stdout=subprocess.DEVNULL)
        if result.returncode:
            sys.exit(f"bench/roofline.py: {program} failed; build it by 'make bench'")
        rows = json.loads(pathlib.Path(out.name).read_text())["benchmarks"]
    return [row for row in rows if row.get("aggregate_name") == "median"]


def point_of(row: dict) -> dict:
    """A kernel's name and group, operations a second and a byte."""
    parts = row["run_name"].split("/")
    operations = row.get("MAC/s") or row["items_per_second"]
    if parts[0] == "linear":
        tokens = next(part for part in parts if part.startswith("tokens:"))[7:]
        name, group = f"{parts[1]} {parts[2]} {parts[3]}, {tokens} tokens", f"linear {parts[1]}"
    elif parts[0] == "attention":
        name, group = f"attention {parts[1]}, {parts[-1][6:]} slots", "attention"
    else:
        name, group = f"{parts[0]} of {parts[-1]}", "vectors"
    return {"name": name, "group": group, "operations_per_second": operations,
            "bytes_per_second": row["bytes_per_second"],
            "operations_per_byte": operations / row["bytes_per_second"]}


def measure(program: str, isa: str) -> dict:
    rows = run_benchmarks(program, isa)
    read = next(row for row in rows if row["run_name"].startswith("read/"))["bytes_per_second"]
    peak = next(row for row in rows if row["run_name"].startswith("peak/"))["MAC/s"]
    points = [point_of(row) for row in rows if row["run_name"].split("/")[0] not in ("read", "peak")]
    for point in points:
        point["of_limit"] = point["operations_per_second"] / min(peak, read * point["operations_per_byte"])
    return {"isa": isa, "read_bytes_per_second": read, "peak_macs_per_second": peak, "points": points}


def print_table(result: dict) -> None:
    print(f"{result['isa']}, one thread: reads {result['read_bytes_per_second'] / 1e9:.1f} GB/s, "
          f"dot products {result['peak_macs_per_second'] / 1e9:.0f} GMAC/s\n")
    print("| kernel | operations a byte | G operations/s | GB/s | of the roof |\n|---|--:|--:|--:|--:|")
    for point in result["points"]:
        print(f"| {point['name']} | {point['operations_per_byte']:.2f} | {point['operations_per_second'] / 1e9:.1f} "
              f"| {point['bytes_per_second'] / 1e9:.1f} | {100 * point['of_limit']:.0f} % |")


def draw(result: dict, svg: str) -> None:
    read, peak = result["read_bytes_per_second"] / 1e9, result["peak_macs_per_second"] / 1e9
    blocks = []
    for group in GROUPS:
        lines = [f"{point['operations_per_byte']} {point['operations_per_second'] / 1e9}"
                 for point in result["points"] if point["group"] == group]
        blocks.append(f"${group.replace(' ', '_').replace('-', '_').replace(':', '_')} << EOD\n"
                      + "\n".join(lines) + "\nEOD\n")
    names = [block.split(" ", 1)[0] for block in blocks]
    plots = ", ".join(f"{name} with points pt {7 if i < 3 else 9} ps 0.8 title '{GROUPS[i]}'"
                      for i, name in enumerate(names))
    script = "".join(blocks) + f"""
set terminal svg size 760,460 font 'sans,12' background '#ffffff'
set output '{svg}'
set logscale xy
set xlabel 'operations a byte of memory'
set ylabel 'G operations a second'
set xrange [0.05:1000]
set yrange [0.3:1000]
set key left top
set grid
roof(x) = {read} * x < {peak} ? {read} * x : {peak}
plot roof(x) with lines lw 2 lc rgb '#444444' title '{read:.0f} GB/s, {peak:.0f} GMAC/s ({result['isa']}, 1 thread)', {plots}
"""
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bench", default=str(ROOT / "build/bench/kernels_bench"))
    parser.add_argument("--isa", default="avx512", choices=["avx512", "avx2", "neon"])
    parser.add_argument("--json", help="keep the figures in this file")
    parser.add_argument("--svg", help="draw them in this file")
    args = parser.parse_args()
    result = measure(args.bench, args.isa)
    print_table(result)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(result, indent=1) + "\n")
    if args.svg:
        draw(result, args.svg)


if __name__ == "__main__":
    main()
