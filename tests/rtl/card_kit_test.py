#!/usr/bin/env python3
"""What a card's kernel is built from agrees with itself: wrapper, link.cfg, Tcl and registers, with stand-ins for
AMD's tools that write down what they are told.

usage: card_kit_test.py [TEST...]
"""

import os
import pathlib
import re
import stat
import subprocess
import sys
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "tools" / "rtl"), str(ROOT / "tools" / "spec")]
import card_kit  # noqa: E402
import hardware  # noqa: E402

KIT = ROOT / "fpga" / "u280"
VENDOR = pathlib.Path(__file__).resolve().parent / "vendor"
REGISTERS = {row.name: row for row in hardware.lay_out(tomllib.loads((ROOT / "spec/accelerator.toml").read_text()))}


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


class Wrapper:
    """Ports as the text of the wrapper says."""

    def __init__(self, text: str):
        self.ports = {}  # name -> (direction, bits)
        for direction, high, name in re.findall(r"^  (input|output) +wire (?:\[(\d+):0\] )?(\w+),?$", text, re.M):
            self.ports[name] = (direction, int(high or 0) + 1)
        self.masters = sorted({name[:7] for name in self.ports if re.match(r"m\d\d_axi_", name)})


class Kit(unittest.TestCase):
    """A kit, and what the tools were told of it."""

    lanes = 2

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.out = cls.folder / "kit"
        for name, body in (("vivado", f'exec tclsh {VENDOR}/vivado.tcl {cls.folder}/calls "$script" "$@"\n'),
                           ("v++", f'printf "%s\\n" "$@" > {cls.folder}/link_arguments\n')):
            path = cls.folder / name
            take = 'while [ "$1" != -tclargs ]; do [ "$1" = -source ] && script=$2; shift; done; shift\n'
            path.write_text("#!/bin/sh\n" + (take if name == "vivado" else "") + body)
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        environment = dict(os.environ, PATH=f"{cls.folder}:{os.environ['PATH']}")
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            environment.pop(name, None)
        cls.made = run("make", "-C", str(KIT), "xclbin", f"LANES={cls.lanes}", f"OUT={cls.out}", env=environment)
        if cls.made.returncode:
            raise AssertionError(cls.made.stdout + cls.made.stderr)
        cls.wrapper = Wrapper((cls.out / "rtl" / f"{card_kit.KERNEL}.v").read_text())
        cls.calls = [line.split("\x1f") for line in (cls.folder / "calls").read_text().splitlines()]

    def named(self, command: str) -> list[list[str]]:
        return [call[1:] for call in self.calls if call[0] == command]

    def properties(self, handle: str) -> dict:
        return {name: value for name, value, of in self.named("set_property") if of == handle}

    def test_the_masters_are_the_same_everywhere(self):
        masters = [f"m{lane:02d}_axi" for lane in range(self.lanes)]
        self.assertEqual(self.wrapper.masters, masters)
        config = (self.out / "link.cfg").read_text()
        unit = re.search(rf"^nk={card_kit.KERNEL}:1:(\w+)$", config, re.M).group(1)
        links = re.findall(r"^sp=(\w+)\.(\w+):HBM\[(\d+)\]$", config, re.M)
        self.assertEqual(links, [(unit, name, str(lane)) for lane, name in enumerate(masters)])
        self.assertEqual(config.count("sp="), self.lanes)
        self.assertIn("\nkernel_frequency=225\n", config)
        clocked = [call[1] for call in self.named("ipx::associate_bus_interfaces") if "-busif" in call]
        self.assertEqual(clocked, ["s_axi_control", *masters])
        self.assertIn(["-clock", "ap_clk", "-reset", "ap_rst_n", "core"], self.named("ipx::associate_bus_interfaces"))
        for name in masters:
            self.assertEqual(self.properties(f"interface/{name}/MAX_BURST_LENGTH"), {"value": "64"})

    def test_pointers_belong_to_the_master_of_their_lane(self):
        pointers = {"instructions": "m00_axi", **{f"memory_{i}": f"m{i:02d}_axi" for i in range(self.lanes)}}
        found = {handle.split("/")[1]: value for name, value, handle in self.named("set_property")
                 if handle.endswith("/ASSOCIATED_BUSIF") and name == "value"}
        self.assertEqual(found, pointers)

    def test_registers_are_those_of_the_specification(self):
        names = [call[0] for call in self.named("ipx::add_register")]
        self.assertEqual(len(names), len(set(names)))
        expected = {"CTRL": ("control", 0, 32), "GIER": ("global_interrupt", 0, 32),
                    "IP_IER": ("interrupt_enable", 0, 32), "IP_ISR": ("interrupt_status", 0, 32)}
        for name in ("memory", "instructions", "n_instructions", "geometry", "position", "n_tokens", "n_outputs"):
            row = REGISTERS[name]
            values = self.lanes if name == "memory" else row.words if row.kind == "Geometry" else 1
            bits = 32 if row.kind in ("Geometry", "uint32") else 64
            for i in range(values):
                expected[name if values == 1 else f"{name}_{i}"] = (name, i, bits)
        self.assertEqual(sorted(names), sorted(expected))
        for name, (row_name, index, bits) in expected.items():
            row = REGISTERS[row_name]
            stride = 4 if row.kind == "Geometry" else row.stride
            given = self.properties(f"register/{name}")
            self.assertEqual(int(given["address_offset"], 16), row.offset + stride * index, name)
            self.assertEqual(given["size"], str(bits), name)
        self.assertEqual(self.properties("register/CTRL/AP_START"),
                         {"bit_offset": "0", "bit_width": "1", "access": "read-write"})
        self.assertEqual(self.properties("register/CTRL/AUTO_RESTART")["bit_offset"], "7")

    def test_every_source_is_there_once_and_in_order(self):
        added = [pathlib.Path(call[-1]) for call in self.named("add_files")]
        self.assertEqual(sorted(added), sorted((self.out / "rtl").iterdir()))
        self.assertEqual(added[-1].name, "accllm_kernel.v")
        self.assertEqual(added[-2].name, "accllm_top.sv")
        self.assertTrue(added[0].name.endswith("_pkg.sv"))
        for path in added:
            text = path.read_text()
            self.assertEqual("ifdef ACCLLM_PRIMITIVES" in text, text.startswith("`define ACCLLM_PRIMITIVES"), path)
        self.assertTrue(any("`define ACCLLM_PRIMITIVES" in path.read_text() for path in added))
        self.assertIn(["top", "accllm_kernel", ""], self.named("set_property"))

    def test_the_kernel_is_packaged_and_linked(self):
        (call,) = self.named("package_xo")
        options = dict(zip(call[1::2], call[2::2]))
        self.assertEqual(options, {"-xo_path": f"{self.out}/accllm.xo", "-kernel_name": "accllm_kernel",
                                   "-ip_directory": f"{self.out}/ip", "-ctrl_protocol": "ap_ctrl_hs",
                                   "-output_kernel_xml": f"{self.out}/kernel.xml"})
        core = self.properties("core")
        self.assertEqual((core["sdx_kernel"], core["sdx_kernel_type"]), ("true", "rtl"))
        self.assertEqual(core["vitis_drc"], "ctrl_protocol ap_ctrl_hs")
        arguments = (self.folder / "link_arguments").read_text().split()
        self.assertEqual(arguments[0], "--link")
        self.assertEqual(arguments[arguments.index("--config") + 1], f"{self.out}/link.cfg")
        self.assertEqual(arguments[-1], f"{self.out}/accllm.xo")

    def test_masters_have_all_signals_of_axi(self):
        outputs = {"awid": 1, "awaddr": 64, "awlen": 8, "awsize": 3, "awburst": 2, "awlock": 1, "awcache": 4,
                   "awprot": 3, "awqos": 4, "awvalid": 1, "wdata": 512, "wstrb": 64, "wlast": 1, "wvalid": 1,
                   "bready": 1, "arid": 1, "araddr": 64, "arlen": 8, "arsize": 3, "arburst": 2, "arlock": 1,
                   "arcache": 4, "arprot": 3, "arqos": 4, "arvalid": 1, "rready": 1}
        inputs = {"awready": 1, "wready": 1, "bid": 1, "bresp": 2, "bvalid": 1, "arready": 1, "rid": 1, "rdata": 512,
                  "rresp": 2, "rlast": 1, "rvalid": 1}
        for master in self.wrapper.masters:
            ports = {name[8:]: port for name, port in self.wrapper.ports.items() if name.startswith(master + "_")}
            self.assertEqual(ports, {**{name: ("output", bits) for name, bits in outputs.items()},
                                     **{name: ("input", bits) for name, bits in inputs.items()}})
        for name in ("ap_clk", "ap_rst_n"):
            self.assertEqual(self.wrapper.ports[name], ("input", 1))
        self.assertEqual(self.wrapper.ports["interrupt"], ("output", 1))
        self.assertEqual(self.wrapper.ports["s_axi_control_awaddr"], ("input", 12))


class Card(Kit):
    """The machine of the U280."""

    lanes = 32


class Mistakes(unittest.TestCase):
    def test_lanes_that_no_machine_has(self):
        for lanes in ("1", "3", "128"):
            result = run(sys.executable, str(ROOT / "tools/rtl/card_kit.py"), lanes, "4", "--out", "/nonexistent")
            self.assertEqual(result.returncode, 2)
            self.assertIn("no power of two", result.stderr)

    def test_arguments_of_the_script(self):
        with tempfile.NamedTemporaryFile() as log:
            result = run("tclsh", str(VENDOR / "vivado.tcl"), log.name, str(KIT / "gen_xo.tcl"))
            self.assertNotEqual(result.returncode, 0)
            self.assertIn("usage: gen_xo.tcl KIT XO", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
