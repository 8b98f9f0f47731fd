// a / b of binary32, rounded to nearest even. One result a cycle.
//
// Non-restoring division: each stage subtracts the divisor or adds it back, by the sign of the
// remainder, and gives a bit of the quotient. Operands are normalised in front, a subnormal result
// is shifted behind.
module fp_div #(
  parameter int unsigned Subnormals = 1  // 0: operands and results are normal or 0
) (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic [31:0] quotient_o
);
  localparam int unsigned Bits = 26;  // 1.0 and 25 behind it: a quotient below 1 needs one more
  localparam int unsigned Latency = fp_pkg::DivLatency;
  if (Latency != Bits + 3) begin : gen_check_latency
    $error("fp_div has a stage for each bit and three more");
  end

  // Stage 1: mantissas.
  logic [23:0]       man_a, man_b;
  logic signed [9:0] exp_a, exp_b;
  logic              a_is_zero, a_is_infinite, a_is_nan, b_is_zero, b_is_infinite, b_is_nan;
  fp_normalize #(.Subnormals(Subnormals)) u_a (
    .value_i(a_i[30:0]), .man_o(man_a), .exp_o(exp_a), .is_zero_o(a_is_zero),
    .is_infinite_o(a_is_infinite), .is_nan_o(a_is_nan)
  );
  fp_normalize #(.Subnormals(Subnormals)) u_b (
    .value_i(b_i[30:0]), .man_o(man_b), .exp_o(exp_b), .is_zero_o(b_is_zero),
    .is_infinite_o(b_is_infinite), .is_nan_o(b_is_nan)
  );

  logic signed [9:0] exp_a_q, exp_b_q;
  logic              sign1_q, is_zero1_q, is_infinite1_q, is_nan1_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      exp_a_q        <= exp_a;
      exp_b_q        <= exp_b;
      sign1_q        <= a_i[31] ^ b_i[31];
      is_zero1_q     <= a_is_zero || b_is_infinite;
      is_infinite1_q <= a_is_infinite || b_is_zero;
      is_nan1_q      <= a_is_nan || b_is_nan || (a_is_zero && b_is_zero) ||
                        (a_is_infinite && b_is_infinite);
    end
  end

  // Stage 2: the exponent, which waits in a delay line until the last bit has come.
  logic [7:0]  exp2, exp27;
  logic [4:0]  right2, right27;
  logic        is_infinite2, sign27, is_nan27, is_infinite27;
  logic [15:0] early_q, late;
  fp_div_exponent u_exponent (
    .exp_a_i(exp_a_q), .exp_b_i(exp_b_q), .is_zero_i(is_zero1_q), .is_infinite_i(is_infinite1_q),
    .exp_less_1_o(exp2), .right_o(right2), .is_infinite_o(is_infinite2)
  );
  always_ff @(posedge clk_i) begin
    if (en_i) early_q <= {sign1_q, is_nan1_q, is_infinite2, right2, exp2};
  end
  delay_ring #(.Width(16), .Delay(Bits-1)) u_wait (.clk_i, .en_i, .data_i(early_q), .data_o(late));
  assign {sign27, is_nan27, is_infinite27, right27, exp27} = late;

  // Stages 2 to 27: bits of the quotient. A remainder lies in -divisor .. divisor - 1.
  logic [24:0]     remainder [Bits+1];
  logic [23:0]     divisor [Bits+1];
  logic [Bits-1:0] quotient [Bits+1];
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      remainder[0] <= {1'b0, man_a};
      divisor[0]   <= man_b;
    end
  end
  assign quotient[0] = '0;
  for (genvar i = 0; i < Bits; i++) begin : gen_bit
    logic [24:0] doubled, next;
    logic        subtract, unused_carry;
    assign doubled  = i == 0 ? remainder[0] : {remainder[i][23:0], 1'b0};
    assign subtract = !remainder[i][24];
    assign {next, unused_carry} =
        {doubled, 1'b1} + {{1'b0, divisor[i]} ^ {25{subtract}}, subtract};
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        remainder[i+1] <= next;
        divisor[i+1]   <= divisor[i];
        quotient[i+1]  <= {quotient[i][Bits-2:0], !next[24]};
      end
    end
  end

  // Stage 28: the shift of a subnormal result; infinities and NaN as fp_round has them. Nothing is
  // left over if the remainder, made positive, is 0.
  logic [24:0] last, addend;
  logic [25:0] man, man_q;
  logic        is_shift_inexact, is_inexact_q;
  logic [7:0]  exp28_q;
  logic        sign28_q, is_special27;
  assign is_special27 = is_infinite27 || is_nan27;
  assign last   = remainder[Bits];
  assign addend = {25{last[24]}} & {1'b0, divisor[Bits]};
  if (Subnormals != 0) begin : gen_shift
    fp_shift_right #(.InW(26), .AmountW(5)) u_shift (
      .value_i(quotient[Bits]), .amount_i(right27), .shifted_o(man),
      .is_inexact_o(is_shift_inexact)
    );
  end else begin : gen_no_shift
    logic unused_right;
    assign unused_right     = ^right27[3:0];
    assign man              = right27[4] ? 26'd0 : quotient[Bits];
    assign is_shift_inexact = 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      man_q    <= is_special27 ? {2'd0, is_nan27, 23'd0} : man;
      exp28_q  <= is_special27 ? 8'hFF : exp27;
      sign28_q <= sign27;
      // x + y is 0 modulo 2^n if and only if x ^ y equals (x | y) << 1.
      is_inexact_q <= is_shift_inexact || (last ^ addend) != {last[23:0] | addend[23:0], 1'b0};
    end
  end

  // Stage 29: rounding.
  logic        is_over;
  logic [30:0] rounded;
  fp_round u_round (
    .exp_less_1_i(exp28_q), .man_i(man_q), .is_inexact_i(is_inexact_q),
    .is_over_o(is_over), .rounded_o(rounded)
  );
  always_ff @(posedge clk_i) begin
    if (en_i) quotient_o <= {sign28_q, is_over ? fp_pkg::Infinity[30:0] : rounded};
  end
endmodule
