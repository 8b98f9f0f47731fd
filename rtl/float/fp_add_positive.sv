// a + b of binary32 numbers without sign, rounded to nearest even: sums of squares and the like.
// One result a cycle, with the latency of fp_add.
module fp_add_positive (
  input  logic        clk_i,
  input  logic        en_i,
  input  logic [30:0] a_i,
  input  logic [30:0] b_i,
  output logic [30:0] sum_o
);
  localparam int unsigned Latency = fp_pkg::AddLatency;
  if (Latency != 4) begin : gen_check_latency
    $error("fp_add_positive has four stages");
  end

  // Stage 1: order.
  logic [30:0] big, big_q, lesser, small_q;
  logic [7:0]  distance, distance_q;
  logic        unused_a_is_big;
  fp_order u_order (
    .a_i, .b_i, .big_o(big), .small_o(lesser), .distance_o(distance), .a_is_big_o(unused_a_is_big)
  );
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      big_q      <= big;
      small_q    <= lesser;
      distance_q <= distance;
    end
  end

  // Stage 2: align.
  logic [26:0] addend, addend_q;
  logic [30:0] big2_q;
  fp_align u_align (.small_i(small_q), .distance_i(distance_q), .addend_o(addend));
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      addend_q <= addend;
      big2_q   <= big_q;
    end
  end

  // Stage 3: add; infinity and NaN as fp_round has them.
  logic [27:0] sum_q;
  logic [7:0]  exp_less_1_q;
  logic        is_special;
  assign is_special = big2_q[30:23] == 8'hFF;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      sum_q        <= {2'(big2_q[30:23] != 8'd0), big2_q[22:0], 3'b000} + {1'b0, addend_q};
      exp_less_1_q <= big2_q[30:23] == 8'd0 ? 8'd0 : big2_q[30:23] - 8'd1;
      if (is_special) begin
        sum_q        <= {2'd0, big2_q[22:0] != 23'd0, 25'd0};
        exp_less_1_q <= 8'hFF;
      end
    end
  end

  // Stage 4: round.
  logic        is_over;
  logic [30:0] rounded;
  fp_round u_round (
    .exp_less_1_i(exp_less_1_q), .man_i(sum_q[27:2]), .is_inexact_i(sum_q[1:0] != 2'd0),
    .is_over_o(is_over), .rounded_o(rounded)
  );
  always_ff @(posedge clk_i) begin
    if (en_i) sum_o <= is_over ? fp_pkg::Infinity[30:0] : rounded;
  end
endmodule
