// a / b of binary32, rounded to nearest even, a bit of the quotient in each cycle: the arithmetic
// of fp_div where divisions are few. An operation takes 29 cycles and the result's handshake.
module fp_div_iter (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        valid_i,
  output logic        ready_o,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic        valid_o,
  input  logic        ready_i,
  output logic [31:0] quotient_o
);
  localparam int unsigned Bits = 26;

  // Steps after the operands came: Bits bits, the shift, rounding; then the result waits.
  localparam logic [4:0] Shift = 5'(Bits);
  localparam logic [4:0] Round = 5'(Bits + 1);
  localparam logic [4:0] Done  = 5'(Bits + 2);
  logic [4:0] step_q;
  logic       is_busy_q;
  assign ready_o = !is_busy_q;
  assign valid_o = is_busy_q && step_q == Done;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      is_busy_q <= 1'b0;
    end else if (!is_busy_q) begin
      is_busy_q <= valid_i;
      step_q    <= 5'd0;
    end else if (step_q != Done) begin
      step_q <= step_q + 5'd1;
    end else if (ready_i) begin
      is_busy_q <= 1'b0;
    end
  end

  // What comes in.
  logic [23:0]       man_a, man_b;
  logic signed [9:0] exp_a, exp_b, exp_a_q, exp_b_q;
  logic              a_is_zero, a_is_infinite, a_is_nan, b_is_zero, b_is_infinite, b_is_nan;
  logic              sign_q, is_zero_q, is_infinite_q, is_nan_q;
  fp_normalize u_a (
    .value_i(a_i[30:0]), .man_o(man_a), .exp_o(exp_a), .is_zero_o(a_is_zero),
    .is_infinite_o(a_is_infinite), .is_nan_o(a_is_nan)
  );
  fp_normalize u_b (
    .value_i(b_i[30:0]), .man_o(man_b), .exp_o(exp_b), .is_zero_o(b_is_zero),
    .is_infinite_o(b_is_infinite), .is_nan_o(b_is_nan)
  );
  always_ff @(posedge clk_i) begin
    if (ready_o) begin
      exp_a_q       <= exp_a;
      exp_b_q       <= exp_b;
      sign_q        <= a_i[31] ^ b_i[31];
      is_zero_q     <= a_is_zero || b_is_infinite;
      is_infinite_q <= a_is_infinite || b_is_zero;
      is_nan_q      <= a_is_nan || b_is_nan || (a_is_zero && b_is_zero) ||
                       (a_is_infinite && b_is_infinite);
    end
  end

  // Non-restoring division. The remainder is kept doubled, ready for the next step.
  logic [24:0] remainder_q, next;
  logic [23:0] divisor_q;
  logic [25:0] quotient_q;
  logic        is_negative_q, unused_carry;
  assign {next, unused_carry} = {remainder_q, 1'b1} +
                                {{1'b0, divisor_q} ^ {25{!is_negative_q}}, !is_negative_q};

  // The shift of a subnormal result, and what is left over: see fp_div.
  logic [24:0] last, addend;
  logic [25:0] shifted;
  logic [7:0]  exp_less_1;
  logic [4:0]  right;
  logic        is_infinite, is_special, is_shift_inexact, is_inexact_q;
  assign last   = {is_negative_q, remainder_q[24:1]};
  assign addend = {25{is_negative_q}} & {1'b0, divisor_q};
  fp_div_exponent u_exponent (
    .exp_a_i(exp_a_q), .exp_b_i(exp_b_q), .is_zero_i(is_zero_q), .is_infinite_i(is_infinite_q),
    .exp_less_1_o(exp_less_1), .right_o(right), .is_infinite_o(is_infinite)
  );
  assign is_special = is_infinite || is_nan_q;  // as fp_round has them
  fp_shift_right #(.InW(26), .AmountW(5)) u_shift (
    .value_i(quotient_q), .amount_i(right), .shifted_o(shifted), .is_inexact_o(is_shift_inexact)
  );

  always_ff @(posedge clk_i) begin
    if (ready_o) begin
      remainder_q   <= {1'b0, man_a};
      is_negative_q <= 1'b0;
      divisor_q     <= man_b;
    end else if (step_q == Shift) begin
      quotient_q   <= is_special ? {2'd0, is_nan_q, 23'd0} : shifted;
      is_inexact_q <= is_shift_inexact || (last ^ addend) != {last[23:0] | addend[23:0], 1'b0};
    end else if (step_q < Shift) begin
      remainder_q   <= {next[23:0], 1'b0};
      is_negative_q <= next[24];
      quotient_q    <= {quotient_q[24:0], !next[24]};
    end
  end

  logic        is_over;
  logic [30:0] rounded;
  fp_round u_round (
    .exp_less_1_i(exp_less_1 | {8{is_special}}), .man_i(quotient_q), .is_inexact_i(is_inexact_q),
    .is_over_o(is_over), .rounded_o(rounded)
  );
  always_ff @(posedge clk_i) begin
    if (step_q == Round) quotient_o <= {sign_q, is_over ? fp_pkg::Infinity[30:0] : rounded};
  end
endmodule
