// a + b of binary32, rounded to nearest even. One result a cycle.
//
// Stages: order by magnitude; align; add; normalise and round. After the sum there are two paths.
// A difference that loses two leading bits or more is exact, as its operands were at most one place
// apart, and is only shifted. Everything else is shifted by one place at most, and is rounded.
module fp_add (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [31:0] a_i,
  input  logic [31:0] b_i,
  output logic [31:0] sum_o
);
  localparam int unsigned Latency = fp_pkg::AddLatency;
  if (Latency != 4) begin : gen_check_latency
    $error("fp_add has four stages");
  end

  // Stage 1: the operand of larger magnitude, the other, and their distance in places.
  logic [30:0] big, lesser, small_q;
  logic [31:0] big_q;
  logic [7:0]  distance, distance_q;
  logic        a_is_big, subtract1_q;
  fp_order u_order (
    .a_i(a_i[30:0]), .b_i(b_i[30:0]), .big_o(big), .small_o(lesser), .distance_o(distance),
    .a_is_big_o(a_is_big)
  );
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      big_q       <= {a_is_big ? a_i[31] : b_i[31], big};
      small_q     <= lesser;
      distance_q  <= distance;
      subtract1_q <= a_i[31] ^ b_i[31];
    end
  end

  // Stage 2: align.
  logic [26:0] addend;
  fp_align u_align (.small_i(small_q), .distance_i(distance_q), .addend_o(addend));

  logic [26:0] addend_q;
  logic [31:0] big2_q;
  logic        subtract2_q;
  logic        is_nan2_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      addend_q    <= addend;
      big2_q      <= big_q;
      subtract2_q <= subtract1_q;
      is_nan2_q   <= big_q[30:23] == 8'hFF &&
                     (big_q[22:0] != 23'd0 || (subtract1_q && small_q[30:23] == 8'hFF));
    end
  end

  // Stage 3: the sum, which is not negative, and its leading zeros.
  logic [26:0] big_man;
  logic [27:0] sum;
  logic        unused_carry;
  logic [4:0]  zeros;
  assign big_man = {big2_q[30:23] != 8'd0, big2_q[22:0], 3'b000};
  assign {sum, unused_carry} =
      {1'b0, big_man, 1'b1} + {{1'b0, addend_q} ^ {28{subtract2_q}}, subtract2_q};
  fp_leading_zeros #(.Width(27)) u_zeros (.value_i(sum[26:0]), .zeros_o(zeros));

  logic [27:0] sum_q;
  logic [4:0]  zeros_q;
  logic [7:0]  exp_q, exp_less_1_q;
  logic        can_shift_1_q, can_shift_2_q;
  logic        sign3_q, subtract3_q, is_nan3_q, is_infinite_q;
  logic [7:0]  exp3;
  assign exp3 = {big2_q[30:24], big2_q[23] | (big2_q[30:23] == 8'd0)};
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      sum_q         <= sum;
      zeros_q       <= zeros;
      exp_q         <= exp3;
      exp_less_1_q  <= exp3 - 8'd1;
      can_shift_1_q <= exp3[7:1] != 7'd0;
      can_shift_2_q <= exp3[7:2] != 6'd0 || exp3[1:0] == 2'd3;
      sign3_q       <= big2_q[31];
      subtract3_q   <= subtract2_q;
      is_nan3_q     <= is_nan2_q;
      is_infinite_q <= big2_q[30:23] == 8'hFF;
    end
  end

  // Stage 4, the path that shifts far: an exponent that would fall below 1 stops at 1. A sum of 0
  // counts as subnormal.
  logic        is_zero, stays_normal;
  logic [4:0]  left;
  logic [22:0] far_man;
  logic        unused_guard;
  logic [30:0] far;
  assign is_zero      = zeros_q >= 5'd27;
  assign stays_normal = exp_less_1_q >= 8'(zeros_q) && !is_zero;
  assign left         = stays_normal ? zeros_q : exp_less_1_q[4:0];
  assign {far_man, unused_guard} = sum_q[25:2] << left;
  assign far          = {stays_normal ? exp_q - 8'(zeros_q) : 8'd0, far_man};

  // Stage 4, the path that rounds: where the mantissa begins, and for each place whether it rounds
  // up.
  logic        carry, by_one, hidden, up, up_carry, up_by_one, up_none;
  logic [22:0] near_man;
  assign carry  = sum_q[27];
  assign by_one = !sum_q[27] && !sum_q[26] && can_shift_1_q;
  assign hidden = by_one ? sum_q[25] : sum_q[26] && !carry;
  assign up_carry  = sum_q[3] && (sum_q[4] || sum_q[2:0] != 3'd0);
  assign up_by_one = sum_q[1] && (sum_q[2] || sum_q[0]);
  assign up_none   = sum_q[2] && (sum_q[3] || sum_q[1:0] != 2'd0);
  assign near_man  = carry ? sum_q[26:4] : by_one ? sum_q[24:2] : sum_q[25:3];
  assign up        = carry ? up_carry : by_one ? up_by_one : up_none;

  // The exponent is one less, and the hidden bit is added to it, so that it falls by itself where
  // that bit is missing; 2 are added with a carry, 1 is taken off after a shift. It is there with
  // and without the carry of rounding before this is known.
  logic [7:0]  step, near_exp, near_exp_up;
  logic [22:0] man_up;
  logic        man_carry;
  logic [30:0] near;
  assign step = {{6{by_one && !hidden}}, carry || (by_one && !hidden), hidden ^ by_one};
  assign near_exp            = exp_less_1_q + step;
  assign near_exp_up         = near_exp + 8'd1;
  assign {man_carry, man_up} = {1'b0, near_man} + 24'(up);
  assign near                = {man_carry ? near_exp_up : near_exp, man_up};

  logic is_far_path, is_special;
  assign is_far_path = sum_q[27:25] == 3'd0 && can_shift_2_q;
  assign is_special  = is_infinite_q || (carry && exp_q == 8'd254);
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      sum_o[31]    <= sign3_q && !(subtract3_q && is_zero);
      if (is_special) sum_o[30:0] <= {8'hFF, is_nan3_q, 22'd0};
      else sum_o[30:0] <= is_far_path ? far : near;
    end
  end
endmodule
