// RAM with one port to write and one to read. The word that is read comes a cycle later and stays
// until the next read; where the same word is being written, it is the old one.
module ram_1w1r #(
  parameter int unsigned Width = 32,
  parameter int unsigned Depth = 512,
  parameter Style = "block",  // of LUTs ("distributed"), BRAM ("block") or URAM ("ultra")
  localparam int unsigned AddrW = $clog2(Depth)
) (
  input  logic             clk_i,
  input  logic             we_i,
  input  logic [AddrW-1:0] waddr_i,
  input  logic [Width-1:0] wdata_i,
  input  logic             re_i,
  input  logic [AddrW-1:0] raddr_i,
  output logic [Width-1:0] rdata_o
);
  if (Depth < 2) begin : gen_check_depth
    $error("Depth must be at least 2");
  end
  if (Style != "distributed" && Style != "block" && Style != "ultra") begin : gen_check_style
    $error("Style must be distributed, block or ultra");
  end

  (* ram_style = Style *)
  logic [Width-1:0] memory [Depth];
  always_ff @(posedge clk_i) begin
    if (we_i) memory[waddr_i] <= wdata_i;
  end
  always_ff @(posedge clk_i) begin
    if (re_i) rdata_o <= memory[raddr_i];
  end
endmodule
