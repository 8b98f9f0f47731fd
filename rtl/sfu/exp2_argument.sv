// round(min(x * 94548.46, 2^21)) of a difference that is not negative: what exp2_neg_q30 takes for
// e^-x. NaN gives the limit, of which the exponential is 0. One result a cycle.
module exp2_argument (
  input  logic                         clk_i,
  input  logic                         en_i,
  input  logic [31:0]                  x_i,
  output logic [fp_pkg::Exp2ArgW-1:0] argument_o
);
  logic [31:0]              scaled;
  logic [fp_pkg::Exp2ArgW:0] rounded;
  logic                     unused_sign;
  fp_mul_normal u_scale (.clk_i, .en_i, .a_i(x_i), .b_i(fp_pkg::Log2EQ16), .product_o(scaled));
  fp_to_int #(
    .Width(fp_pkg::Exp2ArgW + 1), .Low(0), .High(fp_pkg::Exp2Limit), .OfNan(fp_pkg::Exp2Limit)
  ) u_round (.clk_i, .en_i, .x_i(scaled), .int_o(rounded));
  assign {unused_sign, argument_o} = rounded;
endmodule
