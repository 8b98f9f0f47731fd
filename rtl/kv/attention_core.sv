// All of attention but the engine: what walks heads, beats and levels, and the units that they
// walk. See docs/reference/rtl-kv.md.
module attention_core #(
  parameter int unsigned Lanes       = 4,
  parameter int unsigned Slots       = 4,
  parameter int unsigned HeadQueries = 4,
  parameter int unsigned ScoreDepth  = 1024,
  parameter int unsigned RowDepth    = 512,
  parameter int unsigned ChunkDepth  = 512,
  parameter int unsigned Words       = 5120,
  localparam int unsigned Queries  = Slots / 2,
  localparam int unsigned Cluster  = Lanes < 8 ? Lanes : 8,
  localparam int unsigned Clusters = Lanes / Cluster,
  localparam int unsigned Parts    = Lanes < 16 ? 1 : Lanes / 16,
  localparam int unsigned AddrW    = $clog2(Words),
  localparam int unsigned TokensW  = ctrl_pkg::TokensW,
  localparam int unsigned SlotW    = kv_pkg::SlotW,
  localparam int unsigned WindowW  = kv_pkg::WindowW,
  localparam int unsigned FactorW  = rce_pkg::FactorW,
  localparam int unsigned DspW     = rce_pkg::DspW,
  localparam int unsigned ResultW  = rce_pkg::ResultW,
  localparam int unsigned Groups   = rce_pkg::Groups,
  localparam int unsigned LineW    = 4 * 16 * Queries * 8,
  localparam int unsigned QuerySumsW = Groups * Queries * rce_pkg::QuerySumW
) (
  input  logic                          clk_i,
  input  logic                          rst_ni,
  input  logic [TokensW-1:0]            n_tokens_i,
  input  ctrl_pkg::shape_t              shape_i,
  input  ctrl_pkg::cache_t              cache_i,
  input  logic [SlotW*Slots-1:0]        slots_i,        // [token]
  input  logic [WindowW*Slots-1:0]      windows_i,      // [token]
  // Steps of the vector unit's walker.
  input  logic                          start_i,
  input  logic                          is_attend_i,
  input  logic                          is_value_i,     // else of keys: a store-kv
  output logic                          stored_o,       // the oldest store-kv is complete
  output logic                          attended_o,
  input  logic [31:0]                   keys_i,         // first stripes of the layer that is stored
  input  logic [31:0]                   values_i,
  input  logic                          written_i,      // nothing is on its way to memory
  // Beats.
  input  logic                          load_i,         // a load begins: angles come
  input  logic                          angle_beat_i,
  input  logic                          old_start_i,    // a store-kv begins: old beats come
  output logic                          old_done_o,
  output logic                          old_room_o,
  input  logic                          old_beat_i,
  input  logic                          attend_start_i,
  output logic                          attend_done_o,
  output logic                          attend_may_o,
  output logic                          attend_pop_o,
  output logic                          mark_o,
  output logic                          rewind_o,
  input  logic                          attend_takes_i,
  output rce_pkg::beat_t                attend_beat_o,
  input  logic [512*Lanes-1:0]          word_i,         // [lane][segment]
  // The engine.
  output logic [1:0]                    feed_we_o,
  output logic [4:0]                    feed_entry_o,
  output logic [Clusters*LineW-1:0]     line_o,         // [cluster]
  output logic [QuerySumsW-1:0]         query_sum_o,
  output logic [16*Lanes-1:0]           key_multiplier_o,
  output logic [32*Lanes-1:0]           coefficient_o,
  output logic [Parts*Queries*FactorW-1:0] factor_o,    // [part][query], with the beat
  input  rce_pkg::result_t              result_i,
  input  logic [Lanes*Queries*DspW-1:0] product_i,      // [lane][query]
  input  logic [Lanes*Queries*ResultW-1:0] lower_i,
  // The banks.
  output logic                          read_o,
  output logic [AddrW-1:0]              raddr_o,
  input  logic [32*Lanes-1:0]           held_i,
  output logic [Lanes-1:0]              we_o,
  output logic [AddrW-1:0]              waddr_o,
  output vector_pkg::value_t            info_o,
  output logic [32*Lanes-1:0]           value_o,
  // Half beats for the cache.
  output logic                          stores_o,       // it is at it
  output logic                          word_valid_o,
  output logic                          last_o,
  output logic [32*Lanes-1:0]           word_o,
  output logic [31:0]                   stripe_o,
  output logic                          is_upper_o,
  output logic [Lanes-1:0]              lanes_o,
  output logic [31:0]                   strobe_o,
  input  logic                          taken_i
);
  localparam int unsigned LaneW    = $clog2(Lanes);
  localparam int unsigned QueryW   = kv_pkg::QueryW;
  localparam int unsigned TokenW   = $clog2(Slots);
  localparam int unsigned HeadsW   = ctrl_pkg::HeadsW;
  localparam int unsigned FoldsW   = ctrl_pkg::FoldsW;
  localparam int unsigned SetsW    = ctrl_pkg::SetsW;
  localparam int unsigned FactorsW = Parts * Queries * FactorW;
  localparam int unsigned PlaceW   = $clog2(4 * Cluster * Queries);

  logic four_banks;  // of queries
  assign four_banks = cache_i.folds <= ctrl_pkg::FoldsW'(2);

  // Heads out of the banks.
  logic                          job_valid, job_ready, keys_done, store_start, store_idle;
  logic                          store_is_value, heads_idle, fold_done;
  head_pkg::job_t                job;
  logic [AddrW-1:0]              job_raddr;
  logic [SlotW-1:0]              store_slot;
  logic [HeadQueries*TokenW-1:0] query_tokens;
  logic [HeadQueries*QueryW-1:0] query_heads;
  head_walker #(
    .Lanes(Lanes), .Slots(Slots), .HeadQueries(HeadQueries), .Words(Words)
  ) u_heads (
    .clk_i, .rst_ni, .start_i, .is_attend_i, .is_value_i, .stored_o, .attended_o, .n_tokens_i,
    .shape_i, .cache_i, .slots_i, .four_banks_i(four_banks),
    .job_valid_o(job_valid), .job_ready_i(job_ready), .job_o(job), .job_raddr_o(job_raddr),
    .keys_done_i(keys_done), .query_tokens_o(query_tokens), .query_heads_o(query_heads),
    .store_start_o(store_start), .store_is_value_o(store_is_value), .store_slot_o(store_slot),
    .store_ready_i(store_idle), .written_i, .attended_i(attend_done_o)
  );

  logic [1:0]            query_we;
  logic [4:0]            query_entry;
  logic [LineW-1:0]      query_line;
  logic                  table_we, group_valid, group_ready, group_last;
  logic [kv_pkg::BankW-1:0] table_bank;
  logic [QueryW-1:0]     table_query;
  kv_pkg::factors_t      table_factors;
  logic [127:0]          codes;
  logic [7:0]            group;
  logic [15:0]           scale;
  head_unit #(
    .Lanes(Lanes), .Slots(Slots), .HeadQueries(HeadQueries), .Words(Words)
  ) u_unit (
    .clk_i, .rst_ni, .split_i(cache_i.split), .four_banks_i(four_banks), .angle_start_i(load_i),
    .angle_beat_i,
    .word_i(word_i[511:0]), .job_valid_i(job_valid), .job_ready_o(job_ready), .job_i(job),
    .job_raddr_i(job_raddr), .read_o, .raddr_o, .held_i, .feed_we_o(query_we),
    .feed_entry_o(query_entry), .line_o(query_line), .query_sum_o, .table_we_o(table_we),
    .table_bank_o(table_bank), .table_query_o(table_query), .table_factors_o(table_factors),
    .fold_done_o(fold_done), .group_valid_o(group_valid), .group_ready_i(group_ready),
    .codes_o(codes), .group_o(group), .scale_o(scale), .last_o(group_last), .idle_o(heads_idle)
  );
  logic                old_valid, old_ready;
  logic [16*Lanes-1:0] old;
  old_codes #(.Lanes(Lanes), .Slots(Slots)) u_old (
    .clk_i, .rst_ni, .split_i(cache_i.split), .start_i(old_start_i), .done_o(old_done_o),
    .n_tokens_i, .heads_i(cache_i.heads), .sets_i(cache_i.sets), .slots_i, .room_o(old_room_o),
    .beat_i(old_beat_i), .word_i, .valid_o(old_valid), .ready_i(old_ready), .codes_o(old)
  );
  kv_store #(.Lanes(Lanes)) u_store (
    .clk_i, .rst_ni, .split_i(cache_i.split), .start_i(store_start), .idle_o(store_idle),
    .is_value_i(store_is_value), .slot_i(store_slot), .n_heads_i(cache_i.heads),
    .keys_i, .values_i, .head_key_stripes_i(cache_i.key_stripes),
    .n_chunks_i(cache_i.all_chunks),
    .group_valid_i(group_valid), .group_ready_o(group_ready), .codes_i(codes), .group_i(group),
    .scale_i(scale), .last_i(group_last), .old_valid_i(old_valid), .old_ready_o(old_ready),
    .old_i(old),
    .word_valid_o, .last_o, .word_o, .stripe_o, .is_upper_o, .lanes_o, .strobe_o, .taken_i
  );
  assign stores_o = !store_idle;

  // A KV head's queries are loaded when all folds are, far and near.
  logic [FoldsW:0] folds_q;
  logic            is_loaded;
  assign is_loaded = fold_done && folds_q == {cache_i.folds, 1'b0} - 1'b1;
  always_ff @(posedge clk_i) begin
    if (start_i) folds_q <= '0;
    else if (fold_done) folds_q <= is_loaded ? '0 : folds_q + 1'b1;
  end

  // Beats.
  logic              record, head_valid, head_ready, leveled, level_go, values_start;
  logic              filled, freed, take, collected;
  kv_pkg::key_beat_t key;
  kv_pkg::head_t     head;
  logic [HeadsW-1:0] key_head;
  logic [SetsW-1:0]  set, level_set;
  logic [FoldsW-1:0] fold;
  attend_walker #(.Lanes(Lanes), .Queries(Queries)) u_walker (
    .clk_i, .rst_ni, .start_i(attend_start_i), .done_o(attend_done_o), .cache_i,
    .four_banks_i(four_banks),
    .may_o(attend_may_o), .pop_o(attend_pop_o), .mark_o, .rewind_o, .takes_i(attend_takes_i),
    .beat_o(attend_beat_o), .record_o(record), .key_o(key), .head_o(key_head),
    .keys_done_o(keys_done), .loaded_i(is_loaded), .head_valid_o(head_valid),
    .head_ready_i(head_ready), .head_info_o(head), .leveled_i(leveled), .level_go_o(level_go),
    .values_start_o(values_start), .filled_i(filled), .freed_o(freed), .take_o(take),
    .set_o(set), .fold_o(fold), .collected_i(collected)
  );

  logic [SlotW*Lanes-1:0] offsets;
  turned_offsets #(.Lanes(Lanes)) u_offsets (
    .clk_i, .split_i(cache_i.split), .beat_i(key.valid), .head_i(key_head[LaneW-1:0]),
    .offset_o(offsets)
  );

  // What a query sees is its token's.
  kv_pkg::window_t window;
  logic [TokenW-1:0] table_token;
  always_comb begin
    table_token = '0;
    for (int unsigned q = 0; q < HeadQueries; q++) begin
      if (table_query == QueryW'(q)) table_token = query_tokens[TokenW*q +: TokenW];
    end
  end
  assign window = windows_i[WindowW*table_token +: WindowW];

  localparam int unsigned RowW   = $clog2(RowDepth);
  localparam int unsigned ChunkW = $clog2(ChunkDepth);
  localparam int unsigned LevelsW = Lanes * Queries * Groups * kv_pkg::LevelW;
  logic [32*HeadQueries-1:0]          out_scale, out_scale_q;
  logic [HeadQueries*Groups*DspW-1:0] zero_sum, zero_sum_q;
  logic [LevelsW-1:0]                 level;
  logic [FactorsW-1:0]                factor;
  logic [kv_pkg::AddressW-1:0]        block, factor_place;
  attention #(
    .Lanes(Lanes), .Queries(Queries), .HeadQueries(HeadQueries), .ScoreDepth(ScoreDepth),
    .RowDepth(RowDepth), .ChunkDepth(ChunkDepth)
  ) u_attention (
    .clk_i, .rst_ni, .sink_slots_i(cache_i.sink_slots), .ring_slots_i(cache_i.ring_slots),
    .end_slot_i(cache_i.end_slot), .table_we_i(table_we), .table_bank_i(table_bank),
    .table_query_i(table_query), .table_window_i(window), .table_factors_i(table_factors),
    .record_i(record), .beat_i(key), .offset_i(offsets), .word_i, .key_multiplier_o,
    .coefficient_o, .product_i, .lower_i, .head_valid_i(head_valid), .head_ready_o(head_ready),
    .head_i(head), .level_go_i(level_go), .done_o(leveled), .out_scale_o(out_scale),
    .zero_sum_o(zero_sum), .block_i(block[RowW-1:0]), .level_o(level),
    .chunk_i(factor_place[ChunkW-1:0]), .factor_o(factor)
  );
  // The next head's levels may be made while values are under way.
  always_ff @(posedge clk_i) begin
    if (values_start) begin
      out_scale_q <= out_scale;
      zero_sum_q  <= zero_sum;
    end
  end

  // Levels in the lanes, with the factors of their chunks. Queries go first.
  logic                          gather, level_we, feed_ready;
  logic [kv_pkg::ChunkRowsW-1:0] gather_row;
  logic [3:0]                    level_place;
  logic [FactorsW-1:0]           factor_q, factors_q [16];
  level_feed u_feed (
    .clk_i, .rst_ni, .start_i(values_start), .ready_o(feed_ready), .cache_i, .block_o(block),
    .factor_o(factor_place), .gather_o(gather), .row_o(gather_row), .set_o(level_set),
    .hold_i(query_we != '0), .we_o(level_we), .place_o(level_place), .filled_o(filled),
    .freed_i(freed)
  );
  always_ff @(posedge clk_i) begin
    if (gather) factor_q <= factor;
    if (level_we) factors_q[level_place] <= factor_q;
  end
  assign factor_o     = factors_q[attend_beat_o.entry[3:0]];
  assign feed_we_o    = level_we ? 2'b11 : query_we;
  assign feed_entry_o = level_we ? {1'b1, level_place} : query_entry;

  // Sums of values.
  logic                   is_unload, is_sum;
  logic [1:0]             dim;
  logic [Clusters-1:0]    valid, done;
  logic [Clusters*PlaceW-1:0] place;
  logic [32*Clusters-1:0] value;
  assign is_unload = result_i.kind == rce_pkg::KindUnload;
  assign is_sum    = is_unload || (result_i.kind == rce_pkg::KindData
                                   && result_i.mode == rce_pkg::ModeValue && result_i.last);
  assign dim       = is_unload ? 2'd3 - result_i.beat : 2'd3;
  for (genvar c = 0; c < Clusters; c++) begin : gen_cluster
    localparam int unsigned SumsW = Cluster * Queries * DspW;
    logic [LineW-1:0] level_line;
    value_operands #(
      .Lanes(Lanes), .Queries(Queries), .HeadQueries(HeadQueries), .Index(c)
    ) u_values (
      .clk_i, .rst_ni, .split_i(cache_i.split), .gather_i(gather), .row_i(gather_row),
      .level_set_i(level_set), .level_i(level), .line_o(level_line), .take_i(take), .set_i(set),
      .fold_i(fold), .zero_sum_i(zero_sum_q), .out_scale_i(out_scale_q), .valid_i(is_sum),
      .dim_i(dim), .sum_i(product_i[SumsW*c +: SumsW]), .valid_o(valid[c]),
      .place_o(place[PlaceW*c +: PlaceW]), .value_o(value[32*c +: 32]), .done_o(done[c])
    );
    assign line_o[LineW*c +: LineW] = level_we ? level_line : query_line;
  end
  assign collected = done[0];
  mixed_writer #(
    .Lanes(Lanes), .Slots(Slots), .HeadQueries(HeadQueries), .Words(Words)
  ) u_mixed (
    .clk_i, .rst_ni, .cache_i,
    .base_i(shape_i.bases[ctrl_pkg::UnitW*accllm_pkg::VectorMixed +: ctrl_pkg::UnitW]),
    .start_i(attend_start_i), .head_start_i(values_start), .query_tokens_i(query_tokens),
    .query_heads_i(query_heads), .take_i(take), .set_i(set), .fold_i(fold), .valid_i(valid[0]),
    .place_i(place[PlaceW-1:0]), .value_i(value), .we_o, .addr_o(waddr_o), .info_o, .value_o
  );

  logic unused;
  assign unused = ^{shape_i, cache_i, block, factor_place, feed_ready, heads_idle, valid, done,
                    place, key_head, result_i};
endmodule
