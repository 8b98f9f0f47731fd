// Binary32 to binary16, rounded to nearest even. What is too large becomes infinite or, with
// Saturate, the largest finite number, as in KV4's scale. One result a cycle.
module fp_to_half #(
  parameter int unsigned Saturate = 0  // 0 or 1
) (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [31:0] x_i,
  output logic [15:0] half_o
);
  localparam int unsigned Latency = fp_pkg::ToHalfLatency;
  if (Latency != 2) begin : gen_check_latency
    $error("fp_to_half has two stages");
  end

  // Stage 1. The exponent of binary16's smallest normal number is 113 in binary32. Below it, the
  // mantissa is shifted to where that exponent would have it.
  logic        is_low, is_lost;
  logic [7:0]  below;
  logic [23:0] shifted;
  assign below  = 8'd113 - x_i[30:23];
  assign is_low = x_i[30:23] < 8'd113;
  fp_shift_right #(.InW(24), .AmountW(5)) u_shift (
    .value_i({1'b1, x_i[22:0]}), .amount_i((below[4:0] | {5{below[7:5] != 3'd0}}) & {5{is_low}}),
    .shifted_o(shifted), .is_inexact_o(is_lost)
  );

  logic [10:0] whole_q;  // hidden bit and 10 more
  logic        guard_q, rest_q, sign_q, is_nan_q, is_over_q;
  logic [4:0]  exp_less_1_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      {whole_q, guard_q} <= shifted[23:12];
      rest_q             <= is_lost || shifted[11:0] != 12'd0;
      exp_less_1_q       <= is_low ? 5'd0 : x_i[27:23] - 5'd17;
      sign_q             <= x_i[31];
      is_nan_q           <= x_i[30:0] > fp_pkg::Infinity[30:0];
      is_over_q          <= x_i[30:23] > 8'd142;
    end
  end

  // Stage 2: rounding, which may go up to infinity.
  logic        up, is_over;
  logic [14:0] rounded;
  assign up      = guard_q && (whole_q[0] || rest_q);
  assign rounded = {exp_less_1_q, 10'd0} + {4'd0, whole_q} + 15'(up);
  assign is_over = is_over_q || rounded[14:10] == 5'h1F;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      half_o[15] <= sign_q;
      if (is_nan_q) half_o[14:0] <= 15'h7E00;
      else if (is_over) half_o[14:0] <= Saturate != 0 ? 15'h7BFF : 15'h7C00;
      else half_o[14:0] <= rounded;
    end
  end
endmodule
