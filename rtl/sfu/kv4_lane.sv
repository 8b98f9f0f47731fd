// One element in KV4 by given parameters: its code 10 cycles later, the square of its error 23
// cycles later. What belongs to the element comes when it is needed.
module kv4_lane (
  input  logic        clk_i,
  input  logic [31:0] x_i,
  input  logic [30:0] inverse_i,
  input  logic [3:0]  zero_9_i,   // cycle 9
  input  logic [14:0] step_10_i,  // cycle 10, mantissa of scale times multiplier
  input  logic [4:0]  exp_12_i,   // cycle 12, of the scale
  input  logic [31:0] x_13_i,     // cycle 13, the element again
  output logic [3:0]  code_o,
  output logic [30:0] square_o
);
  // Cycles 0 to 9: round(x * inverse). Beyond +-15 it clips, whatever the zero point.
  logic [31:0]       scaled;
  logic signed [4:0] rounded;
  fp_mul_normal u_scale (
    .clk_i, .en_i(1'b1), .a_i(x_i), .b_i({1'b0, inverse_i}), .product_o(scaled)
  );
  fp_to_int #(.Width(5), .Low(-15), .High(15), .OfNan(0)) u_round (
    .clk_i, .en_i(1'b1), .x_i(scaled), .int_o(rounded)
  );

  // Cycle 9: the code, and its distance from the zero point.
  logic [5:0] sum;
  logic [3:0] code, distance, distance_q;
  logic       is_below, is_below_q;
  assign sum      = {rounded[4], rounded} + {2'd0, zero_9_i};
  assign code     = sum[5] ? 4'd0 : sum[4] ? 4'd15 : sum[3:0];
  assign is_below = code < zero_9_i;
  assign distance = is_below ? zero_9_i - code : code - zero_9_i;
  always_ff @(posedge clk_i) begin
    code_o     <= code;
    distance_q <= distance;
    is_below_q <= is_below;
  end

  // Cycles 10 to 12: step * (code - zero), exact.
  logic [47:0] product, unused_pcout;
  logic [30:0] level, level_q;
  logic [1:0]  is_below_late_q;
  logic        is_negative_q, unused_bits;
  dsp_mul #(.AbRegisters(0)) u_level (
    .clk_i, .en_i(1'b1), .a_i({12'd0, step_10_i}), .b_i({14'd0, distance_q}), .c_i(48'd0),
    .pcin_i(48'd0), .p_o(product), .pcout_o(unused_pcout)
  );
  assign unused_bits = ^product[47:19];
  kv4_float u_float (.int_i(product[18:0]), .exp_i(exp_12_i), .result_o(level));
  always_ff @(posedge clk_i) begin
    is_below_late_q <= {is_below_late_q[0], is_below_q};
    level_q         <= level;
    is_negative_q   <= is_below_late_q[1];
  end

  // Cycles 13 to 22: the error and its square.
  logic [31:0] error, square;
  logic        unused_sign;
  fp_add u_error (
    .clk_i, .en_i(1'b1), .a_i(x_13_i), .b_i({!is_negative_q, level_q}), .sum_o(error)
  );
  fp_mul u_square (.clk_i, .en_i(1'b1), .a_i(error), .b_i(error), .product_o(square));
  assign square_o    = square[30:0];
  assign unused_sign = square[31];
endmodule
