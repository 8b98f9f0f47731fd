// A silu_mul that some lanes share: their elements come together, and so do the results,
// SiluMulLatency + Lanes + 1 cycles later. The next ones may come after Lanes cycles.
module silu_share #(
  parameter int unsigned Lanes = 4
) (
  input  logic                clk_i,
  input  logic                start_i,
  input  logic [32*Lanes-1:0] gate_i,
  input  logic [32*Lanes-1:0] up_i,
  output logic [32*Lanes-1:0] result_o
);
  logic [32*Lanes-1:0] gate_q, up_q;
  logic [31:0]         result;
  always_ff @(posedge clk_i) begin
    gate_q <= start_i ? gate_i : gate_q >> 32;
    up_q   <= start_i ? up_i : up_q >> 32;
  end
  silu_mul u_silu (
    .clk_i, .en_i(1'b1), .gate_i(gate_q[31:0]), .up_i(up_q[31:0]), .result_o(result)
  );
  // The lanes' results move down, until the first one's is at the bottom.
  always_ff @(posedge clk_i) result_o <= (32*Lanes)'({result, result_o} >> 32);
endmodule
