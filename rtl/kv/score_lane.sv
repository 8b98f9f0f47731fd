// Scores of a lane: products of queries and keys as the engine gives them become
//
//     float(product) * (factor * key scale),
//
// one a cycle, with whether the query sees the token; and the largest of those that it sees, of
// each query. Subnormal numbers may count as 0: scores that small, below 2^-102, are the same to
// the exponential.
module score_lane #(
  parameter int unsigned Queries = 2,       // of the engine
  parameter int unsigned HeadQueries = 2,   // of a head, a multiple of them
  localparam int unsigned SlotW = kv_pkg::SlotW,
  localparam int unsigned DspW = rce_pkg::DspW,
  localparam int unsigned ResultW = rce_pkg::ResultW,
  localparam int unsigned ScoreW = kv_pkg::ScoreW,
  localparam int unsigned QueryW = kv_pkg::QueryW
) (
  input  logic                       clk_i,
  input  logic [SlotW-1:0]           offset_i,      // of the lane's slot to the first lane's
  input  logic [SlotW-1:0]           sink_slots_i,
  input  logic [SlotW-1:0]           ring_slots_i,
  input  logic [SlotW-1:0]           end_slot_i,
  // From the records and the engine, as they come.
  input  logic [31:0]                key_scale_i,   // [token]
  input  logic [Queries*DspW-1:0]    product_i,     // [query], of the last or only token
  input  logic [Queries*ResultW-1:0] lower_i,       // [query], of the first of two
  input  logic                       split_i,       // there are two
  // From score_control.
  input  kv_pkg::step_t              step_i,
  input  kv_pkg::window_t            window_i,
  input  kv_pkg::factors_t           factors_i,
  input  kv_pkg::score_write_t       write_i,
  // A score, as write_i says.
  output logic [ScoreW-1:0]          score_o,       // seen, score
  // The largest, once write_i has come.
  input  logic [QueryW-1:0]          query_i,
  output logic [31:0]                largest_o
);
  localparam int unsigned DotW = kv_pkg::DotW;
  localparam int unsigned ScaleStage = kv_pkg::ScaleStage;
  localparam int unsigned ConvertStage = kv_pkg::ConvertStage;
  localparam int unsigned ScoreStages = kv_pkg::ScoreStages;
  localparam int unsigned WhichW = Queries == 1 ? 1 : $clog2(Queries);
  localparam int unsigned IndexW = HeadQueries == 1 ? 1 : $clog2(HeadQueries);
  localparam int unsigned VisibleStage = 4;
  if (ConvertStage != ScaleStage + fp_pkg::MulLatency - fp_pkg::FromIntLatency
      || ScoreStages != ScaleStage + 2 * fp_pkg::MulLatency) begin : gen_check_latency
    $error("kv_pkg's stages must be those of the units");
  end
  if (kv_pkg::StepStage + ConvertStage != rce_pkg::LaneStages + 1) begin : gen_check_step
    $error("a step's product must be there when it is converted");
  end

  // Slots, and whether they are seen.
  logic [SlotW-1:0] slot_q;
  logic             is_sink, is_visible, is_seen;
  always_ff @(posedge clk_i) slot_q <= step_i.slot + offset_i + SlotW'(step_i.half);
  slot_visible u_visible (
    .clk_i, .slot_i(slot_q), .sink_slots_i, .ring_slots_i, .end_slot_i, .window_i,
    .is_sink_o(is_sink), .visible_o(is_visible)
  );
  delay_ring #(.Width(1), .Delay(ScoreStages - VisibleStage)) u_seen (
    .clk_i, .en_i(1'b1), .data_i(is_visible), .data_o(is_seen)
  );

  // Scales of keys stay while the steps of their beat begin.
  logic [31:0] scales, scales_q, key_scale;
  logic        first_q, half_q, half2_q;
  delay_ring #(.Width(32), .Delay(kv_pkg::StepStage + 1 - kv_pkg::RecordStage)) u_scales (
    .clk_i, .en_i(1'b1), .data_i(key_scale_i), .data_o(scales)
  );
  always_ff @(posedge clk_i) begin
    first_q <= step_i.first;
    half_q  <= step_i.half;
    half2_q <= half_q;
    if (first_q) scales_q <= scales;
  end
  half_to_fp u_half (
    .half_i(half2_q ? scales_q[31:16] : scales_q[15:0]), .result_o(key_scale)
  );

  // So do products.
  logic              takes, half;
  logic [WhichW-1:0] which;
  logic [2*Queries*DotW-1:0] dots_q;  // [token][query]
  logic [DotW-1:0]   dot;
  delay_line #(.Width(1), .Stages(ConvertStage - 1)) u_takes (
    .clk_i, .clear_i(1'b0), .data_i(step_i.first), .data_o(takes)
  );
  delay_line #(.Width(1 + WhichW), .Stages(ConvertStage)) u_which (
    .clk_i, .clear_i(1'b0), .data_i({step_i.half, step_i.query[WhichW-1:0]}), .data_o({half, which})
  );
  for (genvar q = 0; q < Queries; q++) begin : gen_query
    always_ff @(posedge clk_i) begin
      if (takes) begin
        dots_q[DotW*q +: DotW]           <= split_i ? lower_i[ResultW*q +: DotW]
                                                    : product_i[DspW*q +: DotW];
        dots_q[DotW*(Queries+q) +: DotW] <= product_i[DspW*q +: DotW];
      end
    end
  end
  if (Queries == 1) begin : gen_one
    logic unused_which;
    assign unused_which = ^which;
    assign dot = dots_q[DotW*half +: DotW];
  end else begin : gen_some
    assign dot = dots_q[DotW*{half, which} +: DotW];
  end

  logic [31:0] scale, converted, score;
  fp_mul_normal u_scale (
    .clk_i, .en_i(1'b1), .a_i(is_sink ? factors_i.sink : factors_i.window), .b_i(key_scale),
    .product_o(scale)
  );
  int_to_fp #(.Width(32)) u_convert (
    .clk_i, .en_i(1'b1), .int_i(32'($signed(dot))), .result_o(converted)
  );
  fp_mul_normal u_score (
    .clk_i, .en_i(1'b1), .a_i(converted), .b_i(scale), .product_o(score)
  );
  assign score_o = {is_seen, score};

  // The largest so far; NaN is passed over.
  logic [31:0] largest_q [HeadQueries];
  logic [31:0] so_far, larger;
  assign so_far = write_i.start ? kv_pkg::Lowest : largest_q[write_i.query[IndexW-1:0]];
  fp_larger u_larger (.a_i(so_far), .b_i(score), .larger_o(larger));
  always_ff @(posedge clk_i) begin
    if (write_i.valid) largest_q[write_i.query[IndexW-1:0]] <= is_seen ? larger : so_far;
  end
  assign largest_o = largest_q[query_i[IndexW-1:0]];

  logic unused;
  assign unused = ^{product_i, lower_i, step_i.valid, write_i.done, write_i.query, query_i};
endmodule
