// SiLU of gate, times up: (gate * sigmoid(gate)) * up by the steps of docs/numerics.md. One element
// a cycle.
module silu_mul (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [31:0] gate_i,
  input  logic [31:0] up_i,
  output logic [31:0] result_o
);
  localparam int unsigned PowerLatency = fp_pkg::Exp2ArgLatency + fp_pkg::Exp2Latency;
  localparam int unsigned ELatency     = PowerLatency + fp_pkg::FromIntLatency;
  localparam int unsigned SigmoidLatency = ELatency + fp_pkg::AddLatency + fp_pkg::DivLatency;
  localparam int unsigned ProductLatency = SigmoidLatency + fp_pkg::MulLatency;
  if (fp_pkg::SiluMulLatency != ProductLatency + fp_pkg::MulLatency) begin : gen_check_latency
    $error("SiluMulLatency must be the sum of silu_mul's stages");
  end

  // e^-|gate|, 0 to 1: an integer in Q30, so not subnormal. Only its float is needed.
  logic [fp_pkg::Exp2ArgW-1:0] argument;
  logic [16:0]                 man;
  logic [5:0]                  places;
  logic [30:0]                 power;
  logic [31:0]                 e;
  logic                        unused_power;
  exp2_argument u_argument (.clk_i, .en_i, .x_i({1'b0, gate_i[30:0]}), .argument_o(argument));
  exp2_neg_q30 u_power (
    .clk_i, .en_i, .x_i(argument), .man_o(man), .places_o(places), .power_o(power)
  );
  exp2_float #(.OneExponent(127)) u_float (
    .clk_i, .en_i, .man_i(man), .places_i(places), .result_o(e)
  );
  assign unused_power = ^power;

  // Sigmoid: 1 or e, over 1 + e.
  logic        is_negative;  // or NaN, whose e is 0
  logic [31:0] divisor, above, sigmoid;
  delay_ring #(.Width(1), .Delay(ELatency)) u_sign (
    .clk_i, .en_i,
    .data_i(gate_i[31] && gate_i[30:0] != 31'd0), .data_o(is_negative)
  );
  fp_add_positive u_divisor (
    .clk_i, .en_i, .a_i(fp_pkg::One[30:0]), .b_i(e[30:0]), .sum_o(divisor[30:0])
  );
  assign divisor[31] = 1'b0;
  delay_ring #(.Width(32), .Delay(fp_pkg::AddLatency)) u_above (
    .clk_i, .en_i, .data_i(is_negative ? e : fp_pkg::One), .data_o(above)
  );
  fp_div #(.Subnormals(0)) u_sigmoid (
    .clk_i, .en_i, .a_i(above), .b_i(divisor), .quotient_o(sigmoid)
  );

  logic [31:0] gate, silu, up;
  delay_ring #(.Width(32), .Delay(SigmoidLatency), .Style("block")) u_gate (
    .clk_i, .en_i, .data_i(gate_i), .data_o(gate)
  );
  fp_mul u_silu (.clk_i, .en_i, .a_i(gate), .b_i(sigmoid), .product_o(silu));
  delay_ring #(.Width(32), .Delay(ProductLatency), .Style("block")) u_up (
    .clk_i, .en_i, .data_i(up_i), .data_o(up)
  );
  fp_mul u_result (.clk_i, .en_i, .a_i(silu), .b_i(up), .product_o(result_o));
endmodule
