#!/usr/bin/env python3
"""Draws one layer of a pass as an SVG picture: memory, lanes and vector unit as rows, waits visible.

usage: timeline.py TRACE OUTPUT [--layer N] [--title TEXT]

TRACE is what `accllm report --trace` or `accllm run --device cycle --trace` writes. Nothing in it is
estimated anew; what an instruction did is known as sums, so

* waits before an instruction's first beat stand where they were; those inside a matrix together at its
  end; those inside attention, which come between its heads, have the height of their share of its time;
* what the vector unit does for linear layers and attention has the height of its share of their time;
* requests to memory have the height of their share of the cycles.
"""

import argparse
import collections
import html
import json
import pathlib

# The matrices of a block, by where their results go and what becomes of them there.
MATRICES = {("key", "store"): "k", ("value", "store"): "v", ("query", "store"): "q",
            ("stream", "add"): "o", ("gate", "store"): "gate", ("gate", "silu-mul"): "up"}
SECOND = {"o": "down"}  # the next with the same results
VECTOR_LABELS = {"norm": "n", "quantize": "a", "store-kv": "s", "embed": "e"}
WAITS = ("inputs", "memory", "results")

LEFT, RIGHT, WIDTH = 92, 848, 860
ROWS = {"memory": 72, "lanes": 128, "vector unit": 184}  # their tops
HEIGHT = 40
BOTTOM = 244

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.small { font-size: 12px; fill: #59636e; } .name { font-weight: 600; font-size: 14px; }
.middle { text-anchor: middle; } .end { text-anchor: end; }
.page { fill: #ffffff; } .grid { stroke: #d8dbe0; }
.matrix { fill: #cfe4ff; stroke: #3b76c4; } .attention { fill: #cdeed3; stroke: #2f8f46; }
.vector { fill: #e4dcf8; stroke: #7a5cc0; } .share { fill: #e4dcf8; }
.inputs { fill: #f0a23c; } .waits-memory { fill: #d9534f; } .results { fill: #9a6fd0; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .small { fill: #9da7b1; } .page { fill: #0d1117; } .grid { stroke: #30363d; }
  .matrix { fill: #17365f; stroke: #6ea8f5; } .attention { fill: #16401f; stroke: #5fc377; }
  .vector { fill: #35285c; stroke: #a78bea; } .share { fill: #35285c; }
  .inputs { fill: #d48a2a; } .waits-memory { fill: #d9534f; } .results { fill: #a981de; }
}
"""

Event = collections.namedtuple("Event", "number name label layer begin end args")
Piece = collections.namedtuple("Piece", "kind begin end")  # work, or the cause of a wait


def read_events(path):
    """Events of each unit, in cycles, in the order of the program."""
    trace = json.loads(path.read_text())
    cycles_per_us = trace["otherData"]["clock_khz"] / 1e3
    units = {e["tid"]: e["args"]["name"] for e in trace["traceEvents"] if e["ph"] == "M"}
    events = {unit: [] for unit in units.values()}
    seen = collections.Counter()
    for e in trace["traceEvents"]:
        if e["ph"] != "X":
            continue
        name, args = e["name"].split()[1], e["args"]
        label = MATRICES.get((args.get("to"), args.get("epilogue")), name)
        if label in SECOND:
            seen[args["layer"], label] += 1
            label = SECOND[label] if seen[args["layer"], label] > 1 else label
        begin, end = (round(t * cycles_per_us) for t in (e["ts"], e["ts"] + e["dur"]))
        number = int(e["name"].split()[0])
        events[units[e["tid"]]].append(Event(number, name, label, args["layer"], begin, end, args))
    return events, cycles_per_us


def lane_pieces(events):
    """(event, pieces) for each instruction that lanes take beats of, norms and stores too."""
    free = 0
    of_program = sorted((e for unit in ("lanes", "vector unit") for e in events[unit]),
                        key=lambda e: e.number)
    for e in of_program:
        left = {cause: e.args[f"waited_{cause}"] for cause in WAITS}
        pieces, at = [], free
        for cause in WAITS:  # up to the first beat
            n = max(0, min(left[cause], e.begin - at))
            pieces.append(Piece(cause, at, at + n))
            left[cause] -= n
            at += n
        # The first instruction has waited before the trace begins; each one's first beat is known.
        at = e.begin if e.args["beats"] else at
        pieces.append(Piece("work", at, at + e.args["busy"]))
        at += e.args["busy"]
        for cause in WAITS:
            pieces.append(Piece(cause, at, at + left[cause]))
            at += left[cause]
        free = at
        yield e, [p for p in pieces if p.end > p.begin]


class Drawing:
    def __init__(self, first, last):
        self.first, self.last = first, last
        self.parts = []

    def x(self, cycle):
        cycle = min(max(cycle, self.first), self.last)
        return LEFT + (cycle - self.first) / (self.last - self.first) * (RIGHT - LEFT)

    def box(self, row, kind, begin, end, share=1.0, title="", above=0.0):
        """`above` is what stands below it, as a share of the row's height."""
        height, bottom = HEIGHT * min(share, 1.0), ROWS[row] + HEIGHT * (1 - above)
        left, right = self.x(begin), self.x(end)
        if right - left < 0.01:
            return
        self.parts.append(
            f'<rect class="{kind}" x="{left:.1f}" y="{bottom - height:.1f}" '
            f'width="{right - left:.1f}" height="{height:.1f}"><title>{html.escape(title)}</title></rect>')

    def text(self, x, y, kind, text):
        self.parts.append(f'<text class="{kind}" x="{x:.1f}" y="{y}">{html.escape(text)}</text>')

    def label(self, row, begin, end, text, wide=7.5):
        """A label in the middle of a box that has room for it."""
        if self.x(end) - self.x(begin) >= wide * len(text):
            self.text((self.x(begin) + self.x(end)) / 2, ROWS[row] + HEIGHT / 2 + 5, "middle", text)


def class_of(event):
    return {"attend": "attention", "linear": "matrix"}.get(event.name, "vector")


def draw_piece(drawing, event, piece, begin, end, share=1.0, above=0.0):
    n = piece.end - piece.begin
    if piece.kind == "work":
        kind, title = class_of(event), f"{event.label}: {n} cycles of work"
    else:
        kind = "waits-memory" if piece.kind == "memory" else piece.kind
        title = f"{event.label}: {n} cycles of waiting for {piece.kind}"
    drawing.box("lanes", kind, begin, end, share, title, above)


def draw_lanes(drawing, event, pieces):
    inside = [p for p in pieces if event.name == "attend" and p.begin >= event.begin]
    for piece in pieces:
        if piece not in inside:
            draw_piece(drawing, event, piece, piece.begin, piece.end)
    above = 0.0
    for piece in inside:
        share = (piece.end - piece.begin) / (inside[-1].end - inside[0].begin)
        draw_piece(drawing, event, piece, inside[0].begin, inside[-1].end, share, above)
        above += share
    work = inside or [p for p in pieces if p.kind == "work"]
    if not work:
        return
    drawing.label("lanes", work[0].begin, work[-1].end, event.label)


def draw_units(drawing, lanes, events):
    for e, pieces in lanes:
        draw_lanes(drawing, e, pieces)
        if class_of(e) == "vector":
            continue
        duration = max(e.end - e.begin, 1)
        drawing.box("vector unit", "share", e.begin, e.end, e.args["vector"] / duration,
                    f"for {e.label}: {e.args['vector']} cycles")
    for e in events["vector unit"]:
        if e.begin >= drawing.first and e.end <= drawing.last:
            drawing.box("vector unit", "vector", e.begin, e.end, title=f"{e.name}: {e.end - e.begin} cycles")
            drawing.label("vector unit", e.begin, e.end, VECTOR_LABELS.get(e.name, ""))
    for e in events["memory"]:
        duration = max(e.end - e.begin, 1)
        drawing.box("memory", class_of(e), e.begin, e.end, e.args["beats"] / duration,
                    f"asked for {e.label}: {e.args['beats']} beats of every channel")


def draw_frame(drawing, title, cycles_per_us, sums):
    total = drawing.last - drawing.first
    drawing.text(16, 26, "name", title)
    waits = ", ".join(f"{100 * sums[cause] / total:.1f} % for {cause}" for cause in WAITS)
    drawing.text(16, 48, "small", f"{total:,} cycles, {total / cycles_per_us:.1f} µs; lanes work "
                                  f"{100 * sums['work'] / total:.1f} %, wait {waits}")
    for row, top in ROWS.items():
        drawing.text(LEFT - 10, top + HEIGHT / 2 + 5, "end", row)
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**9)
                if total / cycles_per_us / s <= 12)
    tick = 0
    while tick <= total / cycles_per_us:
        x = drawing.x(drawing.first + tick * cycles_per_us)
        drawing.parts.insert(0, f'<path class="grid" d="M{x:.1f} 64 V{BOTTOM - 12}"/>')
        drawing.text(x, BOTTOM + 4, "small middle", f"{tick} µs" if tick == 0 else f"{tick}")
        tick += step
    key = (("matrix", "matrix"), ("attention", "attention"), ("vector", "n norm, a quantise, s store"),
           ("share", "results, softmax"), ("inputs", "waits for inputs"), ("waits-memory", "for memory"),
           ("results", "for results"))
    x, y = 16, BOTTOM + 18
    for kind, text in key:
        drawing.parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="12" height="12"/>')
        drawing.text(x + 17, y + 11, "small", text)
        x += 17 + 6.1 * len(text) + 18


def draw(trace, layer, title):
    events, cycles_per_us = read_events(trace)
    layers = [e.layer for e in events["lanes"]]
    layer = max(layers) // 2 if layer is None else layer
    # lm_head comes after the blocks and has no layer of its own.
    lanes = [(e, pieces) for e, pieces in lane_pieces(events)
             if pieces and e.layer == layer and e.label != "linear"]
    if not lanes:
        raise SystemExit(f"{trace}: there is no layer {layer}; give --layer 0 to {max(layers)}")
    drawing = Drawing(lanes[0][1][0].begin, lanes[-1][1][-1].end)
    draw_units(drawing, lanes, events)
    sums = collections.Counter()
    for _, pieces in lanes:
        for piece in pieces:
            sums[piece.kind] += piece.end - piece.begin
    draw_frame(drawing, title or f"Layer {layer}", cycles_per_us, sums)
    height = BOTTOM + 44
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" role="img" aria-labelledby="title">\n'
            f'<title id="title">{html.escape(title or f"Layer {layer}")}</title>\n'
            f'<style>{STYLE}</style>\n<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>\n'
            + "\n".join(drawing.parts) + "\n</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--layer", type=int, help="default: the one in the middle")
    parser.add_argument("--title")
    options = parser.parse_args()
    options.output.write_text(draw(options.trace, options.layer, options.title))


if __name__ == "__main__":
    main()
