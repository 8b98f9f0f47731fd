// Scale and inverse of A8 from the largest magnitude and its two quotients, amax / 127 and 127 /
// amax: what is not finite has scale NaN, what is too small for an inverse scale 0, and both codes
// of 0. Combinational.
module a8_rule (
  input  logic [30:0] amax_i,      // by bits: NaN is above infinity
  input  logic [31:0] quotient_i,  // amax / 127
  input  logic [31:0] inverse_i,   // 127 / amax
  output logic [31:0] scale_o,
  output logic [31:0] inverse_o
);
  logic is_finite, is_small, unused_mantissa;
  assign unused_mantissa = ^amax_i[22:0];
  assign is_finite = amax_i[30:23] != 8'hFF;
  assign is_small  = inverse_i[30:23] == 8'hFF;
  assign scale_o   = !is_finite ? fp_pkg::QuietNan : is_small ? 32'd0 : quotient_i;
  assign inverse_o = !is_finite || is_small ? 32'd0 : inverse_i;
endmodule
