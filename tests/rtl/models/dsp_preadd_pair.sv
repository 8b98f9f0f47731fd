// Two DSPs in a row, an even and an odd one, and a sum of both: the cells of a bench.
module dsp_preadd_pair (
  input  logic               clk_i,
  input  logic signed [26:0] a_i,
  input  logic signed [26:0] d_i,
  input  logic signed [17:0] b_i,
  input  logic signed [47:0] c_i,
  input  logic [1:0]         cascade_i,
  input  logic               feedback_i,
  input  logic               triple_i,
  output logic signed [47:0] even_o,
  output logic signed [47:0] odd_o,
  output logic        [47:0] sum_o
);
  logic signed [47:0] chain, unused;
  dsp_preadd_mul #(.UseC(1'b1)) u_even (
    .clk_i, .a_i, .d_i, .b_i, .c_i, .cascade_i(cascade_i[0]), .feedback_i(1'b0), .pcin_i(48'sd0),
    .p_o(even_o), .pcout_o(chain)
  );
  dsp_preadd_mul u_odd (
    .clk_i, .a_i, .d_i, .b_i, .c_i(48'sd0), .cascade_i(cascade_i[1]), .feedback_i, .pcin_i(chain),
    .p_o(odd_o), .pcout_o(unused)
  );
  dsp_add_triple u_sum (.clk_i, .ab_i(even_o), .c_i(odd_o), .triple_i, .p_o(sum_o));
endmodule
