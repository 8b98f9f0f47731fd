// What the zero point of a group of a key adds to the product with each query: its coefficient,
// multiplier * (8 - zero), times the sum of the query's codes in the group. Sums lie in entries as
// operands do.
module rce_zero_term #(
  parameter int unsigned Queries = 2,
  localparam int unsigned SumW = rce_pkg::QuerySumW,
  localparam int unsigned DspW = rce_pkg::DspW
) (
  input  logic                             clk_i,
  input  logic                             we_i,
  input  logic [4:0]                       waddr_i,
  input  logic [Queries*SumW-1:0]          query_sum_i,    // [query]
  input  logic [4:0]                       entry_i,
  input  logic [rce_pkg::CoefficientW-1:0] coefficient_i,
  output logic [Queries*DspW-1:0]          zero_term_o     // [query], ZeroStages later
);
  localparam int unsigned SumsW = (Queries * SumW + 1) / 2 * 2;  // a RAM's words are even
  logic [SumsW-1:0] sums;
  lut_ram #(.Ports(1), .Width(SumsW)) u_sums (
    .clk_i, .we_i, .waddr_i, .wdata_i(SumsW'(query_sum_i)), .raddr_i(entry_i), .rdata_o(sums)
  );

  for (genvar q = 0; q < Queries; q++) begin : gen_query
    logic [47:0] unused;
    dsp_mul_add #(.UseC(1'b0)) u_multiply (
      .clk_i, .en_i(1'b1), .a_i(27'($signed(sums[SumW*q +: SumW]))),
      .b_i(18'($signed(coefficient_i))), .c_i(48'd0), .pcin_i(48'd0),
      .p_o(zero_term_o[DspW*q +: DspW]), .pcout_o(unused)
    );
  end
  logic unused;
  assign unused = ^sums;
endmodule
