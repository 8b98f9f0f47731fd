// Exponent of a quotient of normalised mantissas, 0.5 to 2, for fp_round: its bit 25 counts ones.
// Combinational.
module fp_div_exponent (
  input  logic signed [9:0] exp_a_i,
  input  logic signed [9:0] exp_b_i,
  input  logic              is_zero_i,
  input  logic              is_infinite_i,
  output logic [7:0]        exp_less_1_o,
  output logic [4:0]        right_o,        // places of a subnormal result; 31: nothing is left
  output logic              is_infinite_o
);
  logic signed [9:0] exp, below;
  logic              is_low;
  assign exp           = exp_a_i - exp_b_i + 10'sd125;
  assign below         = exp_b_i - exp_a_i - 10'sd125;
  assign is_low        = exp[9] || is_zero_i;
  assign exp_less_1_o  = is_low ? 8'd0 : exp[7:0];
  assign right_o       = !is_low ? 5'd0 : below[4:0] | {5{is_zero_i || below[9:5] != 5'd0}};
  assign is_infinite_o = is_infinite_i || (!is_low && (exp[8] || exp[7:0] == 8'hFF));
endmodule
