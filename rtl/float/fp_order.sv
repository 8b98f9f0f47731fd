// Two magnitudes in order, and how many places their mantissas are apart. Combinational.
//
// Subnormal numbers have the exponent of the smallest normal ones, and no hidden bit.
module fp_order (
  input  logic [30:0] a_i,
  input  logic [30:0] b_i,
  output logic [30:0] big_o,
  output logic [30:0] small_o,
  output logic [7:0]  distance_o,
  output logic        a_is_big_o
);
  logic [7:0] exp_a, exp_b, a_over_b, b_over_a;
  assign exp_a      = {a_i[30:24], a_i[23] || a_i[30:23] == 8'd0};
  assign exp_b      = {b_i[30:24], b_i[23] || b_i[30:23] == 8'd0};
  assign a_over_b   = exp_a - exp_b;
  assign b_over_a   = exp_b - exp_a;
  assign a_is_big_o = a_i >= b_i;
  assign big_o      = a_is_big_o ? a_i : b_i;
  assign small_o    = a_is_big_o ? b_i : a_i;
  assign distance_o = a_is_big_o ? a_over_b : b_over_a;
endmodule
