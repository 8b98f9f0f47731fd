// Binary32 to binary16, rounded to nearest even. What is too large becomes infinite or, with
// Saturate, the largest finite number, as in KV4's scale. Combinational.
module fp_to_half #(
  parameter int unsigned Saturate = 0  // 0 or 1
) (
  input  logic [31:0] x_i,
  output logic [15:0] half_o
);
  // The exponent of binary16's smallest normal number is 113 in binary32. Below it, the mantissa is
  // shifted to where that exponent would have it.
  logic        is_low;
  logic [7:0]  below;
  logic [10:0] whole;      // hidden bit and 10 more
  logic        guard, is_lost;
  logic [23:0] shifted;
  assign below  = 8'd113 - x_i[30:23];
  assign is_low = x_i[30:23] < 8'd113;
  fp_shift_right #(.InW(24), .AmountW(5)) u_shift (
    .value_i({1'b1, x_i[22:0]}),
    .amount_i(is_low ? below[4:0] | {5{below[7:5] != 3'd0}} : 5'd0),
    .shifted_o(shifted), .is_inexact_o(is_lost)
  );
  assign {whole, guard} = shifted[23:12];

  logic        up, is_nan, is_over;
  logic [4:0]  exp_less_1;
  logic [14:0] rounded;
  assign up         = guard && (whole[0] || is_lost || shifted[11:0] != 12'd0);
  assign exp_less_1 = is_low ? 5'd0 : x_i[27:23] - 5'd17;
  assign rounded    = {exp_less_1, 10'd0} + {4'd0, whole} + 15'(up);
  assign is_nan     = x_i[30:23] == 8'hFF && x_i[22:0] != 23'd0;
  assign is_over    = x_i[30:23] > 8'd142 || rounded[14:10] == 5'h1F;
  always_comb begin
    half_o[15] = x_i[31];
    if (is_nan) half_o[14:0] = 15'h7E00;
    else if (is_over) half_o[14:0] = Saturate != 0 ? 15'h7BFF : 15'h7C00;
    else half_o[14:0] = rounded;
  end
endmodule
