// A code of A8: round(x * inverse), clamped to +-127. One element a cycle. The inverse comes from
// a8_rule; if it is 0, all codes are.
module a8_quantize (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [31:0] x_i,
  input  logic [31:0] inverse_i,
  output logic [7:0]  code_o
);
  logic [31:0] scaled;
  fp_mul u_scale (.clk_i, .en_i, .a_i(x_i), .b_i(inverse_i), .product_o(scaled));
  fp_to_int #(.Width(8), .Low(-127), .High(127), .OfNan(0)) u_code (
    .clk_i, .en_i, .x_i(scaled), .int_o(code_o)
  );
endmodule
