// Sum of squares of a vector as docs/numerics.md has it: 16 partial sums k mod 16, each in
// ascending k, multiply and add rounded apart, and a tree.
//
// An adder takes four cycles, so 16 partial sums take four elements a cycle at most: Rate
// multipliers and adders, and each adder holds 16 / Rate sums that go round in it and, if it is too
// short, a delay line. They go round whether or not something comes, adding 0; an element is taken
// when its sum passes. A vector whose length is no multiple of Width ends with zeros, which change
// nothing.
module lane_sum #(
  parameter int unsigned Width = 4  // elements a beat: 1, 2, 4, 8, 16, 32; those over 4 take longer
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                valid_i,
  output logic                ready_o,
  input  logic [32*Width-1:0] data_i,
  input  logic                last_i,   // of the vector
  output logic                valid_o,
  input  logic                ready_i,
  output logic [31:0]         total_o
);
  localparam int unsigned Rate   = Width < 4 ? Width : 4;
  localparam int unsigned Parts  = Width / Rate;
  localparam int unsigned Phases = 16 / Rate;
  localparam int unsigned PhaseW = $clog2(Phases);
  localparam int unsigned PartW  = Parts == 1 ? 1 : $clog2(Parts);
  if (Width == 0 || Width > 32 || 32 % Width != 0) begin : gen_check_width
    $error("Width must be a power of two up to 32");
  end

  // Which sums pass, which come next, and what part of a beat. A vector ends only when the total of
  // the one before has left.
  logic [PhaseW-1:0] phase_q, next_q;
  logic [PartW-1:0]  part_q;
  logic              is_first_q, is_busy_q;
  logic              take, is_last_part, take_last;
  assign is_last_part = part_q == PartW'(Parts - 1);
  assign take      = valid_i && phase_q == next_q && !(is_last_part && last_i && is_busy_q);
  assign take_last = take && is_last_part && last_i;
  assign ready_o   = take && is_last_part;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      phase_q    <= '0;
      next_q     <= '0;
      part_q     <= '0;
      is_first_q <= 1'b1;
      is_busy_q  <= 1'b0;
    end else begin
      phase_q <= phase_q + 1'b1;
      if (take) begin
        next_q     <= take_last ? '0 : next_q + 1'b1;
        part_q     <= is_last_part ? '0 : part_q + 1'b1;
        is_first_q <= take_last;
      end
      if (take_last) is_busy_q <= 1'b1;
      else if (valid_o && ready_i) is_busy_q <= 1'b0;
    end
  end

  // The first round of a vector, from its first element on, starts the sums from 0. The first round
  // that begins after its last element has the sums of all.
  logic [PhaseW-1:0] clear_left_q;
  logic              is_ending_q, is_leaving_q, clear, begin_leaving, leaves;
  assign clear         = (take && is_first_q) || clear_left_q != '0;
  assign begin_leaving = is_ending_q && phase_q == '0;
  assign leaves        = begin_leaving || (is_leaving_q && phase_q != '0);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      clear_left_q <= '0;
      is_ending_q  <= 1'b0;
      is_leaving_q <= 1'b0;
    end else begin
      if (take && is_first_q) clear_left_q <= '1;
      else if (clear_left_q != '0) clear_left_q <= clear_left_q - 1'b1;
      if (take_last) is_ending_q <= 1'b1;
      else if (begin_leaving) is_ending_q <= 1'b0;
      is_leaving_q <= leaves;
    end
  end

  // What it says of the sums arrives there with the squares.
  logic clear_late, leaves_late;
  pipe_valid #(.Width(1), .Stages(fp_pkg::MulLatency)) u_late (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(leaves), .data_i(clear), .valid_o(leaves_late),
    .data_o(clear_late)
  );

  logic [32*Rate-1:0] part;
  logic [31*Rate-1:0] sums;
  if (Parts == 1) begin : gen_one_part
    assign part = data_i;
  end else begin : gen_parts
    assign part = data_i[32*Rate*part_q +: 32*Rate];
  end
  for (genvar i = 0; i < Rate; i++) begin : gen_lane
    logic [31:0] x, square;
    logic [30:0] previous, sum;
    logic        unused_sign;
    assign x = part[32*i +: 32] & {32{take}};
    fp_mul u_square (.clk_i, .en_i(1'b1), .a_i(x), .b_i(x), .product_o(square));
    assign unused_sign = square[31];
    fp_add_positive u_add (
      .clk_i, .en_i(1'b1), .a_i(previous & {31{!clear_late}}), .b_i(square[30:0]), .sum_o(sum)
    );
    if (Phases == fp_pkg::AddLatency) begin : gen_no_wait
      assign previous = sum;
    end else begin : gen_wait
      delay_ring #(.Width(31), .Delay(Phases - fp_pkg::AddLatency)) u_wait (
        .clk_i, .en_i(1'b1), .data_i(sum), .data_o(previous)
      );
    end
    assign sums[31*i +: 31] = previous;
  end

  logic        has_total;
  logic [30:0] total;
  sum_tree #(.Lanes(Rate)) u_tree (
    .clk_i, .rst_ni, .load_i(leaves_late), .word_i(sums), .valid_o(has_total), .total_o(total)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else valid_o <= has_total || (valid_o && !ready_i);
    if (has_total) total_o <= {1'b0, total};
  end
endmodule
