// a * b of binary32 where nothing subnormal matters, rounded to nearest even, with the latency of
// fp_mul. Subnormal operands count as 0, and a result is 0 if its exponent before the product of
// mantissas is normalised, 1 to 4, is below that of normal numbers.
module fp_mul_normal (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic [31:0] product_o
);
  localparam int unsigned Latency = fp_pkg::MulLatency;
  if (Latency != 6) begin : gen_check_latency
    $error("fp_mul_normal has six stages");
  end

  // Stages 1 to 4: the product, 1.0 at bit 46.
  logic [47:0] product;
  fp_mul_mantissa u_mantissa (
    .clk_i, .en_i, .a_i({1'b1, a_i[22:0]}), .b_i({1'b1, b_i[22:0]}), .product_o(product)
  );

  // Stage 1: sum of exponents, special values.
  logic       a_is_zero, b_is_zero, a_is_all, b_is_all, a_is_nan, b_is_nan;
  logic [8:0] exp_sum_q;
  logic       sign_q, is_zero_q, is_infinite_q, is_nan_q;
  assign a_is_zero = a_i[30:23] == 8'd0;
  assign b_is_zero = b_i[30:23] == 8'd0;
  assign a_is_all  = a_i[30:23] == 8'hFF;
  assign b_is_all  = b_i[30:23] == 8'hFF;
  assign a_is_nan  = a_is_all && (a_i[22:0] != 23'd0 || b_is_zero);
  assign b_is_nan  = b_is_all && (b_i[22:0] != 23'd0 || a_is_zero);
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      exp_sum_q     <= {1'b0, a_i[30:23]} + {1'b0, b_i[30:23]};
      sign_q        <= a_i[31] ^ b_i[31];
      is_zero_q     <= a_is_zero || b_is_zero;
      is_infinite_q <= a_is_all || b_is_all;
      is_nan_q      <= a_is_nan || b_is_nan;
    end
  end

  // Stage 2: the exponent less one, from 127 + 1 less than the sum.
  localparam int unsigned Wait = 3;
  logic [7:0]  exp, exp4, exp5_q;
  logic        is_zero, is_special, sign4, is_zero4, is_special4, is_nan4, sign5_q;
  logic [11:0] early, early_q [Wait];
  assign exp        = {!exp_sum_q[7], exp_sum_q[6:0]};
  assign is_zero    = is_zero_q || exp_sum_q < 9'd128;
  assign is_special = is_infinite_q || is_nan_q || exp_sum_q >= 9'd383;
  assign early      = {sign_q, is_zero, is_special, is_nan_q, exp};
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      early_q[0] <= early;
      if (is_zero) early_q[0][7:0] <= 8'd0;
      for (int unsigned i = 1; i < Wait; i++) early_q[i] <= early_q[i-1];
    end
  end

  // Stage 5: what of the product is not in the mantissa; zeros, infinities and NaN as fp_round has
  // them.
  logic [25:0] man_q;
  assign {sign4, is_zero4, is_special4, is_nan4, exp4} = early_q[Wait-1];
  logic        is_inexact_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      is_inexact_q <= product[21:0] != 22'd0;
      sign5_q      <= sign4;
      man_q        <= is_zero4 || is_special4 ? 26'd0 : product[47:22];
      if (is_special4) man_q[23] <= is_nan4;
      exp5_q       <= is_special4 ? 8'hFF : exp4;
    end
  end

  // Stage 6: rounding.
  logic        is_over;
  logic [30:0] rounded;
  fp_round u_round (
    .exp_less_1_i(exp5_q), .man_i(man_q), .is_inexact_i(is_inexact_q),
    .is_over_o(is_over), .rounded_o(rounded)
  );
  always_ff @(posedge clk_i) begin
    if (en_i) product_o <= {sign5_q, is_over ? fp_pkg::Infinity[30:0] : rounded};
  end
endmodule
