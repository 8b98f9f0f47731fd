// The ranges of a vector's groups, 8 beats of 4 elements each: with lo = min(0, min x) and hi =
// max(0, max x), hi - lo and (hi + lo) / 2 of each group, and the widest range of the vector. What
// has come is always taken; results follow 7 cycles after the last beat of a group, 8 after that of
// a vector.
module kv4_range (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         valid_i,
  input  logic [127:0] beat_i,
  input  logic         last_i,          // of the vector
  output logic         group_valid_o,
  output logic [30:0]  width_o,
  output logic [31:0]  middle_o,        // 0 where it would be subnormal
  output logic         is_last_o,       // group of the vector
  output logic         vector_valid_o,
  output logic [30:0]  widest_o,
  output logic         is_finite_o
);
  logic [2:0] beat_q;
  logic       is_first_beat, is_last_beat;
  assign is_first_beat = beat_q == 3'd0;
  assign is_last_beat  = beat_q == 3'd7;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      beat_q <= '0;
    end else if (valid_i) begin
      beat_q <= beat_q + 3'd1;
    end
  end
`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && valid_i && last_i) assert (is_last_beat);  // a vector is whole groups
  end
`endif

  // Stages 1 and 2: largest magnitudes of a beat, of negative elements (side 1) and the others (0).
  logic        valid1_q, first1_q, end1_q, last1_q, finite1_q;
  logic        valid2_q, first2_q, end2_q, last2_q, finite2_q;
  logic [30:0] beat_max [2];
  logic [3:0]  is_finite;
  for (genvar i = 0; i < 4; i++) begin : gen_finite
    assign is_finite[i] = beat_i[32*i+23 +: 8] != 8'hFF;
  end
  for (genvar side = 0; side < 2; side++) begin : gen_beat
    logic [30:0] half [2];
    logic [30:0] half_q [2];
    logic [30:0] larger, larger_q;
    for (genvar i = 0; i < 2; i++) begin : gen_pair
      logic [31:0] x, y;
      assign x = beat_i[64*i +: 32];
      assign y = beat_i[64*i+32 +: 32];
      fp_larger_magnitude u_pair (
        .a_i(x[30:0] & {31{x[31] == 1'(side)}}), .b_i(y[30:0] & {31{y[31] == 1'(side)}}),
        .larger_o(half[i])
      );
    end
    fp_larger_magnitude u_beat (.a_i(half_q[0]), .b_i(half_q[1]), .larger_o(larger));
    always_ff @(posedge clk_i) begin
      half_q[0] <= half[0];
      half_q[1] <= half[1];
      larger_q  <= larger;
    end
    assign beat_max[side] = larger_q;
  end
  always_ff @(posedge clk_i) begin
    {first1_q, end1_q, last1_q, finite1_q} <= {is_first_beat, is_last_beat, last_i, &is_finite};
    {first2_q, end2_q, last2_q, finite2_q} <= {first1_q, end1_q, last1_q, finite1_q};
    if (!rst_ni) {valid1_q, valid2_q} <= 2'b00;
    else {valid1_q, valid2_q} <= {valid_i, valid1_q};
  end

  // Stage 3: those of the group so far; whether the vector is finite so far.
  logic [30:0] lo_q, hi_q, lo, hi;
  logic        end3_q, last3_q, finite3_q, is_new_vector_q;
  fp_larger_magnitude u_hi (
    .a_i(beat_max[0]), .b_i(hi_q & {31{!first2_q}}), .larger_o(hi)
  );
  fp_larger_magnitude u_lo (
    .a_i(beat_max[1]), .b_i(lo_q & {31{!first2_q}}), .larger_o(lo)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      end3_q          <= 1'b0;
      is_new_vector_q <= 1'b1;
    end else begin
      end3_q <= valid2_q && end2_q;
      if (valid2_q) is_new_vector_q <= last2_q;
    end
    if (valid2_q) begin
      hi_q      <= hi;
      lo_q      <= lo;
      last3_q   <= last2_q;
      finite3_q <= finite2_q && (finite3_q || is_new_vector_q);
    end
  end

  // Stages 4 to 7: hi - lo, hi + lo.
  logic [31:0] doubled;
  logic        is_finite_late;
  fp_add_positive u_width (.clk_i, .en_i(1'b1), .a_i(hi_q), .b_i(lo_q), .sum_o(width_o));
  fp_add u_middle (
    .clk_i, .en_i(1'b1), .a_i({1'b0, hi_q}), .b_i({1'b1, lo_q}), .sum_o(doubled)
  );
  pipe_valid #(.Width(2), .Stages(fp_pkg::AddLatency)) u_late (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(end3_q), .data_i({last3_q, finite3_q}),
    .valid_o(group_valid_o), .data_o({is_last_o, is_finite_late})
  );
  assign middle_o = doubled[30:23] <= 8'd1 ? 32'd0 : doubled - {9'd1, 23'd0};

  // Stage 8: the widest group.
  logic        is_first_group_q;
  logic [30:0] widest;
  fp_larger_magnitude u_widest (
    .a_i(width_o), .b_i(widest_o & {31{!is_first_group_q}}), .larger_o(widest)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      is_first_group_q <= 1'b1;
      vector_valid_o   <= 1'b0;
    end else begin
      vector_valid_o <= group_valid_o && is_last_o;
      if (group_valid_o) is_first_group_q <= is_last_o;
    end
    if (group_valid_o) begin
      widest_o    <= widest;
      is_finite_o <= is_finite_late;
    end
  end
endmodule
