// A group by given parameters, which stay for its eight beats: codes 10 cycles after each beat, the
// sum of squared errors 60 cycles after the first.
module kv4_choice (
  input  logic         clk_i,
  input  logic [2:0]   phase_i,   // 0 with the first beat
  input  logic [127:0] beat_i,
  input  logic [127:0] beat_13_i,  // 13 cycles later
  input  logic [30:0]  inverse_i,
  input  logic [3:0]   zero_i,
  input  logic [14:0]  step_i,
  input  logic [4:0]   exp_i,
  output logic [15:0]  codes_o,
  output logic [30:0]  error_o    // in phase 4
);
  logic [3:0]  zero_9;
  logic [14:0] step_10;
  logic [4:0]  exp_12;
  delay_ring #(.Width(4), .Delay(9)) u_zero (
    .clk_i, .en_i(1'b1), .data_i(zero_i), .data_o(zero_9)
  );
  delay_ring #(.Width(15), .Delay(10)) u_step (
    .clk_i, .en_i(1'b1), .data_i(step_i), .data_o(step_10)
  );
  delay_ring #(.Width(5), .Delay(12)) u_exp (
    .clk_i, .en_i(1'b1), .data_i(exp_i), .data_o(exp_12)
  );

  logic [123:0] squares;
  for (genvar i = 0; i < 4; i++) begin : gen_lane
    kv4_lane u_lane (
      .clk_i, .x_i(beat_i[32*i +: 32]), .inverse_i, .zero_9_i(zero_9), .step_10_i(step_10),
      .exp_12_i(exp_12), .x_13_i(beat_13_i[32*i +: 32]), .code_o(codes_o[4*i +: 4]),
      .square_o(squares[31*i +: 31])
    );
  end

  // Squares begin 23 cycles after the beats, in phase 7.
  logic [2:0] slot;
  assign slot = phase_i + 3'd1;
  kv4_error_sum u_sum (.clk_i, .slot_i(slot), .squares_i(squares), .sum_o(error_o));
endmodule
