// Attention with the engine in the loop, for up to 8 lanes. The bench is the sequencer.
module attention_engine #(
  parameter int unsigned Lanes = 2,
  parameter int unsigned Queries = 1,
  parameter int unsigned HeadQueries = 2,
  localparam int unsigned Slots = 2 * Queries,
  localparam int unsigned SlotW = kv_pkg::SlotW,
  localparam int unsigned QueryW = kv_pkg::QueryW,
  localparam int unsigned DspW = rce_pkg::DspW,
  localparam int unsigned ResultW = rce_pkg::ResultW,
  localparam int unsigned Groups = rce_pkg::Groups,
  localparam int unsigned LineW = 4 * 16 * Queries * 8,
  localparam int unsigned QuerySumsW = Groups * Queries * rce_pkg::QuerySumW,
  localparam int unsigned PlaceW = $clog2(4 * Lanes * Queries)
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,
  input  logic [SlotW-1:0]         sink_slots_i,
  input  logic [SlotW-1:0]         ring_slots_i,
  input  logic [SlotW-1:0]         end_slot_i,
  input  logic                     table_we_i,
  input  logic [QueryW-1:0]        table_query_i,
  input  kv_pkg::window_t          table_window_i,
  input  kv_pkg::factors_t         table_factors_i,
  input  logic                     record_i,
  input  kv_pkg::key_beat_t        key_i,
  input  rce_pkg::beat_t           beat_i,
  input  logic [512*Lanes-1:0]     word_i,
  input  logic [SlotW*Lanes-1:0]   offset_i,
  // Operands: queries, or levels.
  input  logic [1:0]               feed_we_i,      // segments 0 to 3, 4 to 7
  input  logic [4:0]               feed_entry_i,
  input  logic                     feed_levels_i,
  input  logic [LineW-1:0]         query_line_i,
  input  logic [QuerySumsW-1:0]    query_sum_i,
  input  logic                     head_valid_i,
  output logic                     head_ready_o,
  input  kv_pkg::head_t            head_i,
  output logic                     done_o,
  input  logic [8:0]               block_i,
  input  logic [7:0]               chunk_i,
  input  logic                     gather_i,
  input  logic [4:0]               gather_row_i,
  input  logic [1:0]               group_i,
  input  logic [QueryW-1:0]        fold_i,  // of queries that the engine takes at once
  input  logic                     split_i,
  input  logic                     take_i,
  output logic                     valid_o,
  output logic [PlaceW-1:0]        place_o,
  output logic [31:0]              value_o,
  output logic                     collected_o
);
  localparam int unsigned LevelsW = Groups * kv_pkg::LevelW;
  localparam int unsigned FactorsW = Queries * rce_pkg::FactorW;
  logic [16*Lanes-1:0]                key_multiplier;
  logic [32*Lanes-1:0]                coefficient;
  logic [Lanes*Queries*DspW-1:0]      product;
  logic [Lanes*Queries*ResultW-1:0]   lower;
  logic [32*HeadQueries-1:0]          out_scale;
  logic [HeadQueries*Groups*DspW-1:0] zero_sum;
  logic [Lanes*Queries*LevelsW-1:0]   level;
  logic [FactorsW-1:0]                factor;
  attention #(
    .Lanes(Lanes), .Queries(Queries), .HeadQueries(HeadQueries)
  ) u_attention (
    .clk_i, .rst_ni, .sink_slots_i, .ring_slots_i, .end_slot_i, .table_we_i, .table_bank_i('0),
    .table_query_i, .table_window_i, .table_factors_i, .record_i, .beat_i(key_i), .offset_i,
    .word_i, .key_multiplier_o(key_multiplier), .coefficient_o(coefficient), .product_i(product),
    .lower_i(lower), .head_valid_i, .head_ready_o, .head_i, .level_go_i(1'b1), .done_o,
    .out_scale_o(out_scale), .zero_sum_o(zero_sum), .block_i, .level_o(level), .chunk_i,
    .factor_o(factor)
  );

  logic [LineW-1:0]      level_line;
  logic [1:0]            act_we;
  logic [4:0]            act_entry;
  logic [2*LineW-1:0]    act;
  logic [QuerySumsW-1:0] query_sum;
  level_gather #(.Lanes(Lanes), .SplitLanes(Lanes), .Queries(Queries)) u_gather (
    .clk_i, .valid_i(gather_i), .row_i(gather_row_i), .split_i, .group_i, .level_i(level),
    .split_level_i(level), .line_o(level_line)
  );
  rce_feed #(.Slots(Slots)) u_feed (
    .clk_i, .we_i(feed_we_i), .entry_i(feed_entry_i), .by_position_i(1'b1),
    .line_i(feed_levels_i ? level_line : query_line_i), .query_sum_i, .act_we_o(act_we),
    .act_entry_o(act_entry), .act_o(act), .query_sum_o(query_sum)
  );

  localparam int unsigned Quad = Lanes < 4 ? Lanes : 4;
  rce_pkg::result_t result, other_result [Lanes/Quad];
  logic             is_sum;
  for (genvar i = 0; i < Lanes / Quad; i++) begin : gen_quad
    localparam int unsigned Sums = Queries * Quad;
    logic                             unused_set;
    logic [rce_pkg::ResultW*Quad-1:0] unused_sum;
    rce_quad #(.Lanes(Quad), .Slots(Slots)) u_quad (
      .clk_i, .rst_ni, .beat_i, .word_i(word_i[512*Quad*i +: 512*Quad]), .act_we_i(act_we),
      .act_entry_i(act_entry), .act_i(act), .query_sum_i(query_sum),
      .key_multiplier_i(key_multiplier[16*Quad*i +: 16*Quad]),
      .coefficient_i(coefficient[32*Quad*i +: 32*Quad]), .factor_i(factor),
      .result_o(other_result[i]), .product_o(product[Sums*DspW*i +: Sums*DspW]),
      .lower_o(lower[Sums*ResultW*i +: Sums*ResultW]), .set_o(unused_set), .read_set_i(1'b0),
      .read_upper_i(1'b0), .read_row_i(3'd0), .read_slot_i('0), .sum_o(unused_sum)
    );
  end
  assign result = other_result[0];
  assign is_sum = result.kind == rce_pkg::KindUnload
                  || (result.kind == rce_pkg::KindData && result.mode == rce_pkg::ModeValue
                      && result.last);

  logic [Queries*DspW-1:0] zero_sums;
  logic [Queries*32-1:0]   out_scales;
  for (genvar q = 0; q < Queries; q++) begin : gen_query
    assign zero_sums[DspW*q +: DspW] = zero_sum[DspW*(Groups*(Queries*fold_i+q)+32'(group_i)) +: DspW];
    assign out_scales[32*q +: 32]    = out_scale[32*(Queries*fold_i+q) +: 32];
  end
  value_collector #(.Lanes(Lanes), .Queries(Queries)) u_collector (
    .clk_i, .rst_ni, .take_i, .zero_sum_i(zero_sums), .out_scale_i(out_scales), .valid_i(is_sum),
    .dim_i(result.kind == rce_pkg::KindUnload ? 2'd3 - result.beat : 2'd3), .sum_i(product),
    .valid_o, .place_o, .value_o, .done_o(collected_o)
  );
endmodule
