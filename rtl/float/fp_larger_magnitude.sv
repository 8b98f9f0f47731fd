// The larger of two magnitudes by their bits: NaN is above infinity, infinity above all others.
// Combinational.
module fp_larger_magnitude (
  input  logic [30:0] a_i,
  input  logic [30:0] b_i,
  output logic [30:0] larger_o
);
  assign larger_o = b_i > a_i ? b_i : a_i;
endmodule
