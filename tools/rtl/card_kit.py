#!/usr/bin/env python3
"""Writes what the vendor's tools need of a kernel for a card, for so many lanes and slots:

    card_kit.py LANES SLOTS --out FOLDER [NAME=VALUE...]

    FOLDER/rtl/         accllm_kernel.v, the wrapper whose ports XRT expects, and a copy of each module below it
    FOLDER/kernel.tcl   lanes and sources, for fpga/u280/package_kernel.tcl
    FOLDER/link.cfg     which port goes to which channel of HBM, and the clock, for v++

NAME=VALUE are further parameters of accllm_top. The wrapper is Verilog, because Vivado does not take a
SystemVerilog file as the top of every flow. It ties off what AXI has constant, and pipelines the reset.
"""

import argparse
import pathlib

import design

KERNEL = "accllm_kernel"
UNIT = "accllm_1"  # the compute unit's name in the xclbin
CLOCK_MHZ = 225
BEAT_BITS = 512
CONTROL_BITS = 12  # of an address in the window of registers

# Ports of a master: signal, bits, and what drives an output: a port of accllm_top, or what is constant. Bursts are
# INCR of whole beats, writes are one beat, and memory may merge and buffer what it gets.
OUTPUTS = [
    ("awid", 1, "1'b0"), ("awaddr", 64, "m_aw_address_o"), ("awlen", 8, "8'd0"), ("awsize", 3, "3'd6"),
    ("awburst", 2, "2'b01"), ("awlock", 1, "1'b0"), ("awcache", 4, "4'b0011"), ("awprot", 3, "3'b000"),
    ("awqos", 4, "4'd0"), ("awvalid", 1, "m_aw_valid_o"), ("wdata", BEAT_BITS, "m_w_data_o"),
    ("wstrb", BEAT_BITS // 8, "m_w_strobe_o"), ("wlast", 1, "1'b1"), ("wvalid", 1, "m_w_valid_o"),
    ("bready", 1, "m_b_ready_o"), ("arid", 1, "1'b0"), ("araddr", 64, "m_ar_address_o"),
    ("arlen", 8, "m_ar_length_o"), ("arsize", 3, "3'd6"), ("arburst", 2, "2'b01"), ("arlock", 1, "1'b0"),
    ("arcache", 4, "4'b0011"), ("arprot", 3, "3'b000"), ("arqos", 4, "4'd0"), ("arvalid", 1, "m_ar_valid_o"),
    ("rready", 1, "m_r_ready_o"),
]
# An input that goes nowhere is the id of a response: there is one id.
INPUTS = [
    ("awready", 1, "m_aw_ready_i"), ("wready", 1, "m_w_ready_i"), ("bid", 1, None), ("bresp", 2, "m_b_response_i"),
    ("bvalid", 1, "m_b_valid_i"), ("arready", 1, "m_ar_ready_i"), ("rid", 1, None), ("rdata", BEAT_BITS, "m_r_data_i"),
    ("rresp", 2, "m_r_response_i"), ("rlast", 1, "m_r_last_i"), ("rvalid", 1, "m_r_valid_i"),
]
# The registers: direction, signal of s_axi_control, bits, port of accllm_top.
CONTROL = [
    ("input", "awvalid", 1, "aw_valid_i"), ("output", "awready", 1, "aw_ready_o"),
    ("input", "awaddr", CONTROL_BITS, "aw_address_i"), ("input", "wvalid", 1, "w_valid_i"),
    ("output", "wready", 1, "w_ready_o"), ("input", "wdata", 32, "w_data_i"), ("input", "wstrb", 4, "w_strobe_i"),
    ("output", "bvalid", 1, "b_valid_o"), ("input", "bready", 1, "b_ready_i"), ("output", "bresp", 2, "b_response_o"),
    ("input", "arvalid", 1, "ar_valid_i"), ("output", "arready", 1, "ar_ready_o"),
    ("input", "araddr", CONTROL_BITS, "ar_address_i"), ("output", "rvalid", 1, "r_valid_o"),
    ("input", "rready", 1, "r_ready_i"), ("output", "rdata", 32, "r_data_o"), ("output", "rresp", 2, "r_response_o"),
]


def master(lane: int) -> str:
    return f"m{lane:02d}_axi"


def bits(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""


def ports(lanes: int) -> list[str]:
    lines = ["input  wire ap_clk", "input  wire ap_rst_n", "output wire interrupt"]
    lines += [f"{direction:6} wire {bits(width)}s_axi_control_{name}" for direction, name, width, _ in CONTROL]
    for lane in range(lanes):
        lines += [f"output wire {bits(width)}{master(lane)}_{name}" for name, width, _ in OUTPUTS]
        lines += [f"input  wire {bits(width)}{master(lane)}_{name}" for name, width, _ in INPUTS]
    return lines


def lane_slice(lane: int, width: int) -> str:
    return f"[{lane}]" if width == 1 else f"[{width * lane} +: {width}]"


def assignments(lane: int) -> list[str]:
    """Of a lane's ports to its part of the top's signals, and from there."""
    lines = []
    for name, width, source in OUTPUTS:
        value = f"{source}{lane_slice(lane, width)}" if "'" not in source else source
        lines.append(f"assign {master(lane)}_{name} = {value};")
    for name, width, target in INPUTS:
        if target:
            lines.append(f"assign {target}{lane_slice(lane, width)} = {master(lane)}_{name};")
    return lines


def wrapper(lanes: int, parameters: dict) -> str:
    wired = [(width, port) for _, width, port in OUTPUTS + INPUTS if port and "'" not in port]
    nets = [f"wire [{width * lanes - 1}:0] {port};" for width, port in wired]
    pins = [f".{port}(s_axi_control_{name})" for _, name, _, port in CONTROL]
    pins += [f".{port}({port})" for _, port in wired]
    values = [f".{name}({design.literal(value)})" for name, value in {"Lanes": lanes, **parameters}.items()]
    ids = [f"{master(lane)}_{name}" for lane in range(lanes) for name, _, target in INPUTS if not target]

    def listed(lines: list[str], separator: str = ",", indent: int = 4) -> str:
        return f"{separator}\n".join(" " * indent + line for line in lines)

    return f"""\
// Generated by tools/rtl/card_kit.py: accllm_top with the ports that XRT expects of a kernel.
module {KERNEL} (
{listed(ports(lanes), indent=2)}
);
  // The reset is synchronous already; two registers let it travel, and hold it until it comes.
  reg [1:0] reset_n_q = 2'b00;
  always @(posedge ap_clk) reset_n_q <= {{reset_n_q[0], ap_rst_n}};

{listed(nets, "", 2)}
  accllm_top #(
{listed(values)}
  ) u_top (
    .clk_i(ap_clk), .rst_ni(reset_n_q[1]), .interrupt_o(interrupt),
{listed(pins)},
    // For benches and logic analysers.
    .trace_valid_o(), .trace_value_o(), .trace_addr_o(), .trace_lanes_o(), .trace_floats_o(),
    .trace_beat_index_o(), .trace_result_index_o()
  );
{listed([line for lane in range(lanes) for line in assignments(lane)], "", 2)}

  // There is one id.
  wire unused;
  assign unused = ^{{{", ".join(ids)}}};
endmodule
"""


def link_config(lanes: int) -> str:
    """The memory of a lane is one pseudo-channel, behind the port of the same number."""
    lines = ["# Generated by tools/rtl/card_kit.py: for v++ --link --config.", f"kernel_frequency={CLOCK_MHZ}", "",
             "[connectivity]", f"nk={KERNEL}:1:{UNIT}",
             "# Ports of HBM are in SLR0. More than 8 lanes may not fit it: place and route spreads them (BRINGUP.md).",
             f"{'' if lanes <= 8 else '#'}slr={UNIT}:SLR0"]
    lines += [f"sp={UNIT}.{master(lane)}:HBM[{lane}]" for lane in range(lanes)]
    return "\n".join(lines) + "\n"


def copy_sources(folder: pathlib.Path, wrapper_path: pathlib.Path) -> list[str]:
    """Names of the files in `folder`, each after what it needs. The macro that chooses the part's primitives goes
    into the files: a packaged kernel takes none from its project."""
    names = []
    for path in design.files_of(KERNEL, [wrapper_path]):
        if path != wrapper_path:
            uses_macro = design.PRIMITIVES in design.words(path)
            text = f"`define {design.PRIMITIVES}\n" if uses_macro else ""
            (folder / path.name).write_text(text + path.read_text())
        names.append(path.name)
    return names


def write_kit(lanes: int, parameters: dict, out: pathlib.Path) -> None:
    folder = out / "rtl"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{KERNEL}.v"
    path.write_text(wrapper(lanes, parameters))
    names = "".join(f"  {name}\n" for name in copy_sources(folder, path))
    (out / "kernel.tcl").write_text(
        f"# Generated by tools/rtl/card_kit.py.\nset accllm_kernel {KERNEL}\nset accllm_lanes {lanes}\n"
        f"set accllm_clock_mhz {CLOCK_MHZ}\nset accllm_sources {{\n{names}}}\n")
    (out / "link.cfg").write_text(link_config(lanes))


def power_of_two(text: str) -> int:
    value = int(text)
    if not 2 <= value <= 64 or value & (value - 1):
        raise argparse.ArgumentTypeError(f"{text} is no power of two from 2 to 64")
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lanes", type=power_of_two)
    parser.add_argument("slots", type=power_of_two)
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    args = parser.parse_args()
    write_kit(args.lanes, {"Slots": args.slots, **design.parse_parameters(args.parameters)}, args.out)


if __name__ == "__main__":
    main()
