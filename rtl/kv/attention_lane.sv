// A lane's part of attention: records of its stream, scores, weights and levels of its tokens.
module attention_lane #(
  parameter int unsigned Queries = 2,      // of the engine, a power of two
  parameter int unsigned HeadQueries = 2,  // of a head, a multiple of them
  parameter int unsigned ScoreDepth = 512, // scores of all heads under way, a power of two
  parameter int unsigned RowDepth = 512,   // their beats of keys, the same
  localparam int unsigned SlotW = kv_pkg::SlotW,
  localparam int unsigned DspW = rce_pkg::DspW,
  localparam int unsigned ResultW = rce_pkg::ResultW,
  localparam int unsigned QueryW = kv_pkg::QueryW,
  localparam int unsigned AddressW = kv_pkg::AddressW,
  localparam int unsigned PowerW = kv_pkg::PowerW,
  localparam int unsigned Groups = rce_pkg::Groups,
  localparam int unsigned LevelsW = Groups * kv_pkg::LevelW,
  localparam int unsigned TermsW = Groups * kv_pkg::TermW,
  localparam int unsigned RowAddrW = $clog2(RowDepth),
  localparam int unsigned ScoreAddrW = $clog2(ScoreDepth)
) (
  input  logic                       clk_i,
  // Where the lane's slots are, and the cache's ends.
  input  logic [SlotW-1:0]           offset_i,
  input  logic [SlotW-1:0]           sink_slots_i,
  input  logic [SlotW-1:0]           ring_slots_i,
  input  logic [SlotW-1:0]           end_slot_i,
  // The stream and the engine.
  input  logic                       record_i,
  input  logic [1:0]                 index_i,
  input  logic [511:0]               word_i,
  output logic [15:0]                key_multiplier_o,
  output logic [31:0]                coefficient_o,
  input  logic                       split_i,
  input  logic [Queries*DspW-1:0]    product_i,
  input  logic [Queries*ResultW-1:0] lower_i,
  // Scores.
  input  kv_pkg::step_t              step_i,
  input  kv_pkg::window_t            window_i,
  input  kv_pkg::factors_t           factors_i,
  input  kv_pkg::score_write_t       write_i,
  input  logic [AddressW-1:0]        address_i,
  input  logic                       side_we_i,
  input  logic [AddressW-1:0]        side_row_i,
  input  logic [QueryW-1:0]          query_i,
  output logic [31:0]                largest_score_o,
  // Weights.
  input  kv_pkg::walk_t              score_step_i,
  input  logic [31:0]                largest_i,
  output logic [PowerW-1:0]          power_o,
  output logic [31:0]                weight_o,
  input  logic                       weight_we_i,
  input  logic [AddressW-1:0]        weight_address_i,
  // Levels.
  input  kv_pkg::walk_t              level_step_i,
  input  logic [31:0]                inverse_i,
  output logic [TermsW-1:0]          term_o,        // [group]
  input  kv_pkg::walk_t              level_write_i,
  input  logic                       level_split_i,
  input  logic [RowAddrW-1:0]        block_i,
  output logic [Queries*LevelsW-1:0] level_o        // [query][group], a cycle later
);
  /* verilator no_inline_module */  // a model has its code once, not once a lane
  localparam int unsigned ScoreW = kv_pkg::ScoreW;
  localparam int unsigned HalfW = LevelsW / 2;
  localparam logic [QueryW-1:0] InGroup = QueryW'(Queries - 1);

  logic [31:0] key_scale, value_scale, value_group;
  key_records u_records (
    .clk_i, .record_i, .index_i, .word_i, .key_multiplier_o, .coefficient_o,
    .key_scale_o(key_scale), .value_scale_o(value_scale), .value_group_o(value_group)
  );

  logic [ScoreW-1:0] score, old_score;
  score_lane #(.Queries(Queries), .HeadQueries(HeadQueries)) u_score (
    .clk_i, .offset_i, .sink_slots_i, .ring_slots_i, .end_slot_i, .key_scale_i(key_scale),
    .product_i, .lower_i, .split_i, .step_i, .window_i, .factors_i, .write_i, .score_o(score),
    .query_i, .largest_o(largest_score_o)
  );
  ram_1w1r #(.Width(ScoreW), .Depth(ScoreDepth)) u_scores (
    .clk_i, .we_i(write_i.valid), .waddr_i(address_i[ScoreAddrW-1:0]), .wdata_i(score),
    .re_i(1'b1), .raddr_i(score_step_i.address[ScoreAddrW-1:0]), .rdata_o(old_score)
  );

  logic [31:0] scales, groups, old_weight;
  logic        half_q;
  ram_1w1r #(.Width(32), .Depth(RowDepth)) u_scales (
    .clk_i, .we_i(side_we_i), .waddr_i(side_row_i[RowAddrW-1:0]), .wdata_i(value_scale),
    .re_i(1'b1), .raddr_i(score_step_i.row[RowAddrW-1:0]), .rdata_o(scales)
  );
  ram_1w1r #(.Width(32), .Depth(RowDepth)) u_groups (
    .clk_i, .we_i(side_we_i), .waddr_i(side_row_i[RowAddrW-1:0]), .wdata_i(value_group),
    .re_i(1'b1), .raddr_i(level_step_i.row[RowAddrW-1:0]), .rdata_o(groups)
  );
  always_ff @(posedge clk_i) half_q <= score_step_i.half;
  weigh_lane u_weigh (
    .clk_i, .score_i(old_score), .value_scale_i(half_q ? scales[31:16] : scales[15:0]),
    .largest_i, .power_o, .weight_o
  );
  ram_1w1r #(.Width(32), .Depth(ScoreDepth)) u_weights (
    .clk_i, .we_i(weight_we_i), .waddr_i(weight_address_i[ScoreAddrW-1:0]), .wdata_i(weight_o),
    .re_i(1'b1), .raddr_i(level_step_i.address[ScoreAddrW-1:0]), .rdata_o(old_weight)
  );

  // Levels: a word for each half of the groups, as these are of two tokens with split.
  logic [LevelsW-1:0] level;
  level_lane u_level (
    .clk_i, .weight_i(old_weight), .inverse_i, .group_i(groups), .level_o(level), .term_o
  );
  for (genvar q = 0; q < Queries; q++) begin : gen_query
    for (genvar h = 0; h < 2; h++) begin : gen_half
      logic we;
      assign we = level_write_i.valid && (level_write_i.query & InGroup) == QueryW'(q)
                  && (!level_split_i || level_write_i.half == (h == 1));
      ram_1w1r #(.Width(HalfW), .Depth(RowDepth)) u_levels (
        .clk_i, .we_i(we), .waddr_i(level_write_i.block[RowAddrW-1:0]),
        .wdata_i(level[HalfW*h +: HalfW]), .re_i(1'b1), .raddr_i(block_i),
        .rdata_o(level_o[LevelsW*q+HalfW*h +: HalfW])
      );
    end
  end

  logic unused;
  assign unused = ^{score_step_i, level_step_i, level_write_i, address_i, side_row_i,
                    weight_address_i};
endmodule
