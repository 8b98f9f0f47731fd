// The parameters of a group for two multipliers, the ceiling of range / (15 scale) and one less. A
// group may begin every eight cycles, in phase 0; its parameters are there from phase 0 to 7, 56
// cycles later. The divider is that of kv4_quantize, which takes 1 / step_o in phases 1 and 2.
module kv4_group (
  input  logic        clk_i,
  input  logic [2:0]  phase_i,
  input  logic [30:0] width_i,
  input  logic [31:0] middle_i,
  input  logic        is_last_i,
  input  logic [15:0] scale_i,
  input  logic        is_finite_i,
  input  logic [30:0] inverse_i,        // 1 / (15 scale)
  output logic [30:0] step_o,
  input  logic [31:0] quotient_i,
  // Of the larger multiplier and the smaller one.
  output logic [30:0] whole_inverse_o,  // 1 / (scale multiplier)
  output logic [30:0] less_inverse_o,
  output logic [3:0]  whole_zero_o,
  output logic [3:0]  less_zero_o,
  output logic [14:0] whole_step_o,     // mantissa of the scale times multiplier
  output logic [14:0] less_step_o,
  output logic [3:0]  multiplier_o,     // the larger one
  output logic [4:0]  exp_o,            // of the scale
  output logic [15:0] scale_o,          // NaN if not finite
  output logic        is_empty_o,       // all codes are 0
  output logic        is_last_o
);
  // What is known from the beginning, by age in units of eight cycles.
  localparam int unsigned Ages = 7;
  logic [31:0] middle_q [Ages];
  logic [15:0] scale_q [Ages];
  logic [Ages-1:0] is_empty_q, is_last_q;
  always_ff @(posedge clk_i) begin
    if (phase_i == 3'd0) begin
      middle_q[0] <= middle_i;
      scale_q[0]  <= is_finite_i ? scale_i : 16'h7E00;
      is_empty_q  <= {is_empty_q[Ages-2:0],
                      !is_finite_i || width_i == 31'd0 || scale_i[14:0] == 15'd0};
      is_last_q   <= {is_last_q[Ages-2:0], is_last_i};
      for (int unsigned i = 1; i < Ages; i++) begin
        middle_q[i] <= middle_q[i-1];
        scale_q[i]  <= scale_q[i-1];
      end
    end
  end

  // Cycles 0 to 6: the multiplier, 1 to 15.
  logic [31:0] ratio;
  logic [3:0]  floor, multiplier, multiplier_q;
  logic        has_rest, unused_sign;
  fp_mul_normal u_ratio (
    .clk_i, .en_i(1'b1), .a_i({1'b0, width_i}), .b_i({1'b0, inverse_i}), .product_o(ratio)
  );
  assign unused_sign = ratio[31];
  always_comb begin
    unique case (ratio[24:23])
      2'b11:   {floor, has_rest} = {3'd0, 1'b1, ratio[22:0] != 23'd0};
      2'b00:   {floor, has_rest} = {2'd0, 1'b1, ratio[22], ratio[21:0] != 22'd0};
      2'b01:   {floor, has_rest} = {1'd0, 1'b1, ratio[22:21], ratio[20:0] != 21'd0};
      default: {floor, has_rest} = {1'b1, ratio[22:20], ratio[19:0] != 20'd0};
    endcase
    if (ratio[30:23] < 8'd127) multiplier = 4'd1;
    else if (ratio[30:23] > 8'd130 || floor == 4'd15) multiplier = 4'd15;
    else multiplier = floor + 4'(has_rest);
  end

  // Cycles 7 to 9: the steps, exact.
  localparam int unsigned StepAges = 6;
  logic [10:0] man;
  logic [14:0] less_step_q;
  logic [14:0] step_q [StepAges];
  logic [3:0]  of_step_q [StepAges];
  logic [4:0]  exp_q;
  logic [30:0] step;
  assign man = {scale_q[0][14:10] != 5'd0, scale_q[0][9:0]};
  kv4_float u_step (
    .int_i({4'd0, phase_i == 3'd0 ? step_q[0] : less_step_q}), .exp_i(exp_q), .result_o(step)
  );
  always_ff @(posedge clk_i) begin
    if (phase_i == 3'd6) multiplier_q <= multiplier;
    if (phase_i == 3'd7) begin
      step_q[0]    <= 15'(man) * 15'(multiplier_q);
      of_step_q[0] <= multiplier_q;
      exp_q        <= {scale_q[0][14:11], scale_q[0][10] || scale_q[0][14:10] == 5'd0};
      for (int unsigned i = 1; i < StepAges; i++) begin
        step_q[i]    <= step_q[i-1];
        of_step_q[i] <= of_step_q[i-1];
      end
    end
    if (phase_i == 3'd0) less_step_q <= step_q[0] - {4'd0, man};
    step_o <= step;
  end

  // Cycles 38 and 39: the inverses come.
  logic [30:0] first_inverse_q;
  logic [61:0] inverses_q [2];
  always_ff @(posedge clk_i) begin
    if (phase_i == 3'd6) first_inverse_q <= quotient_i[30:0];
    if (phase_i == 3'd7) begin
      inverses_q[0] <= {first_inverse_q, quotient_i[30:0]};
      inverses_q[1] <= inverses_q[0];
    end
  end

  // Cycles 38 to 52: zero = round(7.5 - middle * inverse), 0 to 15.
  logic [31:0] product, difference;
  logic [4:0]  zero;
  logic [3:0]  first_zero_q;
  logic [7:0]  zeros_q;
  logic        unused_zero_sign;
  fp_mul_normal u_product (
    .clk_i, .en_i(1'b1), .a_i(middle_q[4]), .b_i(quotient_i), .product_o(product)
  );
  fp_add u_difference (
    .clk_i, .en_i(1'b1), .a_i(32'h40F0_0000), .b_i({!product[31], product[30:0]}),
    .sum_o(difference)
  );
  fp_to_int #(.Width(5), .Low(0), .High(15), .OfNan(0)) u_zero (
    .clk_i, .en_i(1'b1), .x_i(difference), .int_o(zero)
  );
  assign unused_zero_sign = zero[4];
  always_ff @(posedge clk_i) begin
    if (phase_i == 3'd3) first_zero_q <= zero[3:0];
    if (phase_i == 3'd4) zeros_q <= {first_zero_q, zero[3:0]};
  end

  // Cycle 55: all at once.
  logic [15:0] scale;
  assign scale = scale_q[Ages-1];
  always_ff @(posedge clk_i) begin
    if (phase_i == 3'd7) begin
      {whole_inverse_o, less_inverse_o} <= inverses_q[1];
      {whole_zero_o, less_zero_o}       <= zeros_q;
      whole_step_o <= step_q[StepAges-1];
      less_step_o  <= step_q[StepAges-1] - {4'd0, scale[14:10] != 5'd0, scale[9:0]};
      multiplier_o <= of_step_q[StepAges-1];
      exp_o        <= {scale[14:11], scale[10] || scale[14:10] == 5'd0};
      scale_o      <= scale;
      is_empty_o   <= is_empty_q[Ages-1];
      is_last_o    <= is_last_q[Ages-1];
    end
  end
endmodule
