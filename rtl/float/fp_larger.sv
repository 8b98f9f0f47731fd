// The larger of two binary32 numbers by value; NaN is passed over, and of equal ones a is kept.
// Combinational.
module fp_larger (
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic [31:0] larger_o
);
  logic a_is_empty, b_is_empty, a_is_nan, b_is_nan, are_zero;
  assign a_is_empty = a_i[22:0] == 23'd0;
  assign b_is_empty = b_i[22:0] == 23'd0;
  assign a_is_nan   = a_i[30:23] == 8'hFF && !a_is_empty;
  assign b_is_nan   = b_i[30:23] == 8'hFF && !b_is_empty;
  assign are_zero   = a_is_empty && b_is_empty && (a_i[30:23] | b_i[30:23]) == 8'd0;

  // Magnitudes decide between numbers of one sign, where it does not matter which of equal ones is
  // taken. Else the positive one is larger, but for the zeros, which are equal.
  logic is_above, is_larger;
  assign is_above  = b_i[30:0] > a_i[30:0];
  assign is_larger = a_i[31] == b_i[31] ? is_above ^ a_i[31] : a_i[31] && !are_zero;
  assign larger_o  = a_is_nan || (!b_is_nan && is_larger) ? b_i : a_i;
endmodule
