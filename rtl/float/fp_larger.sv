// The larger of two binary32 numbers by value; NaN is passed over, and of equal ones a is kept.
// Combinational.
module fp_larger (
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic [31:0] larger_o
);
  // Without NaN, numbers are ordered like these integers, but for the zeros, which are equal.
  logic [31:0] order_a, order_b;
  logic        a_is_nan, b_is_nan, are_zero;
  assign order_a  = {!a_i[31], a_i[30:0] ^ {31{a_i[31]}}};
  assign order_b  = {!b_i[31], b_i[30:0] ^ {31{b_i[31]}}};
  assign a_is_nan = a_i[30:0] > fp_pkg::Infinity[30:0];
  assign b_is_nan = b_i[30:0] > fp_pkg::Infinity[30:0];
  assign are_zero = a_i[30:0] == 31'd0 && b_i[30:0] == 31'd0;
  assign larger_o = a_is_nan || (!b_is_nan && !are_zero && order_b > order_a) ? b_i : a_i;
endmodule
