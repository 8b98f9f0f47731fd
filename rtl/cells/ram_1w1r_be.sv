// ram_1w1r whose write changes only the bytes that be_i names.
module ram_1w1r_be #(
  parameter int unsigned Bytes = 8,  // of a word
  parameter int unsigned Depth = 512,
  parameter Style = "block",  // of LUTs ("distributed"), BRAM ("block") or URAM ("ultra")
  localparam int unsigned AddrW = $clog2(Depth)
) (
  input  logic               clk_i,
  input  logic               we_i,
  input  logic [Bytes-1:0]   be_i,
  input  logic [AddrW-1:0]   waddr_i,
  input  logic [Bytes*8-1:0] wdata_i,
  input  logic               re_i,
  input  logic [AddrW-1:0]   raddr_i,
  output logic [Bytes*8-1:0] rdata_o
);
  if (Depth < 2) begin : gen_check_depth
    $error("Depth must be at least 2");
  end
  if (Style != "distributed" && Style != "block" && Style != "ultra") begin : gen_check_style
    $error("Style must be distributed, block or ultra");
  end

  (* ram_style = Style *)
  logic [Bytes*8-1:0] memory [Depth];
  always_ff @(posedge clk_i) begin
    for (int unsigned i = 0; i < Bytes; i++) begin
      if (we_i && be_i[i]) memory[waddr_i][8*i +: 8] <= wdata_i[8*i +: 8];
    end
  end
  always_ff @(posedge clk_i) begin
    if (re_i) rdata_o <= memory[raddr_i];
  end
endmodule
