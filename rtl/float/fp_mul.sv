// a * b of binary32, rounded to nearest even. One result a cycle.
//
// Mantissas are multiplied as they are: what a subnormal operand or result needs is one shift of
// the product, by an amount that is known by then. At most one operand is worth normalising: the
// product of two subnormal ones is far below half of the smallest number.
module fp_mul (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic [31:0] product_o
);
  localparam int unsigned Latency = fp_pkg::MulLatency;
  if (Latency != 6) begin : gen_check_latency
    $error("fp_mul has six stages");
  end

  // Stages 1 to 4: the product, 1.0 at bit 46.
  logic        a_is_low, b_is_low;
  logic [47:0] product;
  assign a_is_low = a_i[30:23] == 8'd0;
  assign b_is_low = b_i[30:23] == 8'd0;
  fp_mul_mantissa u_mantissa (
    .clk_i, .en_i, .a_i({!a_is_low, a_i[22:0]}), .b_i({!b_is_low, b_i[22:0]}), .product_o(product)
  );

  // Stage 1: sum of exponents and leading zeros of a subnormal operand.
  logic [4:0] zeros;
  logic       a_is_all, b_is_all, a_is_empty, b_is_empty;
  fp_leading_zeros #(.Width(24)) u_zeros (
    .value_i({!(a_is_low || b_is_low), a_is_low ? a_i[22:0] : b_i[22:0]}), .zeros_o(zeros)
  );
  assign a_is_all   = a_i[30:23] == 8'hFF;
  assign b_is_all   = b_i[30:23] == 8'hFF;
  assign a_is_empty = a_i[22:0] == 23'd0;
  assign b_is_empty = b_i[22:0] == 23'd0;

  logic [4:0] zeros_q;
  logic [8:0] exp_sum_q;
  logic       sign_q, is_nan_q, is_infinite_q, is_zero_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      zeros_q       <= zeros;
      exp_sum_q     <= 9'({a_i[30:24], a_i[23] || a_is_low})
                       + 9'({b_i[30:24], b_i[23] || b_is_low});
      sign_q        <= a_i[31] ^ b_i[31];
      is_nan_q      <= (a_is_all && (!a_is_empty || (b_is_low && b_is_empty))) ||
                       (b_is_all && (!b_is_empty || (a_is_low && a_is_empty)));
      is_infinite_q <= a_is_all || b_is_all;
      is_zero_q     <= (a_is_low && a_is_empty) || (b_is_low && b_is_empty);
    end
  end

  // Stage 2: exponent less one, before and after normalising. 127 + 1 are taken off.
  logic signed [9:0] exp_q, normal_exp_q;
  logic signed [9:0] exp;
  logic [4:0]        zeros2_q;
  logic              sign2_q, is_nan2_q, is_infinite2_q, is_zero2_q;
  assign exp = {3'(exp_sum_q[8:7]) - 3'd1, exp_sum_q[6:0]};
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      exp_q          <= exp;
      normal_exp_q   <= exp - 10'(zeros_q);
      zeros2_q       <= zeros_q;
      sign2_q        <= sign_q;
      is_nan2_q      <= is_nan_q;
      is_infinite2_q <= is_infinite_q;
      is_zero2_q     <= is_zero_q;
    end
  end

  // Stage 3: how far the product, with 23 zeros behind it, is shifted to the right. A subnormal
  // result has exponent 1, whatever that leaves in front.
  logic       is_normal, is_lost;
  logic [9:0] from_exp;
  logic [5:0] right_q;
  logic [7:0] exp3_q;
  logic       sign3_q, is_nan3_q, is_infinite3_q;
  assign is_normal = !normal_exp_q[9];
  assign from_exp  = 10'd23 - exp_q;
  assign is_lost   = !is_normal && from_exp >= 10'd51;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      right_q        <= is_normal ? 6'd23 - 6'(zeros2_q) : from_exp[5:0] | {6{is_lost}};
      exp3_q         <= is_normal && !is_zero2_q ? normal_exp_q[7:0] : 8'd0;
      sign3_q        <= sign2_q;
      is_nan3_q      <= is_nan2_q;
      is_infinite3_q <= is_infinite2_q || (is_normal && normal_exp_q >= 10'sd255 && !is_zero2_q);
    end
  end

  // Stage 4: nothing but waiting for the product.
  logic [5:0] right4_q;
  logic [7:0] exp4_q, exp5_q;
  logic       sign4_q, is_nan4_q, is_special4_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      right4_q       <= right_q;
      exp4_q         <= exp3_q;
      sign4_q        <= sign3_q;
      is_nan4_q      <= is_nan3_q;
      is_special4_q  <= is_infinite3_q || is_nan3_q;
    end
  end

  // Stage 5: the shift; infinities and NaN as fp_round has them.
  logic [25:0] man, man_q;
  logic        is_inexact, is_inexact_q;
  logic        sign5_q;
  fp_shift_right #(.InW(49), .OutW(26), .AmountW(6)) u_shift (
    .value_i({product, 1'b0}), .amount_i(right4_q), .shifted_o(man), .is_inexact_o(is_inexact)
  );
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      is_inexact_q <= is_inexact;
      sign5_q      <= sign4_q;
      man_q        <= is_special4_q ? {2'd0, is_nan4_q, 23'd0} : man;
      exp5_q       <= is_special4_q ? 8'hFF : exp4_q;
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
