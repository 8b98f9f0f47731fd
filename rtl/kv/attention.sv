// Attention beside the engine: from its products of queries and keys to the levels and factors that
// it multiplies values with.
//
// A beat of keys comes with beat_i in the cycle in which the engine gets it, and words of lanes as
// they do for the engine. Heads of one machine have all one token a beat or all two.
module attention #(
  parameter int unsigned Lanes = 2,         // a power of two up to 32
  parameter int unsigned Queries = 2,       // of the engine, a power of two
  parameter int unsigned HeadQueries = 2,   // of a head, a multiple of them, up to 16
  parameter int unsigned ScoreDepth = 512,  // of each lane, all heads under way; powers of two
  parameter int unsigned RowDepth = 512,
  parameter int unsigned ChunkDepth = 256,
  localparam int unsigned Parts = Lanes < 16 ? 1 : Lanes / 16,
  localparam int unsigned Groups = rce_pkg::Groups,
  localparam int unsigned SlotW = kv_pkg::SlotW,
  localparam int unsigned QueryW = kv_pkg::QueryW,
  localparam int unsigned AddressW = kv_pkg::AddressW,
  localparam int unsigned DspW = rce_pkg::DspW,
  localparam int unsigned ResultW = rce_pkg::ResultW,
  localparam int unsigned FactorW = rce_pkg::FactorW,
  localparam int unsigned LevelsW = Groups * kv_pkg::LevelW,
  localparam int unsigned ChunkW = $clog2(ChunkDepth),
  localparam int unsigned RowW = $clog2(RowDepth)
) (
  input  logic                               clk_i,
  input  logic                               rst_ni,
  // The cache, while nothing runs.
  input  logic [SlotW-1:0]                   sink_slots_i,
  input  logic [SlotW-1:0]                   ring_slots_i,
  input  logic [SlotW-1:0]                   end_slot_i,      // their sum
  // What is known of queries.
  input  logic                               table_we_i,
  input  logic [kv_pkg::BankW-1:0]           table_bank_i,
  input  logic [QueryW-1:0]                  table_query_i,
  input  kv_pkg::window_t                    table_window_i,
  input  kv_pkg::factors_t                   table_factors_i,
  // Beats of records and keys.
  input  logic                               record_i,
  input  kv_pkg::key_beat_t                  beat_i,
  input  logic [SlotW*Lanes-1:0]             offset_i,        // [lane], see attention_lane
  input  logic [512*Lanes-1:0]               word_i,          // [lane]
  output logic [16*Lanes-1:0]                key_multiplier_o,
  output logic [32*Lanes-1:0]                coefficient_o,
  input  logic [Lanes*Queries*DspW-1:0]      product_i,       // [lane][query]
  input  logic [Lanes*Queries*ResultW-1:0]   lower_i,
  // Heads whose keys come or have come.
  input  logic                               head_valid_i,
  output logic                               head_ready_o,
  input  kv_pkg::head_t                      head_i,
  input  logic                               level_go_i,      // there is room for its levels
  // For values.
  output logic                               done_o,          // a head's levels are there
  output logic [32*HeadQueries-1:0]          out_scale_o,     // [query], until the next head's
  output logic [HeadQueries*Groups*DspW-1:0] zero_sum_o,      // [query][group], the same
  input  logic [RowW-1:0]                    block_i,
  output logic [Lanes*Queries*LevelsW-1:0]   level_o,         // [lane][query][group], a cycle later
  input  logic [ChunkW-1:0]                  chunk_i,
  output logic [Parts*Queries*FactorW-1:0]   factor_o         // [part][query], a cycle later
);
  localparam int unsigned PowerW = kv_pkg::PowerW;
  localparam int unsigned TermsW = Groups * kv_pkg::TermW;
  if (Lanes > 32 || 2 ** $clog2(Lanes) != Lanes) begin : gen_check_lanes
    $error("Lanes must be a power of two up to 32");
  end
  if (HeadQueries % Queries != 0 || HeadQueries > 2 ** QueryW) begin : gen_check_queries
    $error("HeadQueries must be a multiple of Queries, up to 16");
  end

  kv_pkg::step_t         step;
  kv_pkg::window_t       window;
  kv_pkg::factors_t      factors;
  kv_pkg::score_write_t  write;
  logic [AddressW-1:0]   address, side_row;
  logic                  side_we, split;
  score_control u_score_control (
    .clk_i, .rst_ni, .beat_i, .table_we_i, .table_bank_i, .table_query_i, .table_window_i,
    .table_factors_i, .step_o(step), .split_o(split), .window_o(window), .factors_o(factors),
    .write_o(write),
    .address_o(address), .side_we_o(side_we), .side_row_o(side_row)
  );

  kv_pkg::walk_t            score_step, level_step, level_write;
  logic [QueryW-1:0]        query;
  logic [32*Lanes-1:0]      largest_score, weight;
  logic [PowerW*Lanes-1:0]  power;
  logic [TermsW*Lanes-1:0]  term;
  logic [32*Parts-1:0]      inverse;
  logic [31:0]              largest;
  logic                     weight_we, level_split;
  logic [AddressW-1:0]      weight_address;
  weigher #(
    .Lanes(Lanes), .Queries(Queries), .HeadQueries(HeadQueries), .Depth(ChunkDepth)
  ) u_weigher (
    .clk_i, .rst_ni, .head_valid_i, .head_ready_o, .head_i, .level_go_i, .write_i(write),
    .query_o(query), .largest_i(largest_score), .score_step_o(score_step), .largest_o(largest),
    .power_i(power), .weight_i(weight), .weight_we_o(weight_we),
    .weight_address_o(weight_address), .level_step_o(level_step), .inverse_o(inverse),
    .term_i(term), .level_write_o(level_write), .split_o(level_split), .chunk_i, .factor_o,
    .done_o, .out_scale_o, .zero_sum_o
  );

  for (genvar i = 0; i < Lanes; i++) begin : gen_lane
    attention_lane #(
      .Queries(Queries), .HeadQueries(HeadQueries), .ScoreDepth(ScoreDepth), .RowDepth(RowDepth)
    ) u_lane (
      .clk_i, .offset_i(offset_i[SlotW*i +: SlotW]), .sink_slots_i, .ring_slots_i, .end_slot_i,
      .record_i, .index_i(beat_i.index), .word_i(word_i[512*i +: 512]),
      .key_multiplier_o(key_multiplier_o[16*i +: 16]),
      .coefficient_o(coefficient_o[32*i +: 32]), .split_i(split),
      .product_i(product_i[Queries*DspW*i +: Queries*DspW]),
      .lower_i(lower_i[Queries*ResultW*i +: Queries*ResultW]), .step_i(step), .window_i(window),
      .factors_i(factors), .write_i(write), .address_i(address), .side_we_i(side_we),
      .side_row_i(side_row), .query_i(query), .largest_score_o(largest_score[32*i +: 32]),
      .score_step_i(score_step), .largest_i(largest), .power_o(power[PowerW*i +: PowerW]),
      .weight_o(weight[32*i +: 32]), .weight_we_i(weight_we), .weight_address_i(weight_address),
      .level_step_i(level_step), .inverse_i(inverse[32*(i/16) +: 32]),
      .term_o(term[TermsW*i +: TermsW]), .level_write_i(level_write),
      .level_split_i(level_split), .block_i,
      .level_o(level_o[Queries*LevelsW*i +: Queries*LevelsW])
    );
  end
endmodule
